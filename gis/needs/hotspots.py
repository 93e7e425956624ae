"""Hot and cold spots: where many or few needs stand together more than chance would put them. Pure: arrays in, arrays out.

The statistic is Getis and Ord's local Gi*: the sum of a unit and of those that touch it, against what the same number of units drawn at random
without replacement would have; as a z-score. Each unit is a test, so the two-sided p-values are adjusted for the share of false finds among all
finds (Benjamini & Hochberg), not for each test alone.

Sources: A. Getis, J. K. Ord, The analysis of spatial association by use of distance statistics, Geographical Analysis 24 (1992) 189–206;
J. K. Ord, A. Getis, Local spatial autocorrelation statistics: distributional issues and an application, Geographical Analysis 27 (1995) 286–306,
eq. 14; Y. Benjamini, Y. Hochberg, Controlling the false discovery rate, J. R. Stat. Soc. B 57 (1995) 289–300; for local statistics: M. C. de Castro,
B. H. Singer, Controlling the false discovery rate: a new application to account for multiple and dependent tests in local statistics of spatial
association, Geographical Analysis 38 (2006) 180–208.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.stats import false_discovery_control, norm

LEAST_UNITS = 30
"""Fewer units are not tested: the normal distribution would say little of them."""
FALSE_SHARE = 0.05
"""At most this share of the spots told may be chance, on average."""
HOT, COLD, NEITHER = 1, -1, 0
_EDGE_TOLERANCE_M = 1.0
"""Boundaries drawn apart by less still touch."""


@dataclass(frozen=True)
class Spots:
    """What the test says of each unit; all arrays (n,). NaN where nothing could be tested.

    ``z``: standard deviations above what chance gives; ``p``: two-sided; ``q``: the same after adjustment for the number of tests;
    ``kind``: :data:`HOT`, :data:`COLD` or :data:`NEITHER`.
    """

    z: np.ndarray
    p: np.ndarray
    q: np.ndarray
    kind: np.ndarray


def find_spots(values: np.ndarray, pairs: np.ndarray, false_share: float = FALSE_SHARE) -> Spots:
    """Return which units are hot or cold spots.

    Args:
        values: float (n,), what is looked at; 0 or more, none missing.
        pairs: int64 (2, m), which units touch: both directions of each pair, no unit with itself (as of :func:`touching_cells`).
        false_share: the share of false finds that is accepted among all finds.

    Returns:
        z, p, q and kind of each unit; all NaN and :data:`NEITHER` for fewer than :data:`LEAST_UNITS` units, or where all are alike. A unit
        that touches all others is not tested either: there is nothing left to compare it with.
    """
    n = len(values)
    nothing = np.full(n, np.nan)
    if n < LEAST_UNITS or np.ptp(values) == 0:
        return Spots(nothing, nothing.copy(), nothing.copy(), np.zeros(n, dtype=np.int64))
    z = _gi_star(np.asarray(values, dtype=float), pairs)
    z[~np.isfinite(z)] = np.nan
    known = ~np.isnan(z)
    p, q = nothing.copy(), nothing.copy()
    p[known] = 2 * norm.sf(np.abs(z[known]))
    q[known] = false_discovery_control(p[known], method="bh") if known.any() else q[known]
    kind = np.where(known & (np.nan_to_num(q, nan=1.0) <= false_share), np.sign(np.nan_to_num(z)), NEITHER)
    return Spots(z, p, q, kind.astype(np.int64))


def touching_cells(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return the pairs of lattice cells that touch along an edge or at a corner, int64 (2, m), both directions.

    Args:
        column, row: int64 (n,), each cell once.
    """
    column, row = np.asarray(column, dtype=np.int64), np.asarray(row, dtype=np.int64)
    if len(column) == 0:
        return np.zeros((2, 0), dtype=np.int64)
    # A column to spare on each side, so that none wraps round.
    first, width = column.min() - 1, int(np.ptp(column)) + 3
    key = row * width + (column - first)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    sources, targets = [], []
    for step in (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1):
        at = np.minimum(np.searchsorted(ordered, key + step), len(ordered) - 1)
        found = ordered[at] == key + step
        sources.append(np.flatnonzero(found))
        targets.append(order[at[found]])
    return np.stack([np.concatenate(sources), np.concatenate(targets)]).astype(np.int64)


def touching_areas(areas_m: np.ndarray, tolerance_m: float = _EDGE_TOLERANCE_M) -> np.ndarray:
    """Return the pairs of polygons that touch or come within a tolerance of each other, int64 (2, m), both directions.

    Args:
        areas_m: polygons (n,), coordinates in metres.
        tolerance_m: metres.
    """
    if len(areas_m) == 0:
        return np.zeros((2, 0), dtype=np.int64)
    found = shapely.STRtree(areas_m).query(areas_m, predicate="dwithin", distance=tolerance_m).astype(np.int64)
    return found[:, found[0] != found[1]]


def _gi_star(values: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return Gi* of each unit as a z-score, with weights 1 for itself and for each that touches it."""
    # Loaded only when somebody asks for spots: these libraries take a second to import.
    from esda.getisord import G_Local
    from libpysal.graph import Graph

    own = np.arange(len(values), dtype=np.int64)
    around = Graph.from_arrays(
        np.concatenate([own, pairs[0]]), np.concatenate([own, pairs[1]]), np.ones(len(own) + pairs.shape[1])
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(G_Local(values, around, transform="B", star=True, permutations=0).Zs, dtype=float)
