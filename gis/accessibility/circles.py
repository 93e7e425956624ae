"""Straight-line service circles: discs of a radius in metres, drawn in the place's Gauss–Krüger zone, returned in EPSG:4326."""

from __future__ import annotations

import numpy as np
import shapely

from gis.crs import MetricCRS

QUARTER_SEGMENTS = 32
"""Chords per quarter circle: the polygon of 128 corners has 0.04 % less area than its circle."""


def discs_m(x_m: np.ndarray, y_m: np.ndarray, radius_m: np.ndarray | float) -> np.ndarray:
    """Draw discs in metres.

    Args:
        x_m, y_m: centres, float64 (n,), metres; NaN where there is no position.
        radius_m: one radius or (n,), metres.

    Returns:
        Polygons (n,), None where the centre is NaN.
    """
    x_m, y_m = np.asarray(x_m, dtype=np.float64), np.asarray(y_m, dtype=np.float64)
    discs = np.full(x_m.shape, None, dtype=object)
    placed = np.isfinite(x_m) & np.isfinite(y_m)
    radii = np.broadcast_to(np.asarray(radius_m, dtype=np.float64), x_m.shape)
    discs[placed] = shapely.buffer(shapely.points(x_m[placed], y_m[placed]), radii[placed], quad_segs=QUARTER_SEGMENTS)
    return discs


def buffer_circles(lon: np.ndarray, lat: np.ndarray, radius_m: np.ndarray | float, metric: MetricCRS) -> np.ndarray:
    """Draw a service circle round each station.

    Args:
        lon, lat: stations, float64 (n,), degrees in EPSG:4326.
        radius_m: one radius for all or (n,), metres, more than 0.
        metric: the place's metric system, in which the circles are round.

    Returns:
        Polygons (n,) in EPSG:4326; None where a station has no position.

    Raises:
        ValueError: a radius is not positive.
    """
    if not np.all(np.asarray(radius_m) > 0):
        raise ValueError("半径须大于 0 / the radius must be more than 0")
    x_m, y_m = metric.to_m(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
    return metric.geometry_to_lonlat(discs_m(x_m, y_m, radius_m))


def dissolve(circles: np.ndarray) -> shapely.Geometry:
    """Merge circles into the one area that any of them covers; empty where there is none.

    Args:
        circles: polygons (n,), None allowed.

    Returns:
        A polygon or multipolygon in the same coordinates.
    """
    return shapely.union_all(np.asarray(circles, dtype=object))
