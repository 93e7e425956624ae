"""How the events of every grid stand, as walls and maps count them: read whole once a day, and then only of the grids in which something happened.

The database stamps a grid's days with the transaction that last changed an event of it (``event_days.touched_in``), so what has happened since a reading
is what the snapshot of that reading does not see: also what began before it and was committed after. Nothing is added or subtracted here; a grid that
was touched is read anew. Limits that pass with time need no reading at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.flow import OPEN
from gis.casework.indicators import COUNTS
from gis.services.casework.days import DAYS
from gis.services.snapshots import Snapshots
from gis.store.bulk import read_frame
from gis.store.moments import Moment, moment

TOPICS = ("events", "grids")
_NEVER = np.iinfo(np.int32).max
"""The minute of a limit that nobody has set."""
_MOST_TOUCHED = 0.25
"""Beyond such a share of all grids, all are read."""
_BY_DAY = ("reported", "closed")
_TOUCHED = """
SELECT DISTINCT d.grid_id FROM event_days d, CAST(:seen AS pg_snapshot) AS seen
WHERE d.touched_in >= CAST(CAST(pg_snapshot_xmin(seen) AS text) AS bigint)
  AND d.touched_in <= CAST(CAST(greatest(pg_snapshot_xmax(pg_current_snapshot()), pg_current_xact_id_if_assigned()) AS text) AS bigint)
  AND NOT pg_visible_in_snapshot(CAST(CAST(d.touched_in AS text) AS xid8), seen)
"""
_OPEN_NOW = "SELECT * FROM linli_open_events(%(grids)s::bigint[])"
_DAYS = f"""
SELECT grid_id, day - %(first)s::date AS day, {", ".join(COUNTS)} FROM event_days
WHERE day BETWEEN %(first)s::date AND %(last)s::date
"""


@dataclass(frozen=True)
class Events:
    """Events by grid, the last of no grid: open ones by state, overdue, nearly so; the last days' counts, and by day reported and closed."""

    states: Mapping[str, np.ndarray]
    overdue: np.ndarray
    warned: np.ndarray
    counts: Mapping[str, np.ndarray]
    reported: np.ndarray
    """(days, grids + 1)."""
    closed: np.ndarray
    """Of those reported on the day."""

    @property
    def open(self) -> np.ndarray:
        """Return how many are open in each grid."""
        return np.sum([self.states[state] for state in OPEN], axis=0)


@dataclass(frozen=True)
class Standing:
    """All that is open, one entry each, and the last days' counts by grid; never changed once made."""

    places: dict[int, int]
    moment: Moment
    """When it was read."""
    opened: dict[str, np.ndarray]
    """Of each open event: ``grid`` (its id, 0: none), ``at`` (its position), ``state`` (position in OPEN), ``warn`` and ``due`` (minutes since 1970)."""
    counts: dict[str, np.ndarray]
    by_day: dict[str, np.ndarray]
    astray: frozenset[int]
    """Ids that share the last position, as far as they have been met."""


def load_events(session: Session, snapshots: Snapshots, now: datetime) -> Events:
    """Return the events by grid; overdue ones as of the minute."""
    minute = now.replace(second=0, microsecond=0)
    return snapshots.remember(
        session,
        ("events by grid", minute),
        TOPICS,
        lambda loading: _as_of(_standing(loading, snapshots, minute.date()), minute),
    )


def _standing(session: Session, snapshots: Snapshots, today: date) -> Standing:
    key = ("event standing", today)
    return snapshots.remember(
        session, key, TOPICS, lambda loading: _load(loading, snapshots, today, snapshots.former(key))
    )


def _as_of(standing: Standing, minute: datetime) -> Events:
    n, now = len(standing.places) + 1, int(minute.timestamp()) // 60
    opened = standing.opened
    at, late = opened["at"], opened["due"] < now

    def of(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(at[chosen], minlength=n)

    states = {state: of(opened["state"] == i) for i, state in enumerate(OPEN)}
    warned = of((opened["warn"] < now) & ~late & (opened["due"] != _NEVER))
    return Events(states, of(late), warned, standing.counts, *(standing.by_day[name] for name in _BY_DAY))


def _load(session: Session, snapshots: Snapshots, today: date, former: Standing | None) -> Standing:
    places = snapshots.grids(session).position_of
    now = moment(session, "event_days")
    if former is None or former.moment.era != now.era or former.places != places:
        return _read(session, _nothing(places, now), today, None)
    touched = {row[0] for row in session.execute(text(_TOUCHED), {"seen": former.moment.snapshot})}
    if touched & former.astray or touched - places.keys():  # these share a position
        touched |= former.astray
    if len(touched) > max(1, _MOST_TOUCHED * len(places)):
        return _read(session, _nothing(places, now), today, None)
    former = replace(former, moment=now)
    return _read(session, former, today, sorted(touched)) if touched else former


def _nothing(places: dict[int, int], now: Moment) -> Standing:
    n = len(places) + 1
    none = {"grid": np.int64, "at": np.intp, "state": np.int8, "warn": np.int32, "due": np.int32}
    return Standing(
        places, now, {name: np.zeros(0, dtype=kind) for name, kind in none.items()}, {name: np.zeros(n, dtype=np.int64) for name in COUNTS},
        {name: np.zeros((DAYS, n), dtype=np.int32) for name in _BY_DAY}, frozenset({0}),
    )  # fmt: skip


def _read(session: Session, former: Standing, today: date, grids: list[int] | None) -> Standing:
    """Return a standing with some grids (by their ids; None: all) as they are now, all others as they were."""
    first = today - timedelta(days=DAYS - 1)
    params: dict[str, Any] = {"first": first, "last": today, "grids": grids}
    connection = session.connection()
    opened = read_frame(connection, _OPEN_NOW, params)
    days = read_frame(connection, _DAYS + ("" if grids is None else " AND grid_id = ANY (%(grids)s)"), params)
    n = len(former.places) + 1

    def places_of(ids: np.ndarray) -> np.ndarray:
        return np.array([former.places.get(grid_id, n - 1) for grid_id in ids.tolist()], dtype=np.intp)

    ids = opened["grid_id"].to_numpy(np.int64)
    state_of = {state: i for i, state in enumerate(OPEN)}
    fresh = {
        "grid": ids,
        "at": places_of(ids),
        "state": opened["state"].map(state_of).to_numpy(np.int8),
        "warn": opened["warn_min"].fillna(_NEVER).to_numpy(np.int32),
        "due": opened["due_min"].fillna(_NEVER).to_numpy(np.int32),
    }
    stays = (
        np.isin(former.opened["grid"], grids, invert=True)
        if grids is not None
        else np.zeros(len(former.opened["grid"]), dtype=bool)
    )
    met = set(ids.tolist()) | set(days["grid_id"].unique().tolist()) | set(grids or ())
    at, chosen = places_of(days["grid_id"].to_numpy(np.int64)), places_of(np.array(grids or (), dtype=np.int64))
    return replace(
        former,
        opened={name: np.concatenate([former.opened[name][stays], column]) for name, column in fresh.items()},
        counts={name: _put(former.counts[name], chosen, (at,), days[name]) for name in COUNTS},
        by_day={
            name: _put(former.by_day[name], chosen, (days["day"].to_numpy(np.intp), at), days[name]) for name in _BY_DAY
        },
        astray=former.astray | {grid_id for grid_id in met if grid_id not in former.places},
    )


def _put(former: np.ndarray, chosen: np.ndarray, where: tuple[np.ndarray, ...], values: pd.Series) -> np.ndarray:
    """Return an array (…, grids + 1) in which the chosen grids hold nothing but these values."""
    made = former.copy()
    made[..., chosen] = 0
    np.add.at(made, where, values.to_numpy(made.dtype))
    return made
