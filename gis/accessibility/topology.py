"""From ways as drawn to nodes and chains: which vertices are one place for a walker, and which stretches lie between junctions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis.accessibility.ways import Ways


@dataclass(frozen=True)
class Vertices:
    """The vertices that are left after cleaning, way after way.

    Attributes:
        index: int64 (v,), positions in the ways' arrays.
        way: int64 (v,).
        node: int64 (v,), the place and level that the vertex stands for.
    """

    index: np.ndarray
    way: np.ndarray
    node: np.ndarray


@dataclass(frozen=True)
class CleaningNotes:
    """Pairs of equal consecutive vertices, and ways without two different ones."""

    zero_length: int
    degenerate: int


@dataclass(frozen=True)
class Segments:
    """Straight stretches between two nodes, each once.

    Attributes:
        a, b: int64 (t,), nodes.
        steps: bool (t,).
        way: int64 (t,), the way that is kept of those that draw it.
        x_m, y_m: float64 (nodes,), where the nodes lie.
    """

    a: np.ndarray
    b: np.ndarray
    steps: np.ndarray
    way: np.ndarray
    x_m: np.ndarray
    y_m: np.ndarray


@dataclass(frozen=True)
class Chains:
    """Segments strung together between junctions.

    Attributes:
        vertices: int64 (s,), nodes along the chains, one chain after the other.
        start: int64 (c + 1,), chain i has ``vertices[start[i]:start[i + 1]]``.
        segment: int64 (c,), the first segment of each chain.
    """

    vertices: np.ndarray
    start: np.ndarray
    segment: np.ndarray


def node_of_vertices(ways: Ways, chosen: np.ndarray) -> tuple[Vertices, CleaningNotes]:
    """Decide which vertices are the same node.

    Two vertices are one node when their coordinates are equal and they lie on one level. The ground is one level. A bridge, a tunnel and
    whatever has a ``layer`` lies on its own level along its way and comes down to the ground at both ends, unless its end meets the middle
    of another way of its level. A way that would end alone under or on the middle of a bridge (a side branch, a flight of steps) joins it:
    it has no other reason to end there, while a street that passes below goes on.

    Args:
        ways: as drawn.
        chosen: bool (w,), the ways to take.

    Returns:
        The vertices that are left when equal neighbours are drawn as one, with their nodes; and what was dropped.
    """
    counts = np.diff(ways.start)
    way = np.repeat(np.arange(len(ways)), counts)
    index = np.flatnonzero(chosen[way])
    way = way[index]
    x_m, y_m = ways.x_m[index], ways.y_m[index]
    same_way = way[1:] == way[:-1]
    repeated = same_way & (x_m[1:] == x_m[:-1]) & (y_m[1:] == y_m[:-1])
    kept = np.concatenate([[True], ~repeated]) if len(index) else np.zeros(0, dtype=bool)
    index, way, x_m, y_m = index[kept], way[kept], x_m[kept], y_m[kept]
    real = np.bincount(way, minlength=len(ways)) >= 2
    notes = CleaningNotes(int(repeated.sum()), int((chosen & ~real).sum()))
    long_enough = real[way]
    index, way, x_m, y_m = index[long_enough], way[long_enough], x_m[long_enough], y_m[long_enough]
    place = _group_equal(x_m, y_m)
    level = _levels(ways, way, place)
    return Vertices(index, way, _group_equal(place, level)), notes


def _levels(ways: Ways, way: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The level on which each vertex meets others."""
    change = way[1:] != way[:-1]
    is_end = (
        np.concatenate([[True], change]) | np.concatenate([change, [True]]) if len(way) else np.zeros(0, dtype=bool)
    )
    own = ways.level[way]
    level = np.where(is_end, 0, own)
    aloft = ~is_end & (own != 0)
    if not aloft.any():
        return level
    # Only places that the middle of a bridge or tunnel touches need a closer look, and they are few.
    middles: dict[int, set[int]] = {}
    for spot, height in zip(place[aloft].tolist(), own[aloft].tolist(), strict=True):
        middles.setdefault(spot, set()).add(height)
    near = np.flatnonzero(np.isin(place, np.fromiter(middles, dtype=np.int64)))
    on_ground: dict[int, list[int]] = {}
    for vertex in near.tolist():
        if is_end[vertex] and int(own[vertex]) in middles[int(place[vertex])]:
            level[vertex] = own[vertex]
        elif level[vertex] == 0:
            on_ground.setdefault(int(place[vertex]), []).append(vertex)
    steps = ways.steps
    for spot, vertices in on_ground.items():
        alone = len({int(way[vertex]) for vertex in vertices}) == 1
        if all(is_end[v] for v in vertices) and (alone or all(steps[way[v]] for v in vertices)):
            for vertex in vertices:
                level[vertex] = _nearest_height(middles[spot], int(own[vertex]))
    return level


def _nearest_height(heights: set[int], own: int) -> int:
    return min(heights, key=lambda height: (abs(height - own), height))


def segments_of(ways: Ways, vertices: Vertices) -> tuple[Segments, int]:
    """Return the stretches between consecutive nodes, each once, and how many were drawn again.

    Of a stretch drawn as steps and as level ground, the ground is kept.
    """
    count = int(vertices.node.max()) + 1 if len(vertices.node) else 0
    x_m, y_m = np.zeros(count), np.zeros(count)
    x_m[vertices.node], y_m[vertices.node] = ways.x_m[vertices.index], ways.y_m[vertices.index]
    inside = np.flatnonzero(vertices.way[1:] == vertices.way[:-1])
    a, b, way = vertices.node[inside], vertices.node[inside + 1], vertices.way[inside]
    steps = ways.steps[way]
    low, high = np.minimum(a, b), np.maximum(a, b)
    order = np.lexsort((way, steps, high, low))
    low, high = low[order], high[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    chosen = np.sort(order[first])
    return Segments(a[chosen], b[chosen], steps[chosen], way[chosen], x_m, y_m), len(order) - len(chosen)


def chain_segments(segments: Segments) -> Chains:
    """String segments together through nodes where nothing else meets.

    A node stays an end when it has one segment or more than two, or where steps begin. A closed ring that meets nothing is cut at one of its nodes.
    """
    count = len(segments.x_m)
    around = np.concatenate([segments.a, segments.b])
    degree = np.bincount(around, minlength=count)
    with_steps = np.bincount(around, weights=np.tile(segments.steps, 2), minlength=count)
    through = (degree == 2) & (with_steps != 1)
    order = np.argsort(around, kind="stable")
    incident = (order % max(1, len(segments.a))).tolist()
    first = np.concatenate([[0], np.cumsum(degree)]).tolist()
    a, b, passes = segments.a.tolist(), segments.b.tolist(), through.tolist()
    used = [False] * len(a)
    vertices: list[int] = []
    start: list[int] = [0]
    firsts: list[int] = []

    def walk(node: int, segment: int) -> None:
        """Follow a chain from ``node`` along ``segment`` until it ends."""
        firsts.append(segment)
        begin = node
        vertices.append(node)
        while True:
            used[segment] = True
            node = b[segment] if a[segment] == node else a[segment]
            vertices.append(node)
            if node == begin or not passes[node]:
                break
            one, other = incident[first[node]], incident[first[node] + 1]
            segment = other if one == segment else one
        start.append(len(vertices))

    for node in np.flatnonzero(~through & (degree > 0)).tolist():
        for position in range(first[node], first[node + 1]):
            if not used[incident[position]]:
                walk(node, incident[position])
    for segment in range(len(a)):  # what is left are rings that meet nothing
        if not used[segment]:
            walk(a[segment], segment)
    return Chains(np.array(vertices, dtype=np.int64), np.array(start, dtype=np.int64), np.array(firsts, dtype=np.int64))


def _group_equal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Number equal pairs alike, int64, from 0."""
    order = np.lexsort((second, first))
    # −0.0 equals 0.0 in this comparison, as it must: both are the same place.
    changes = (first[order][1:] != first[order][:-1]) | (second[order][1:] != second[order][:-1])
    group = np.zeros(len(first), dtype=np.int64)
    if len(first):
        group[order] = np.concatenate([[0], np.cumsum(changes)])
    return group
