"""变更记录: what was changed of a household's file, by whom and when. The triggers of migration 0003 write it; here it is read."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid, NotFound
from gis.secrecy.masks import mask_name
from gis.services.residents import CHILD_AGE
from gis.store.auditing import note

_PAGE = """
SELECT y.id, y.at, y.account AS by, y.subject, y.subject_id, y.changes,
       coalesce(linli_age(r.birth_date, r.birth_year, :today) < :child_age, false) AS child
FROM history y LEFT JOIN residents r ON r.id = y.resident_id
WHERE y.household_id = :household AND y.id < :before ORDER BY y.id DESC LIMIT :limit
"""
_NAMED = {
    "building_id": ("building", "SELECT id, code FROM buildings WHERE id = ANY(CAST(:ids AS bigint[]))"),
    "household_id": ("household", "SELECT id, code FROM households WHERE id = ANY(CAST(:ids AS bigint[]))"),
    "contact_id": ("contact", "SELECT id, name FROM contacts WHERE id = ANY(CAST(:ids AS uuid[]))"),
}
"""Numbers that are shown as what they stand for, as far as the account may know of it."""
_WITHHELD_OF_CHILDREN = ("birth_date", "guardian_name")
_NEWEST = 2**63 - 1


def of_household(session: Session, household: str, limit: int, cursor: str | None, today: date) -> dict[str, Any]:
    """Return a page of the changes of a household's file, the newest first: ``items`` and ``next``.

    Each says ``at``, ``by``, ``subject`` (household, resident, need, contact, door_code) with its number, and of each changed field
    ``{"old", "new"}``, or ``{"changed": true}`` where the values are not kept. Children's names are masked as in the file.

    Raises:
        NotFound, Invalid: not visible; the cursor is none of ours.
    """
    household_id = session.scalar(text("SELECT id FROM households WHERE code = :code"), {"code": household})
    if household_id is None:
        raise NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        message = "应为上一页所给 / expected as given by the page before"
        raise Invalid(message, [Fault("query.cursor", message)])
    params = {
        "household": household_id,
        "before": int(cursor) if cursor else _NEWEST,
        "today": today,
        "child_age": CHILD_AGE,
        "limit": limit + 1,
    }
    rows = session.execute(text(_PAGE), params).mappings().all()
    shown = rows[:limit]
    items = [_entry(row) for row in shown]
    _name_numbers(session, items)
    note(session, "household.read", f"household:{household}", detail={"part": "history"})
    return {"items": items, "next": str(shown[-1]["id"]) if len(rows) > limit else None}


def _entry(row: Any) -> dict[str, Any]:
    entry = {key: value for key, value in row.items() if key not in ("id", "child")}
    changes = dict(row["changes"])
    if row["child"]:
        for field in _WITHHELD_OF_CHILDREN:
            if field in changes:
                changes[field] = {"changed": True}
        if "name" in changes:
            changes["name"] = {when: mask_name(name) for when, name in changes["name"].items()}
    return {**entry, "changes": changes}


def _name_numbers(session: Session, items: list[dict[str, Any]]) -> None:
    """Put codes and names in the place of numbers; null where the account may not know of it."""
    for field, (shown_as, query) in _NAMED.items():
        values = [item["changes"][field] for item in items if field in item["changes"]]
        ids = {str(value) for pair in values for value in pair.values() if value is not None}
        if not ids:
            continue
        names = {str(row[0]): row[1] for row in session.execute(text(query), {"ids": sorted(ids)})}
        for item in items:
            pair = item["changes"].pop(field, None)
            if pair is not None:
                item["changes"][shown_as] = {when: names.get(str(value)) for when, value in pair.items()}
