"""责任清单 and 反馈清单 across projects: who has to do what by when, and what came of it; of the projects that the account may see."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid
from gis.services.features import page_of

# Without a day they come last; a day that nothing lies behind stands for none.
_DUTIES = """
SELECT d.id, d.project_id AS project, p.title, p.state AS project_state, d.party, coalesce(k.name, d.party) AS party_name, d.role, d.task, d.due_on, d.done_on,
       d.version, coalesce(d.due_on, DATE '9999-12-31') AS place
FROM project_duties d JOIN projects p ON p.id = d.project_id LEFT JOIN desks k ON k.code = d.party
WHERE (NOT :open OR d.done_on IS NULL)
  AND (CAST(:after AS date) IS NULL OR (coalesce(d.due_on, DATE '9999-12-31'), d.id) > (:after, CAST(:after_id AS uuid)))
ORDER BY place, d.id LIMIT :limit
"""
_FEEDBACK = """
SELECT f.id, f.project_id AS project, p.title, p.state AS project_state, f.outcome, f.summary, f.given_on, f.reworks = p.reworks AS counts, f.given_on AS place
FROM project_feedback f JOIN projects p ON p.id = f.project_id
WHERE CAST(:after AS date) IS NULL OR (f.given_on, f.id) < (:after, CAST(:after_id AS uuid))
ORDER BY place DESC, f.id DESC LIMIT :limit
"""


def list_duties(session: Session, today: date, *, only_open: bool, limit: int, cursor: str | None) -> dict[str, Any]:
    """Return a page of duties, those that are due first at the top: ``items`` (with ``overdue``) and ``next``.

    Raises:
        Invalid: the cursor is none of ours.
    """
    found = _page(session, _DUTIES, limit, cursor, {"open": only_open})
    return {
        **found,
        "items": [
            {**item, "overdue": item["done_on"] is None and item["due_on"] is not None and item["due_on"] < today}
            for item in found["items"]
        ],
    }


def list_feedback(session: Session, *, limit: int, cursor: str | None) -> dict[str, Any]:
    """Return a page of feedback, the newest first: ``items`` and ``next``.

    Raises:
        Invalid: the cursor is none of ours.
    """
    return _page(session, _FEEDBACK, limit, cursor, {})


def _page(session: Session, query: str, limit: int, cursor: str | None, params: dict[str, Any]) -> dict[str, Any]:
    after, after_id = _read_cursor(cursor)
    rows, more = page_of(session, query, {**params, "after": after, "after_id": after_id}, limit)
    return {
        "items": [{name: value for name, value in row.items() if name != "place"} for row in rows],
        "next": f"{rows[-1]['place'].isoformat()}~{rows[-1]['id']}" if more else None,
    }


def _read_cursor(cursor: str | None) -> tuple[date | None, UUID | None]:
    if cursor is None:
        return None, None
    day, _, identity = cursor.partition("~")
    try:
        return date.fromisoformat(day), UUID(identity)
    except ValueError:
        message = "应为上一页 next 所给 / expected what `next` of the page before gave"
        raise Invalid(message, [Fault("query.cursor", message)]) from None
