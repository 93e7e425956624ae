"""Events by page: newest first, or latest first; the cost is that of a page, however many events there are.

What a worker may see at all, which the policies of the database decide, lies in the account's own grids or was reported by it: both are looked up by indexes
of their own, so that a page need not be found among the events of everybody.
"""

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
from gis.services.features import area_prefix, refuse_unknown_area
from gis.services.snapshots import Snapshots

_FEW_GRIDS, _SMALL_SHARE, _MOST_STREAMS = 64, 0.25, 2_000
"""Up to so many grids, or such a share of all as long as there are not too many, each is asked for its own first events; beyond, the first of all
are looked through for those of the area."""
_OWN_GRIDS = 8
"""About how many grids a worker has."""
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
    own: bool = False
    """The account sees but its own grids and reports (a worker): says where to look; what may be seen is the database's to decide."""

    @property
    def order(self) -> str:
        """Return the key of :data:`_KEY` by which events come."""
        return "overdue" if self.overdue or self.warned else "follow_up" if self.follow_up else "newest"


@dataclass(frozen=True)
class _Grids:
    """Ids of grids, and how many there are in the whole place."""

    ids: list[int]
    of: int

    @property
    def asked_one_by_one(self) -> bool:
        """Tell whether each is asked for its own first events."""
        return len(self.ids) <= _MOST_STREAMS and len(self.ids) <= max(_FEW_GRIDS, _SMALL_SHARE * self.of)


@dataclass(frozen=True)
class _Streams:
    """Parts of the events which each have an index in the order of the page."""

    rows: str
    """A FROM clause: one row for each."""
    columns: tuple[str, ...]
    """By which events are joined to it."""
    number: int
    """How many there are, about."""

    def joined(self) -> list[str]:
        """Return the clauses that join events to ``here``."""
        return [f"e.{name} = here.{name}" for name in self.columns]


def list_events(session: Session, snapshots: Snapshots, wanted: EventFilter, now: datetime) -> dict[str, Any]:
    """Return a page of events: ``items`` and ``next``. Overdue and warned ones come most overdue first, all others newest first."""
    key, direction = _KEY[wanted.order], " DESC" if wanted.order == "newest" else ""
    clauses, params = _clauses(wanted, now)
    if wanted.cursor:
        clauses.append(f"({key}, e.id) {'<' if direction else '>'} (:after, :after_id)")
        params |= _read_cursor(wanted.cursor)
    ordered = f"ORDER BY {key}{direction}, e.id{direction} LIMIT :limit"
    found = []
    for i, (streams, more) in enumerate(_parts(wanted, _grids(session, snapshots, wanted.area), params)):
        where = " AND ".join(clauses + more) or "true"
        if streams is None:
            found.append(f"(SELECT e.id FROM events e WHERE {where} {ordered})")
        else:
            params[f"each_{i}"] = -(-(wanted.limit + 1) // streams.number)
            found.append(f"({_merged(streams, where, key, direction, f':each_{i}')})")
    rows = (
        session.execute(
            text(f"SELECT {SHOWN} {FROM} WHERE e.id IN ({' UNION '.join(found)}) {ordered}"),
            {**params, "limit": wanted.limit + 1},
        )
        .mappings()
        .all()
    )
    if not rows:
        refuse_unknown_area(session, wanted.area)
    page, has_more = rows[: wanted.limit], len(rows) > wanted.limit
    last = page[-1] if has_more else None
    return {
        "items": [shown(row) for row in page],
        "next": None if last is None else f"{last[key.removeprefix('e.')].isoformat()}~{last['id']}",
    }


def _parts(
    wanted: EventFilter, grids: _Grids | None, params: dict[str, Any]
) -> list[tuple[_Streams | None, list[str]]]:
    """Return the places to look at, each with its streams (None: the order's own index will do) and its clauses."""
    newest, inside = wanted.order == "newest", []
    if grids is not None:  # written so that no index on the grid is taken
        inside = ["coalesce(e.grid_id, 0) = ANY(CAST(:grids AS bigint[]))"]
        params["grids"] = grids.ids
    if wanted.own and wanted.order != "follow_up":
        there = " WHERE grid_id = ANY(CAST(:grids AS bigint[]))" if grids is not None else ""
        own = _Streams(f"(SELECT grid_id FROM linli_grids() AS own(grid_id){there})", ("grid_id",), _OWN_GRIDS)
        states = _unnest({"state": _states(wanted)}, params) if newest else None
        mine = ["e.reported_by = (SELECT linli_account())", *inside, *_of_kinds(wanted)]
        return [
            (own, [*own.joined(), *_of_kinds(wanted), *_in_states(wanted)]),
            (states, mine + (states.joined() if states else [])),
        ]
    if grids is not None and wanted.order != "follow_up" and grids.asked_one_by_one:
        asked = _Streams("(SELECT unnest(CAST(:grids AS bigint[])) AS grid_id)", ("grid_id",), max(1, len(grids.ids)))
        return [(asked, [*asked.joined(), *_of_kinds(wanted), *_in_states(wanted)])]
    if newest and (wanted.kind or wanted.state):
        some = _unnest({"kind": [wanted.kind] if wanted.kind else list(KINDS), "state": _states(wanted)}, params)
        return [(some, some.joined() + inside)]
    return [(None, inside + ([] if newest else _of_kinds(wanted)))]


def _states(wanted: EventFilter) -> list[str]:
    return list(OPEN) if wanted.state == "open" else [wanted.state] if wanted.state else list(STATES)


def _of_kinds(wanted: EventFilter) -> list[str]:
    return ["e.kind = :kind"] if wanted.kind else []


def _in_states(wanted: EventFilter) -> list[str]:
    """Return the clause of states where the order is by the time of the report; all others have it from :func:`_clauses`."""
    if wanted.order != "newest" or not wanted.state:
        return []
    return [f"e.{IS_OPEN}" if wanted.state == "open" else "e.state = :state"]


def _unnest(parts: dict[str, list[str]], params: dict[str, Any]) -> _Streams:
    """Return all combinations of some columns' values as streams."""
    params |= {f"all_{name}": values for name, values in parts.items()}
    columns = ", ".join(f"unnest(CAST(:all_{name} AS text[])) AS each_{name}({name})" for name in parts)
    return _Streams(f"(SELECT * FROM {columns})", tuple(parts), math.prod(map(len, parts.values())))


def _merged(streams: _Streams, where: str, key: str, direction: str, first: str) -> str:
    """Return a query for the first events of several streams: so many of each that together they may fill the page, and of those streams that do
    not fall behind them all up to the last of these."""
    beyond, last, end = (">=", "min", "-infinity") if direction else ("<=", "max", "infinity")
    found = f"SELECT {key} AS at, e.id FROM events e WHERE {where}"
    limited = f"ORDER BY {key}{direction}, e.id{direction} LIMIT"
    return (
        f"WITH heads AS MATERIALIZED (SELECT here.*, head.at, head.id FROM {streams.rows} here CROSS JOIN LATERAL ({found} {limited} {first}) head "
        f"ORDER BY head.at{direction}, head.id{direction} LIMIT :limit) "
        f"SELECT each.id FROM (SELECT DISTINCT {', '.join(streams.columns)} FROM heads) here CROSS JOIN LATERAL ({found} AND {key} {beyond} "
        f"(SELECT CASE WHEN count(*) < :limit THEN '{end}' ELSE {last}(at) END FROM heads) {limited} :limit) each "
        f"ORDER BY each.at{direction}, each.id{direction} LIMIT :limit"
    )


def _clauses(wanted: EventFilter, now: datetime) -> tuple[list[str], dict[str, Any]]:
    """Return what holds wherever one looks, and all parameters; kinds, and states in the order of reports, are :func:`_parts`' own."""
    clauses: list[str] = []
    params: dict[str, Any] = {"kind": wanted.kind, "state": wanted.state}
    if wanted.order != "newest" and wanted.state:
        clauses.append(f"e.{IS_OPEN}" if wanted.state == "open" else "e.state = :state")
    if wanted.overdue or wanted.warned:
        params["now"] = now
        clauses.append(f"e.{IS_OPEN}")
        clauses.append("e.due_at < :now" if wanted.overdue and not wanted.warned else "e.warn_at < :now")
        if wanted.warned and not wanted.overdue:
            clauses.append("e.due_at >= :now")
    if wanted.follow_up:
        clauses.append("e.follow_up_on IS NOT NULL AND e.followed_up_on IS NULL")
    return clauses, params


def _grids(session: Session, snapshots: Snapshots, area: str | None) -> _Grids | None:
    """Return all grids that an area has and had; None for the whole place."""
    prefix = area_prefix(area)
    if not prefix:
        return None

    def load(loading: Session) -> tuple[np.ndarray, list[str]]:
        rows = loading.execute(text("SELECT id, code FROM grids ORDER BY code")).all()
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
