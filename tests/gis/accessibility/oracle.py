"""A slow second opinion: every home and station becomes a node of a networkx graph of straight segments, built in its own way."""

import math
from itertools import pairwise

import networkx as nx
import numpy as np


def oracle_seconds(ways, homes, stations, speed_mps, cap_m=150.0, steps_allowed=True):
    """Return the seconds from each home to its nearest station, infinite where there is no way."""
    segments = _segments(ways, steps_allowed)
    inserted = {}
    home_nodes = [_insert(segments, inserted, ("home", i), p, cap_m) for i, p in enumerate(homes)]
    station_nodes = [_insert(segments, inserted, ("station", i), p, cap_m) for i, p in enumerate(stations)]
    graph = nx.Graph()

    def link(a, b, metres):
        if not graph.has_edge(a, b) or graph[a][b]["weight"] > metres:
            graph.add_edge(a, b, weight=metres)

    for number, (a, b, _) in enumerate(segments):
        stops = sorted([(0.0, a), *inserted.get(number, []), (math.dist(a[:2], b[:2]), b)], key=lambda stop: stop[0])
        for (before_m, one), (after_m, other) in pairwise(stops):
            link(one, other, after_m - before_m)
    for place, joint, metres in (*filter(None, home_nodes), *filter(None, station_nodes)):
        link(place, joint, metres)
    sources = {node[0] for node in station_nodes if node}
    reached = nx.multi_source_dijkstra_path_length(graph, sources) if sources else {}
    return np.array([reached.get(node[0], math.inf) if node else math.inf for node in home_nodes]) / speed_mps


def _segments(ways, steps_allowed):
    """Straight stretches between nodes ``(x, y, level)``."""
    chosen = ways.walkable()
    lines = []
    for i in np.flatnonzero(chosen):
        points = list(
            zip(ways.x_m[ways.start[i] : ways.start[i + 1]], ways.y_m[ways.start[i] : ways.start[i + 1]], strict=True)
        )
        points = [p for n, p in enumerate(points) if n == 0 or p != points[n - 1]]
        if len(points) > 1:
            level = int(ways.layer[i]) or (1 if ways.bridge[i] else -1 if ways.tunnel[i] else 0)
            lines.append((points, level, ways.kind[i] == "steps", int(i)))
    middles = {(p, level) for points, level, _, _ in lines if level for p in points[1:-1]}

    def base(line, n):
        points, level, _, _ = line
        is_end = n in (0, len(points) - 1)
        return level if not is_end or (points[n], level) in middles else 0

    on_ground = {}
    for line in lines:
        for n, p in enumerate(line[0]):
            if base(line, n) == 0:
                on_ground.setdefault(p, []).append((line[3], n in (0, len(line[0]) - 1), line[2]))

    def node(line, n):
        p, level = line[0][n], base(line, n)
        aloft = [height for q, height in middles if q == p]
        if level == 0 and aloft:
            there = on_ground[p]
            if all(end for _, end, _ in there) and (
                len({way for way, _, _ in there}) == 1 or all(s for _, _, s in there)
            ):
                level = min(aloft, key=lambda height: (abs(height - line[1]), height))
        return (*p, level)

    segments = {}
    for line in lines:
        for n in range(len(line[0]) - 1):
            a, b = node(line, n), node(line, n + 1)
            key = (min(a, b), max(a, b))
            segments[key] = segments.get(key, True) and line[2]
    return [(a, b, steps) for (a, b), steps in segments.items() if steps_allowed or not steps]


def _insert(segments, inserted, name, position, cap_m):
    """Put a place on its nearest segment; return its node, the node on the street, and the metres between; None when too far."""
    x, y = position
    if not (math.isfinite(x) and math.isfinite(y)) or not segments:
        return None
    a = np.array([segment[0][:2] for segment in segments])
    b = np.array([segment[1][:2] for segment in segments])
    d = b - a
    t = np.clip(((x - a[:, 0]) * d[:, 0] + (y - a[:, 1]) * d[:, 1]) / (d**2).sum(axis=1), 0, 1)
    away = np.hypot(a[:, 0] + t * d[:, 0] - x, a[:, 1] + t * d[:, 1] - y)
    nearest = int(np.argmin(away))
    if away[nearest] > cap_m:
        return None
    joint = ("joint", *name)
    inserted.setdefault(nearest, []).append((float(t[nearest] * math.hypot(*d[nearest])), joint))
    return name, joint, float(away[nearest])
