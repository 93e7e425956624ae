"""Hot and cold spots of needs, by cell or by grid: found among the figures that are shown, so that they tell nothing more than these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
import shapely
from sqlalchemy.orm import Session

from gis.needs.cells import PER_HOUSEHOLDS
from gis.needs.disclosure import THRESHOLD
from gis.needs.hotspots import (
    COLD,
    FALSE_SHARE,
    HOT,
    LEAST_UNITS,
    Spots,
    find_spots,
    touching_areas,
    touching_cells,
)
from gis.services import needs
from gis.services.need_tables import TOPICS, NeedQuery
from gis.services.snapshots import Snapshots

Units = Literal["cells", "grids"]
Measure = Literal["count", "rate"]
_KINDS = {HOT: "hot", COLD: "cold"}


def hotspots(
    session: Session, snapshots: Snapshots, query: NeedQuery, today: date, by: Units, measure: Measure
) -> dict[str, Any]:
    """Return the cells or grids of gis/services/needs.py with what the test of gis/needs/hotspots.py says of each.

    Units with fewer households than the threshold are not tested and are nobody's neighbours; a suppressed figure counts as what is published
    of it, 0 in fives. Further members of each unit: ``z`` (standard deviations), ``q`` (p-value adjusted for the number of tests), ``spot``
    (``hot``, ``cold``, ``none``; None: not tested). Members of the answer: ``by``, ``measure``, ``false_share``, ``tested``, ``hot`` and
    ``cold`` (how many units), ``least`` (fewer units are not tested at all).
    """
    query = query.widened()
    found: Spots = snapshots.remember(
        session,
        ("hot spots", query, today, by, measure),
        TOPICS,
        lambda loading: _find(loading, snapshots, query, today, by, measure),
    )
    tested = ~np.isnan(found.z)
    more: dict[str, Sequence[Any]] = {
        "z": [round(z, 2) if known else None for z, known in zip(found.z.tolist(), tested, strict=True)],
        "q": [round(q, 4) if known else None for q, known in zip(found.q.tolist(), tested, strict=True)],
        "spot": [
            _KINDS.get(k, "none") if known else None for k, known in zip(found.kind.tolist(), tested, strict=True)
        ],
    }
    told = (needs.cells if by == "cells" else needs.grids)(session, snapshots, query, today, more)
    facts = {
        "by": by,
        "measure": measure,
        "false_share": FALSE_SHARE,
        "least": LEAST_UNITS,
        "tested": int(tested.sum()),
        "hot": int((found.kind == HOT).sum()),
        "cold": int((found.kind == COLD).sum()),
    }
    return {**told, **facts}


def _find(session: Session, snapshots: Snapshots, query: NeedQuery, today: date, by: Units, measure: Measure) -> Spots:
    if by == "cells":
        cells = needs.count_in_cells(session, snapshots, query)
        count, households = cells.count, cells.households
        lived_in = households >= THRESHOLD
        pairs = touching_cells(cells.column[lived_in], cells.row[lived_in])
    else:
        count, households = (each[:-1] for each in needs.count_in_grids(session, snapshots, query, today))
        lived_in = households >= THRESHOLD
        pairs = _between(_touching_grids(session, snapshots), lived_in)
    values = count[lived_in].astype(float)
    if measure == "rate":
        values *= PER_HOUSEHOLDS / households[lived_in]
    found = find_spots(values, pairs)
    return Spots(*(_among(len(count), lived_in, each) for each in (found.z, found.p, found.q, found.kind)))


def _among(n: int, tested: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return what was found of the tested units as an array of all: NaN, or 0 for whole numbers, elsewhere."""
    whole = np.full(n, np.nan if found.dtype.kind == "f" else 0, dtype=found.dtype)
    whole[tested] = found
    return whole


def _touching_grids(session: Session, snapshots: Snapshots) -> np.ndarray:
    """Return which grids touch, as positions int64 (2, m)."""

    def load(loading: Session) -> np.ndarray:
        shapes = snapshots.grids(loading).geometries
        if len(shapes) == 0:
            return touching_areas(shapes)
        return touching_areas(shapely.make_valid(snapshots.metric(loading).geometry_to_m(shapes)))

    found: np.ndarray = snapshots.remember(session, ("touching grids",), ("grids", "place"), load)
    return found


def _between(pairs: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the pairs of which both are chosen, by their positions among the chosen."""
    position = np.cumsum(chosen) - 1
    return position[pairs[:, chosen[pairs].all(axis=0)]]
