"""Who is covered by a service: sites with their people, the buffer method, and totals that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from gis.accessibility.policy import GROUPS

NO_POSITION, NO_STATION, TOO_FAR, NO_NETWORK, ISLAND = 1, 2, 3, 4, 5
REASONS: Mapping[int, str] = MappingProxyType(
    {
        NO_POSITION: "no position",
        NO_STATION: "no station",
        TOO_FAR: "too far from a street",
        NO_NETWORK: "no street network here",
        ISLAND: "separate island",
    }
)
"""Why a site cannot be reached at all, by its code; code 0 means that there is a way, near or far."""
REASON_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "no position": "没有位置",
        "no station": "没有提供该服务的开放站点",
        "too far from a street": "离街道太远",
        "no street network here": "此处没有街道网络",
        "separate island": "位于孤立的路网",
    }
)

TOLERANCE_M = 1e-6
"""Who stands exactly on the limit is covered; rounding of a coordinate, far below this, must not decide."""


@dataclass(frozen=True)
class DemandSites:
    """Where people live: one site is a building, or a household without one; arrays of equal length.

    Attributes:
        site_id: int64 (n,).
        x_m, y_m: float64 (n,), metres in the place's zone; NaN where there is no position.
        grid: int32 (n,), position of the site's grid in the caller's list, −1 for none.
        households, residents, elders_60, children_12: int64 (n,), how many are there.
    """

    site_id: np.ndarray
    x_m: np.ndarray
    y_m: np.ndarray
    grid: np.ndarray
    households: np.ndarray
    residents: np.ndarray
    elders_60: np.ndarray
    children_12: np.ndarray

    def __post_init__(self) -> None:
        """Refuse columns of different length or negative counts."""
        columns = ("x_m", "y_m", "grid", "households", "residents", "elders_60", "children_12")
        uneven = [name for name in columns if getattr(self, name).shape != self.site_id.shape]
        if self.site_id.ndim != 1 or uneven:
            raise ValueError(f"各列长度不一 / columns differ in length: {', '.join(uneven) or 'site_id'}")
        negative = [name for name in columns[3:] if len(self) and getattr(self, name).min() < 0]
        if negative:
            raise ValueError(f"人数不能为负 / negative counts: {', '.join(negative)}")

    def __len__(self) -> int:
        """Return the number of sites."""
        return len(self.site_id)

    @property
    def placed(self) -> np.ndarray:
        """Which sites have a position, bool (n,)."""
        return np.isfinite(self.x_m) & np.isfinite(self.y_m)


@dataclass(frozen=True)
class Covered:
    """Which sites a service covers, for each group at its own reach.

    Attributes:
        households, elders_60, children_12: bool (n,).
        reason: int8 (n,), a code of `REASONS`, 0 where there is a way. A site with a reason is covered for nobody.
    """

    households: np.ndarray
    elders_60: np.ndarray
    children_12: np.ndarray
    reason: np.ndarray

    @classmethod
    def within(
        cls, distance_m: Sequence[np.ndarray], reach_m: Mapping[str, float], reason: np.ndarray
    ) -> Covered:
        """Decide from distances.

        Args:
            distance_m: for each service, metres from each site to its nearest station, float64 (n,); NaN for no way.
            reach_m: metres that each group of `GROUPS` goes.
            reason: int8 (n,), codes of `REASONS` or 0.

        Returns:
            Covered where every service lies within reach and there is no reason against it.
        """
        farthest = np.max(np.stack(distance_m), axis=0)  # NaN, no way, wins the maximum and fails every comparison
        farthest = np.where(reason == 0, farthest, np.nan)
        return cls(
            **{group: farthest <= reach_m[group] + TOLERANCE_M for group in GROUPS}, reason=reason
        )

    def take(self, chosen: np.ndarray) -> Covered:
        """Return the decision for some of the sites, by position or as booleans."""
        return Covered(
            self.households[chosen], self.elders_60[chosen], self.children_12[chosen], self.reason[chosen]
        )


class Tally(NamedTuple):
    """Totals, the same per grid, and the households that have no way, by reason."""

    totals: dict[str, int]
    grids: dict[str, np.ndarray]
    unreachable: dict[str, int]


def nearest_by_air_m(sites: DemandSites, stations_m: np.ndarray) -> np.ndarray:
    """Measure from each site to its nearest station in a straight line.

    Args:
        sites: n sites.
        stations_m: (k, 2), metres; stations without a position (NaN) are left aside.

    Returns:
        float64 (n,), metres; NaN where the site has no position or no station is left.
    """
    stations_m = _points(stations_m)
    distance_m = np.full(len(sites), np.nan)
    placed = sites.placed
    if len(stations_m) and placed.any():
        points = np.column_stack([sites.x_m[placed], sites.y_m[placed]])
        distance_m[placed] = cKDTree(stations_m).query(points)[0]
    return distance_m


def cover_by_buffer(
    sites: DemandSites, station_groups: Sequence[np.ndarray], radius_m: Mapping[str, float]
) -> Covered:
    """Decide who lies within the circle of some station of every service.

    Args:
        sites: n sites.
        station_groups: for each service the stations that offer it, (k, 2), metres.
        radius_m: radius of each group of `GROUPS`, metres.

    Returns:
        Who is covered; a site without a position, or any site when a service has no station, carries the reason.

    Raises:
        ValueError: no service is asked for.
    """
    if not station_groups:
        raise ValueError("至少选择一项服务 / choose at least one service")
    reason = np.zeros(len(sites), dtype=np.int8)
    if any(len(_points(stations)) == 0 for stations in station_groups):
        reason[:] = NO_STATION
    reason[~sites.placed] = NO_POSITION
    return Covered.within([nearest_by_air_m(sites, s) for s in station_groups], radius_m, reason)


def tally(sites: DemandSites, covered: Covered, n_grids: int) -> Tally:
    """Count who is covered.

    Args:
        sites: n sites.
        covered: the decision for them.
        n_grids: length of the list that ``sites.grid`` points into.

    Returns:
        Totals with ``households = covered + beyond + sum(unreachable)``; per grid the same counts, int64 (n_grids,) each (people in
        no grid count in the totals only), with ``unreachable`` as one more; and households by reason, reasons that occur only.
    """
    has_way = covered.reason == 0
    counts = {
        "households": sites.households,
        "covered": np.where(covered.households, sites.households, 0),
        "beyond": np.where(has_way & ~covered.households, sites.households, 0),
        "unreachable": np.where(has_way, 0, sites.households),
        "elders_60": sites.elders_60,
        "elders_60_covered": np.where(covered.elders_60, sites.elders_60, 0),
        "children_12": sites.children_12,
        "children_12_covered": np.where(covered.children_12, sites.children_12, 0),
    }
    inside = sites.grid >= 0
    grid = sites.grid[inside]
    grids = {
        # Weights are summed as float64, exact for any count below 2**53.
        name: np.bincount(grid, weights=values[inside], minlength=n_grids).astype(np.int64)
        for name, values in counts.items()
    }
    by_reason = np.bincount(covered.reason, weights=sites.households, minlength=len(REASONS) + 1)
    unreachable = {name: int(by_reason[code]) for code, name in REASONS.items() if by_reason[code]}
    totals = {name: int(values.sum()) for name, values in counts.items() if name != "unreachable"}
    return Tally(totals, grids, unreachable)


def share_of_week(
    site: np.ndarray, station: np.ndarray, n_sites: int, shares: np.ndarray, is_open: np.ndarray
) -> np.ndarray:
    """Say during which share of the week each site is covered by one service.

    Args:
        site, station: int (p,), pairs that lie within reach of each other.
        n_sites: number of sites.
        shares: float64 (m,), shares of the week of each state of the doors (`hours.week_pattern`).
        is_open: bool (m, k), which of the k stations are open in each state.

    Returns:
        float64 (n_sites,), 0 to 1.
    """
    share = np.zeros(n_sites)
    for state_share, open_now in zip(shares, is_open, strict=True):
        reached = np.zeros(n_sites, dtype=bool)
        reached[site[open_now[station]]] = True
        share[reached] += state_share
    return np.minimum(share, 1.0)


def _points(stations_m: np.ndarray) -> np.ndarray:
    points = np.asarray(stations_m, dtype=np.float64).reshape(-1, 2)
    return points[np.isfinite(points).all(axis=1)]
