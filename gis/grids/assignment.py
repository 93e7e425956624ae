"""Which grid holds which position: one rule, the same in bulk, one by one and in the database.

A position belongs to the grid whose closed polygon holds it; where several do (a shared edge or corner, an overlap), to the one with
the lowest code. In SQL: ``ST_Covers(geometry, point) ORDER BY code COLLATE "C" LIMIT 1``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

_CELLS_PER_GRID = 40
"""Lattice cells for each grid: most cells then lie inside one grid, and their points need no look at a polygon."""
_MAX_SIDE = 1024
_SLACK = 1e-6
"""Cells are taken wider by this share of their size, so that rounding cannot put a point beside its cell."""


class GridIndex:
    """Polygons with codes, prepared for look-ups. It never changes; several threads may use it."""

    def __init__(self, geometries: np.ndarray, codes: Sequence[str]) -> None:
        """Prepare the look-up.

        Args:
            geometries: (n,) polygons or multipolygons in one coordinate system.
            codes: (n,) their codes, all different.

        Raises:
            ValueError: lengths differ or a code comes twice.
        """
        if len(geometries) != len(codes):
            raise ValueError("as many geometries as codes are needed")
        if len(set(codes)) != len(codes):
            raise ValueError("codes must differ")
        self.codes = list(codes)
        self._geometries = np.array(geometries, dtype=object)
        self._by_code = np.array(sorted(range(len(codes)), key=self.codes.__getitem__), dtype=np.int64)
        self._bounds = shapely.bounds(self._geometries).reshape(-1, 4)
        shapely.prepare(self._geometries)
        for geometry, (west, south, east, north) in zip(self._geometries, self._bounds, strict=True):
            # The first look-up builds the prepared polygon's index; built here, threads only read it.
            shapely.intersects_xy(geometry, (west + east) / 2, (south + north) / 2)
        self._build_lattice()

    def assign(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Return for each position the place of its grid in ``codes``, −1 where there is none.

        Args:
            lon: (k,) x of the positions; NaN is in no grid.
            lat: (k,) y of the positions.

        Returns:
            (k,) int32.
        """
        lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
        cell = self._cell_of(lon, lat)
        found = np.full(len(lon), -1, dtype=np.int32)
        in_lattice = cell >= 0
        found[in_lattice] = self._whole[cell[in_lattice]]
        unclear = np.flatnonzero(found == _LOOK)
        if len(unclear):
            found[unclear] = self._look(lon[unclear], lat[unclear], cell[unclear])
        return found

    def locate(self, lon: float, lat: float) -> int:
        """Return the place in ``codes`` of the grid that holds one position, −1 where there is none."""
        cell = self._single_cell(lon, lat)
        if cell < 0:
            return -1
        whole = int(self._whole[cell])
        if whole != _LOOK:
            return whole
        for candidate in self._candidates[self._first[cell] : self._first[cell + 1]]:
            if shapely.intersects_xy(self._geometries[candidate], lon, lat):
                return int(candidate)
        return -1

    def _build_lattice(self) -> None:
        """Sort the lattice's cells into: in no grid (−1), inside one grid only (its place), to be looked at (_LOOK)."""
        n = len(self.codes)
        if n == 0:
            self._west = self._south = 0.0
            self._dx = self._dy = 1.0
            self._columns = self._rows = 0
            self._whole = np.zeros(0, dtype=np.int32)
            return
        west, south = self._bounds[:, :2].min(axis=0)
        east, north = self._bounds[:, 2:].max(axis=0)
        side = int(np.clip(np.ceil(np.sqrt(n * _CELLS_PER_GRID)), 1, _MAX_SIDE))
        self._columns = self._rows = side
        self._west, self._south = float(west), float(south)
        self._dx = max(float(east - west) / side, 1e-12) * (1 + _SLACK)
        self._dy = max(float(north - south) / side, 1e-12) * (1 + _SLACK)
        rows, columns = np.divmod(np.arange(side * side), side)
        x, y = self._west + columns * self._dx, self._south + rows * self._dy
        wide, high = self._dx * _SLACK, self._dy * _SLACK
        boxes = shapely.box(x - wide, y - high, x + self._dx + wide, y + self._dy + high)
        cell, place = shapely.STRtree(self._geometries).query(boxes, predicate="intersects")
        rank = np.empty(n, dtype=np.int64)
        rank[self._by_code] = np.arange(n)
        order = np.lexsort((rank[place], cell))
        cell, place = cell[order], place[order]
        candidates = np.bincount(cell, minlength=len(boxes))
        self._first = np.concatenate([[0], np.cumsum(candidates)])
        self._candidates = place.astype(np.int32)
        self._whole = np.where(candidates == 0, -1, _LOOK).astype(np.int32)
        single = np.flatnonzero(candidates == 1)
        owner = place[self._first[single]]
        inside = shapely.contains_properly(self._geometries[owner], boxes[single])
        self._whole[single[inside]] = owner[inside]

    def _cell_of(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        column = np.floor((lon - self._west) / self._dx)
        row = np.floor((lat - self._south) / self._dy)
        inside = (column >= 0) & (column < self._columns) & (row >= 0) & (row < self._rows)
        cell = np.full(len(lon), -1, dtype=np.int64)
        cell[inside] = (row[inside] * self._columns + column[inside]).astype(np.int64)
        return cell

    def _single_cell(self, lon: float, lat: float) -> int:
        column = (lon - self._west) / self._dx
        row = (lat - self._south) / self._dy
        if not (0 <= column < self._columns and 0 <= row < self._rows):
            return -1
        return int(row) * self._columns + int(column)

    def _look(self, lon: np.ndarray, lat: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Ask the polygons, each once for all points in its cells, in the order of codes; the first that holds a point keeps it."""
        many = self._first[cell + 1] - self._first[cell]
        point = np.repeat(np.arange(len(cell)), many)
        offset = np.arange(len(point)) - np.repeat(np.cumsum(many) - many, many)
        place = self._candidates[self._first[cell][point] + offset]
        order = np.argsort(place, kind="stable")
        point, place = point[order], place[order]
        starts = np.searchsorted(place, np.arange(len(self.codes) + 1))
        found = np.full(len(cell), -1, dtype=np.int32)
        for candidate in self._by_code:
            asked = point[starts[candidate] : starts[candidate + 1]]
            asked = asked[found[asked] == -1]
            if len(asked):
                held = shapely.intersects_xy(self._geometries[candidate], lon[asked], lat[asked])
                found[asked[held]] = candidate
        return found


_LOOK = -2
"""Marks a cell whose points must be looked at."""
