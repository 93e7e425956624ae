"""Household files, as far as row security shows them: a worker sees those of own grids and no sign of any other."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid, NotFound
from gis.models.vocabulary import COLOURS
from gis.services.confirmations import last_confirmation
from gis.services.features import check_version
from gis.services.residents import CHILD_AGE, former_of_household, of_household
from gis.store.auditing import note
from gis.store.vault import vault_of

_FROM = """FROM households h LEFT JOIN buildings b ON b.id = h.building_id LEFT JOIN compounds c ON c.id = b.compound_id
LEFT JOIN grids g ON g.id = h.grid_id"""
_ADDRESS = """replace(concat(c.name, coalesce(b.name, b.code), CASE WHEN h.unit ~ '^[0-9]+$' THEN h.unit || '单元' ELSE h.unit END,
CASE WHEN h.room ~ '^[0-9]+$' THEN h.room || '室' ELSE h.room END), ' ', '')"""
"""An address as it is written on paper: 阳光小区3栋2单元301室."""
DOOR = """(b.id IS NULL), coalesce(c.name, ''), length(coalesce(b.name, b.code, '')), coalesce(b.name, b.code, ''), coalesce(b.code, ''),
length(coalesce(h.unit, '')), coalesce(h.unit, ''), length(coalesce(h.room, '')), coalesce(h.room, ''), h.code"""
"""Shorter first, so that 9栋 comes before 10栋 and room 302 before 1101."""
_LIST = f"""
SELECT h.code, b.code AS building, b.name AS building_name, c.name AS compound_name, h.unit, h.room, h.colour, g.code AS grid,
       h.lon, h.lat, h.version,
       (SELECT count(*) FROM residents r WHERE r.household_id = h.id AND (r.moved_out_on IS NULL OR r.moved_out_on > :today)) AS residents,
       (SELECT count(*) FROM needs n WHERE n.household_id = h.id AND n.closed_on IS NULL) AS needs_open
{_FROM}
WHERE (CAST(:grid AS text) IS NULL OR g.code = :grid)
  AND (CAST(:words AS text[]) IS NULL OR h.id = ANY(:numbered) OR NOT EXISTS (
       SELECT 1 FROM unnest(CAST(:words AS text[])) word WHERE NOT (
         h.code ILIKE word OR coalesce(b.code, '') ILIKE word OR {_ADDRESS} ILIKE word
         OR EXISTS (SELECT 1 FROM residents r WHERE r.household_id = h.id AND r.name ILIKE word
                    AND linli_age(r.birth_date, r.birth_year, :today) >= :child_age))))
"""
_ORDERS = {
    "code": "AND h.code > :after ORDER BY h.code LIMIT :limit",
    "address": f"AND (:after = '' OR ROW({DOOR}) > (SELECT {DOOR} {_FROM} WHERE h.code = :after)) ORDER BY {DOOR} LIMIT :limit",
}
_FILE = f"""
SELECT h.id, h.code, b.code AS building, b.name AS building_name, c.name AS compound_name, h.unit, h.room, h.colour,
       g.code AS grid, h.grid_reason, h.lon, h.lat, h.version {_FROM} WHERE h.code = :code
"""

_NEEDS = (
    "SELECT id, service, note, opened_on, closed_on FROM needs WHERE household_id = :household ORDER BY opened_on DESC"
)

_FEWEST_DIGITS = 5
"""What is shorter is no phone and no ID number."""
_MOST_WORDS = 8
_EDITABLE = {"colour", "unit", "room"}


def list_households(
    session: Session,
    grid: str | None,
    search: str | None,
    limit: int,
    cursor: str | None,
    today: date,
    order: str = "code",
) -> dict[str, Any]:
    """Return a page of households: ``items`` and ``next``; without names, phones or ID numbers.

    Args:
        session: a transaction of the account that asks.
        grid: only of this grid.
        search: words of an address, a code or a grown-up's name, all of which must be found; or a whole phone or ID number, found by its
            keyed hash.
        limit: items of a page.
        cursor: as given by the page before.
        today: the place's date.
        order: ``code``, or ``address``: by compound, building, unit and room.

    Raises:
        Invalid: the household after which the page would begin is no longer there.
    """
    words: list[str] | None = None
    numbered: list[int] = []
    if search and search.strip():
        escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        words = [f"%{word}%" for word in escaped.split()[:_MOST_WORDS]]
        numbered = _numbered(session, search)
    if order == "address" and cursor and not _is_visible(session, cursor):
        message = "列表已变化，请从头再看 / the list has changed: begin again"
        raise Invalid(message, [Fault("query.cursor", message)])
    params = {
        "after": cursor or "",
        "grid": grid,
        "words": words,
        "limit": limit + 1,
        "today": today,
        "numbered": numbered,
        "child_age": CHILD_AGE,
    }
    rows = session.execute(text(_LIST + _ORDERS[order]), params).mappings().all()
    more = len(rows) > limit
    items = [dict(row) for row in rows[:limit]]
    if words:
        note(session, "household.search", detail={"found": len(items), "by_number": bool(numbered), "grid": grid})
    return {"items": items, "next": items[-1]["code"] if more else None}


def get_household(session: Session, code: str, today: date) -> dict[str, Any]:
    """Return one household's file: its residents, with phone and ID number masked, and its needs. That it was read is noted.

    Raises:
        NotFound: there is no such household, or the account may not know of it.
    """
    found = _file(session, code, today)
    note(session, "household.read", f"household:{code}")
    return found


def _file(session: Session, code: str, today: date) -> dict[str, Any]:
    row = session.execute(text(_FILE), {"code": code}).mappings().one_or_none()
    if row is None:
        raise _missing()
    needs = session.execute(text(_NEEDS), {"household": row["id"]}).mappings()
    return {
        **{key: value for key, value in row.items() if key != "id"},
        "residents": of_household(session, row["id"], today),
        "former_residents": former_of_household(session, row["id"], today),
        "needs": [dict(need) for need in needs],
        "confirmation": last_confirmation(session, row["id"]),
    }


def check_visible(session: Session, code: str) -> None:
    """Tell that a household is there for this account to see.

    Raises:
        NotFound: there is none, or it is in another worker's grid.
    """
    if not _is_visible(session, code):
        raise _missing()


def patch_household(
    session: Session, code: str, body: dict[str, Any], version: int | None, today: date
) -> dict[str, Any]:
    """Change a household's colour, unit or room; with ``version``, only if it is still the stored one.

    Raises:
        NotFound, Stale, Invalid: not visible; changed since it was read; a field is wrong or may not be changed.
    """
    row = session.execute(
        text("SELECT id, version FROM households WHERE code = :code FOR UPDATE"), {"code": code}
    ).one_or_none()
    if row is None:
        raise _missing()
    if version is not None:
        check_version(row.version, version)
    faults = [
        Fault(
            field,
            f"不能修改；可改：{'、'.join(sorted(_EDITABLE))} / may not be changed; you may change {', '.join(sorted(_EDITABLE))}",
        )
        for field in sorted(body.keys() - _EDITABLE)
    ]
    colour = body.get("colour")
    if colour is not None and colour not in COLOURS:
        faults.append(Fault("colour", "应为 red、yellow 或 green / expected red, yellow or green"))
    for field in ("unit", "room"):
        given = body.get(field)
        if given is not None and (not isinstance(given, str) or len(given) > 50):
            faults.append(Fault(field, "最多 50 字 / text of at most 50 characters"))
    if faults:
        raise Invalid("户信息有误 / the household has faults", faults)
    session.execute(
        text(
            "UPDATE households SET colour = CASE WHEN :has_colour THEN :colour ELSE colour END, "
            "unit = CASE WHEN :has_unit THEN :unit ELSE unit END, room = CASE WHEN :has_room THEN :room ELSE room END "
            "WHERE id = :id"
        ),
        {"id": row.id, **{f: body.get(f) for f in _EDITABLE}, **{f"has_{f}": f in body for f in _EDITABLE}},
    )
    note(session, "household.change", f"household:{code}", detail={"fields": sorted(body)})
    return _file(session, code, today)


def _is_visible(session: Session, code: str) -> bool:
    return session.execute(text("SELECT 1 FROM households WHERE code = :code"), {"code": code}).first() is not None


def _numbered(session: Session, search: str) -> list[int]:
    """Return the ids of the households of whoever has exactly this phone or ID number."""
    if sum(c.isdigit() for c in search) < _FEWEST_DIGITS:
        return []
    hashes = vault_of(session).search
    return list(
        session.scalars(
            text(
                "SELECT DISTINCT household_id FROM residents WHERE phone_hash = :phone OR id_number_hash = :id_number"
            ),
            {"phone": hashes.phone(search), "id_number": hashes.id_number(search)},
        )
    )


def _missing() -> NotFound:
    return NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
