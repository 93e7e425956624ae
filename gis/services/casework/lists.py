"""Events by page: newest first, or latest first; the cost is that of a page, however many events there are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.flow import OPEN, STATES
from gis.casework.limits import KINDS
from gis.errors import Fault, Invalid
from gis.models.casework import IS_OPEN
from gis.services.casework.events import FROM, SHOWN, shown
from gis.services.features import area_prefix
from gis.services.snapshots import Snapshots

_FEW_GRIDS, _SMALL_SHARE, _MOST_STREAMS = 64, 0.25, 2_000
"""Up to so many grids, or such a share of all, each is asked for its own first events, as long as there are not too many streams to ask (a grid's of a
kind in a state); beyond, the first of all are looked through for those of the area."""
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


@dataclass(frozen=True)
class _Grids:
    """Ids of grids, and how many there are in the whole place."""

    ids: list[int]
    of: int


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
    streams = _streams(wanted, order, _grids(session, snapshots, wanted.area), clauses, params)
    where = " AND ".join(clauses) or "true"
    inner = _merged(streams, where, key, direction) if streams else f"SELECT e.id FROM events e WHERE {where} {ordered}"
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


def _streams(wanted: EventFilter, order: str, grids: _Grids | None, clauses: list[str], params: dict[str, Any]) -> str:
    """Return the parts which each have an index in this order, as a FROM clause, with their clauses and parameters; empty: the order's own index will do."""
    parts: dict[str, tuple[str, Any]] = {}
    kinds, states = [wanted.kind] if wanted.kind else list(KINDS), [wanted.state] if wanted.state else list(STATES)
    if order == "newest" and wanted.state == "open" and grids is not None:  # the open ones of a grid have an index, and are few
        clauses += [f"e.{IS_OPEN}", "e.kind = ANY(CAST(:kinds AS text[]))"]
        params["kinds"] = kinds
    elif order == "newest" and (wanted.kind or wanted.state):
        parts = {"kind": ("text", kinds), "state": ("text", list(OPEN) if wanted.state == "open" else states)}
    if grids is not None:
        many = len(grids.ids) * math.prod(len(values) for _, values in parts.values())
        if order != "follow_up" and many <= _MOST_STREAMS and len(grids.ids) <= max(_FEW_GRIDS, _SMALL_SHARE * grids.of):
            parts["grid_id"] = ("bigint", grids.ids)
        else:  # written so that no index on the grid is taken
            clauses.append("coalesce(e.grid_id, 0) = ANY(CAST(:grids AS bigint[]))")
            params["grids"] = grids.ids
    clauses += [f"e.{name} = here.{name}" for name in parts]
    params |= {f"all_{name}": values for name, (_, values) in parts.items()}
    columns = [f"unnest(CAST(:all_{name} AS {kind}[])) AS each_{name}({name})" for name, (kind, _) in parts.items()]
    return f"(SELECT * FROM {' CROSS JOIN '.join(columns)})" if columns else ""


def _merged(streams: str, where: str, key: str, direction: str) -> str:
    """Return a query for the first events of several streams: only those with one of the first heads are read, and none beyond the last of these heads."""
    beyond, last, end = (">=", "min", "-infinity") if direction else ("<=", "max", "infinity")
    found = f"SELECT {key} AS at, e.id FROM events e WHERE {where}"
    limited = f"ORDER BY {key}{direction}, e.id{direction} LIMIT"
    return (
        f"WITH heads AS MATERIALIZED (SELECT here.*, head.at, head.id FROM {streams} here CROSS JOIN LATERAL ({found} {limited} 1) head "
        f"ORDER BY head.at{direction}, head.id{direction} LIMIT :limit) "
        f"SELECT each.id FROM heads here CROSS JOIN LATERAL ({found} AND {key} {beyond} "
        f"(SELECT CASE WHEN count(*) < :limit THEN '{end}' ELSE {last}(at) END FROM heads) {limited} :limit) each "
        f"ORDER BY each.at{direction}, each.id{direction} LIMIT :limit"
    )


def _clauses(wanted: EventFilter, now: datetime) -> tuple[list[str], dict[str, Any]]:
    clauses: list[str] = []
    params: dict[str, Any] = {}
    newest = not (wanted.overdue or wanted.warned or wanted.follow_up)  # then kinds and states are streams
    if wanted.state == "open" and not newest:
        clauses.append(f"e.{IS_OPEN}")
    elif wanted.state and not newest:
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
    if wanted.kind and not newest:
        clauses.append("e.kind = :kind")
        params["kind"] = wanted.kind
    return clauses, params


def _grids(session: Session, snapshots: Snapshots, area: str | None) -> _Grids | None:
    """Return all grids that an area has and had; None for the whole place."""
    prefix = area_prefix(area)
    if not prefix:
        return None

    def load(loading: Session) -> tuple[np.ndarray, list[str]]:
        rows = loading.execute(text('SELECT id, code FROM grids ORDER BY code COLLATE "C"')).all()
        return np.array([row[0] for row in rows], dtype=np.int64), [row[1] for row in rows]

    ids, codes = snapshots.remember(session, ("all grids",), ("grids",), load)
    return _Grids([int(i) for i, code in zip(ids, codes, strict=True) if code.startswith(prefix)], len(ids))


def _read_cursor(cursor: str) -> dict[str, Any]:
    moment, _, identity = cursor.partition("~")
    try:
        return {"after": datetime.fromisoformat(moment), "after_id": UUID(identity)}
    except ValueError:
        message = "应为上一页 next 所给 / expected what `next` of the page before gave"
        raise Invalid(message, [Fault("query.cursor", message)]) from None


