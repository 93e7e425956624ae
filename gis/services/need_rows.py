"""All needs, one entry each: read whole once, and then only those of the households in which something has changed.

Triggers mark the household whose needs may read otherwise than before (its position, colour, people, or a need of it) with the number of the
transaction (``need_marks``), so what is new to a former reading is what its snapshot does not see. Nothing is added or subtracted here: all needs of a
marked household are read again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.crs import MetricCRS
from gis.services.snapshots import Snapshots
from gis.store.bulk import read_frame
from gis.store.moments import Moment, moment

TOPICS = ("needs", "households", "buildings", "grids", "place")
_ALL = 0
"""The mark of every household."""
_MOST_MARKED = 2000
"""Beyond so many households, all are read."""
_TYPES = {
    "household_id": "int64",
    "lon": "float64",
    "lat": "float64",
    "grid_id": "float64",
    "service": "str",
    "opened_on": "datetime64[s]",
    "colour": "str",
    "ages": "int64",
}
_WITHIN = ["household_id", "service", "opened_on", "ages"]
"""What puts the needs of households in order, whatever else is known of a household."""


@dataclass(frozen=True)
class NeedSet:
    """All needs, one entry each, as a frame and in metres."""

    frame: pd.DataFrame
    """household_id, lon, lat, grid_id (NaN: none), service, opened_on, colour ('': none), ages (bits of AGE_GROUPS)."""
    x_m: np.ndarray
    """NaN: no position."""
    y_m: np.ndarray
    metric: MetricCRS | None
    """The zone of x_m and y_m; None where no need has a position."""


@dataclass(frozen=True)
class _Reading:
    """The needs, and what the transaction that read them has seen; never changed once made."""

    needs: NeedSet
    moment: Moment


def load_needs(session: Session, snapshots: Snapshots) -> NeedSet:
    """Return all needs; the same object as before where none reads otherwise."""
    return snapshots.remember(session, ("needs",), TOPICS, lambda loading: _reading(loading, snapshots).needs)


def _reading(session: Session, snapshots: Snapshots) -> _Reading:
    key = ("need rows",)
    return snapshots.remember(session, key, TOPICS, lambda loading: _load(loading, snapshots, snapshots.former(key)))


def _load(session: Session, snapshots: Snapshots, former: _Reading | None) -> _Reading:
    now = moment(session, "need_marks")
    if former is None or not now.follows(former.moment) or _moved(former.needs, session, snapshots):
        return _Reading(_needs(session, snapshots, None), now)
    marked = list(
        session.scalars(text("SELECT linli_need_homes(CAST(:seen AS pg_snapshot))"), {"seen": former.moment.snapshot})
    )
    if _ALL in marked or len(marked) > _MOST_MARKED:
        return _Reading(_needs(session, snapshots, None), now)
    if not marked:
        return replace(former, moment=now)
    return _Reading(_instead(former.needs, _needs(session, snapshots, marked), marked), now)


def _moved(needs: NeedSet, session: Session, snapshots: Snapshots) -> bool:
    return needs.metric is not None and needs.metric != snapshots.metric(session)


def _needs(session: Session, snapshots: Snapshots, homes: list[int] | None) -> NeedSet:
    """Return the needs of some households (None: of all) as they are now."""
    frame = read_frame(
        session.connection(), "SELECT * FROM linli_need_sites(%(homes)s::bigint[])", {"homes": homes}
    ).astype(_TYPES)
    lon, lat = frame["lon"].to_numpy(), frame["lat"].to_numpy()
    x_m, y_m = np.full(len(lon), np.nan), np.full(len(lon), np.nan)
    known = ~np.isnan(lon)
    metric = snapshots.metric(session) if known.any() else None
    if metric is not None:
        x_m[known], y_m[known] = metric.to_m(lon[known], lat[known])
    return NeedSet(frame, x_m, y_m, metric)


def _instead(former: NeedSet, fresh: NeedSet, homes: list[int]) -> NeedSet:
    """Return the needs with those of some households as in ``fresh``, all others as they were."""
    goes = np.isin(former.frame["household_id"].to_numpy(), homes)
    gone, come = (frame.sort_values(_WITHIN, ignore_index=True) for frame in (former.frame[goes], fresh.frame))
    if come.equals(gone):
        return former  # a need was closed, or a name corrected: what follows from the needs stays
    return NeedSet(
        pd.concat([former.frame[~goes], fresh.frame], ignore_index=True),
        np.concatenate([former.x_m[~goes], fresh.x_m]),
        np.concatenate([former.y_m[~goes], fresh.y_m]),
        fresh.metric or former.metric,
    )
