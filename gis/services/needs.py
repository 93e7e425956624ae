"""Where people's needs are: cells and grids with counts and rates, the course of the months, what is open.

Of needs there are published tables, each rounded once (gis/needs/disclosure.py): by cell of 100 m and by grid, with service, colour, ages and month
(gis/services/need_tables.py); by grid and month; the open ones by grid; and the open ones by area and service. Whoever may not count people one by
one gets sums of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from gis.needs.cells import PER_HOUSEHOLDS, Cells, count_cells
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
from gis.services.need_tables import NeedQuery, load_needs, needs_at, needs_in_grids
from gis.services.snapshots import DWELLING_TOPICS, Snapshots
from gis.store.vault import vault_of

__all__ = [
    "NeedQuery",
    "by_month",
    "cells",
    "cells_by_column",
    "count_in_cells",
    "count_in_grids",
    "grids",
    "load_needs",
    "open_by_service",
]

_FLOWS = ("opened_on", "closed_on")
_NODES_M = 1600.0
"""Between two nodes of the lattice that places cells for a map."""
Further = Mapping[str, Sequence[Any]]
"""Further figures of each unit, by name."""


def cells(
    session: Session,
    snapshots: Snapshots,
    query: NeedQuery,
    today: date,
    more: Further | None = None,
) -> dict[str, Any]:
    """Return cells with a household or a need as a FeatureCollection of squares.

    Properties: ``count`` (None where suppressed), ``households`` (None where fewer than the threshold), ``rate`` (per 100 households;
    None where suppressed or nobody lives), ``suppressed``. Members ``size_m``, ``from`` and ``to`` as used, ``threshold``, ``people_in``
    (1 or 5), and ``total``, the needs with a position (None: fewer than the threshold).

    Args:
        session, snapshots, query: what is asked, and of whom.
        today: as :func:`grids` takes it; cells hold no people, and households are as they are known now.
        more: further properties by name, in the order of :func:`count_in_cells`.
    """
    query = query.widened()
    found = count_in_cells(session, snapshots, query)
    facts = {"size_m": query.size_m, **_facts(query, int(found.count.sum()), int(found.households.sum()))}
    if len(found.count) == 0:
        return collection([], **facts)
    x_m, y_m = found.corners_m()
    lon, lat = snapshots.metric(session).to_lonlat(x_m.ravel(), y_m.ravel())
    rings = np.round(np.stack([lon, lat], axis=1).reshape(len(found.count), 5, 2), 7).tolist()
    rows = _rows(found.count, found.households, _hidden(found.count, found.households, query.exact), more)
    shapes = [{"type": "Polygon", "coordinates": [ring]} for ring in rings]
    return collection([feature(shape, row) for shape, row in zip(shapes, rows, strict=True)], **facts)


def cells_by_column(session: Session, snapshots: Snapshots, query: NeedQuery) -> dict[str, Any]:
    """Return the same cells as :func:`cells` in arrays, a twentieth as large: what a map draws them from.

    ``column`` and ``row`` number the cells of the lattice, each as the step from the one before (the first from ``lattice``); ``count`` and
    ``households`` are as there, so a cell is suppressed where ``count`` is None, and its rate follows from the two. ``lattice`` places the
    corners: node (i, j) of its ``lon`` and ``lat`` (degrees, EPSG:4326) is the south-west corner of cell (column + j·every, row + i·every);
    what lies between nodes is bilinear between them, less than 0.1 m off.
    """
    query = query.widened()
    found = count_in_cells(session, snapshots, query)
    facts = {"size_m": query.size_m, **_facts(query, int(found.count.sum()), int(found.households.sum()))}
    hidden, few = _hidden(found.count, found.households, query.exact), small(found.households)
    first = [int(axis.min()) if len(axis) else 0 for axis in (found.column, found.row)]
    every = max(1, int(_NODES_M // query.size_m))
    nodes = [
        np.arange(start, (int(axis.max()) if len(axis) else start) + 1 + every, every) * query.size_m
        for start, axis in zip(first, (found.column, found.row), strict=True)
    ]
    lon, lat = snapshots.metric(session).to_lonlat(*np.meshgrid(*nodes))
    return {
        **facts,
        "lattice": {
            "column": first[0],
            "row": first[1],
            "every": every,
            "lon": np.round(lon, 7).tolist(),
            "lat": np.round(lat, 7).tolist(),
        },
        "column": np.diff(found.column, prepend=first[0]).tolist(),
        "row": np.diff(found.row, prepend=first[1]).tolist(),
        "count": _unless(hidden, found.count),
        "households": _unless(few, found.households),
    }


def grids(
    session: Session,
    snapshots: Snapshots,
    query: NeedQuery,
    today: date,
    more: Further | None = None,
) -> dict[str, Any]:
    """Return every grid's needs, in the order of codes: ``grids`` with code, name and the figures of :func:`cells`.

    ``count`` 0 and ``rate`` None say that nobody lives there. ``total`` are all needs, ``outside`` those of households in no grid
    (both None: fewer than the threshold); ``size_m`` is not looked at.

    Args:
        session, snapshots, query, today: what is asked, of whom, and the day of which households are.
        more: further members by name, in the order of the grids.
    """
    query = query.widened()
    count, households = count_in_grids(session, snapshots, query, today)
    hidden = _hidden(count, households, query.exact)
    known = snapshots.grids(session)
    rows = _rows(count[:-1], households[:-1], hidden[:-1], more)
    heads = ({"code": code, "name": name} for code, name in zip(known.codes, known.names, strict=True))
    return {
        **_facts(query, int(count.sum()), int(households.sum())),
        "outside": None if hidden[-1] else int(count[-1]),
        "grids": [{**head, **row} for head, row in zip(heads, rows, strict=True)],
    }


def count_in_cells(session: Session, snapshots: Snapshots, query: NeedQuery) -> Cells:
    """Return the cells of a query in whole months and published sizes, with what is published of them, or the truth where it is exact."""
    needs = needs_at(session, snapshots, query)
    homes = _homes(session, snapshots, query)
    x_m, y_m = ((axis + 0.5) * query.size_m for axis in (homes.column, homes.row))
    return count_cells(*needs, x_m, y_m, homes.households, query.size_m)


def _homes(session: Session, snapshots: Snapshots, query: NeedQuery) -> Cells:
    """Return the cells where somebody lives; those of a published size are kept, for they change seldom and are asked for often."""

    def counted_by_cell(loading: Session) -> Cells:
        sites = snapshots.dwellings(loading).demand
        nothing = np.zeros(0)
        return count_cells(
            nothing, nothing, nothing.astype(np.int64), sites.x_m, sites.y_m, sites.households, query.size_m
        )

    if query.exact:
        return counted_by_cell(session)
    return snapshots.remember(session, ("homes in cells", query.size_m), DWELLING_TOPICS, counted_by_cell)


def count_in_grids(
    session: Session, snapshots: Snapshots, query: NeedQuery, today: date
) -> tuple[np.ndarray, np.ndarray]:
    """Return the same by grid: needs and households, int64 (grids + 1,), the last of households in no grid."""
    count = needs_in_grids(session, snapshots, query)
    sites = snapshots.sites(session, today).demand
    place = np.where(sites.grid < 0, len(count) - 1, sites.grid)
    return count, np.bincount(place, weights=sites.households, minlength=len(count)).astype(np.int64)


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
    table = month_table(session, snapshots, until, exact=exact)
    series = {}
    for column in _FLOWS:
        known, counts = table[column]
        series[column] = pd.Series(counts[chosen].sum(axis=0), index=known, dtype=np.int64).reindex(
            wanted.astype(str), fill_value=0
        )

    def said(n: Any) -> int | None:
        return shown(int(n)) if exact else told(int(n), int(lived_in))

    return [
        {
            "month": month,
            "opened": said(series["opened_on"][month]),
            "closed": said(series["closed_on"][month]),
        }
        for month in wanted.astype(str)
    ]


def month_table(
    session: Session, snapshots: Snapshots, until: date, *, exact: bool
) -> dict[str, tuple[list[str], np.ndarray]]:
    """Return needs by grid and month, under ``opened_on`` and ``closed_on``: the months ``YYYY-MM``, and int64 (grids + 1, months).

    In fives unless ``exact``: any stretch of months is then less than five from the truth.
    """
    return snapshots.remember(
        session,
        ("needs by month", until, exact),
        COUNTED,
        lambda loading: _load_months(loading, snapshots, until, exact),
    )


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
    return {str(service): int(n) for service, n in counts.sort_values(ascending=False, kind="stable").items()}


def _load_months(
    session: Session, snapshots: Snapshots, on: date, exact: bool
) -> dict[str, tuple[list[str], np.ndarray]]:
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


def _facts(query: NeedQuery, total: int, households: int) -> dict[str, Any]:
    return {
        "from": query.since,
        "to": query.until,
        "threshold": THRESHOLD,
        "people_in": 1 if query.exact else BASE,
        "total": shown(total) if query.exact else told(total, households),
    }


def _hidden(count: np.ndarray, households: np.ndarray, exact: bool) -> np.ndarray:
    """Return which figures may not be shown: small ones, those among few households, and the fives' 0 where somebody lives."""
    if exact:
        return small_cells(count, households)
    return np.where(households > 0, (count == 0) | (households < THRESHOLD), count > 0)


def _unless(hidden: np.ndarray, figures: np.ndarray) -> list[int | None]:
    return [None if is_hidden else n for is_hidden, n in zip(hidden.tolist(), figures.tolist(), strict=True)]


def _rows(count: np.ndarray, households: np.ndarray, hidden: np.ndarray, more: Further | None) -> list[dict[str, Any]]:
    few = small(households)
    further = [dict(zip(more, each, strict=True)) for each in zip(*more.values(), strict=True)] if more else None
    rows = []
    for i, (n, homes) in enumerate(zip(count.tolist(), households.tolist(), strict=True)):
        known = not hidden[i] and homes > 0 and not few[i]
        row = {
            "count": None if hidden[i] else n,
            "households": None if few[i] else homes,
            "rate": round(n * PER_HOUSEHOLDS / homes, 2) if known else None,
            "suppressed": bool(hidden[i]),
        }
        rows.append(row if further is None else {**row, **further[i]})
    return rows
