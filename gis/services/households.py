"""Household files, as far as row security shows them: a worker sees those of own grids and no sign of any other."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid, NotFound
from gis.models.vocabulary import COLOURS
from gis.services.features import check_version
from gis.services.residents import CHILD_AGE, of_household
from gis.store.auditing import note
from gis.store.vault import vault_of

_LIST = """
SELECT h.code, b.code AS building, b.name AS building_name, c.name AS compound_name, h.unit, h.room, h.colour, g.code AS grid,
       h.lon, h.lat, h.version,
       (SELECT count(*) FROM residents r WHERE r.household_id = h.id AND (r.moved_out_on IS NULL OR r.moved_out_on > :today)) AS residents,
       (SELECT count(*) FROM needs n WHERE n.household_id = h.id AND n.closed_on IS NULL) AS needs_open
FROM households h LEFT JOIN buildings b ON b.id = h.building_id LEFT JOIN compounds c ON c.id = b.compound_id
LEFT JOIN grids g ON g.id = h.grid_id
WHERE h.code COLLATE "C" > :after
  AND (CAST(:grid AS text) IS NULL OR g.code = :grid)
  AND (CAST(:like AS text) IS NULL OR h.code ILIKE :like OR b.name ILIKE :like OR c.name ILIKE :like OR h.room ILIKE :like
       OR h.id = ANY(:numbered)
       OR EXISTS (SELECT 1 FROM residents r WHERE r.household_id = h.id AND r.name ILIKE :like
                  AND linli_age(r.birth_date, r.birth_year, :today) >= :child_age))
ORDER BY h.code COLLATE "C" LIMIT :limit
"""

_NEEDS = "SELECT id, service, note, opened_on, closed_on FROM needs WHERE household_id = :household ORDER BY opened_on DESC"

_FEWEST_DIGITS = 5
"""What is shorter is no phone and no ID number."""
_EDITABLE = {"colour", "unit", "room"}


def list_households(
    session: Session, grid: str | None, search: str | None, limit: int, cursor: str | None, today: date
) -> dict[str, Any]:
    """Return a page of households: ``items`` and ``next``; without names, phones or ID numbers.

    ``search`` is part of a code, of a building's, compound's, room's or grown-up's name, or a whole phone or ID number, found by its keyed hash.
    """
    like = None
    numbered: list[int] = []
    if search:
        escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        like = f"%{escaped}%"
        numbered = _numbered(session, search)
    params = {
        "after": cursor or "",
        "grid": grid,
        "like": like,
        "limit": limit + 1,
        "today": today,
        "numbered": numbered,
        "child_age": CHILD_AGE,
    }
    rows = session.execute(text(_LIST), params).mappings().all()
    more = len(rows) > limit
    items = [dict(row) for row in rows[:limit]]
    if search:
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
    found = session.execute(
        text(
            "SELECT h.id, h.code, b.code AS building, b.name AS building_name, h.unit, h.room, h.colour, g.code AS grid, "
            "h.grid_reason, h.lon, h.lat, h.version FROM households h LEFT JOIN buildings b ON b.id = h.building_id "
            "LEFT JOIN grids g ON g.id = h.grid_id WHERE h.code = :code"
        ),
        {"code": code},
    ).mappings()
    row = found.one_or_none()
    if row is None:
        raise _missing()
    needs = session.execute(text(_NEEDS), {"household": row["id"]}).mappings()
    return {
        **{key: value for key, value in row.items() if key != "id"},
        "residents": of_household(session, row["id"], today),
        "needs": [dict(need) for need in needs],
    }


def check_visible(session: Session, code: str) -> None:
    """Tell that a household is there for this account to see.

    Raises:
        NotFound: there is none, or it is in another worker's grid.
    """
    if session.execute(text("SELECT 1 FROM households WHERE code = :code"), {"code": code}).first() is None:
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


def _numbered(session: Session, search: str) -> list[int]:
    """Return the ids of the households of whoever has exactly this phone or ID number."""
    if sum(c.isdigit() for c in search) < _FEWEST_DIGITS:
        return []
    hashes = vault_of(session).search
    return list(
        session.scalars(
            text("SELECT DISTINCT household_id FROM residents WHERE phone_hash = :phone OR id_number_hash = :id_number"),
            {"phone": hashes.phone(search), "id_number": hashes.id_number(search)},
        )
    )


def _missing() -> NotFound:
    return NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
