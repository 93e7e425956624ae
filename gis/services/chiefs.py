"""楼栋长: who looks after which building, from when to when, and where nobody does."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid, NotFound
from gis.services.features import Filter, area_prefix, check_version, page_of, refuse_unknown_area
from gis.services.volunteers import check_days, masked_phone, missing, seal_phone
from gis.store.auditing import note

_COLUMNS = """c.id, b.code AS building, b.name AS building_name, c.name, c.phone_sealed, c.resident_id AS resident,
c.valid_from, c.valid_to, c.valid_from <= :today AND (c.valid_to IS NULL OR c.valid_to >= :today) AS in_office, c.version"""
_FROM = "FROM building_chiefs c JOIN buildings b ON b.id = c.building_id"
_WITHOUT = """
SELECT b.code, b.name, k.name AS compound_name, g.code AS grid, g.name AS grid_name
FROM buildings b LEFT JOIN compounds k ON k.id = b.compound_id LEFT JOIN grids g ON g.id = b.grid_id
WHERE b.code > :after
  AND (:prefix = '' OR starts_with(g.code, :prefix))
  AND (CAST(:grids AS bigint[]) IS NULL OR b.grid_id = ANY(:grids))
  AND b.id NOT IN (SELECT linli_buildings_with_chief(:today))
ORDER BY b.code LIMIT :limit
"""
_TOTALS = """
SELECT count(*) AS buildings, count(*) FILTER (WHERE b.id IN (SELECT linli_buildings_with_chief(:today))) AS with_chief
FROM buildings b LEFT JOIN grids g ON g.id = b.grid_id
WHERE (:prefix = '' OR starts_with(g.code, :prefix)) AND (CAST(:grids AS bigint[]) IS NULL OR b.grid_id = ANY(:grids))
"""


def list_chiefs(session: Session, building: str, today: date) -> list[dict[str, Any]]:
    """Return all chiefs that a building has and had, the newest first.

    Raises:
        NotFound: there is no such building, or the account may not know who looks after it.
    """
    own_building(session, building)
    rows = session.execute(
        text(f"SELECT {_COLUMNS} {_FROM} WHERE b.code = :building ORDER BY c.valid_from DESC, c.id"),
        {"building": building, "today": today},
    ).mappings()
    return [_shown(session, row) for row in rows]


def add_chief(session: Session, building: str, body: dict[str, Any], today: date) -> tuple[dict[str, Any], bool]:
    """Enter a chief of a building.

    Args:
        session: a transaction of the account that enters.
        building: code of the building.
        body: ``name``, ``phone``, ``resident`` (number of the chief's own file), ``valid_from`` (today where absent), ``valid_to``, ``id`` (of
            the caller's choice: the same entry sent again finds what it has made).
        today: the place's date.

    Returns:
        The chief, and whether it was made just now.

    Raises:
        NotFound, Invalid: the building is not the account's; a field is wrong.
    """
    building_id = own_building(session, building)
    first = body.get("valid_from") or today
    check_days(first, body.get("valid_to"))
    resident = body.get("resident")
    if resident is not None and not session.scalar(text("SELECT true FROM residents WHERE id = :id"), {"id": resident}):
        raise Invalid("居民有误 / wrong resident", [Fault("body.resident", "没有这位居民 / no such resident")])
    made = body.get("id") or uuid4()
    if session.scalar(
        text("SELECT true FROM building_chiefs WHERE id = :id AND building_id = :building"),
        {"id": made, "building": building_id},
    ):
        return _one(session, made, today), False
    session.execute(
        text(
            "INSERT INTO building_chiefs (id, building_id, resident_id, name, phone_sealed, valid_from, valid_to) "
            "VALUES (:id, :building, :resident, :name, :phone, :first, :last)"
        ),
        {
            "id": made,
            "building": building_id,
            "resident": resident,
            "name": body["name"],
            "phone": seal_phone(session, "building_chiefs", made, body.get("phone")),
            "first": first,
            "last": body.get("valid_to"),
        },
    )
    note(session, "chief.create", f"chief:{made}", detail={"building": building})
    return _one(session, made, today), True


def change_chief(session: Session, chief: UUID, body: dict[str, Any], version: int, today: date) -> dict[str, Any]:
    """Change a chief's name, phone or days; whoever steps down gets a last day, nobody is deleted.

    Raises:
        NotFound, Stale, Invalid: not visible; changed since it was read; the days contradict each other.
    """
    row = session.execute(
        text("SELECT valid_from, valid_to, version FROM building_chiefs WHERE id = :id FOR UPDATE"),
        {"id": chief},
    ).one_or_none()
    if row is None:
        raise missing()
    check_version(row.version, version)
    values: dict[str, Any] = {key: body[key] for key in ("name", "valid_from", "valid_to") if key in body}
    check_days(values.get("valid_from", row.valid_from), values.get("valid_to", row.valid_to))
    if "phone" in body:
        values["phone_sealed"] = seal_phone(session, "building_chiefs", chief, body["phone"])
    if values:
        changes = ", ".join(f"{name} = :{name}" for name in values)
        session.execute(text(f"UPDATE building_chiefs SET {changes} WHERE id = :id"), {**values, "id": chief})
        note(session, "chief.change", f"chief:{chief}", detail={"fields": sorted(body)})
    return _one(session, chief, today)


def without_chief(session: Session, wanted: Filter, today: date) -> dict[str, Any]:
    """Return the buildings that nobody looks after: a page of ``items`` with ``next``, and totals; a worker's are those of own grids.

    Nothing is said of who looks after the others.
    """
    params: dict[str, Any] = {
        "prefix": area_prefix(wanted.area),
        "after": wanted.cursor or "",
        "today": today,
        "grids": own_grids_only(session),
    }
    rows, more = page_of(session, _WITHOUT, params, wanted.limit)
    if not rows:
        refuse_unknown_area(session, wanted.area)
    totals = session.execute(text(_TOTALS), params).one()
    return {
        "totals": {
            "buildings": totals.buildings,
            "with_chief": totals.with_chief,
            "without_chief": totals.buildings - totals.with_chief,
        },
        "items": [dict(row) for row in rows],
        "next": rows[-1]["code"] if more else None,
    }


def own_grids_only(session: Session) -> list[int] | None:
    """Return the ids of the grids to which the account is confined; None for those who see the whole place."""
    if session.scalar(text("SELECT linli_role()")) != "worker":
        return None
    return list(session.scalars(text("SELECT linli_grids()")))


def _one(session: Session, chief: UUID, today: date) -> dict[str, Any]:
    row = session.execute(text(f"SELECT {_COLUMNS} {_FROM} WHERE c.id = :id"), {"id": chief, "today": today}).mappings()
    return _shown(session, row.one())


def _shown(session: Session, row: Any) -> dict[str, Any]:
    shown = {key: value for key, value in row.items() if key != "phone_sealed"}
    return {**shown, "phone": masked_phone(session, "building_chiefs", row["id"], row["phone_sealed"])}


def own_building(session: Session, code: str) -> int:
    """Return the id of a building that the account may look after.

    Raises:
        NotFound: there is none with this code in the account's grids.
    """
    grids = own_grids_only(session)
    found = session.scalar(
        text(
            "SELECT id FROM buildings WHERE code = :code AND (CAST(:grids AS bigint[]) IS NULL OR grid_id = ANY(:grids))"
        ),
        {"code": code, "grids": grids},
    )
    if found is None:
        raise NotFound("没有这个楼栋，或不在您的网格内 / no such building, or not in your grids")
    return int(found)
