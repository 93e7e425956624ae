"""包户联系人: who keeps in touch with which household, the ledger with its days, and which households have nobody."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Conflict, Denied, Fault, Invalid, NotFound
from gis.services.chiefs import own_grids_only
from gis.services.features import Filter, area_prefix, check_version, page_of, refuse_unknown_area
from gis.services.volunteers import check_days, masked_phone, missing, seal_phone
from gis.store.auditing import note

_IN_FORCE = "valid_from <= :today AND (valid_to IS NULL OR valid_to >= :today)"
_CONTACTS = f"""
SELECT c.id, c.name, c.organisation, c.phone_sealed, g.code AS grid, c.version,
       (SELECT count(*) FROM household_contacts WHERE contact_id = c.id AND {_IN_FORCE}) AS households
FROM contacts c LEFT JOIN grids g ON g.id = c.grid_id
"""
_SAME_LINK = (
    "SELECT true FROM household_contacts WHERE household_id = :household AND contact_id = :contact AND valid_from = :first "
    "AND valid_to IS NOT DISTINCT FROM :last"
)
_UNCOVERED = f"""
SELECT h.code, b.code AS building, b.name AS building_name, h.unit, h.room, g.code AS grid
FROM households h LEFT JOIN buildings b ON b.id = h.building_id LEFT JOIN grids g ON g.id = h.grid_id
WHERE h.code > :after AND (:prefix = '' OR starts_with(g.code, :prefix))
  AND NOT EXISTS (SELECT 1 FROM household_contacts WHERE household_id = h.id AND {_IN_FORCE})
ORDER BY h.code LIMIT :limit
"""
_COVERAGE = f"""
SELECT g.code, g.name, count(*) AS households,
       count(*) FILTER (WHERE EXISTS (SELECT 1 FROM household_contacts WHERE household_id = h.id AND {_IN_FORCE})) AS covered
FROM households h LEFT JOIN grids g ON g.id = h.grid_id
WHERE :prefix = '' OR starts_with(g.code, :prefix) GROUP BY g.code, g.name ORDER BY g.code NULLS LAST
"""


def list_contacts(session: Session, grid: str | None, wanted: Filter, today: date) -> dict[str, Any]:
    """Return a page of contacts with the number of households each looks after today (of those the account may see)."""
    query = (
        _CONTACTS
        + "WHERE CAST(c.id AS text) > :after AND (CAST(:grid AS text) IS NULL OR g.code = :grid) ORDER BY CAST(c.id AS text) LIMIT :limit"
    )
    rows, more = page_of(session, query, {"after": wanted.cursor or "", "grid": grid, "today": today}, wanted.limit)
    return {
        "items": [_shown(session, row) for row in rows],
        "next": str(rows[-1]["id"]) if more else None,
    }


def get_contact(session: Session, contact: UUID, today: date) -> dict[str, Any]:
    """Return one contact.

    Raises:
        NotFound: not visible.
    """
    rows = session.execute(text(_CONTACTS + "WHERE c.id = :id"), {"id": contact, "today": today}).mappings()
    row = rows.one_or_none()
    if row is None:
        raise missing()
    return _shown(session, row)


def add_contact(session: Session, body: dict[str, Any], today: date) -> tuple[dict[str, Any], bool]:
    """Enter a contact: ``name``, ``organisation``, ``phone``, and the ``grid`` whose workers may change the entry (admins: may be absent).

    With an ``id`` of the caller's choice the same entry sent again finds what it has made. Returns the contact, and whether it was made just now.

    Raises:
        Invalid: there is no such grid, or it is not the account's.
    """
    made = body.get("id") or uuid4()
    if session.scalar(text("SELECT true FROM contacts WHERE id = :id"), {"id": made}):
        return get_contact(session, made, today), False
    grid_id = _grid(session, body.get("grid"))
    session.execute(
        text(
            "INSERT INTO contacts (id, grid_id, name, organisation, phone_sealed) VALUES (:id, :grid, :name, :organisation, :phone)"
        ),
        {
            "id": made,
            "grid": grid_id,
            "name": body["name"],
            "organisation": body.get("organisation"),
            "phone": seal_phone(session, "contacts", made, body.get("phone")),
        },
    )
    note(session, "contact.create", f"contact:{made}")
    return get_contact(session, made, today), True


def change_contact(session: Session, contact: UUID, body: dict[str, Any], version: int, today: date) -> dict[str, Any]:
    """Change a contact's name, organisation, phone or grid.

    Raises:
        NotFound, Denied, Stale, Invalid: not visible; another grid's; changed since it was read; a field is wrong.
    """
    found = get_contact(session, contact, today)
    row = session.execute(text("SELECT version FROM contacts WHERE id = :id FOR UPDATE"), {"id": contact}).one_or_none()
    if row is None:  # seen because of a household, but not the account's to change
        raise Denied("这位联系人属于其他网格 / this contact belongs to another grid")
    check_version(row.version, version)
    values: dict[str, Any] = {key: body[key] for key in ("name", "organisation") if key in body}
    if "grid" in body and body["grid"] != found["grid"]:
        values["grid_id"] = _grid(session, body["grid"])
    if "phone" in body:
        values["phone_sealed"] = seal_phone(session, "contacts", contact, body["phone"])
    if values:
        changes = ", ".join(f"{name} = :{name}" for name in values)
        session.execute(text(f"UPDATE contacts SET {changes} WHERE id = :id"), {**values, "id": contact})
        note(session, "contact.change", f"contact:{contact}", detail={"fields": sorted(body)})
    return get_contact(session, contact, today)


def of_household(session: Session, household: str, today: date) -> list[dict[str, Any]]:
    """Return who keeps and kept in touch with a household, the newest first.

    Raises:
        NotFound: not visible.
    """
    household_id = _household(session, household)
    rows = session.execute(
        text(
            "SELECT l.id, l.contact_id AS contact, c.name, c.organisation, c.phone_sealed, l.valid_from, l.valid_to, "
            "l.valid_from <= :today AND (l.valid_to IS NULL OR l.valid_to >= :today) AS in_force "
            "FROM household_contacts l JOIN contacts c ON c.id = l.contact_id WHERE l.household_id = :household "
            "ORDER BY l.valid_from DESC, l.id DESC"
        ),
        {"household": household_id, "today": today},
    ).mappings()
    return [
        {
            **{key: value for key, value in row.items() if key != "phone_sealed"},
            "phone": masked_phone(session, "contacts", row["contact"], row["phone_sealed"]),
        }
        for row in rows
    ]


def link(
    session: Session,
    household: str,
    contact: UUID,
    first: date | None,
    last: date | None,
    today: date,
) -> tuple[list[dict[str, Any]], bool]:
    """Enter that a contact keeps in touch with a household from ``first`` (today where absent) to ``last``.

    Returns:
        The household's ledger, and whether anything was added: the very same entry sent again is there already.

    Raises:
        NotFound, Denied, Invalid, Conflict: household or contact not visible; the contact is another grid's; days that contradict each other;
            the same contact has the household at that time already.
    """
    household_id = _household(session, household, lock=True)
    get_contact(session, contact, today)
    if not session.scalar(text("SELECT linli_own_contact(:contact)"), {"contact": contact}):
        raise Denied("这位联系人属于其他网格 / this contact belongs to another grid")
    first = first or today
    check_days(first, last)
    values = {"household": household_id, "contact": contact, "first": first, "last": last}
    if session.scalar(text(_SAME_LINK), values):
        return of_household(session, household, today), False
    overlapping = session.scalar(
        text(
            "SELECT count(*) FROM household_contacts WHERE household_id = :household AND contact_id = :contact "
            "AND daterange(valid_from, valid_to, '[]') && daterange(:first, :last, '[]')"
        ),
        values,
    )
    if overlapping:
        raise Conflict("该联系人此时已联系此户 / this contact has this household at that time already")
    session.execute(
        text(
            "INSERT INTO household_contacts (household_id, contact_id, valid_from, valid_to) VALUES (:household, :contact, :first, :last)"
        ),
        values,
    )
    note(session, "household.contact", f"household:{household}", detail={"contact": contact})
    return of_household(session, household, today), True


def end_link(session: Session, household: str, link_id: int, last: date, today: date) -> list[dict[str, Any]]:
    """Set the last day on which a contact keeps in touch with a household; return the ledger.

    Raises:
        NotFound, Invalid: not visible; the last day is before the first.
    """
    household_id = _household(session, household, lock=True)
    first = session.scalar(
        text("SELECT valid_from FROM household_contacts WHERE id = :id AND household_id = :household"),
        {"id": link_id, "household": household_id},
    )
    if first is None:
        raise NotFound("台账中没有这一条 / the ledger has no such entry")
    check_days(first, last)
    session.execute(
        text("UPDATE household_contacts SET valid_to = :last WHERE id = :id"), {"last": last, "id": link_id}
    )
    note(session, "household.contact", f"household:{household}", detail={"ended": link_id})
    return of_household(session, household, today)


def coverage(session: Session, area: str | None, today: date) -> dict[str, Any]:
    """Return how many households somebody keeps in touch with, in total and by grid; households = covered + uncovered.

    Counted among the households that the account sees. Those in no grid stand under code null.
    """
    rows = session.execute(text(_COVERAGE), {"prefix": area_prefix(area), "today": today}).mappings()
    grids = [{**row, "uncovered": row["households"] - row["covered"]} for row in rows]
    if not grids:
        refuse_unknown_area(session, area)
    keys = ("households", "covered", "uncovered")
    return {"totals": {key: sum(grid[key] for grid in grids) for key in keys}, "grids": grids}


def uncovered(session: Session, wanted: Filter, today: date) -> dict[str, Any]:
    """Return a page of the households with which nobody keeps in touch, as far as the account sees households."""
    params = {"prefix": area_prefix(wanted.area), "after": wanted.cursor or "", "today": today}
    rows, more = page_of(session, _UNCOVERED, params, wanted.limit)
    if not rows:
        refuse_unknown_area(session, wanted.area)
    return {"items": [dict(row) for row in rows], "next": rows[-1]["code"] if more else None}


def _shown(session: Session, row: Any) -> dict[str, Any]:
    shown = {key: value for key, value in row.items() if key != "phone_sealed"}
    return {**shown, "phone": masked_phone(session, "contacts", row["id"], row["phone_sealed"])}


def _grid(session: Session, code: str | None) -> int | None:
    own = own_grids_only(session)
    if code is None and own is None:
        return None
    found = session.scalar(text("SELECT id FROM grids WHERE code = :code AND valid_to IS NULL"), {"code": code or ""})
    if found is None or (own is not None and found not in own):
        message = "没有这个网格，或不是您的网格 / no such grid, or not yours"
        raise Invalid(message, [Fault("body.grid", message)])
    return int(found)


def _household(session: Session, code: str, *, lock: bool = False) -> int:
    found = session.scalar(
        text(f"SELECT id FROM households WHERE code = :code{' FOR UPDATE' if lock else ''}"), {"code": code}
    )
    if found is None:
        raise NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
    return int(found)
