"""Small street maps drawn by hand and at random."""

import numpy as np
import shapely

from gis.accessibility.graph import build_graph
from gis.accessibility.ways import Ways


def draw(*lines, **columns):
    """Return ways from lists of vertices; every column may be left out."""
    columns.setdefault("kind", ["residential"] * len(lines))
    return Ways.from_lines(np.array([shapely.LineString(line) for line in lines], dtype=object), **columns)


def graph_of(*lines, **columns):
    """Return the street graph of lists of vertices."""
    return build_graph(draw(*lines, **columns))


def xy(*positions):
    """Return the columns of positions."""
    pairs = np.array(positions, dtype=float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def random_town(seed, size=9, origin=(0.0, 0.0)):
    """Return a crooked town of ways with bends, gaps, diagonals, steps, a bridge, rings, repeated and separate streets."""
    rng = np.random.default_rng(seed)
    corner = np.stack(np.meshgrid(np.arange(size) * 90.0, np.arange(size) * 70.0, indexing="ij"), axis=-1)
    corner = corner + rng.normal(0, 14, corner.shape) + np.array(origin)
    lines, kinds, bridges = [], [], []

    def add(points, kind="residential", bridge=False):
        lines.append([tuple(p) for p in points])
        kinds.append(kind)
        bridges.append(bridge)

    for i in range(size):
        for chain in (corner[i], corner[:, i]):
            points = [chain[0]]
            for nxt in chain[1:]:
                if rng.random() < 0.15 and len(points) > 1:
                    add(points)
                    points = [nxt]
                    continue
                if rng.random() < 0.5:
                    points.append((points[-1] + nxt) / 2 + rng.normal(0, 12, 2))
                points.append(nxt)
            if len(points) > 1:
                add(points)
    for _ in range(size):
        i, j = rng.integers(0, size - 1, 2)
        add([corner[i, j], corner[i + 1, j + 1]], kind="steps" if rng.random() < 0.6 else "footway")
    middle = size // 2
    add([corner[0, 0], corner[middle, middle], corner[-1, -1]], bridge=True)
    ring = corner[1, 1] + 18 * np.column_stack([np.cos(np.linspace(0, 5.5, 7)), np.sin(np.linspace(0, 5.5, 7))])
    add([*ring, ring[0]])
    add(corner[2, 2] + np.array([(0, 0), (15, 25), (-15, 25), (0, 0)]))
    add(lines[0])
    add(lines[1][::-1], kind="steps")
    island = corner[-1, -1] + 130
    add(island + np.array([(0, 0), (60, 10), (70, 50)]))
    ways = draw(*lines, kind=kinds, bridge=bridges)
    low, high = corner.min(axis=(0, 1)), corner.max(axis=(0, 1))
    return ways, low - 60, high + 230, rng
