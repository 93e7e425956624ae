"""Events by page: newest first, or latest first; the cost is that of a page, however many events there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid
from gis.models.casework import IS_OPEN
from gis.services.casework.events import FROM, SHOWN, shown
from gis.services.features import area_prefix
from gis.services.snapshots import Snapshots

_FEW_GRIDS = 64
"""Up to so many grids, each is asked for its own newest events; beyond, the newest of all are looked through."""
_KEY = {"newest": "e.reported_at", "overdue": "e.due_at", "follow_up": "e.follow_up_on"}


@dataclass(frozen=True)
class EventFilter:
    """Which events: in a state (``open``: any that is not done), in an area, of a kind, only overdue or nearly so, only waiting for a follow-up."""

    state: str | None = None
    area: str | None = None
    kind: str | None = None
    overdue: bool = False
    warned: bool = False
    follow_up: bool = False
    limit: int = 100
    cursor: str | None = None


def list_events(session: Session, snapshots: Snapshots, wanted: EventFilter, now: datetime) -> dict[str, Any]:
    """Return a page of events: ``items`` and ``next``. Overdue and warned ones come most overdue first, all others newest first."""
    late = wanted.overdue or wanted.warned
    order = "overdue" if late else "follow_up" if wanted.follow_up else "newest"
    key, forwards = _KEY[order], order != "newest"
    clauses, params = _clauses(wanted, now)
    if wanted.cursor:
        clauses.append(f"({key}, e.id) {'>' if forwards else '<'} (:after, :after_id)")
        params |= _read_cursor(wanted.cursor)
    direction = "" if forwards else " DESC"
    ordered = f"ORDER BY {key}{direction}, e.id{direction} LIMIT :limit"
    where = " AND ".join(clauses) or "true"
    grids = _grids(session, snapshots, wanted.area)
    if grids is None:
        inner = f"SELECT e.id FROM events e WHERE {where} {ordered}"
    elif len(grids) <= _FEW_GRIDS and not forwards:
        params["grids"] = grids
        inner = (
            "SELECT e.id FROM unnest(CAST(:grids AS bigint[])) AS here(grid_id) CROSS JOIN LATERAL "
            f"(SELECT * FROM events e WHERE e.grid_id = here.grid_id AND {where} {ordered}) e {ordered}"
        )
    else:
        params["grids"] = grids
        # Written so that no index on the grid is taken: the order's own index ends with the page.
        inner = f"SELECT e.id FROM events e WHERE coalesce(e.grid_id, 0) = ANY(CAST(:grids AS bigint[])) AND {where} {ordered}"
    rows = session.execute(
        text(f"SELECT {SHOWN} {FROM} WHERE e.id IN ({inner}) ORDER BY {key}{direction}, e.id{direction}"),
        {**params, "limit": wanted.limit + 1},
    ).mappings().all()
    page, more = rows[: wanted.limit], len(rows) > wanted.limit
    last = page[-1] if more else None
    return {
        "items": [shown(row) for row in page],
        "next": None if last is None else f"{last[key.removeprefix('e.')].isoformat()}~{last['id']}",
    }


def _clauses(wanted: EventFilter, now: datetime) -> tuple[list[str], dict[str, Any]]:
    clauses: list[str] = []
    params: dict[str, Any] = {}
    if wanted.state == "open":
        clauses.append(f"e.{IS_OPEN}")
    elif wanted.state:
        clauses.append("e.state = :state")
        params["state"] = wanted.state
    if wanted.overdue or wanted.warned:
        params["now"] = now
        clauses.append(f"e.{IS_OPEN}")
        clauses.append("e.due_at < :now" if wanted.overdue and not wanted.warned else "e.warn_at < :now")
        if wanted.warned and not wanted.overdue:
            clauses.append("e.due_at >= :now")
    if wanted.follow_up:
        clauses.append("e.follow_up_on IS NOT NULL AND e.followed_up_on IS NULL")
    if wanted.kind:
        clauses.append("e.kind = :kind")
        params["kind"] = wanted.kind
    return clauses, params


def _grids(session: Session, snapshots: Snapshots, area: str | None) -> list[int] | None:
    """Return the ids of all grids that an area has and had; None for the whole place."""
    prefix = area_prefix(area)
    if not prefix:
        return None

    def load(loading: Session) -> tuple[np.ndarray, list[str]]:
        rows = loading.execute(text('SELECT id, code FROM grids ORDER BY code COLLATE "C"')).all()
        return np.array([row[0] for row in rows], dtype=np.int64), [row[1] for row in rows]

    ids, codes = snapshots.remember(session, ("all grids",), ("grids",), load)
    return [int(i) for i, code in zip(ids, codes, strict=True) if code.startswith(prefix)]


def _read_cursor(cursor: str) -> dict[str, Any]:
    moment, _, identity = cursor.partition("~")
    try:
        return {"after": datetime.fromisoformat(moment), "after_id": UUID(identity)}
    except ValueError:
        message = "应为上一页 next 所给 / expected what `next` of the page before gave"
        raise Invalid(message, [Fault("query.cursor", message)]) from None


