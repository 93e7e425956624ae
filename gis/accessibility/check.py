"""What is odd about the streets as drawn: islands, dead ends, gaps that look like slips of the pen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.sparse.csgraph import dijkstra

from gis.accessibility.graph import BuildNotes, StreetGraph, build_graph
from gis.accessibility.topology import Segments, node_of_vertices, segments_of
from gis.accessibility.ways import Ways

NEAR_MISS_M = 3.0
_DETOUR = 10.0
"""A gap is suspicious when the way round is more than this many times as long as the gap that is looked for."""
_UPON_M = 0.05
_SHORTEST_OVERLAP_M = 1.0
_NO_POINTS = (np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))


@dataclass(frozen=True)
class StreetsReport:
    """The state of a street network; positions are (n, 2) metres in the place's zone.

    Attributes:
        notes: what was put right while the graph was built.
        nodes, edges: size of the graph.
        length_m: of all edges.
        component_length_m: float64, of each connected part, the longest first.
        dead_ends: where an edge ends and nothing goes on.
        near_miss_from, near_miss_to, near_miss_gap_m: dead ends that stop just short of a street that is far away on foot.
        crossings: where two ways of one level cross without sharing a vertex.
        overlaps, overlap_m: where two ways of one level lie upon each other without sharing vertices (middle of the stretch), and for how long.
    """

    notes: BuildNotes
    nodes: int
    edges: int
    length_m: float
    component_length_m: np.ndarray
    dead_ends: np.ndarray
    near_miss_from: np.ndarray
    near_miss_to: np.ndarray
    near_miss_gap_m: np.ndarray
    crossings: np.ndarray
    overlaps: np.ndarray
    overlap_m: np.ndarray

    @property
    def components(self) -> int:
        """How many connected parts there are."""
        return len(self.component_length_m)

    @property
    def largest_share(self) -> float:
        """The longest connected part's share of the length, 0 to 1; 0 without streets."""
        return float(self.component_length_m[0] / self.length_m) if self.components else 0.0


def check_streets(ways: Ways, near_miss_m: float = NEAR_MISS_M) -> StreetsReport:
    """Look the streets over.

    Args:
        ways: as drawn, in metres.
        near_miss_m: a dead end that stops within this of another street is suspicious.

    Returns:
        The report.
    """
    graph = build_graph(ways)
    vertices, _ = node_of_vertices(ways, ways.walkable())
    segments, _ = segments_of(ways, vertices)
    crossings, overlaps, overlap_m = _meetings(segments, ways.level[segments.way])
    lengths = np.bincount(graph.edge_component, weights=graph.edge_length_m)
    ends = _dead_ends(graph)
    near_from, near_to, gap_m = _near_misses(graph, ends, near_miss_m)
    return StreetsReport(
        notes=graph.notes,
        nodes=graph.n_nodes,
        edges=graph.n_edges,
        length_m=float(graph.edge_length_m.sum()),
        component_length_m=np.sort(lengths)[::-1],
        dead_ends=np.column_stack([graph.node_x_m[ends], graph.node_y_m[ends]]),
        near_miss_from=near_from,
        near_miss_to=near_to,
        near_miss_gap_m=gap_m,
        crossings=crossings,
        overlaps=overlaps,
        overlap_m=overlap_m,
    )


def _dead_ends(graph: StreetGraph) -> np.ndarray:
    """Nodes with one edge end; both ends of a closed ring count."""
    degree = np.bincount(np.concatenate([graph.edge_u, graph.edge_v]), minlength=graph.n_nodes)
    return np.flatnonzero(degree == 1)


def _near_misses(graph: StreetGraph, ends: np.ndarray, near_miss_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dead ends, the nearest point of a street that is close but far on foot, and the gap."""
    if len(ends) == 0:
        return _NO_POINTS
    x_m, y_m = graph.node_x_m[ends], graph.node_y_m[ends]
    pairs = graph.segment_tree.query(shapely.points(x_m, y_m), predicate="dwithin", distance=near_miss_m)
    who, segment = pairs
    first = graph.segment_first[segment]
    ax, ay = graph.shape_x_m[first], graph.shape_y_m[first]
    dx, dy = graph.shape_x_m[first + 1] - ax, graph.shape_y_m[first + 1] - ay
    share = np.clip(((x_m[who] - ax) * dx + (y_m[who] - ay) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    foot_x, foot_y = ax + share * dx, ay + share * dy
    gap_m = np.hypot(foot_x - x_m[who], foot_y - y_m[who])
    along_m = graph.shape_at_m[first] + share * np.hypot(dx, dy)
    limit_m = _DETOUR * near_miss_m
    tried = np.unique(who)
    node_m = dijkstra(graph.matrix, directed=False, indices=ends[tried], limit=limit_m)
    row = np.searchsorted(tried, who)
    edge = graph.segment_edge[segment]
    u, v = graph.edge_u[edge], graph.edge_v[edge]
    walk_m = np.minimum(node_m[row, u] + along_m, node_m[row, v] + graph.edge_length_m[edge] - along_m)
    suspicious = np.flatnonzero(walk_m > limit_m)
    order = suspicious[np.lexsort((gap_m[suspicious], who[suspicious]))]
    best = order[np.concatenate([[True], np.diff(who[order]) != 0])] if len(order) else order
    chosen = _once(np.column_stack([x_m[who], y_m[who]])[best], np.column_stack([foot_x, foot_y])[best])
    best = best[chosen]
    return np.column_stack([x_m[who[best]], y_m[who[best]]]), np.column_stack([foot_x[best], foot_y[best]]), gap_m[best]


def _once(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Two dead ends that face each other are one gap: which of the pairs to keep."""
    seen: set[frozenset[tuple[float, float]]] = set()
    kept = np.zeros(len(begin), dtype=bool)
    for i, (one, other) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        gap = frozenset({tuple(one), tuple(other)})
        kept[i] = gap not in seen
        seen.add(gap)
    return kept


def _meetings(segments: Segments, level: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where segments of one level cross or lie upon each other without sharing a node."""
    if len(segments.a) == 0:
        return _NO_POINTS
    a = np.column_stack([segments.x_m[segments.a], segments.y_m[segments.a]])
    b = np.column_stack([segments.x_m[segments.b], segments.y_m[segments.b]])
    lines = shapely.linestrings(np.stack([a, b], axis=1))
    one, other = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=_UPON_M)
    chosen = (one < other) & (level[one] == level[other])
    one, other = one[chosen], other[chosen]
    direction = b - a
    length_m = np.hypot(*direction.T)
    offset = a[other] - a[one]
    turn = _cross(direction[one], direction[other])
    with np.errstate(divide="ignore", invalid="ignore"):
        along_one = _cross(offset, direction[other]) / turn
        along_other = _cross(offset, direction[one]) / turn
    within = (along_one > 0) & (along_one < 1) & (along_other > 0) & (along_other < 1)
    free = (
        (segments.a[one] != segments.a[other])
        & (segments.a[one] != segments.b[other])
        & (segments.b[one] != segments.a[other])
        & (segments.b[one] != segments.b[other])
    )
    overlap_m, middle = _overlaps(a, b, direction / length_m[:, None], length_m, one, other)
    upon = overlap_m > _SHORTEST_OVERLAP_M
    crossing = within & free & ~upon
    here = one[crossing]
    points = a[here] + along_one[crossing, None] * direction[here]
    return points, middle[upon], overlap_m[upon]


def _overlaps(
    a: np.ndarray, b: np.ndarray, unit: np.ndarray, length_m: np.ndarray, one: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For how long each pair lies within a hand's breadth of each other, and the middle of that stretch."""
    begin_m = ((a[other] - a[one]) * unit[one]).sum(axis=1)
    end_m = ((b[other] - a[one]) * unit[one]).sum(axis=1)
    begin_off_m, end_off_m = _cross(unit[one], a[other] - a[one]), _cross(unit[one], b[other] - a[one])
    low_m = np.clip(np.minimum(begin_m, end_m), 0.0, length_m[one])
    high_m = np.clip(np.maximum(begin_m, end_m), 0.0, length_m[one])
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (end_off_m - begin_off_m) / (end_m - begin_m)
        low_off_m = np.abs(begin_off_m + slope * (low_m - begin_m))
        high_off_m = np.abs(begin_off_m + slope * (high_m - begin_m))
    close = (low_off_m <= _UPON_M) & (high_off_m <= _UPON_M)
    middle = a[one] + ((low_m + high_m) / 2.0)[:, None] * unit[one]
    return np.where(close, high_m - low_m, 0.0), middle


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
