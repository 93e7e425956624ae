"""Which grid holds which position: one rule, the same in bulk, one by one and in the database.

A position belongs to the grid whose closed polygon holds it; where several do (a shared edge or corner, an overlap), to the
one with the lowest code. In SQL: ``ST_Covers(geometry, point) ORDER BY code LIMIT 1``.

Most positions never meet a polygon: a lattice over the place marks the cells that a boundary touches; what is left falls
into patches of cells with no boundary inside, so that one look answers for a whole patch. Positions in a touched cell are
put to the polygons themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np
import shapely
from numpy.typing import ArrayLike

_NONE = -1
_ASK = -2
"""In the lattice: a boundary touches this cell, the polygons have to be asked."""

_CELLS_PER_GRID = 1024
_MAX_CELLS = 1 << 22
_PAD = 1e-4
"""Boundaries are drawn into the lattice this much wider, in cells: a thousand times the rounding error of their positions."""
_STEEP = 1e-3
"""A segment that spans fewer cells than this from west to east is drawn as if it were vertical."""
_ULPS = 16
"""Floating-point numbers that a cell is at least long and high."""
_BLOCK = 1 << 16
"""Positions taken at a time, so that intermediate arrays stay in the processor's cache."""
_SEGMENT_BLOCK = 1 << 17
_UNDRAWN = np.full((1, 1), _ASK, dtype=np.int32), 0.0, 0.0, 0.0, 0.0
"""A lattice of one cell, in which every position is."""


class GridIndex:
    """Polygons with codes, prepared for look-ups. It never changes; several threads may use it."""

    def __init__(self, geometries: np.ndarray, codes: Sequence[str], *, drawn: bool = True) -> None:
        """Prepare the look-up.

        Args:
            geometries: (n,) valid polygons or multipolygons in one coordinate system; an empty one holds nothing.
            codes: (n,) their codes, all different.
            drawn: whether to draw the lattice, which takes as long as asking the polygons about some 200,000 positions.

        Raises:
            ValueError: lengths differ, a code comes twice, or a geometry is not polygonal.
        """
        self.codes = list(codes)
        shapes = np.array(geometries, dtype=object)
        if shapes.shape != (len(self.codes),):
            raise ValueError(f"网格与编码的数量不同 / {shapes.shape} geometries for {len(self.codes)} codes")
        if len(set(self.codes)) != len(self.codes):
            raise ValueError("网格编码重复 / a grid code comes twice")
        if not np.isin(shapely.get_type_id(shapes), (3, 6)).all():
            raise ValueError("网格须为面 / every grid must be a polygon or multipolygon")
        # In the order of codes, the first polygon that holds a position is the right one.
        by_code = sorted(range(len(self.codes)), key=self.codes.__getitem__)
        self._place = np.array([*by_code, _NONE], dtype=np.int32)
        # Copies: preparing marks the geometry object itself, which belongs to the caller.
        self._shapes = shapely.force_2d(shapes[by_code])
        shapely.prepare(self._shapes)
        self._tree = shapely.STRtree(self._shapes)
        self._warm(self._shapes)
        lattice: tuple[np.ndarray, float, float, float, float] = self._draw() if drawn else _UNDRAWN
        self._lattice, self._west, self._south, self._per_x, self._per_y = lattice
        self._rows, self._columns = self._lattice.shape

    def replaced(self, polygons: Mapping[int, shapely.Geometry]) -> GridIndex:
        """Return the index with other polygons for some codes; it answers as one prepared anew, and takes only their surroundings' time.

        Args:
            polygons: valid polygons or multipolygons by their places in ``codes``.

        Raises:
            ValueError: a geometry is not polygonal.
        """
        if not polygons:
            return self
        rank_of = np.argsort(self._place[:-1])
        rank = rank_of[list(polygons)]
        shapes = self._shapes.copy()
        shapes[rank] = shapely.force_2d(np.array([*polygons.values(), None], dtype=object)[:-1])
        if not np.isin(shapely.get_type_id(shapes[rank]), (3, 6)).all():
            raise ValueError("网格须为面 / every grid must be a polygon or multipolygon")
        window = self._window(np.concatenate([self._shapes[rank], shapes[rank]]))
        if window is None:
            return GridIndex(shapes[rank_of], self.codes)
        new = copy(self)
        new._shapes = shapes
        shapely.prepare(shapes[rank])
        new._tree = shapely.STRtree(shapes)
        new._warm(shapes[rank])
        new._lattice = self._lattice.copy()
        new._redraw(*window)
        return new

    def assign(self, lon: ArrayLike, lat: ArrayLike) -> np.ndarray:
        """Return for each position the place of its grid in ``codes``, −1 where there is none.

        Args:
            lon: (k,) x of the positions; NaN is in no grid.
            lat: (k,) y of the positions.

        Returns:
            (k,) int32.

        Raises:
            ValueError: the lengths differ.
        """
        x, y = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
        if x.ndim != 1 or x.shape != y.shape:
            raise ValueError(f"经度与纬度的数量不同 / lon and lat differ in length: {x.shape}, {y.shape}")
        found = np.empty(len(x), dtype=np.int32)
        for start in range(0, len(x), _BLOCK):
            block = slice(start, start + _BLOCK)
            found[block] = self._read_lattice(x[block], y[block])
        unclear = np.flatnonzero(found == _ASK)
        if len(unclear):
            found[unclear] = self._ask(x[unclear], y[unclear])
        return found

    def locate(self, lon: float, lat: float) -> int:
        """Return the place in ``codes`` of the grid that holds one position, −1 where there is none."""
        column, row = (lon - self._west) * self._per_x, (lat - self._south) * self._per_y
        if not (0.0 <= column < self._columns and 0.0 <= row < self._rows):
            return _NONE
        place = int(self._lattice[int(row), int(column)])
        if place != _ASK:
            return place
        near = np.sort(self._tree.query(shapely.Point(lon, lat)))
        held = near[shapely.intersects_xy(self._shapes[near], lon, lat)]
        return int(self._place[held[0]]) if len(held) else _NONE

    def _read_lattice(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        column, row = (x - self._west) * self._per_x, (y - self._south) * self._per_y
        inside = (column >= 0.0) & (column < self._columns) & (row >= 0.0) & (row < self._rows)
        if inside.all():
            return self._lattice[row.astype(np.int32), column.astype(np.int32)]
        found = np.full(len(x), _NONE, dtype=np.int32)
        found[inside] = self._lattice[row[inside].astype(np.int32), column[inside].astype(np.int32)]
        return found

    def _ask(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Ask the polygons; ``intersects_xy`` is true on the boundary too and decides by exact orientation."""
        point, shape = self._tree.query(shapely.points(x, y))
        # One polygon after the other: its edges stay in the processor's cache.
        order = np.argsort(shape, kind="stable")
        point, shape = point[order], shape[order]
        held = shapely.intersects_xy(self._shapes[shape], x[point], y[point])
        first = np.full(len(x), len(self._shapes), dtype=np.int64)
        np.minimum.at(first, point[held], shape[held])
        return self._place[first]

    def _warm(self, shapes: np.ndarray) -> None:
        """Have GEOS build its inner indexes now: it builds them at the first question, which two threads must not ask at once."""
        west, south, east, north = shapely.bounds(shapes).T
        # Inside the box, because GEOS answers for what is outside it without any index; an empty shape's box is NaN.
        shapely.intersects_xy(shapes, (west + east) / 2, (south + north) / 2)
        self._tree.query(shapely.Point(0.0, 0.0))

    def _draw(self) -> tuple[np.ndarray, float, float, float, float]:
        """Return the lattice (rows from the south, columns from the west), its corner, and cells per unit of x and y."""
        bounds = shapely.bounds(self._shapes[~shapely.is_empty(self._shapes)])
        if not len(bounds):
            return np.full((1, 1), _NONE, dtype=np.int32), 0.0, 0.0, 0.0, 0.0
        west, south = (float(value) for value in bounds[:, :2].min(axis=0))
        east, north = (float(value) for value in bounds[:, 2:].max(axis=0))
        if not (east > west and north > south):  # lines that call themselves polygons
            return np.full((1, 1), _ASK, dtype=np.int32), west, south, 0.0, 0.0
        rows, columns = _lattice_shape(west, south, east, north, len(self._shapes))
        per_x, per_y = (columns - 1) / (east - west), (rows - 1) / (north - south)
        touched = _touched(self._shapes, rows, columns, np.array([west, south]), np.array([per_x, per_y]))
        owner = self._owners(touched, np.array([west, south]), np.array([per_x, per_y]))
        return owner, west, south, per_x, per_y

    def _owners(self, touched: np.ndarray, corner: np.ndarray, per: np.ndarray) -> np.ndarray:
        """Return for each cell whose it is: the polygons are asked once for each patch of cells that no boundary touches.

        Args:
            touched: (rows, columns) bool.
            corner: (2,) x and y of the cells' south-western corner.
            per: (2,) cells per unit of x and y.
        """
        from scipy import ndimage  # takes a second to load, and only drawing needs it

        patch, count = ndimage.label(~touched)
        # Any cell can speak for its patch; of several writes to one place the last one stays.
        speaker = np.zeros(count + 1, dtype=np.int64)
        speaker[patch.ravel()] = np.arange(patch.size)
        row, column = np.divmod(speaker[1:], touched.shape[1])
        owner = np.full(count + 1, _ASK, dtype=np.int32)
        if count:
            scale = np.where(per == 0, 1.0, per)
            owner[1:] = self._ask(corner[0] + (column + 0.5) / scale[0], corner[1] + (row + 0.5) / scale[1])
        return owner[patch]

    def _window(self, shapes: np.ndarray) -> tuple[slice, slice] | None:
        """Return the rows and columns round some polygons, with a cell to spare; None where the lattice does not reach so far."""
        bounds = shapely.bounds(shapes[~shapely.is_empty(shapes)])
        if not len(bounds) or not (self._per_x and self._per_y):
            return None
        corner, per = np.array([self._west, self._south]), np.array([self._per_x, self._per_y])
        low, high = (bounds[:, :2].min(axis=0) - corner) * per, (bounds[:, 2:].max(axis=0) - corner) * per
        last = np.array([self._columns, self._rows]) - 1
        if (low < 0).any() or (high > last).any():
            return None
        (left, bottom), (right, top) = np.maximum(low.astype(int) - 1, 0), np.minimum(high.astype(int) + 1, last)
        return slice(int(bottom), int(top) + 1), slice(int(left), int(right) + 1)

    def _redraw(self, rows: slice, columns: slice) -> None:
        """Draw a window of the lattice again."""
        corner, per = np.array([self._west, self._south]), np.array([self._per_x, self._per_y])
        south_west = corner + (np.array([columns.start, rows.start]) - 1) / per
        north_east = corner + (np.array([columns.stop, rows.stop]) + 1) / per
        near = self._shapes[self._tree.query(shapely.box(*south_west, *north_east))]
        touched = _touched(near, self._rows, self._columns, corner, per)[rows, columns]
        self._lattice[rows, columns] = self._owners(touched, corner + np.array([columns.start, rows.start]) / per, per)


def _lattice_shape(west: float, south: float, east: float, north: float, n: int) -> tuple[int, int]:
    """Return rows and columns of about square cells; the last row and column are for what lies exactly on the far side."""
    cells = min(n * _CELLS_PER_GRID, _MAX_CELLS)
    width, height = east - west, north - south
    # A cell has to hold some floating-point numbers, or no position could speak for it.
    most_columns = width / (_ULPS * np.spacing(max(abs(west), abs(east))))
    most_rows = height / (_ULPS * np.spacing(max(abs(south), abs(north))))
    rows = np.sqrt(cells * np.clip(height / width, 1 / cells, cells))
    return int(np.clip(rows, 1, max(most_rows, 1))) + 1, int(np.clip(cells / rows, 1, max(most_columns, 1))) + 1


def _touched(shapes: np.ndarray, rows: int, columns: int, corner: np.ndarray, per: np.ndarray) -> np.ndarray:
    """Return (rows, columns) bool: whether a boundary comes into the cell or nearer to it than ``_PAD``."""
    rings = shapely.get_rings(shapely.get_parts(shapes))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    u, v = ((points - corner) * per).T
    start = np.flatnonzero(ring[1:] == ring[:-1])
    touched = np.zeros(rows * columns, dtype=bool)
    for first in range(0, len(start), _SEGMENT_BLOCK):
        a = start[first : first + _SEGMENT_BLOCK]
        touched[_cells_of_segments(u[a], v[a], u[a + 1], v[a + 1], rows, columns)] = True
    return touched.reshape(rows, columns)


def _cells_of_segments(
    u0: np.ndarray, v0: np.ndarray, u1: np.ndarray, v1: np.ndarray, rows: int, columns: int
) -> np.ndarray:
    """Return the flat numbers of the cells that segments in cell units come into: column by column, then row by row."""
    low = np.clip(np.floor(np.minimum(u0, u1) - _PAD), 0, columns - 1).astype(np.int64)
    high = np.clip(np.floor(np.maximum(u0, u1) + _PAD), 0, columns - 1).astype(np.int64)
    segment, column = _spread(low, high)
    u0, v0, du, dv = u0[segment], v0[segment], (u1 - u0)[segment], (v1 - v0)[segment]
    steep = np.abs(du) < _STEEP
    slope = np.where(steep, 1.0, du)
    enter, leave = (column - _PAD - u0) / slope, (column + 1 + _PAD - u0) / slope
    enter, leave = np.minimum(enter, leave), np.maximum(enter, leave)
    enter = np.where(steep, 0.0, np.clip(enter, 0.0, 1.0))
    leave = np.where(steep, 1.0, np.clip(leave, 0.0, 1.0))
    va, vb = v0 + enter * dv, v0 + leave * dv
    low = np.clip(np.floor(np.minimum(va, vb) - _PAD), 0, rows - 1).astype(np.int64)
    high = np.clip(np.floor(np.maximum(va, vb) + _PAD), 0, rows - 1).astype(np.int64)
    part, row = _spread(low, high)
    return row * columns + column[part]


def _spread(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for every whole number from ``low[i]`` to ``high[i]``, i and the number."""
    many = high - low + 1
    source = np.repeat(np.arange(len(low)), many)
    return source, np.arange(len(source)) - np.repeat(np.cumsum(many) - many - low, many)
