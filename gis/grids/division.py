"""Dividing a place into grids along its streets: the blocks between streets, merged until each has a workable size.

A grid should follow streets and buildings (domain rules of GB/T 34300); squares that cross rivers and railways are of no use to whoever
walks them. So borders run only along the given lines and the place's own boundary.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gis.crs import WGS84, MetricCRS
from gis.grids.geometry import polygonal

_SMALLEST, _LARGEST = 0.5, 1.5
"""Merging goes on below the first and does not go beyond the second of these multiples of the target, where that is possible."""
_THIN = 0.12
"""A block narrower than this share of the target's side (30 m of 245 m) is what lies between two carriageways, not a place to live."""
_REACH_DEG = 2.0 / 111_320.0
"""Streets that end this near (2 m) to the boundary are taken to reach it."""
_MILLIMETRE_DEG = 1e-8


def divide(
    boundary: shapely.Geometry,
    streets: np.ndarray,
    metric: MetricCRS,
    *,
    target_area_m2: float = 60_000.0,
    weights: np.ndarray | None = None,
) -> gpd.GeoDataFrame:
    """Divide a place into grids along its streets.

    The streets inside the boundary cut it into blocks. Strips between carriageways go to the block beside them; then the smallest block is merged with the neighbour with which it shares the
    largest part of its border, borders along heavy streets counting less, until every grid is between half and one and a half times
    the target. A block that no street cuts stays as large as it is; a small one merges even if that makes a grid too large.

    Args:
        boundary: polygon or multipolygon, EPSG:4326.
        streets: (n,) lines, EPSG:4326; dead ends cut nothing. Rivers and railways may be among them.
        metric: the place's metric zone.
        target_area_m2: wanted area of a grid, m².
        weights: (n,) how strongly each line divides, above 0: 1 for an ordinary street, more for a main road or a river; all 1 when
            None.

    Returns:
        Columns ``number`` (1…, in rows from north to south, in each from west to east), ``area_m2`` and geometry in EPSG:4326. The
        grids share their borders vertex by vertex and cover the boundary.

    Raises:
        ValueError: the boundary has no area, the target is not above zero, or weights are not one above zero for each street.
    """
    boundary, streets = polygonal(boundary), np.asarray(streets, dtype=object)
    strength = np.ones(len(streets)) if weights is None else np.asarray(weights, dtype=float)
    if boundary.is_empty:
        raise ValueError("范围没有面积 / the boundary has no area")
    if not target_area_m2 > 0:
        raise ValueError("目标面积须大于零 / the target area must be above zero")
    if strength.shape != (len(streets),) or not (strength > 0).all():
        raise ValueError("每条线须有一个大于零的权重 / every line needs a weight above zero")
    blocks = _blocks(boundary, streets)
    blocks_m = metric.geometry_to_m(blocks)
    areas_m2, rims_m = shapely.area(blocks_m), shapely.length(blocks_m)
    borders = _borders(blocks, streets, strength, metric)
    thin = 2 * areas_m2 / rims_m < _THIN * np.sqrt(target_area_m2)
    grid = _Regions(areas_m2, borders, target_area_m2).merged(thin)
    shapes = np.array([shapely.coverage_union_all(blocks[grid == one]) for one in np.unique(grid)], dtype=object)
    shapes_m = metric.geometry_to_m(shapes)
    area_m2, order = shapely.area(shapes_m), _reading_order(shapes_m)
    return gpd.GeoDataFrame(
        {"number": np.arange(1, len(shapes) + 1), "area_m2": area_m2[order]},
        geometry=shapes[order],
        crs=WGS84,
    )


def _blocks(boundary: shapely.Geometry, streets: np.ndarray) -> np.ndarray:
    """Return the faces between the streets inside the boundary; together they are the boundary's inside."""
    rim = shapely.boundary(boundary)
    near = shapely.get_parts(shapely.force_2d(streets[shapely.dwithin(streets, boundary, _REACH_DEG)]))
    # Not cut at the boundary beforehand: a cut end is rounded and may stop short of it, and would divide nothing.
    lines = shapely.union_all([rim, *near, *_reaching(near, rim)])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts([lines])))
    return faces[shapely.contains(boundary, shapely.point_on_surface(faces))]


def _reaching(streets: np.ndarray, rim: shapely.Geometry) -> list[shapely.Geometry]:
    """Return short lines that take street ends which all but reach the boundary across it."""
    ends = []
    for from_end in (0, -1):
        tip = shapely.get_coordinates(shapely.get_point(streets, from_end))
        before = shapely.get_coordinates(shapely.get_point(streets, 1 if from_end == 0 else -2))
        ends.append(np.stack([tip, tip - before], axis=1))
    tip, along = np.concatenate(ends).transpose(1, 0, 2)
    close = shapely.dwithin(shapely.points(tip), rim, _REACH_DEG)
    tip, along = tip[close], along[close]
    bridge = shapely.get_coordinates(shapely.shortest_line(shapely.points(tip), rim)).reshape(-1, 2, 2)
    there = tip + 2 * (bridge[:, 1] - bridge[:, 0])
    # Where a rounding error is all that is missing, twice it may be nothing: the street goes on for a millimetre as well.
    length = np.hypot(*along.T)[:, None]
    onward = tip + np.divide(along, length, out=np.zeros_like(along), where=length > 0) * _MILLIMETRE_DEG
    return [
        *shapely.linestrings(np.stack([tip, there], axis=1)),
        *shapely.linestrings(np.stack([tip, onward], axis=1)),
    ]


@dataclass(frozen=True)
class _Borders:
    """What pairs of blocks share: blocks ``first`` < ``second``, their border's length, and that divided by its streets' weights."""

    first: np.ndarray
    second: np.ndarray
    length_m: np.ndarray
    pull_m: np.ndarray


def _borders(blocks: np.ndarray, streets: np.ndarray, strength: np.ndarray, metric: MetricCRS) -> _Borders:
    """Find shared borders by their segments: faces of one network share them end by end, to the last bit."""
    rings, face = shapely.get_rings(blocks, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    start = np.flatnonzero(ring[1:] == ring[:-1])
    a, b, owner = points[start], points[start + 1], face[ring[start]]
    forward = (a[:, 0] < b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] < b[:, 1]))
    ends = np.where(forward[:, None], np.hstack([a, b]), np.hstack([b, a]))
    order = np.lexsort([owner, *ends.T])
    ends, owner = ends[order], owner[order]
    twice = np.flatnonzero((ends[1:] == ends[:-1]).all(axis=1) & (owner[1:] != owner[:-1]))
    ends, first, second = ends[twice], owner[twice], owner[twice + 1]
    first, second = np.minimum(first, second), np.maximum(first, second)
    (xa, ya), (xb, yb) = metric.to_m(ends[:, 0], ends[:, 1]), metric.to_m(ends[:, 2], ends[:, 3])
    length_m = pull_m = np.hypot(xb - xa, yb - ya)
    if len(streets) and len(ends):
        middle = shapely.points((ends[:, :2] + ends[:, 2:]) / 2)
        pull_m = length_m / strength[shapely.STRtree(streets).nearest(middle)]
    pair, where = np.unique(np.column_stack([first, second]), axis=0, return_inverse=True)
    summed = (np.bincount(where.ravel(), weights=each, minlength=len(pair)) for each in (length_m, pull_m))
    return _Borders(pair[:, 0], pair[:, 1], *summed)


class _Regions:
    """Blocks on their way to grids; neighbours by the pull of their common border."""

    def __init__(self, areas_m2: np.ndarray, borders: _Borders, target_m2: float) -> None:
        self._area_m2 = dict(enumerate(areas_m2.tolist()))
        self._members = {block: [block] for block in self._area_m2}
        self._pull: dict[int, dict[int, float]] = {block: {} for block in self._area_m2}
        for first, second, pull in zip(borders.first, borders.second, borders.pull_m, strict=True):
            self._pull[int(first)][int(second)] = self._pull[int(second)][int(first)] = float(pull)
        self._borders = borders
        self._target_m2 = target_m2

    def merged(self, thin: np.ndarray) -> np.ndarray:
        """Merge thin blocks (bool per block), then the smallest first, and return for each block the number of its region."""
        self._merge_thin(thin)
        queue = [(area_m2, region) for region, area_m2 in self._area_m2.items()]
        heapq.heapify(queue)
        while queue:
            area_m2, region = heapq.heappop(queue)
            if self._area_m2.get(region) != area_m2:
                continue  # grown or merged away since it was queued
            other = self._partner(region)
            if other is not None:
                self._merge(other, region)
                heapq.heappush(queue, (self._area_m2[other], other))
        grid = np.empty(sum(len(members) for members in self._members.values()), dtype=np.int64)
        for number, members in enumerate(self._members.values()):
            grid[members] = number
        return grid

    def _merge_thin(self, thin: np.ndarray) -> None:
        """Give each thin block to the one with which it shares most, whatever the street between them weighs."""
        holder = {block: block for block in self._area_m2}
        left = set(np.flatnonzero(thin).tolist())
        longest_first = np.argsort(-self._borders.length_m, kind="stable")
        pairs = np.column_stack([self._borders.first, self._borders.second])[longest_first].tolist()
        before = -1
        while left and len(left) != before:  # strips beside strips only have to wait for these
            before = len(left)
            for first, second in pairs:
                if (first in left) != (second in left):
                    strip, other = (first, second) if first in left else (second, first)
                    self._merge(holder[other], strip)
                    holder[strip] = holder[other]
                    left.remove(strip)

    def _partner(self, region: int) -> int | None:
        """Return the neighbour to merge a region with, or None where it should stay."""
        area_m2, neighbours = self._area_m2[region], self._pull[region]
        if area_m2 >= self._target_m2 or not neighbours:
            return None
        fitting = [other for other in neighbours if area_m2 + self._area_m2[other] <= _LARGEST * self._target_m2]
        if fitting:
            return max(fitting, key=lambda other: (neighbours[other], -self._area_m2[other], -other))
        if area_m2 >= _SMALLEST * self._target_m2:
            return None
        return min(neighbours, key=lambda other: (self._area_m2[other], other))

    def _merge(self, kept: int, gone: int) -> None:
        self._area_m2[kept] += self._area_m2.pop(gone)
        self._members[kept] += self._members.pop(gone)
        for other, pull in self._neighbours_of(gone):
            if other != kept:
                self._pull[kept][other] = self._pull[other][kept] = self._pull[kept].get(other, 0.0) + pull

    def _neighbours_of(self, gone: int) -> Iterator[tuple[int, float]]:
        neighbours = self._pull.pop(gone)
        for other in neighbours:
            del self._pull[other][gone]
        yield from neighbours.items()


def _reading_order(shapes_m: np.ndarray) -> np.ndarray:
    """Return the order of a page: rows from the north, in each from the west."""
    x_m, y_m = shapely.get_coordinates(shapely.centroid(shapes_m)).T
    _, south, _, north = shapely.bounds(shapes_m).T
    # Less than a grid's height, so that two above one another are in two rows; not much less, so that neighbours are in one.
    row = np.floor((y_m.max() - y_m) / (0.7 * np.median(north - south)))
    return np.lexsort([x_m, row])
