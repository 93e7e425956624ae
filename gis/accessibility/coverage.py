"""Who is covered by a service: sites with their people, the buffer method, and totals that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, reduce
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

    @cached_property
    def placed(self) -> np.ndarray:
        """Which sites have a position, bool (n,)."""
        return np.isfinite(self.x_m) & np.isfinite(self.y_m)

    @cached_property
    def summed(self) -> Summed:
        """What every tally of these sites needs, made once."""
        return Summed(self)

    def take(self, chosen: np.ndarray) -> DemandSites:
        """Return some of the sites, by position or as booleans."""
        return DemandSites(**{column.name: getattr(self, column.name)[chosen] for column in fields(self)})


class Summed:
    """People of sites as float64 and the grids as bins, so that counting those who are covered is one pass for each group.

    Sums of float64 are exact for any count below 2**53.
    """

    def __init__(self, sites: DemandSites) -> None:
        self.people = {name: getattr(sites, name).astype(np.float64) for name in GROUPS}
        self._bin = sites.grid.astype(np.intp) + 1
        """Bin 0 holds those in no grid."""
        self._all: dict[tuple[str, int], np.ndarray] = {}

    def per_bin(self, group: str, chosen: np.ndarray, n_grids: int) -> np.ndarray:
        """Count the people of a group at the chosen sites (bool): int64 (n_grids + 1,), those in no grid first."""
        weights = self.people[group] * chosen
        return np.bincount(self._bin, weights=weights, minlength=n_grids + 1).astype(np.int64)

    def everybody(self, group: str, n_grids: int) -> np.ndarray:
        """Count all people of a group in the same way."""
        key = (group, n_grids)
        if key not in self._all:
            self._all[key] = self.per_bin(group, np.ones(len(self._bin), dtype=bool), n_grids)
        return self._all[key]


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
    def within(cls, distance_m: Sequence[np.ndarray], reach_m: Mapping[str, float], reason: np.ndarray) -> Covered:
        """Decide from distances.

        Args:
            distance_m: for each service, metres from each site to its nearest station, float64 (n,); NaN for no way.
            reach_m: metres that each group of `GROUPS` goes.
            reason: int8 (n,), codes of `REASONS` or 0.

        Returns:
            Covered where every service lies within reach and there is no reason against it.
        """
        farthest = reduce(np.maximum, distance_m)  # NaN, no way, wins the maximum and fails every comparison
        if reason.any():
            farthest = np.where(reason == 0, farthest, np.nan)
        within = {metres: farthest <= metres + TOLERANCE_M for metres in set(reach_m.values())}
        return cls(**{group: within[reach_m[group]] for group in GROUPS}, reason=reason)

    def take(self, chosen: np.ndarray) -> Covered:
        """Return the decision for some of the sites, by position or as booleans."""
        return Covered(self.households[chosen], self.elders_60[chosen], self.children_12[chosen], self.reason[chosen])


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


def cover_by_distance(sites: DemandSites, distance_m: Sequence[np.ndarray], radius_m: Mapping[str, float]) -> Covered:
    """Decide who lies within the circle of some station of every service.

    Args:
        sites: n sites.
        distance_m: for each service, metres to its nearest station (`nearest_by_air_m`), float64 (n,).
        radius_m: radius of each group of `GROUPS`, metres.

    Returns:
        Who is covered; a site without a position, or any site when a service has no station, carries the reason.

    Raises:
        ValueError: no service is asked for.
    """
    if not distance_m:
        raise ValueError("至少选择一项服务 / choose at least one service")
    reason = np.where(sites.placed, 0, NO_POSITION).astype(np.int8)
    # In a straight line there is always a way, but where no station is.
    for away_m in distance_m:
        reason[sites.placed & np.isnan(away_m)] = NO_STATION
    return Covered.within(distance_m, radius_m, reason)


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
    summed = sites.summed
    has_way = covered.reason == 0
    homes = summed.everybody("households", n_grids)
    reached = summed.per_bin("households", covered.households, n_grids)
    no_way = np.zeros_like(homes) if has_way.all() else summed.per_bin("households", ~has_way, n_grids)
    counts = {
        "households": homes,
        "covered": reached,
        "beyond": homes - reached - no_way,
        "unreachable": no_way,
    }
    for group in ("elders_60", "children_12"):
        counts[group] = summed.everybody(group, n_grids)
        counts[f"{group}_covered"] = summed.per_bin(group, getattr(covered, group), n_grids)
    by_reason = {code: int(sites.households[covered.reason == code].sum()) for code in REASONS} if no_way.any() else {}
    unreachable = {REASONS[code]: n for code, n in by_reason.items() if n}
    totals = {name: int(values.sum()) for name, values in counts.items() if name != "unreachable"}
    return Tally(totals, {name: values[1:] for name, values in counts.items()}, unreachable)


def households_within(sites: DemandSites, covered: Covered, n_grids: int) -> tuple[int, np.ndarray]:
    """Count the households covered, as `tally` does, and nothing else: in total, and per grid, int64 (n_grids,)."""
    reached = sites.summed.per_bin("households", covered.households, n_grids)
    return int(reached.sum()), reached[1:]


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
