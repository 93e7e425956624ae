"""Where people's needs are: cells with counts and rates, small ones suppressed; the course of the months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from gis.needs.cells import Cells, count_cells
from gis.needs.disclosure import THRESHOLD, shown, small, small_cells
from gis.services.features import collection, feature
from gis.services.snapshots import Snapshots
from gis.store.bulk import read_frame


@dataclass(frozen=True)
class NeedQuery:
    """Which needs: of these services (all, where empty), opened from ``since`` to ``until`` (both included), in cells of ``size_m``."""

    services: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    size_m: float = 100.0


@dataclass(frozen=True)
class NeedSet:
    """All needs by position, service and day, as a frame and in metres."""

    frame: pd.DataFrame
    x_m: np.ndarray
    y_m: np.ndarray


def load_needs(session: Session, snapshots: Snapshots) -> NeedSet:
    """Return all needs by position; columns lon, lat, grid_id, service, opened_on, closed_on, needs."""
    topics = ("needs", "households", "buildings", "grids", "place")
    return snapshots.remember(session, ("needs",), topics, lambda loading: _load(loading, snapshots))


def cells(session: Session, snapshots: Snapshots, query: NeedQuery, today: date) -> dict[str, Any]:
    """Return cells with a household or a need as a FeatureCollection of squares.

    Properties: ``count`` (None where suppressed), ``households`` (None where fewer than the threshold), ``rate`` (per 100 households;
    None where suppressed or nobody lives), ``suppressed``. Members ``size_m``, ``threshold``, and ``total``, the needs with a position.
    """
    needs = load_needs(session, snapshots)
    asked = _asked(needs.frame, query)
    sites = snapshots.sites(session, today).demand
    found = count_cells(
        needs.x_m[asked],
        needs.y_m[asked],
        needs.frame["needs"].to_numpy(np.int64)[asked],
        sites.x_m,
        sites.y_m,
        sites.households,
        query.size_m,
    )
    total = int(found.count.sum())
    if len(found.count) == 0:
        return collection([], size_m=query.size_m, threshold=THRESHOLD, total=0)
    return collection(
        _cell_features(found, snapshots, session),
        size_m=query.size_m,
        threshold=THRESHOLD,
        total=shown(total),
    )


def by_month(
    session: Session, snapshots: Snapshots, prefix: str, until: date, months: int = 12
) -> list[dict[str, Any]]:
    """Return needs opened and closed in each of the last ``months`` months up to ``until``, small numbers as None."""
    frame = in_area(session, snapshots, prefix)
    wanted = pd.period_range(end=pd.Period(until, "M"), periods=months, freq="M")
    series = {}
    for column in ("opened_on", "closed_on"):
        moment = pd.to_datetime(frame[column])
        counts = frame["needs"].groupby(moment.dt.to_period("M")).sum()
        series[column] = counts.reindex(wanted, fill_value=0)
    return [
        {
            "month": str(month),
            "opened": shown(int(series["opened_on"][month])),
            "closed": shown(int(series["closed_on"][month])),
        }
        for month in wanted
    ]


def open_by_service(session: Session, snapshots: Snapshots, prefix: str, on: date) -> dict[str, int]:
    """Return how many needs of each service are open on a day, most first."""
    frame = in_area(session, snapshots, prefix)
    day = pd.Timestamp(on)
    closed = pd.to_datetime(frame["closed_on"])
    is_open = (pd.to_datetime(frame["opened_on"]) <= day) & (closed.isna() | (closed > day))
    counts = frame[is_open].groupby("service")["needs"].sum().sort_values(ascending=False, kind="stable")
    return {str(service): int(n) for service, n in counts.items()}


def in_area(session: Session, snapshots: Snapshots, prefix: str) -> pd.DataFrame:
    """Return the needs whose households are in grids that begin with ``prefix`` (all needs where it is empty)."""
    frame = load_needs(session, snapshots).frame
    if not prefix:
        return frame
    grids = snapshots.grids(session)
    return frame[frame["grid_id"].isin(grids.ids[grids.within(prefix)])]


def _load(session: Session, snapshots: Snapshots) -> NeedSet:
    frame = read_frame(session.connection(), "SELECT * FROM linli_need_sites()")
    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    x_m, y_m = np.full(len(lon), np.nan), np.full(len(lon), np.nan)
    known = ~np.isnan(lon)
    if known.any():
        x_m[known], y_m[known] = snapshots.metric(session).to_m(lon[known], lat[known])
    for column in ("opened_on", "closed_on"):
        frame[column] = pd.to_datetime(frame[column])
    return NeedSet(frame, x_m, y_m)


def _asked(frame: pd.DataFrame, query: NeedQuery) -> np.ndarray:
    asked = np.ones(len(frame), dtype=bool)
    if query.services:
        asked &= frame["service"].isin(query.services).to_numpy()
    if query.since is not None:
        asked &= (frame["opened_on"] >= pd.Timestamp(query.since)).to_numpy()
    if query.until is not None:
        asked &= (frame["opened_on"] <= pd.Timestamp(query.until)).to_numpy()
    return asked


def _cell_features(found: Cells, snapshots: Snapshots, session: Session) -> list[dict[str, Any]]:
    x_m, y_m = found.corners_m()
    lon, lat = snapshots.metric(session).to_lonlat(x_m.ravel(), y_m.ravel())
    rings = np.round(np.stack([lon, lat], axis=1).reshape(len(found.count), 5, 2), 7).tolist()
    hidden = small_cells(found.count, found.households)
    few = small(found.households)
    features = []
    for i, rate in enumerate(found.rate):
        known = not hidden[i] and not np.isnan(rate) and not few[i]
        properties = {
            "count": None if hidden[i] else int(found.count[i]),
            "households": None if few[i] else int(found.households[i]),
            "rate": round(float(rate), 2) if known else None,
            "suppressed": bool(hidden[i]),
        }
        features.append(feature({"type": "Polygon", "coordinates": [rings[i]]}, properties))
    return features
