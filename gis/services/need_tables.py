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

from gis.models.vocabulary import AGE_GROUPS
from gis.needs.disclosure import offsets, rounded_flow
from gis.services.derived import derived
from gis.services.need_rows import TOPICS, NeedSet, load_needs
from gis.services.snapshots import Snapshots
from gis.store.vault import vault_of

SMALLEST_M = 100.0
"""The side of the cells in which needs are published; larger ones are 2, 4, 8 … times as wide, so that each lies in one of the next size."""
_SLICES = ["service", "colour", "ages"]
"""By what needs are told apart in the published tables: what is asked for together is their sum, never a rounding of its own."""
_CELL = ["column", "row"]
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


def needs_at(session: Session, snapshots: Snapshots, query: NeedQuery) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the needs asked for as positions x, y in metres (NaN: none) and how many: published ones at the middles of their cells."""
    if query.exact:
        needs = load_needs(session, snapshots)
        asked = _asked(needs.frame, needs.frame["opened_on"], query)
        return needs.x_m[asked], needs.y_m[asked], np.ones(int(asked.sum()), dtype=np.int64)
    table = snapshots.remember(session, ("needs in cells",), TOPICS, lambda loading: _load_cells(loading, snapshots))
    table = table[_asked(table, table["month"], query)]
    x_m, y_m = ((table[axis].to_numpy(float) + 0.5) * SMALLEST_M for axis in _CELL)
    return x_m, y_m, table["needs"].to_numpy(np.int64)


def needs_in_grids(session: Session, snapshots: Snapshots, query: NeedQuery) -> np.ndarray:
    """Return the needs asked for by grid: int64 (grids + 1,), in the order of the grids' codes, the last of households in no grid."""
    n = len(snapshots.grids(session).codes) + 1
    if query.exact:
        frame = load_needs(session, snapshots).frame
        asked = _asked(frame, frame["opened_on"], query)
        return np.bincount(_grid_of(session, snapshots, frame)[asked], minlength=n)
    table = snapshots.remember(session, ("needs in grids",), TOPICS, lambda loading: _load_grids(loading, snapshots))
    table = table[_asked(table, table["month"], query)]
    return np.bincount(table["grid"], weights=table["needs"], minlength=n).astype(np.int64)


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
    """Return a published table: the columns of ``places`` and _SLICES, month (its first day), needs; only rows with a figure."""
    columns = {
        **{name: frame[name].to_numpy() for name in _SLICES},
        **places,
        "month": frame["opened_on"].to_numpy().astype("datetime64[M]"),
    }
    table, counts = _counted(columns)
    unit = [*_SLICES, *places]
    first = ~table.duplicated(unit).to_numpy()
    chain = first.cumsum() - 1
    own = _offsets_of(snapshots, vault_of(session).rounding, measure, table.loc[first, unit])
    table["needs"] = rounded_flow(counts, chain, own[chain])
    return table[table["needs"] > 0]


def _counted(columns: dict[str, np.ndarray]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return each combination of values that there is, in order, and how often: as ``groupby`` does, in a third of its time."""
    values, sizes = {}, []
    key = np.zeros(len(next(iter(columns.values()))), dtype=np.int64)
    for name, column in columns.items():
        code, values[name] = pd.factorize(column, sort=True)
        sizes.append(len(values[name]))
        key = key * sizes[-1] + code
    found, counts = np.unique(key, return_counts=True)
    table = {}
    for name, size in zip(reversed(columns), reversed(sizes), strict=True):
        found, code = np.divmod(found, max(size, 1))
        table[name] = values[name][code]
    return pd.DataFrame({name: table[name] for name in columns}), counts


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
        names = [" ".join(map(str, each)) for each in zip(*(added[name].tolist() for name in columns), strict=True)]
        own[new] = offsets(key, measure, names)
        known[key, measure] = units.assign(own=own.astype(np.int64))
    return own.astype(np.int64)


def _grid_of(session: Session, snapshots: Snapshots, frame: pd.DataFrame) -> np.ndarray:
    """Return each row's grid as a position, that behind the last for none."""
    grids = snapshots.grids(session)
    found = frame["grid_id"].map(grids.position_of)
    return found.fillna(len(grids.codes)).to_numpy(np.int64)


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
