"""Needs by place, as they are and as they are published: by cell of 100 m and by grid, each told apart by service, colour, ages and month.

Each of the two published tables is rounded once, in its finest parts (gis/needs/disclosure.py); whatever is asked for is a sum of parts. So filters,
spans and sizes may be subtracted from each other however one likes: the parts are all that comes to light, and each is known in fives only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from gis.crs import MetricCRS
from gis.models.vocabulary import AGE_GROUPS
from gis.needs.disclosure import offsets, rounded_flow
from gis.services.derived import derived
from gis.services.snapshots import Snapshots
from gis.store.bulk import read_frame
from gis.store.vault import vault_of

SMALLEST_M = 100.0
"""The side of the cells in which needs are published; larger ones are 2, 4, 8 … times as wide, so that each lies in one of the next size."""
TOPICS = ("needs", "households", "buildings", "grids", "place")
_SLICES = ["service", "colour", "ages"]
"""By what needs are told apart in the published tables: what is asked for together is their sum, never a rounding of its own."""
_CELL, _GRID = ["column", "row"], ["grid"]
_OFFSETS: WeakKeyDictionary[Snapshots, dict[tuple[bytes, str], pd.DataFrame]] = WeakKeyDictionary()
"""Of each published table, by the secret and the measure: its units of last time with their offsets (column ``own``)."""


@dataclass(frozen=True)
class NeedQuery:
    """Which needs: of these services (all, where empty), opened from ``since`` to ``until`` (both included), in cells of ``size_m``.

    ``colours`` are of the household that asked (all, where empty); ``ages`` (keys of AGE_GROUPS) are of its members: one of these ages at least lived
    there, counted on the day of the need among those who live there now. Unless ``exact``, the days are widened to whole months and the size to
    the next published one.
    """

    services: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    size_m: float = SMALLEST_M
    exact: bool = False
    colours: tuple[str, ...] = ()
    ages: tuple[str, ...] = ()

    @property
    def about_households(self) -> bool:
        """Return whether households are told apart by what is known of them."""
        return bool(self.colours or self.ages)

    def widened(self) -> NeedQuery:
        """Return what is asked in whole months and in cells of a published size; the same where it is exact."""
        if self.exact:
            return self
        size_m = SMALLEST_M
        while size_m < self.size_m:
            size_m *= 2
        return replace(
            self,
            since=None if self.since is None else self.since.replace(day=1),
            until=None if self.until is None else pd.Period(self.until, "M").end_time.date(),
            size_m=size_m,
        )


@dataclass(frozen=True)
class NeedSet:
    """All needs by position, service, day, colour and ages, as a frame and in metres."""

    frame: pd.DataFrame
    x_m: np.ndarray
    y_m: np.ndarray
    rows: np.ndarray
    """Hashes of the rows, uint64, in order: the same for the same needs, however they were read."""
    metric: MetricCRS | None
    """The zone of x_m and y_m; None where no need has a position."""


def load_needs(session: Session, snapshots: Snapshots) -> NeedSet:
    """Return all needs by position; columns lon, lat, grid_id, service, opened_on, colour ('': none), ages (bits of AGE_GROUPS), needs."""
    return snapshots.remember(session, ("needs",), TOPICS, lambda loading: _load(loading, snapshots))


def needs_at(
    session: Session, snapshots: Snapshots, query: NeedQuery
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the needs asked for as positions x, y in metres (NaN: none) and how many: published ones at the middles of their cells."""
    if query.exact:
        needs = load_needs(session, snapshots)
        asked = _asked(needs.frame, needs.frame["opened_on"], query)
        return needs.x_m[asked], needs.y_m[asked], needs.frame["needs"].to_numpy(np.int64)[asked]
    table = snapshots.remember(
        session, ("needs in cells",), TOPICS, lambda loading: _load_cells(loading, snapshots)
    )
    table = table[_asked(table, _first_days(table), query)]
    x_m, y_m = ((table[axis].to_numpy(float) + 0.5) * SMALLEST_M for axis in _CELL)
    return x_m, y_m, table["needs"].to_numpy(np.int64)


def needs_in_grids(session: Session, snapshots: Snapshots, query: NeedQuery) -> np.ndarray:
    """Return the needs asked for by grid: int64 (grids + 1,), in the order of the grids' codes, the last of households in no grid."""
    n = len(snapshots.grids(session).codes) + 1
    if query.exact:
        frame = load_needs(session, snapshots).frame
        place, day = _grid_of(session, snapshots, frame), frame["opened_on"]
    else:
        frame = snapshots.remember(
            session, ("needs in grids",), TOPICS, lambda loading: _load_grids(loading, snapshots)
        )
        place, day = frame["grid"].to_numpy(np.int64), _first_days(frame)
    asked = _asked(frame, day, query)
    return np.bincount(place[asked], weights=frame["needs"].to_numpy(float)[asked], minlength=n).astype(
        np.int64
    )


def _load(session: Session, snapshots: Snapshots) -> NeedSet:
    frame = read_frame(session.connection(), "SELECT * FROM linli_need_sites()")
    frame["opened_on"] = pd.to_datetime(frame["opened_on"])
    rows = np.sort(pd.util.hash_pandas_object(frame, index=False).to_numpy())
    former: NeedSet | None = snapshots.former(("needs",))
    metric = snapshots.metric(session) if frame["lon"].notna().any() else None
    if former is not None and former.metric is metric and np.array_equal(former.rows, rows):
        return former  # a need was closed, or a household moved within its building: the tables stay
    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    x_m, y_m = np.full(len(lon), np.nan), np.full(len(lon), np.nan)
    known = ~np.isnan(lon)
    if metric is not None:
        x_m[known], y_m[known] = metric.to_m(lon[known], lat[known])
    return NeedSet(frame, x_m, y_m, rows, metric)


def _load_cells(session: Session, snapshots: Snapshots) -> pd.DataFrame:
    needs = load_needs(session, snapshots)
    return derived(snapshots).of(
        ("needs in cells", vault_of(session).rounding), (needs,), lambda: _cells_of(session, snapshots, needs)
    )


def _cells_of(session: Session, snapshots: Snapshots, needs: NeedSet) -> pd.DataFrame:
    known = ~np.isnan(needs.x_m)
    places = {
        "column": np.floor(needs.x_m[known] / SMALLEST_M).astype(np.int64),
        "row": np.floor(needs.y_m[known] / SMALLEST_M).astype(np.int64),
    }
    return _published(session, snapshots, "needs in cells", needs.frame[known], places)


def _load_grids(session: Session, snapshots: Snapshots) -> pd.DataFrame:
    needs, known = load_needs(session, snapshots), snapshots.grids(session)
    key = ("needs in grids", vault_of(session).rounding)
    return derived(snapshots).of(key, (needs, known), lambda: _grids_of(session, snapshots, needs.frame))


def _grids_of(session: Session, snapshots: Snapshots, frame: pd.DataFrame) -> pd.DataFrame:
    codes = np.array([*snapshots.grids(session).codes, ""], dtype=object)
    place = _grid_of(session, snapshots, frame)
    table = _published(session, snapshots, "needs in grids", frame, {"code": codes[place]})
    return table.assign(grid=pd.Categorical(table["code"], categories=codes).codes)


def _published(
    session: Session, snapshots: Snapshots, measure: str, frame: pd.DataFrame, places: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Return a published table: the columns of ``places`` and _SLICES, month, needs; only rows with a figure."""
    table = pd.DataFrame(
        {
            **{name: frame[name].to_numpy() for name in _SLICES},
            **places,
            "month": frame["opened_on"].dt.to_period("M").array,
            "needs": frame["needs"].to_numpy(np.int64),
        }
    )
    unit = [*_SLICES, *places]
    table = table.groupby([*unit, "month"], as_index=False, sort=True)["needs"].sum()
    units = table[unit].drop_duplicates()
    chain = (~table[unit].duplicated()).cumsum().to_numpy(np.int64) - 1
    own = _offsets_of(snapshots, vault_of(session).rounding, measure, units)
    table["needs"] = rounded_flow(
        table["needs"].to_numpy(np.int64), chain, own[chain] if len(table) else chain
    )
    return table[table["needs"] > 0]


def _offsets_of(snapshots: Snapshots, key: bytes, measure: str, units: pd.DataFrame) -> np.ndarray:
    """Return the units' offsets. They never change: those that were worked out before are taken again, and only new units are named."""
    known = _OFFSETS.setdefault(snapshots, {})
    before = known.get((key, measure))
    columns = list(units.columns)
    if before is None:
        before = units.iloc[:0].assign(own=np.zeros(0, dtype=np.int64))
    own = units.merge(before, how="left", on=columns)["own"].to_numpy(dtype=float, na_value=np.nan, copy=True)
    new = np.isnan(own)
    if new.any():
        added = units[new]
        names = [
            " ".join(map(str, each)) for each in zip(*(added[name].tolist() for name in columns), strict=True)
        ]
        own[new] = offsets(key, measure, names)
        known[key, measure] = units.assign(own=own.astype(np.int64))
    return own.astype(np.int64)


def _grid_of(session: Session, snapshots: Snapshots, frame: pd.DataFrame) -> np.ndarray:
    """Return each row's grid as a position, that behind the last for none."""
    grids = snapshots.grids(session)
    found = frame["grid_id"].map(grids.position_of)
    return found.fillna(len(grids.codes)).to_numpy(np.int64)


def _first_days(table: pd.DataFrame) -> pd.Series:
    return table["month"].dt.start_time if len(table) else pd.Series([], dtype="datetime64[ns]")


def _asked(table: pd.DataFrame, day: pd.Series, query: NeedQuery) -> np.ndarray:
    asked = np.ones(len(table), dtype=bool)
    if query.services:
        asked &= table["service"].isin(query.services).to_numpy()
    if query.colours:
        asked &= table["colour"].isin(query.colours).to_numpy()
    if query.ages:
        bits = sum(1 << list(AGE_GROUPS).index(group) for group in set(query.ages))
        asked &= (table["ages"].to_numpy(np.int64) & bits) > 0
    if query.since is not None:
        asked &= (day >= pd.Timestamp(query.since)).to_numpy()
    if query.until is not None:
        asked &= (day <= pd.Timestamp(query.until)).to_numpy()
    return asked
