"""Where people's needs are: cells with counts and rates, the course of the months, what is open.

Of needs there are four published tables, each rounded once (gis/needs/disclosure.py): by cell of 100 m, service and month; by grid and month; the open
ones by grid; and the open ones by area and service. Whoever may not count people one by one gets sums of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from gis.needs.cells import Cells, count_cells
from gis.needs.disclosure import (
    BASE,
    THRESHOLD,
    offsets,
    published,
    rounded_flow,
    shown,
    small,
    small_cells,
    told,
)
from gis.services.counted import TOPICS as COUNTED
from gis.services.counted import counted
from gis.services.features import collection, feature
from gis.services.snapshots import Snapshots
from gis.store.bulk import read_frame
from gis.store.vault import vault_of

SMALLEST_M = 100.0
"""The side of the cells in which needs are published; larger ones are 2, 4, 8 … times as wide, so that each lies in one of the next size."""
_TOPICS = ("needs", "households", "buildings", "grids", "place")
_FLOWS = ("opened_on", "closed_on")
_SLICES = ["service"]
"""By what needs are told apart in the published cells: what is asked for together is their sum, never a rounding of its own."""


@dataclass(frozen=True)
class NeedQuery:
    """Which needs: of these services (all, where empty), opened from ``since`` to ``until`` (both included), in cells of ``size_m``.

    Unless ``exact``, the days are widened to whole months and the size to the next published one.
    """

    services: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    size_m: float = SMALLEST_M
    exact: bool = False


@dataclass(frozen=True)
class NeedSet:
    """All needs by position, service and day, as a frame and in metres."""

    frame: pd.DataFrame
    x_m: np.ndarray
    y_m: np.ndarray


def load_needs(session: Session, snapshots: Snapshots) -> NeedSet:
    """Return all needs by position; columns lon, lat, grid_id, service, opened_on, closed_on, needs."""
    return snapshots.remember(session, ("needs",), _TOPICS, lambda loading: _load(loading, snapshots))


def cells(session: Session, snapshots: Snapshots, query: NeedQuery, today: date) -> dict[str, Any]:
    """Return cells with a household or a need as a FeatureCollection of squares.

    Properties: ``count`` (None where suppressed), ``households`` (None where fewer than the threshold), ``rate`` (per 100 households;
    None where suppressed or nobody lives), ``suppressed``. Members ``size_m``, ``from`` and ``to`` as used, ``threshold``, ``people_in``
    (1 or 5), and ``total``, the needs with a position (None: fewer than the threshold).
    """
    query = query if query.exact else _widened(query)
    x_m, y_m, counts = (_exact if query.exact else _in_fives)(session, snapshots, query)
    sites = snapshots.sites(session, today).demand
    found = count_cells(x_m, y_m, counts, sites.x_m, sites.y_m, sites.households, query.size_m)
    total = int(found.count.sum())
    facts = {
        "size_m": query.size_m,
        "from": query.since,
        "to": query.until,
        "threshold": THRESHOLD,
        "people_in": 1 if query.exact else BASE,
        "total": shown(total) if query.exact else told(total, int(found.households.sum())),
    }
    if len(found.count) == 0:
        return collection([], **facts)
    hidden = small_cells(found.count, found.households)
    if not query.exact:
        hidden = (found.count == 0) | (found.households < THRESHOLD)
    return collection(_cell_features(found, hidden, snapshots, session), **facts)


def by_month(
    session: Session,
    snapshots: Snapshots,
    chosen: np.ndarray,
    until: date,
    months: int = 12,
    *,
    lived_in: bool = True,
    exact: bool = False,
) -> list[dict[str, Any]]:
    """Return needs opened and closed in each of the last ``months`` months up to ``until``, small numbers as None.

    Args:
        session, snapshots: the store and the caches.
        chosen: which grids, in order of their codes, and last whether those in none: bool (grids + 1,).
        until: a day of the last month.
        months: how many.
        lived_in: whether anybody lives there; where nobody does, nothing has to be hidden.
        exact: count one by one instead of in fives.
    """
    wanted = pd.period_range(end=pd.Period(until, "M"), periods=months, freq="M")
    table = snapshots.remember(
        session, ("needs by month", until, exact), COUNTED, lambda loading: _load_months(loading, snapshots, until, exact)
    )
    series = {}
    for column in _FLOWS:
        known, counts = table[column]
        series[column] = pd.Series(counts[chosen].sum(axis=0), index=known, dtype=np.int64).reindex(wanted.astype(str), fill_value=0)

    def said(n: Any) -> int | None:
        return shown(int(n)) if exact else told(int(n), int(lived_in))

    return [
        {"month": month, "opened": said(series["opened_on"][month]), "closed": said(series["closed_on"][month])}
        for month in wanted.astype(str)
    ]


def open_by_service(
    session: Session, snapshots: Snapshots, chosen: np.ndarray, on: date, *, total: int | None
) -> dict[str, int]:
    """Return how many needs of each service are open on a day, most first.

    Args:
        session, snapshots: the store and the caches.
        chosen: which grids, in order of their codes, and last whether those in none: bool (grids + 1,).
        on: the day.
        total: the published figure of all services, which those of the single ones then add up to in fives; None counts one by one.
    """
    is_open = counted(session, snapshots, on).series("open")
    counts = pd.Series({service: int(column[chosen].sum()) for service, column in is_open.items()}, dtype=np.int64)
    if total is not None and len(counts):
        # The same grids have the same offsets, whichever area they were asked for by.
        codes = [*snapshots.grids(session).codes, ""]
        figures = published(
            vault_of(session).rounding,
            "open by service in " + " ".join(code for code, is_in in zip(codes, chosen, strict=True) if is_in),
            counts.to_numpy(),
            [str(service) for service in counts.index],
            np.zeros(len(counts), dtype=np.int64),
            [""],
            totals=np.array([total]),
        )
        counts = pd.Series(figures, index=counts.index)
    return {
        str(service): int(n) for service, n in counts.sort_values(ascending=False, kind="stable").items()
    }


def _load(session: Session, snapshots: Snapshots) -> NeedSet:
    frame = read_frame(session.connection(), "SELECT * FROM linli_need_sites()")
    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    x_m, y_m = np.full(len(lon), np.nan), np.full(len(lon), np.nan)
    known = ~np.isnan(lon)
    if known.any():
        x_m[known], y_m[known] = snapshots.metric(session).to_m(lon[known], lat[known])
    for column in _FLOWS:
        frame[column] = pd.to_datetime(frame[column])
    return NeedSet(frame, x_m, y_m)


def _load_months(session: Session, snapshots: Snapshots, on: date, exact: bool) -> dict[str, tuple[list[str], np.ndarray]]:
    """Return needs opened and closed: the months, and int64 (grids + 1, months)."""
    found, codes = counted(session, snapshots, on), snapshots.grids(session).codes
    tables = {}
    for column in _FLOWS:
        months, counts = found.table(column.removesuffix("_on"))
        if not exact:
            own = snapshots.remember(
                session, (f"offsets of {column}",), ("grids",),
                lambda _: offsets(vault_of(session).rounding, f"needs {column}", [*codes, ""]),  # noqa: B023 - called at once
            )  # fmt: skip
            chain = np.repeat(np.arange(found.n), len(months))
            counts = rounded_flow(counts.ravel(), chain, own[chain]).reshape(counts.shape)
        tables[column] = (months, counts)
    return tables


def _load_cells(session: Session, snapshots: Snapshots) -> pd.DataFrame:
    """Return the published table of cells: column, row, service, month, needs; those with a figure only."""
    needs = load_needs(session, snapshots)
    known = ~np.isnan(needs.x_m)
    table = pd.DataFrame(
        {
            **{name: needs.frame[name][known] for name in _SLICES},
            "column": np.floor(needs.x_m[known] / SMALLEST_M).astype(np.int64),
            "row": np.floor(needs.y_m[known] / SMALLEST_M).astype(np.int64),
            "month": needs.frame["opened_on"][known].dt.to_period("M"),
            "needs": needs.frame["needs"][known].astype(np.int64),
        }
    )
    unit = [*_SLICES, "column", "row"]
    table = table.groupby([*unit, "month"], as_index=False, sort=True)["needs"].sum()
    units = table[unit].drop_duplicates()
    chain = (~table[unit].duplicated()).cumsum().to_numpy(np.int64) - 1
    names = [" ".join(map(str, each)) for each in units.itertuples(index=False)]
    own = offsets(vault_of(session).rounding, "needs in cells", names)
    table["needs"] = rounded_flow(table["needs"].to_numpy(np.int64), chain, own[chain] if len(table) else chain)
    return table[table["needs"] > 0]


def _in_fives(session: Session, snapshots: Snapshots, query: NeedQuery) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the published figures asked for, at the middles of their cells."""
    table = snapshots.remember(
        session, ("needs in fives",), _TOPICS, lambda loading: _load_cells(loading, snapshots)
    )
    months = table["month"].dt.start_time if len(table) else pd.Series([], dtype="datetime64[ns]")
    asked = table[_asked(table["service"], months, query)]
    middle = [(asked[axis].to_numpy(float) + 0.5) * SMALLEST_M for axis in ("column", "row")]
    return middle[0], middle[1], asked["needs"].to_numpy(np.int64)


def _exact(session: Session, snapshots: Snapshots, query: NeedQuery) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    needs = load_needs(session, snapshots)
    asked = _asked(needs.frame["service"], needs.frame["opened_on"], query)
    return needs.x_m[asked], needs.y_m[asked], needs.frame["needs"].to_numpy(np.int64)[asked]


def _asked(service: pd.Series, day: pd.Series, query: NeedQuery) -> np.ndarray:
    asked = np.ones(len(service), dtype=bool)
    if query.services:
        asked &= service.isin(query.services).to_numpy()
    if query.since is not None:
        asked &= (day >= pd.Timestamp(query.since)).to_numpy()
    if query.until is not None:
        asked &= (day <= pd.Timestamp(query.until)).to_numpy()
    return asked


def _widened(query: NeedQuery) -> NeedQuery:
    """Return what is asked in whole months and in cells of a published size."""
    size_m = SMALLEST_M
    while size_m < query.size_m:
        size_m *= 2
    since, until = query.since, query.until
    return NeedQuery(
        query.services,
        None if since is None else since.replace(day=1),
        None if until is None else pd.Period(until, "M").end_time.date(),
        size_m,
    )


def _cell_features(found: Cells, hidden: np.ndarray, snapshots: Snapshots, session: Session) -> list[dict[str, Any]]:
    x_m, y_m = found.corners_m()
    lon, lat = snapshots.metric(session).to_lonlat(x_m.ravel(), y_m.ravel())
    rings = np.round(np.stack([lon, lat], axis=1).reshape(len(found.count), 5, 2), 7).tolist()
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
