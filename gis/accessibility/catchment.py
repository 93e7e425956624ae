"""How many places there are for those who need them: the enhanced two-step floating catchment area method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ZONE_WEIGHTS = (1.0, 0.68, 0.22)
"""Weights of the near, middle and far third of the catchment: the slower of the two Gaussian decays that Luo & Qi (2009) try."""
_EDGE = 1e-9


def places_per_100(
    site: np.ndarray,
    station: np.ndarray,
    travel: np.ndarray,
    catchment: float,
    capacity: np.ndarray,
    people: np.ndarray,
    weights: Sequence[float] = ZONE_WEIGHTS,
) -> np.ndarray:
    """Compute accessibility by the enhanced two-step floating catchment area method (E2SFCA).

    Step 1: each station's places are divided by the people of its catchment, those of each zone weighted. Step 2: each site adds up these
    ratios over the stations in its reach, weighted by zone in the same way. The catchment is divided into zones of equal width, one per
    weight. Source: W. Luo, Y. Qi, An enhanced two-step floating catchment area (E2SFCA) method for measuring spatial accessibility to
    primary care physicians, Health & Place 15 (2009) 1100–1107.

    Args:
        site, station: int (p,), each pair that lies within the catchment, once.
        travel: float64 (p,), distance or time between them.
        catchment: the greatest distance or time, in the same unit.
        capacity: float64 (k,), places of each station; NaN where not known: such a station is left aside.
        people: float64 or int (n,), those who need the service at each site.
        weights: from the nearest zone to the farthest.

    Returns:
        float64 (n,), places per 100 of those who need one; 0 where none is in reach. Weighted with the people, places are conserved: the
        sum of ``people × places_per_100 / 100`` is the capacity of the stations that anybody reaches.

    Raises:
        ValueError: a pair lies beyond the catchment, or a number is negative.
    """
    site, station = np.asarray(site), np.asarray(station)
    travel = np.asarray(travel, dtype=np.float64)
    capacity = np.asarray(capacity, dtype=np.float64)
    people = np.asarray(people, dtype=np.float64)
    if not catchment > 0 or (capacity < 0).any() or (people < 0).any() or min(weights) < 0:
        raise ValueError("容量、人数与权重不得为负 / capacity, people and weights must not be negative")
    if len(travel) and not (travel.min() >= 0 and travel.max() <= catchment * (1 + _EDGE) + _EDGE):
        raise ValueError("有成对距离超出服务范围 / a pair lies beyond the catchment")
    zone = np.ceil(travel / catchment * len(weights) - _EDGE).astype(np.int64) - 1
    weight = np.asarray(weights, dtype=np.float64)[np.clip(zone, 0, len(weights) - 1)]
    demand = np.bincount(station, weights=people[site] * weight, minlength=len(capacity))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((demand > 0) & np.isfinite(capacity), capacity / demand, 0.0)
    return 100.0 * np.bincount(site, weights=ratio[station] * weight, minlength=len(people))


def mean_per_grid(values: np.ndarray, people: np.ndarray, grid: np.ndarray, n_grids: int) -> np.ndarray:
    """Average a value of sites over the people of each grid.

    Args:
        values: float64 (n,).
        people: (n,), the weight of each site.
        grid: int32 (n,), −1 for none.
        n_grids: how many grids there are.

    Returns:
        float64 (n_grids,), NaN where nobody lives who needs the service.
    """
    inside = grid >= 0
    total = np.bincount(grid[inside], weights=(values * people)[inside], minlength=n_grids)
    weight = np.bincount(grid[inside], weights=people[inside], minlength=n_grids)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weight > 0, total / weight, np.nan)
