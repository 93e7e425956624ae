"""Coordinate systems: degrees in storage, metres in the place's Gauss–Krüger zone, and the shifted systems of Chinese maps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import ArrayLike
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

WGS84 = "EPSG:4326"
_FIRST_ZONE, _LAST_ZONE = 25, 45
_ZONE_EPSG = 4509
"""EPSG codes 4534–4554: CGCS2000 / 3-degree Gauss–Krüger, central meridians 75° E–135° E (EPSG registry)."""

CHOICES = [
    ("EPSG:4326", "WGS 84 经纬度(GPS、OpenStreetMap) / WGS 84 lon-lat"),
    ("EPSG:4490", "CGCS2000 经纬度(天地图、测绘成果) / CGCS2000 lon-lat"),
    ("EPSG:4543", "CGCS2000 高斯投影,米(按所在带选 4534–4554) / projected CGCS2000, metres"),
    ("GCJ-02", "火星坐标(高德、腾讯地图) / Amap, Tencent"),
    ("BD-09", "百度坐标 / Baidu"),
]


class UnknownCRS(ValueError):
    """A coordinate system that nobody knows by that name."""


def zone_epsg(lon: float) -> int:
    """Return the EPSG code of the 3-degree CGCS2000 Gauss–Krüger zone that holds a longitude.

    Args:
        lon: degrees east.

    Raises:
        ValueError: outside the zones 25–45 (73.5° E to 136.5° E).
    """
    zone = int(np.floor(lon / 3 + 0.5)) if np.isfinite(lon) else -1
    if not _FIRST_ZONE <= zone <= _LAST_ZONE:
        raise ValueError(
            f"经度 {lon} 不在 3° 带 25–45 内 / longitude {lon} is outside the 3-degree zones 25–45"
        )
    return _ZONE_EPSG + zone


@dataclass(frozen=True)
class MetricCRS:
    """The place's projected system in metres; ``text`` (an EPSG code or WKT) is what is stored."""

    text: str

    @classmethod
    def for_lon(cls, lon: float) -> MetricCRS:
        """Return the Gauss–Krüger zone of a longitude in degrees."""
        return cls(f"EPSG:{zone_epsg(lon)}")

    @classmethod
    def from_text(cls, text: str) -> MetricCRS:
        """Return the system that an EPSG code or WKT names.

        Raises:
            UnknownCRS: nothing is called so.
            ValueError: it is not projected in metres.
        """
        try:
            crs = CRS.from_user_input(text)
        except CRSError as error:
            raise UnknownCRS(f"无法识别坐标系 {text} / unknown CRS {text}") from error
        metres = crs.is_projected and all(
            abs(axis.unit_conversion_factor - 1.0) < 1e-12 for axis in crs.axis_info[:2]
        )
        if not metres or crs.to_epsg() == 3857:
            raise ValueError(
                f"{text} 不是以米为单位、可用于量算的投影 / {text} is not a projection in metres fit for measuring"
            )
        return cls(text)

    def to_m(self, lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return easting and northing in metres of positions in degrees; NaN where a position is NaN."""
        return _numeric(self._forward, lon, lat)

    def to_lonlat(self, x_m: ArrayLike, y_m: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return longitude and latitude in degrees of positions in metres."""
        return _numeric(self._backward, x_m, y_m)

    def geometry_to_m(self, geometries: np.ndarray) -> np.ndarray:
        """Return geometries in degrees as geometries in metres, vertex by vertex."""
        return _shifted(geometries, self.to_m)

    def geometry_to_lonlat(self, geometries: np.ndarray) -> np.ndarray:
        """Return geometries in metres as geometries in degrees, vertex by vertex."""
        return _shifted(geometries, self.to_lonlat)

    @cached_property
    def _forward(self) -> Transformer:
        return Transformer.from_crs(WGS84, self.text, always_xy=True)

    @cached_property
    def _backward(self) -> Transformer:
        return Transformer.from_crs(self.text, WGS84, always_xy=True)


@dataclass(frozen=True)
class SourceCRS:
    """The system in which a file or a caller gives positions; x is east (longitude), y is north (latitude)."""

    name: str

    @classmethod
    def parse(cls, text: str) -> SourceCRS:
        """Return the system that ``text`` names: EPSG code, WKT, PROJ, GCJ-02 or BD-09 in any spelling.

        Raises:
            UnknownCRS: with the list of choices.
        """
        word = re.sub(r"[\s_\-:]", "", text).upper()
        if word in {"GCJ02", "GCJ", "火星坐标"}:
            return cls("GCJ-02")
        if word in {"BD09", "BD09LL", "BAIDU", "百度坐标"}:
            return cls("BD-09")
        if word in {"WGS84", "EPSG4326", "4326", "CRS84", "OGCCRS84", "URNOGCDEFCRSOGC1.3CRS84"}:
            return cls(WGS84)
        if word in {"CGCS2000", "EPSG4490", "4490"}:
            return cls("EPSG:4490")
        try:
            crs = CRS.from_user_input(int(word) if word.isdigit() else text)
        except CRSError as error:
            choices = ";".join(f"{value} {label}" for value, label in CHOICES)
            raise UnknownCRS(f"无法识别坐标系 {text};可用:{choices} / unknown CRS {text}") from error
        code = crs.to_epsg()
        return cls(f"EPSG:{code}" if code else text)

    def to_wgs84(self, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return longitude and latitude (EPSG:4326, degrees) of positions in this system.

        EPSG:4490 is taken as it is: CGCS2000 and WGS 84 differ by centimetres, far less than a building is drawn to.
        """
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        if self.name in {WGS84, "EPSG:4490"}:
            return x, y
        if self.name == "GCJ-02":
            return gcj02_to_wgs84(x, y)
        if self.name == "BD-09":
            return bd09_to_wgs84(x, y)
        return _numeric(self._transformer, x, y)

    def geometry_to_wgs84(self, geometries: np.ndarray) -> np.ndarray:
        """Return geometries of this system in EPSG:4326, vertex by vertex."""
        if self.name in {WGS84, "EPSG:4490"}:
            return geometries
        return _shifted(geometries, self.to_wgs84)

    @cached_property
    def _transformer(self) -> Transformer:
        return Transformer.from_crs(self.name, WGS84, always_xy=True)


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of EPSG:4326 as GCJ-02 (高德, 腾讯), degrees.

    The shift is the published series in longitude − 105° and latitude − 35° on the Krasovsky 1940 ellipsoid. Outside China
    (72.004–137.8347° E, 0.8293–55.8271° N) nothing is shifted.
    """
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    shift_lon, shift_lat = _gcj02_shift(lon, lat)
    inside = (lon > 72.004) & (lon < 137.8347) & (lat > 0.8293) & (lat < 55.8271)
    return np.where(inside, lon + shift_lon, lon), np.where(inside, lat + shift_lat, lat)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of GCJ-02 as EPSG:4326, degrees: the inverse by fixed-point iteration, to less than 1e-9°."""
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    guess_lon, guess_lat = lon.copy(), lat.copy()
    for _ in range(12):
        forth_lon, forth_lat = wgs84_to_gcj02(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + (lon - forth_lon), guess_lat + (lat - forth_lat)
    return guess_lon, guess_lat


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of GCJ-02 as BD-09 (百度), degrees."""
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BD09_PI)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BD09_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of BD-09 as GCJ-02, degrees: the inverse by fixed-point iteration, to less than 1e-9°."""
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    guess_lon, guess_lat = lon - 0.0065, lat - 0.006
    for _ in range(12):
        forth_lon, forth_lat = gcj02_to_bd09(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + (lon - forth_lon), guess_lat + (lat - forth_lat)
    return guess_lon, guess_lat


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of EPSG:4326 as BD-09, degrees."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of BD-09 as EPSG:4326, degrees."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


_BD09_PI = np.pi * 3000 / 180
_KRASOVSKY_A_M = 6378245.0
_KRASOVSKY_E2 = 0.00669342162296594323


def _gcj02_shift(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the shift in degrees: the series gives metres, divided by the length of a degree there."""
    x, y = lon - 105.0, lat - 35.0
    root, pi = np.sqrt(np.abs(x)), np.pi
    ripple = (20 * np.sin(6 * x * pi) + 20 * np.sin(2 * x * pi)) * 2 / 3
    north_m = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    north_m += (20 * np.sin(y * pi) + 40 * np.sin(y / 3 * pi)) * 2 / 3
    north_m += (160 * np.sin(y / 12 * pi) + 320 * np.sin(y * pi / 30)) * 2 / 3
    east_m = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    east_m += (20 * np.sin(x * pi) + 40 * np.sin(x / 3 * pi)) * 2 / 3
    east_m += (150 * np.sin(x / 12 * pi) + 300 * np.sin(x / 30 * pi)) * 2 / 3
    phi = np.radians(lat)
    w2 = 1 - _KRASOVSKY_E2 * np.sin(phi) ** 2
    degree_north_m = np.radians(_KRASOVSKY_A_M * (1 - _KRASOVSKY_E2) / w2**1.5)
    degree_east_m = np.radians(_KRASOVSKY_A_M / np.sqrt(w2) * np.cos(phi))
    return east_m / degree_east_m, north_m / degree_north_m


def _numeric(transformer: Transformer, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Transform, with NaN where the projection is not defined (PROJ says infinity)."""
    a, b = transformer.transform(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    lost = ~(np.isfinite(a) & np.isfinite(b))
    return np.where(lost, np.nan, a), np.where(lost, np.nan, b)


def _shifted(geometries: np.ndarray, move: object) -> np.ndarray:
    """Return the geometries with all vertices moved; Z and M are dropped."""

    def both(points: np.ndarray) -> np.ndarray:
        return np.stack(move(points[:, 0], points[:, 1]), axis=1)  # type: ignore[operator]

    return shapely.transform(np.asarray(geometries, dtype=object), both)
