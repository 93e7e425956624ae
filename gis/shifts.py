"""GCJ-02 and BD-09, the shifted coordinates of Chinese maps: from WGS 84 and back, in degrees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

# GCJ-02 as known from its public reimplementations: Krasovsky 1940 ellipsoid and the box in which the shift applies.
_KRASOVSKY_A_M = 6378245.0
_KRASOVSKY_E2 = 0.00669342162296594323
_SHIFTED_LON = (72.004, 137.8347)
_SHIFTED_LAT = (0.8293, 55.8271)
_BD09_PI = np.pi * 3000.0 / 180.0

# The shifts change by at most some 1e-4 of a step, so each pass of the inverse gains four digits: far fewer than
# this many are needed; the bound only keeps NaN and nonsense from looping.
_MAX_PASSES = 30
_SETTLED_DEG = 1e-12


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return GCJ-02 (高德, 腾讯) of positions in WGS 84, in degrees, any shape; outside China's box nothing is shifted."""
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    shift_lon, shift_lat = _gcj02_shift(lon, lat)
    shifted = _in_shifted_box(lon, lat)
    return np.where(shifted, lon + shift_lon, lon), np.where(shifted, lat + shift_lat, lat)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return WGS 84 of positions in GCJ-02, in degrees, any shape: the inverse of ``wgs84_to_gcj02`` to better than 1e-9°.

    The shift has no closed inverse; the usual single subtraction leaves up to some metres, so the shift is taken at the
    last estimate until the estimate stands still.
    """
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)

    def once(at_lon: np.ndarray, at_lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shift_lon, shift_lat = _gcj02_shift(at_lon, at_lat)
        return lon - shift_lon, lat - shift_lat

    found_lon, found_lat = _settle(once, lon, lat)
    shifted = _in_shifted_box(found_lon, found_lat)
    return np.where(shifted, found_lon, lon), np.where(shifted, found_lat, lat)


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return BD-09 (百度) of positions in WGS 84, in degrees, any shape."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return WGS 84 of positions in BD-09, in degrees, any shape: the inverse of ``wgs84_to_bd09`` to better than 1e-9°."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return BD-09 of positions in GCJ-02, in degrees, any shape: a ripple on angle and radius, then a constant."""
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD09_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD09_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return GCJ-02 of positions in BD-09, in degrees, any shape: the inverse of ``gcj02_to_bd09`` to better than 1e-9°."""
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)

    def once(at_lon: np.ndarray, at_lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        image_lon, image_lat = gcj02_to_bd09(at_lon, at_lat)
        return at_lon + (lon - image_lon), at_lat + (lat - image_lat)

    return _settle(once, lon - 0.0065, lat - 0.006)


def _in_shifted_box(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return (lon >= _SHIFTED_LON[0]) & (lon <= _SHIFTED_LON[1]) & (lat >= _SHIFTED_LAT[0]) & (lat <= _SHIFTED_LAT[1])


def _gcj02_shift(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the shift from WGS 84 to GCJ-02 in degrees: a polynomial and sines in metres, on the Krasovsky ellipsoid."""
    x, y = lon - 105.0, lat - 35.0
    root, waves = np.sqrt(np.abs(x)), 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east_m += (waves + 20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0)) * 2.0 / 3.0
    east_m += (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0)) * 2.0 / 3.0
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north_m += (waves + 20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0)) * 2.0 / 3.0
    north_m += (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0)) * 2.0 / 3.0
    phi = np.radians(lat)
    w2 = 1.0 - _KRASOVSKY_E2 * np.sin(phi) ** 2
    meridian_m = _KRASOVSKY_A_M * (1.0 - _KRASOVSKY_E2) / (w2 * np.sqrt(w2))
    parallel_m = _KRASOVSKY_A_M / np.sqrt(w2) * np.cos(phi)
    return np.degrees(east_m / parallel_m), np.degrees(north_m / meridian_m)


def _settle(
    once: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]], lon: np.ndarray, lat: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Apply ``once`` to an estimate until it no longer moves."""
    for _ in range(_MAX_PASSES):
        next_lon, next_lat = once(lon, lat)
        moved = np.fmax(np.abs(next_lon - lon), np.abs(next_lat - lat))
        lon, lat = next_lon, next_lat
        if not np.any(moved > _SETTLED_DEG):
            break
    return lon, lat
