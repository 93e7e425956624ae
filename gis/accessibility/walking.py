"""How far people walk: from every home to the nearest station along the streets, both partial edges and both ways to the street counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.accessibility.coverage import ISLAND, NO_STATION, TOLERANCE_M, Covered
from gis.accessibility.graph import StreetGraph
from gis.accessibility.snapping import Snapped

_CHUNK_STATIONS = 64
_CHUNK_PAIRS = 2_000_000


@dataclass(frozen=True)
class Walked:
    """The walk from each of n homes to its nearest station.

    Attributes:
        distance_m: float64 (n,); NaN where there is no way, or none within the limit that was asked for.
        station: int32 (n,), position of that station, −1 where the distance is NaN.
        reason: int8 (n,), why there is no way at all, a code of `coverage.REASONS`; 0 where there is one, however long.
    """

    distance_m: np.ndarray
    station: np.ndarray
    reason: np.ndarray

    def seconds(self, speed_mps: float) -> np.ndarray:
        """Return the time in seconds at a speed, float64 (n,), NaN as for the distance."""
        return self.distance_m / speed_mps


@dataclass(frozen=True)
class Pairs:
    """Homes and stations that lie within a limit of each other: int32, int32, float64 metres, all (p,), ordered by station, then home."""

    home: np.ndarray
    station: np.ndarray
    distance_m: np.ndarray


def walk_to_nearest(graph: StreetGraph, homes: Snapped, stations: Snapped, limit_m: float = np.inf) -> Walked:
    """Find the nearest station of every home (Dijkstra from all stations at once).

    Args:
        graph: the streets that the profile can walk on.
        homes, stations: joined to this graph by `snapping.snap`.
        limit_m: nobody is followed further than this.

    Returns:
        Distances, stations and reasons. ``no station``: none is there, or none stands at a street; ``separate island``: no station
        stands on the part of the network where the home is.
    """
    best_m, best = _nearest(graph, homes, stations, limit_m, which=True)
    distance_m = np.full(len(homes), np.nan)
    station = np.full(len(homes), -1, dtype=np.int32)
    within = best_m <= limit_m + TOLERANCE_M
    within &= np.isfinite(best_m)
    distance_m[homes.joined[within]] = best_m[within]
    station[homes.joined[within]] = stations.joined[best[within]]
    return Walked(distance_m, station, _reasons(homes, stations))


def _nearest(
    graph: StreetGraph, homes: Snapped, stations: Snapped, limit_m: float, *, which: bool
) -> tuple[np.ndarray, np.ndarray]:
    """From each home that joins the network: metres to the nearest station (infinite for no way, exact up to the limit), and if asked which."""
    found, here = stations.here, homes.here
    best_m, best = np.full(len(here), np.inf), np.zeros(len(here) if which else 0, dtype=np.int64)
    if not len(found) or not len(here):
        return best_m, best
    node_m, node_station = _spread(graph, found, limit_m, which=which)
    by_u_m, by_v_m = node_m[here.u] + here.to_u_m, node_m[here.v] + here.to_v_m
    if which:
        best = np.where(by_u_m <= by_v_m, node_station[here.u], node_station[here.v])
    best_m = np.minimum(by_u_m, by_v_m)
    for home, other, direct_m in _along_one_edge(here, found):
        if not which:
            np.minimum.at(best_m, home, direct_m)
            continue
        shorter = direct_m < best_m[home]
        # Of several stations on the edge the nearest must stay: the longest are written first.
        order = np.argsort(-direct_m[shorter], kind="stable")
        best_m[home[shorter][order]] = direct_m[shorter][order]
        best[home[shorter][order]] = other[shorter][order]
    return best_m, best


def _reasons(homes: Snapped, stations: Snapped) -> np.ndarray:
    """Why there is no way from each home to any of the stations: codes of `coverage.REASONS`, 0 where there is one."""
    reason = homes.reason.copy()
    if not len(stations.here):
        # Nobody can come, so what keeps a home from the street does not matter: only a missing position is told apart.
        reason[np.isfinite(homes.x_m) & np.isfinite(homes.y_m)] = NO_STATION
        return reason
    served = np.unique(stations.here.component)
    home_component = homes.here.component
    apart = home_component != served[0] if len(served) == 1 else ~np.isin(home_component, served)
    if apart.any():
        reason[homes.joined[apart]] = ISLAND
    return reason


def cover_by_walk(
    graph: StreetGraph, homes: Snapped, station_groups: Sequence[Snapped], reach_m: Mapping[str, float]
) -> Covered:
    """Decide who can walk to some station of every service.

    Args:
        graph: the streets that the profile can walk on.
        homes: the n sites, joined to this graph.
        station_groups: for each service the stations that offer it, joined to this graph.
        reach_m: metres that each group of `policy.GROUPS` walks (`WalkPolicy.walk_reaches_m`).

    Returns:
        Who is covered, or why a site cannot be reached: the reason of the first service that has one.

    Raises:
        ValueError: no service is asked for.
    """
    if not station_groups:
        raise ValueError("至少选择一项服务 / choose at least one service")
    limit_m = max(reach_m.values())
    reasons = [_reasons(homes, stations) for stations in station_groups]
    reason = reduce(lambda first, later: np.where(first == 0, later, first), reasons)
    return Covered.within([_distances(graph, homes, stations, limit_m) for stations in station_groups], reach_m, reason)


def _distances(graph: StreetGraph, homes: Snapped, stations: Snapped, limit_m: float) -> np.ndarray:
    """From every home: metres to the nearest station, beyond the limit somewhere beyond it, infinite for no way."""
    best_m, _ = _nearest(graph, homes, stations, limit_m, which=False)
    if len(homes.joined) == len(homes):
        return best_m
    distance_m = np.full(len(homes), np.inf)
    distance_m[homes.joined] = best_m
    return distance_m


def walk_pairs(graph: StreetGraph, homes: Snapped, stations: Snapped, limit_m: float) -> Pairs:
    """Find every home and station within a limit of each other.

    Args:
        graph, homes, stations: as for `walk_to_nearest`.
        limit_m: metres.

    Returns:
        The pairs with their distances.
    """
    joined, here = homes.joined, homes.here
    at_node = _Index(np.concatenate([here.u, here.v]), graph.n_nodes)
    on_edge = _Index(here.edge, graph.n_edges)
    usable = np.flatnonzero(stations.edge >= 0)
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for begin in range(0, len(usable), _CHUNK_STATIONS):
        chunk = usable[begin : begin + _CHUNK_STATIONS]
        found = stations.take(chunk)
        for row, node_m in enumerate(spread_each(graph, found, limit_m)):
            from_ends = at_node.members(np.flatnonzero(np.isfinite(node_m))) % max(1, len(joined))
            near = np.unique(np.concatenate([from_ends, on_edge.members(found.edge[row : row + 1])]))
            walk_m = np.minimum(node_m[here.u[near]] + here.to_u_m[near], node_m[here.v[near]] + here.to_v_m[near])
            along_m = np.abs(here.offset_m[near] - found.offset_m[row])
            direct_m = along_m + found.access_m[row] + here.access_m[near]
            walk_m = np.where(here.edge[near] == found.edge[row], np.minimum(walk_m, direct_m), walk_m)
            kept = walk_m <= limit_m + TOLERANCE_M
            home = joined[near[kept]].astype(np.int32)
            parts.append((home, np.full(len(home), chunk[row], dtype=np.int32), walk_m[kept]))
    if not parts:
        return Pairs(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32), np.zeros(0))
    home, station, distance_m = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Pairs(home, station, distance_m)


class _Index:
    """Which members carry which number."""

    def __init__(self, number: np.ndarray, count: int) -> None:
        self._order = np.argsort(number, kind="stable")
        self._start = np.searchsorted(number[self._order], np.arange(count + 1))

    def members(self, numbers: np.ndarray) -> np.ndarray:
        """Return the members that carry one of the numbers."""
        first = self._start[numbers]
        counts = self._start[numbers + 1] - first
        skipped = np.cumsum(counts) - counts
        return self._order[np.arange(counts.sum()) + np.repeat(first - skipped, counts)]


def spread_each(graph: StreetGraph, stations: Snapped, limit_m: float) -> np.ndarray:
    """Measure from each of k stations (all joined, few at a time) to every node: float64 (k, n), infinite beyond the limit."""
    augmented = _with_sources(graph, stations)
    sources = graph.n_nodes + np.arange(len(stations))
    return dijkstra(augmented, directed=True, indices=sources, limit=_limit(limit_m))[:, : graph.n_nodes]


def _spread(graph: StreetGraph, stations: Snapped, limit_m: float, *, which: bool) -> tuple[np.ndarray, np.ndarray]:
    """From all stations at once: metres to every node, infinite beyond the limit, and if asked which station (−1 for none)."""
    matrix, sources = _with_sources(graph, stations), graph.n_nodes + np.arange(len(stations))
    nodes = slice(0, graph.n_nodes)
    if not which:
        only_m = dijkstra(matrix, directed=True, indices=sources, min_only=True, limit=_limit(limit_m))
        return only_m[nodes], np.zeros(0, dtype=np.int64)
    distance_m, _, source = dijkstra(
        matrix, directed=True, indices=sources, min_only=True, return_predecessors=True, limit=_limit(limit_m)
    )
    return distance_m[nodes], np.where(source[nodes] >= 0, source[nodes] - graph.n_nodes, -1)


def _with_sources(graph: StreetGraph, stations: Snapped) -> csr_array:
    """The graph's matrix with a row for each station, from which two one-way edges lead to the ends of its edge."""
    base, count = graph.matrix, len(stations)
    u, v, to_u_m, to_v_m = stations.u, stations.v, stations.to_u_m, stations.to_v_m
    loop = u == v
    # On a loop both ways lead to the same node: the shorter counts, and the other entry leads from the station to itself,
    # because a row must not name a column twice.
    to_u_m = np.where(loop, np.minimum(to_u_m, to_v_m), to_u_m)
    v = np.where(loop, graph.n_nodes + np.arange(count), v)
    width = graph.n_nodes + count
    data = np.concatenate([base.data, np.column_stack([to_u_m, to_v_m]).ravel()])
    indices = np.concatenate([base.indices, np.column_stack([u, v]).ravel().astype(base.indices.dtype)])
    indptr = np.concatenate([base.indptr, base.indptr[-1] + 2 * np.arange(1, count + 1, dtype=base.indptr.dtype)])
    return csr_array((data, indices, indptr), shape=(width, width))


def _along_one_edge(homes: Snapped, stations: Snapped) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Homes and stations on one edge, with the way along it: home, station, metres; in portions of bounded size."""
    order, edges = homes.by_edge
    first = np.searchsorted(edges, stations.edge, side="left")
    counts = np.searchsorted(edges, stations.edge, side="right") - first
    if not counts.any():
        return
    portion = np.cumsum(counts) // _CHUNK_PAIRS
    for number in np.unique(portion[counts > 0]):
        chosen = np.flatnonzero((portion == number) & (counts > 0))
        station = np.repeat(chosen, counts[chosen])
        begin = np.cumsum(counts[chosen]) - counts[chosen]
        position = np.arange(len(station)) - np.repeat(begin, counts[chosen]) + np.repeat(first[chosen], counts[chosen])
        home = order[position]
        along_m = np.abs(homes.offset_m[home] - stations.offset_m[station])
        yield home, station, homes.access_m[home] + along_m + stations.access_m[station]


def _limit(limit_m: float) -> float:
    # Rounding must not cut off who stands exactly on the limit.
    return limit_m + 2 * TOLERANCE_M
