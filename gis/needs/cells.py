"""Square cells on the ground: how many needs, how many households, and the rate between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PER_HOUSEHOLDS = 100
"""Rates are needs per this many households."""


@dataclass(frozen=True)
class Cells:
    """Cells of a square lattice in metres, those with a household or a need only; all arrays have the same length.

    ``column`` and ``row`` number the cells from the lattice's origin: cell (c, r) covers [c·size_m, (c+1)·size_m) east and
    [r·size_m, (r+1)·size_m) north of it.
    """

    size_m: float
    column: np.ndarray
    row: np.ndarray
    count: np.ndarray
    households: np.ndarray

    @property
    def rate(self) -> np.ndarray:
        """Needs per 100 households; NaN where no household lives."""
        lived_in = self.households > 0
        rate = np.full(len(self.count), np.nan)
        rate[lived_in] = self.count[lived_in] * PER_HOUSEHOLDS / self.households[lived_in]
        return rate

    def corners_m(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of the cells as x and y (n, 5) in metres: counter-clockwise rings, closed."""
        west, south = self.column * self.size_m, self.row * self.size_m
        east, north = west + self.size_m, south + self.size_m
        return np.stack([west, east, east, west, west], axis=1), np.stack([south, south, north, north, south], axis=1)


def count_cells(
    need_x_m: np.ndarray,
    need_y_m: np.ndarray,
    needs: np.ndarray,
    home_x_m: np.ndarray,
    home_y_m: np.ndarray,
    households: np.ndarray,
    size_m: float,
) -> Cells:
    """Count needs and households in square cells.

    Args:
        need_x_m, need_y_m: where the needs are, metres; NaN positions are left out.
        needs: how many there.
        home_x_m, home_y_m: where households live, metres; NaN positions are left out.
        households: how many there.
        size_m: the side of a cell, metres, more than 0.

    Returns:
        The cells with a household or a need, ordered by row, then column.
    """
    if not size_m > 0:
        raise ValueError("size_m must be more than 0")
    columns, rows, counts, homes = [], [], [], []
    for x_m, y_m, n, is_need in ((need_x_m, need_y_m, needs, True), (home_x_m, home_y_m, households, False)):
        known = ~(np.isnan(x_m) | np.isnan(y_m))
        columns.append(np.floor(x_m[known] / size_m).astype(np.int64))
        rows.append(np.floor(y_m[known] / size_m).astype(np.int64))
        counts.append(n[known] if is_need else np.zeros(int(known.sum()), dtype=np.int64))
        homes.append(np.zeros(int(known.sum()), dtype=np.int64) if is_need else n[known])
    row, column = np.concatenate(rows), np.concatenate(columns)
    if len(row) == 0:
        empty = np.zeros(0, dtype=np.int64)
        return Cells(size_m, empty, empty, empty, empty)
    # One number for a cell: sorting numbers is twenty times as fast as sorting pairs of them.
    first, width = int(column.min()), int(np.ptp(column)) + 1
    cells, inverse = np.unique(row * width + (column - first), return_inverse=True)
    row, column = np.divmod(cells, width)
    column += first
    count = np.bincount(inverse, weights=np.concatenate(counts), minlength=len(cells)).astype(np.int64)
    home = np.bincount(inverse, weights=np.concatenate(homes), minlength=len(cells)).astype(np.int64)
    return Cells(size_m, column, row, count, home)
