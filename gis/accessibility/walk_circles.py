"""Walking service circles: what can be reached along the streets, cut exactly where the time is up, as polygons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from gis.accessibility.circles import discs_m
from gis.accessibility.graph import StreetGraph
from gis.accessibility.policy import WalkPolicy
from gis.accessibility.snapping import Snapped
from gis.accessibility.walking import spread_each
from gis.crs import MetricCRS

_CHUNK_STATIONS = 64
_CORNER_SEGMENTS = 4
_INSIDE_M = 0.001
"""Walking circles are cut this much inside the straight-line circle, so that rounding in degrees cannot carry them across its rim."""


def walk_circles_m(
    graph: StreetGraph, stations: Snapped, distances_m: Sequence[float], margin_m: float | None = None
) -> np.ndarray:
    """Draw how far one can walk from each station.

    The reachable parts of edges, and the way from the station to the street, are widened by the margin to each side and cut off at the
    straight-line circle of the same distance, which no walk can leave. A polygon therefore holds every point of a street that is
    within the distance, and lies within the buffer circle of `circles.buffer_circles` for that distance; the polygons of one station lie
    within each other.

    Args:
        graph: the streets that the profile can walk on.
        stations: joined to this graph.
        distances_m: d distances in metres, each more than 0.
        margin_m: metres; by default the policy's ``circle_margin_m``.

    Returns:
        Polygons in metres (k, d); None where a station does not join the network.

    Raises:
        ValueError: a distance or the margin is not positive.
    """
    margin_m = WalkPolicy().circle_margin_m if margin_m is None else margin_m
    if not (all(distance > 0 for distance in distances_m) and margin_m > 0):
        raise ValueError("距离与加宽须大于 0 / distances and margin must be more than 0")
    circles = np.full((len(stations), len(distances_m)), None, dtype=object)
    usable = np.flatnonzero(stations.edge >= 0)
    if len(usable) == 0 or len(distances_m) == 0:
        return circles
    lengths_m = np.asarray(distances_m, dtype=np.float64)
    ascending = np.argsort(lengths_m, kind="stable")
    for begin in range(0, len(usable), _CHUNK_STATIONS):
        chunk = usable[begin : begin + _CHUNK_STATIONS]
        found = stations.take(chunk)
        for row, node_m in enumerate(spread_each(graph, found, max(distances_m))):
            circles[chunk[row], ascending] = _nested(graph, found, row, node_m, lengths_m[ascending], margin_m)
    return circles


def walk_circles(
    graph: StreetGraph,
    stations: Snapped,
    distances_m: Sequence[float],
    metric: MetricCRS,
    margin_m: float | None = None,
) -> np.ndarray:
    """Draw walking circles as `walk_circles_m` does, returned in EPSG:4326, valid, (k, d)."""
    drawn = walk_circles_m(graph, stations, distances_m, margin_m)
    circles = metric.geometry_to_lonlat(drawn.ravel()).reshape(drawn.shape)
    # Rounding to degrees may make a hair-thin spike touch itself.
    broken = ~shapely.is_valid(circles) & ~shapely.is_missing(circles)
    circles[broken] = shapely.make_valid(circles[broken], method="structure")
    return circles


def reachable_lines(
    graph: StreetGraph, stations: Snapped, row: int, node_m: np.ndarray, distance_m: float
) -> np.ndarray:
    """Cut out what can be reached from one station.

    Args:
        graph: the streets.
        stations: joined to this graph.
        row: which station.
        node_m: float64 (n,), metres from it to every node (`walking.spread_each`), known at least up to the distance.
        distance_m: metres.

    Returns:
        LineStrings in metres: parts of edges, and the way from the station to the street.
    """
    edge, low_m, high_m = _reached_parts(graph, stations, row, node_m, distance_m)
    lines = _cut(graph, edge, low_m, high_m)
    access_m = float(stations.access_m[row])
    if access_m > 0:
        share = min(1.0, distance_m / access_m)
        door = np.array([stations.x_m[row], stations.y_m[row]])
        street = np.array([stations.snap_x_m[row], stations.snap_y_m[row]])
        lines = np.append(lines, shapely.linestrings(np.stack([door, door + share * (street - door)])))
    return lines


def _nested(
    graph: StreetGraph, stations: Snapped, row: int, node_m: np.ndarray, distances_m: np.ndarray, margin_m: float
) -> list[shapely.Geometry]:
    """The circles of one station for ascending distances."""
    circles: list[shapely.Geometry] = []
    wide = shapely.Polygon()
    drawn: set[bytes] = set()
    for distance_m in distances_m.tolist():
        lines = reachable_lines(graph, stations, row, node_m, distance_m)
        # Most edges that a shorter distance reached whole are drawn already; only the rim changes.
        shapes = shapely.to_wkb(lines).tolist()
        fresh = lines[np.array([shape not in drawn for shape in shapes], dtype=bool)]
        drawn.update(shapes)
        strips = shapely.buffer(fresh, margin_m, quad_segs=_CORNER_SEGMENTS)
        wide = shapely.union_all(np.append(strips, wide))
        radius_m = max(distance_m - _INSIDE_M, distance_m / 2.0)
        disc = discs_m(stations.x_m[row : row + 1], stations.y_m[row : row + 1], radius_m)[0]
        circle = shapely.intersection(wide, disc)
        # Cutting rounds the new corners: without this, the shorter circle could stand out by less than a micrometre.
        circles.append(shapely.union(circle, circles[-1]) if circles else circle)
    return circles


def _reached_parts(
    graph: StreetGraph, stations: Snapped, row: int, node_m: np.ndarray, distance_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges with the part of each, from low to high metres along it, that lies within the distance."""
    left_u_m = distance_m - node_m[graph.edge_u]
    left_v_m = distance_m - node_m[graph.edge_v]
    near = np.flatnonzero((left_u_m > 0) | (left_v_m > 0))
    length_m = graph.edge_length_m[near]
    from_u_m = np.clip(left_u_m[near], 0.0, length_m)
    from_v_m = np.clip(left_v_m[near], 0.0, length_m)
    whole = from_u_m + from_v_m >= length_m
    zero = np.zeros(len(near))
    own_m = distance_m - float(stations.access_m[row])
    own = int(stations.edge[row])
    at_m = float(stations.offset_m[row])
    edge = np.concatenate([near, near[~whole], [own]])
    low_m = np.concatenate([zero, (length_m - from_v_m)[~whole], [max(0.0, at_m - own_m)]])
    high_m = np.concatenate(
        [np.where(whole, length_m, from_u_m), length_m[~whole], [min(float(graph.edge_length_m[own]), at_m + own_m)]]
    )
    real = high_m > low_m
    return edge[real], low_m[real], high_m[real]


def _cut(graph: StreetGraph, edge: np.ndarray, low_m: np.ndarray, high_m: np.ndarray) -> np.ndarray:
    """LineStrings of the given parts of edges."""
    counts = np.diff(graph.shape_start)[edge] - 1
    part = np.repeat(np.arange(len(edge)), counts)
    place = np.arange(len(part)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = graph.shape_start[edge][part] + place
    begin_m = np.maximum(graph.shape_at_m[first], low_m[part])
    end_m = np.minimum(graph.shape_at_m[first + 1], high_m[part])
    kept = end_m > begin_m
    part, first, begin_m, end_m = part[kept], first[kept], begin_m[kept], end_m[kept]
    opens = np.concatenate([[True], np.diff(part) != 0]) if len(part) else np.zeros(0, dtype=bool)
    # Each part begins with one point, and every segment adds the point where it ends.
    vertex = np.concatenate([first[opens], first])
    at_m = np.concatenate([begin_m[opens], end_m])
    line = np.concatenate([part[opens], part])
    order = np.lexsort((at_m, line))
    line, vertex, at_m = line[order], vertex[order], at_m[order]
    share = (at_m - graph.shape_at_m[vertex]) / (graph.shape_at_m[vertex + 1] - graph.shape_at_m[vertex])
    x_m = graph.shape_x_m[vertex] + share * (graph.shape_x_m[vertex + 1] - graph.shape_x_m[vertex])
    y_m = graph.shape_y_m[vertex] + share * (graph.shape_y_m[vertex + 1] - graph.shape_y_m[vertex])
    if len(line) == 0:
        return np.zeros(0, dtype=object)
    renumbered = np.concatenate([[0], np.cumsum(np.diff(line) != 0)])
    return shapely.linestrings(np.column_stack([x_m, y_m]), indices=renumbered)
