"""Mending polygons that files bring, repaired where that changes next to nothing, reported otherwise; and what lies between two boundaries."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np
import shapely

REPAIR_SHARE = 0.001
"""A repair that changes more than this share of the area is not made."""

STRIP_MARGIN_DEG = 1e-9
"""About 0.1 mm: far more than the rounding of an overlay (1e-14 degrees), far less than between two homes."""

MOST_CROSSINGS = 2000
"""A boundary that crosses itself more often is not repaired: that takes time and memory with the square of it, and no repair of it is small."""
_EDGES_AT_ONCE = 64
_MOST_PAIRS = 20_000_000
"""So many pairs of edges are looked at, some seconds' worth."""

_PLACE = re.compile(r"^(.*?)\s*\[(\S+) (\S+)\]\s*$")
_CHINESE = {
    "Self-intersection": "边界自相交",
    "Ring Self-intersection": "边界与自身相接",
    "Hole lies outside shell": "洞在外边界之外",
    "Holes are nested": "洞套着洞",
    "Nested shells": "部分套着部分",
    "Interior is disconnected": "内部不连通",
    "Duplicate Rings": "边界重复",
    "Too few points in geometry component": "边界的点太少",
    "Invalid Coordinate": "坐标无效",
    "Ring is not closed": "边界未闭合",
    "No geometry": "没有图形",
}


@dataclass(frozen=True)
class Repaired:
    """The outcome of a repair; all arrays have the length of the input.

    Attributes:
        geometries: valid polygons or multipolygons, empty where no area is left or no repair was tried, None where there was none.
        share: how much of the area the repair changes; 0 for valid polygons, NaN where there is no repaired area.
        reason: what was wrong in GEOS's English words, '' for valid ones.
        reason_zh: the same in Chinese.
        lon: where the first fault is, x; NaN where that is not known.
        lat: the same, y.
    """

    geometries: np.ndarray
    share: np.ndarray
    reason: np.ndarray
    reason_zh: np.ndarray
    lon: np.ndarray
    lat: np.ndarray


def moved_strip(before: shapely.Geometry, after: shapely.Geometry) -> shapely.Geometry:
    """Return where the answer to "is this position in the polygon?" may have changed, edges included; empty where nowhere.

    Never too little: what lies between the boundaries is within the box of the edges that only one of them has, because elsewhere nothing has changed on
    either side. Mostly that box is the answer. Where it is larger than the polygons' own boxes together (a grid that goes elsewhere), it is what lies
    between, together with these edges: overlays round the corners that they make. Either is a tenth of a millimetre wider.

    Args:
        before: a valid polygon or multipolygon, in degrees.
        after: another one.
    """
    edges = _edges(before) ^ _edges(after)
    if not edges:
        return shapely.Polygon()
    ends = np.array(sorted(edges)).reshape(-1, 2, 2)
    box = shapely.box(*ends.min(axis=(0, 1)), *ends.max(axis=(0, 1)))
    if box.area <= shapely.area(shapely.envelope([before, after])).sum():
        return shapely.box(*(np.array(box.bounds) + STRIP_MARGIN_DEG * np.array([-1, -1, 1, 1])))
    between = shapely.symmetric_difference(before, after)
    lines = shapely.linestrings(ends)
    return shapely.buffer(shapely.geometrycollections([between, *lines]), STRIP_MARGIN_DEG, quad_segs=1)


def _edges(polygon: shapely.Geometry) -> set[tuple[float, ...]]:
    """Return the edges of a polygon, each as the four coordinates of its ends, the lesser end first."""
    points, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(polygon)), return_index=True)
    ends = np.hstack([points[:-1], points[1:]])[ring[:-1] == ring[1:]]
    turned = (ends[:, 0] > ends[:, 2]) | ((ends[:, 0] == ends[:, 2]) & (ends[:, 1] > ends[:, 3]))
    ends[turned] = ends[turned][:, [2, 3, 0, 1]]
    return set(map(tuple, ends.tolist()))


def repair(geometries: np.ndarray) -> Repaired:
    """Make polygons valid and say how much that changes.

    The rings as drawn enclose each spot of the plane a number of times: once is inside, not at all is outside, and anything
    else (twice, or backwards) is where nobody knows what was meant. The share is the area of the spots at which the repaired
    polygon differs from that number, each counted as often as it differs, over the repaired area. So a spike without width or a
    hole that touches the boundary changes nothing, a small loop at a corner changes twice what it encloses (it runs
    backwards), and a figure of eight of two equal lobes changes all. Adding the areas with their signs would let two such faults
    hide each other.

    Args:
        geometries: (n,) polygons or multipolygons, in degrees or metres (a share is the same in both); not changed.

    Returns:
        Valid polygons and what was changed; valid ones are passed on as they are.
    """
    mended = np.array(geometries, dtype=object)
    n = len(mended)
    share, lon, lat = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan)
    reason, reason_zh = np.full(n, "", dtype=object), np.full(n, "", dtype=object)
    for i in np.flatnonzero(~shapely.is_valid(mended)):
        reason[i], lon[i], lat[i] = _fault(mended[i])
        reason_zh[i] = _CHINESE.get(reason[i], "图形无效")
        share[i] = np.nan
        if mended[i] is None:
            continue
        drawn, mended[i] = mended[i], shapely.MultiPolygon()
        if not np.isfinite(shapely.get_coordinates(drawn)).all():
            continue
        if _is_tangled(drawn):
            reason[i], reason_zh[i] = "Too many self-intersections", "边界自相交太多"
        else:
            mended[i] = polygonal(shapely.make_valid(drawn, method="structure", keep_collapsed=False))
        if mended[i].area > 0:
            share[i] = _changed_area(drawn, mended[i]) / mended[i].area
    return Repaired(mended, share, reason, reason_zh, lon, lat)


def _is_tangled(drawn: shapely.Geometry) -> bool:
    """Tell whether the boundary of a polygon crosses itself more often than :data:`MOST_CROSSINGS`."""
    ends = np.array([edge for edge in _edges(drawn) if edge[:2] != edge[2:]]).reshape(-1, 4)
    if len(ends) ** 2 <= 2 * MOST_CROSSINGS:  # fewer pairs than that
        return False
    edges = shapely.linestrings(ends.reshape(-1, 2, 2))
    tree = shapely.STRtree(edges)
    crossings = pairs = 0
    for first in range(0, len(edges), _EDGES_AT_ONCE):
        one, other = tree.query(edges[first : first + _EDGES_AT_ONCE])
        one += first
        later = one < other
        pairs += int(later.sum())
        crossings += int(_cross(ends[one[later]], ends[other[later]]).sum())
        if crossings > MOST_CROSSINGS or pairs > _MOST_PAIRS:
            return True
    return False


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return which edges (n, 4) go through the other ones, from one side to the other; bool (n,)."""

    def side(line: np.ndarray, at: int) -> np.ndarray:
        point = (other if line is one else one)[:, at : at + 2]
        along, away = line[:, 2:] - line[:, :2], point - line[:, :2]
        return np.asarray(np.sign(along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0]))

    return np.asarray((side(one, 0) * side(one, 2) < 0) & (side(other, 0) * side(other, 2) < 0))


def polygonal(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygonal part of any geometry, an empty multipolygon where there is none; parts without area are dropped."""
    # A collection's parts may be multipolygons themselves: twice takes them apart.
    parts = shapely.get_parts(shapely.get_parts(geometry))
    parts = parts[(shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 0)]
    if len(parts) == 0:
        return shapely.MultiPolygon()
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def _fault(geometry: shapely.Geometry | None) -> tuple[str, float, float]:
    """Return what is wrong with a geometry, and where."""
    if geometry is None:
        return "No geometry", np.nan, np.nan
    words = shapely.is_valid_reason(geometry)
    place = _PLACE.match(words)
    if place is None:
        return words, np.nan, np.nan
    x, y = float(place[2]), float(place[3])
    return (place[1], x, y) if np.isfinite(x) and np.isfinite(y) else (place[1], np.nan, np.nan)


def _changed_area(drawn: shapely.Geometry, mended: shapely.Geometry) -> float:
    """Return the area, counted by multiplicity, at which the rings as drawn and the repaired polygon differ."""
    parts = shapely.get_parts(drawn)
    rings, part = shapely.get_rings(parts, return_index=True)
    is_shell = np.concatenate([[True], part[1:] != part[:-1]])
    faces = shapely.get_parts(shapely.polygonize([shapely.node(shapely.multilinestrings(rings))]))
    if len(faces) == 0:
        return 0.0
    inside = _well_inside(faces)
    times = np.zeros(len(faces))
    for ring, shell in zip(rings, is_shell, strict=True):
        corners = shapely.get_coordinates(ring)
        # By the area's sign: a look at the topmost corner, as is_ccw takes, is deceived by a spike there.
        turns = _windings(corners, inside) * (1 if _doubled_area(corners) >= 0 else -1)
        times += turns if shell else -turns
    kept = shapely.intersects_xy(mended, inside[:, 0], inside[:, 1])
    return float(np.sum(np.abs(times - kept) * shapely.area(faces)))


def _well_inside(faces: np.ndarray) -> np.ndarray:
    """Return a point inside each face (n, 2): the middle of its largest triangle.

    ``point_on_surface`` can give a corner of a face that ends in a spike of next to no width.
    """
    triangles, face = shapely.get_parts(shapely.constrained_delaunay_triangles(faces), return_index=True)
    order = np.lexsort((shapely.area(triangles), face))
    largest = order[np.searchsorted(face[order], np.arange(len(faces)), side="right") - 1]
    return np.asarray(shapely.get_coordinates(shapely.centroid(triangles[largest])))


def _doubled_area(ring: np.ndarray) -> float:
    x, y = (ring - ring[0]).T
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))


def _windings(ring: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return how often a closed ring (k, 2) goes round each of the points (m, 2), anticlockwise positive."""
    turns = np.zeros(len(points), dtype=np.int64)
    x, y = points[:, 0], points[:, 1]
    for (ax, ay), (bx, by) in itertools.pairwise(ring):
        left = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
        turns += (ay <= y) & (by > y) & (left > 0)
        turns -= (ay > y) & (by <= y) & (left < 0)
    return turns
