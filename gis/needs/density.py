"""Kernel density: how densely needs lie on the ground. The same as the browser draws on the map (maps/static/heat.js)."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import cKDTree

M2_PER_HECTARE = 1e4


def density_raster(
    x_m: np.ndarray,
    y_m: np.ndarray,
    weight: np.ndarray,
    radius_m: float,
    corner_m: tuple[float, float],
    step_m: float,
    shape: tuple[int, int],
) -> np.ndarray:
    """Return the density at the middles of a raster's squares, needs per hectare, (rows, columns), the northernmost row first.

    Args:
        x_m, y_m, weight: (n,) points and the needs at each.
        radius_m: beyond it a point is not felt.
        corner_m: west and north of the raster.
        step_m: side of a square.
        shape: rows and columns.

    Source: quartic kernel; B. W. Silverman, Density Estimation, 1986, eq. 4.5.
    """
    rows, columns = shape
    sums = np.zeros(shape)
    reach = radius_m / step_m
    across = (x_m - corner_m[0]) / step_m - 0.5
    down = (corner_m[1] - y_m) / step_m - 0.5
    for x, y, peak in zip(across.tolist(), down.tolist(), _peak(weight, radius_m).tolist(), strict=True):
        left, right = max(0, math.ceil(x - reach)), min(columns, math.floor(x + reach) + 1)
        top, bottom = max(0, math.ceil(y - reach)), min(rows, math.floor(y + reach) + 1)
        if left >= right or top >= bottom:
            continue
        near = 1 - ((np.arange(left, right) - x) ** 2 + ((np.arange(top, bottom) - y) ** 2)[:, None]) / reach**2
        sums[top:bottom, left:right] += peak * np.clip(near, 0, None) ** 2
    return sums


def densest(x_m: np.ndarray, y_m: np.ndarray, weight: np.ndarray, radius_m: float) -> float:
    """Return the greatest density at any of the points, needs per hectare: what the top of the heat's scale stands for. 1 without points."""
    if not len(x_m):
        return 1.0
    places = np.column_stack([x_m, y_m])
    pairs = cKDTree(places).query_pairs(radius_m, output_type="ndarray")
    near = (1 - ((places[pairs[:, 0]] - places[pairs[:, 1]]) ** 2).sum(axis=1) / radius_m**2).clip(0) ** 2
    peak = _peak(weight, radius_m)
    sums = peak.copy()
    np.add.at(sums, pairs[:, 0], peak[pairs[:, 1]] * near)
    np.add.at(sums, pairs[:, 1], peak[pairs[:, 0]] * near)
    return float(sums.max()) or 1.0


def _peak(weight: np.ndarray, radius_m: float) -> np.ndarray:
    return np.asarray(weight, dtype=float) * 3 / (math.pi * radius_m**2) * M2_PER_HECTARE
