"""Coordinate systems: where the numbers of a file are on the ground, and the metres in which a place is measured.

Everything is stored and exchanged in EPSG:4326 as longitude, latitude. ``SourceCRS`` brings the coordinates of a file
there; ``MetricCRS`` takes them from there to the metres of one Gauss–Krüger zone (or of a place's own system) and back.
All axes are x = east or longitude, y = north or latitude, whatever order an authority gives them (``always_xy``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import TransformerGroup

from gis.shifts import bd09_to_wgs84, gcj02_to_wgs84

WGS84 = "EPSG:4326"

CHOICES: list[tuple[str, str]] = [
    ("EPSG:4326", "WGS 84 经纬度（GPS、OpenStreetMap） / WGS 84 longitude and latitude (GPS, OpenStreetMap)"),
    (
        "EPSG:4490",
        "CGCS2000 经纬度（国家大地坐标、天地图） / CGCS2000 longitude and latitude (national system)",
    ),
    ("GCJ-02", "火星坐标（高德、腾讯） / shifted coordinates of AMap and Tencent"),
    ("BD-09", "百度坐标 / shifted coordinates of Baidu"),
    (
        "EPSG:4534…4554",
        "CGCS2000 高斯-克吕格 3 度带，如昆明 EPSG:4543 / CGCS2000 3-degree zones, Kunming EPSG:4543",
    ),
    ("EPSG:n", "其他 EPSG 代码、WKT 或 PROJ 文本 / any other EPSG code, WKT or PROJ text"),
]

_ALIASES = {
    "EPSG:4326": {"EPSG4326", "4326", "WGS84", "WGS1984", "CRS84", "OGCCRS84", "URNOGCDEFCRSOGC1.3CRS84"},
    "EPSG:4490": {"EPSG4490", "4490", "CGCS2000", "国家2000", "国家大地2000"},
    "GCJ-02": {"GCJ02", "GCJ2", "GCJ", "火星", "火星坐标", "国测局", "国测局坐标", "高德", "腾讯"},
    "BD-09": {"BD09", "BD9", "BD09LL", "百度", "百度坐标"},
}

# Zones of the 3-degree Gauss–Krüger system that EPSG defines for CGCS2000 by central meridian: 75° E to 135° E.
_FIRST_ZONE, _LAST_ZONE, _ZONE_OFFSET = 25, 45, 4509


class UnknownCRS(ValueError):
    """The text names no coordinate system that can be used here; the message lists what can."""


def zone_epsg(lon: float) -> int:
    """Return the EPSG code of the CGCS2000 3-degree Gauss–Krüger zone of a longitude.

    Args:
        lon: longitude in degrees.

    Returns:
        4509 + zone with zone = round(lon / 3): 4534 (75° E) to 4554 (135° E); Kunming (102.8° E) is 4543.

    Raises:
        ValueError: the longitude is outside zones 25 to 45.
    """
    zone = round(lon / 3) if np.isfinite(lon) else -1
    if not _FIRST_ZONE <= zone <= _LAST_ZONE:
        raise ValueError(
            f"经度 {lon} 不在 3 度带 25–45（73.5°E–136.5°E）之内 / "
            f"longitude {lon} is outside the 3-degree zones 25 to 45 (73.5° E to 136.5° E)"
        )
    return _ZONE_OFFSET + zone


@dataclass(frozen=True)
class MetricCRS:
    """A projected system in metres, in which a place is measured.

    Attributes:
        text: ``EPSG:n`` or WKT; what to store.
    """

    text: str

    def __post_init__(self) -> None:
        _checked_metric(self.text)

    @classmethod
    def for_lon(cls, lon: float) -> MetricCRS:
        """Return the CGCS2000 3-degree Gauss–Krüger zone of a longitude in degrees (see ``zone_epsg``)."""
        return cls(f"EPSG:{zone_epsg(lon)}")

    @classmethod
    def from_text(cls, text: str) -> MetricCRS:
        """Return the system that an EPSG code, WKT or PROJ text names.

        Raises:
            UnknownCRS: no system is named, or it is not projected, not in metres, or a (pseudo-)Mercator projection,
                whose metres are not those on the ground (EPSG:3857 gives 1.22 times the area at 25° N).
        """
        return cls(_stored_name(_checked_metric(text), text.strip()))

    def to_m(self, lon: ArrayLike, lat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return east and north in metres of positions in EPSG:4326.

        Args:
            lon: longitudes in degrees, any shape.
            lat: latitudes in degrees, the same shape.

        Returns:
            Two new arrays of that shape; NaN where a position is NaN or the projection has no image of it.
        """
        return _only_finite(*_run(_transformer(self.text, True), lon, lat))

    def to_lonlat(self, x_m: ArrayLike, y_m: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return longitude and latitude in EPSG:4326 of positions in metres east and north, any shape; NaN as in ``to_m``."""
        return _only_finite(*_run(_transformer(self.text, False), x_m, y_m))

    def geometry_to_m(self, geometries: np.ndarray) -> np.ndarray:
        """Return geometries in EPSG:4326 as new ones in metres, two-dimensional; None stays None."""
        return _move(geometries, self.to_m)

    def geometry_to_lonlat(self, geometries: np.ndarray) -> np.ndarray:
        """Return geometries in metres as new ones in EPSG:4326, two-dimensional; None stays None."""
        return _move(geometries, self.to_lonlat)


@dataclass(frozen=True)
class SourceCRS:
    """The system of an imported file; make one with ``parse``.

    Attributes:
        name: ``EPSG:n``, ``GCJ-02``, ``BD-09``, WKT or PROJ text; what to store with the import.
    """

    name: str

    @classmethod
    def parse(cls, text: str) -> SourceCRS:
        """Return the system that a text names: see ``CHOICES``, in any spelling.

        Raises:
            UnknownCRS: the text names none, or one without positions on the ground (vertical, local engineering).
        """
        name = _canonical(text)
        if name in _SHIFTS:
            return cls(name)
        crs = _crs(name)
        if not (crs.is_projected or crs.is_geographic):
            raise _unknown(text)
        return cls(_stored_name(crs, name))

    @property
    def is_projected(self) -> bool:
        """Tell whether positions are distances on a plane rather than degrees."""
        return self.name not in _SHIFTS and bool(_crs(self.name).is_projected)

    @property
    def is_wgs84(self) -> bool:
        """Tell whether numbers are taken as they stand."""
        return self.name in (WGS84, "EPSG:4490")

    @cached_property
    def notice(self) -> str | None:
        """What a user must know about the accuracy of the way to WGS 84; None where there is nothing to say."""
        if self.name in _SHIFTS or self.name == WGS84:
            return None
        crs = _crs(self.name)
        if _is_cgcs2000(crs):
            return "CGCS2000 按 WGS 84 使用，相差在分米以内 / CGCS2000 is used as WGS 84; they differ by some decimetres at most"
        ways = TransformerGroup(crs, WGS84, always_xy=True).transformers
        if ways and "Ballpark" in ways[0].description:
            return (
                f"{crs.name} 到 WGS 84 的转换参数未知，位置可能偏差上百米，请用已转换的数据 / "
                f"the shift from {crs.name} to WGS 84 is unknown: positions may be off by 100 m or more; convert the data first"
            )
        return None

    def to_wgs84(self, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return longitude and latitude in EPSG:4326.

        Args:
            x: longitudes in degrees, or metres east; any shape. NaN stays NaN.
            y: latitudes in degrees, or metres north, the same shape.

        Returns:
            Two new arrays of that shape; infinite where a position has no image, so that a wrong number in a file stays
            apart from a missing one.
        """
        if self.name in _SHIFTS:
            return _SHIFTS[self.name](x, y)
        if self.is_wgs84:
            return np.array(x, dtype=float), np.array(y, dtype=float)
        return _run(_transformer(self.name, False), x, y)

    def geometry_to_wgs84(self, geometries: np.ndarray) -> np.ndarray:
        """Return geometries as new ones in EPSG:4326, two-dimensional; None stays None. Vertices are moved, not edges densified."""
        return _move(geometries, self.to_wgs84)


_SHIFTS: dict[str, Callable[[ArrayLike, ArrayLike], tuple[np.ndarray, np.ndarray]]] = {
    "GCJ-02": gcj02_to_wgs84,
    "BD-09": bd09_to_wgs84,
}


def _canonical(text: str) -> str:
    key = "".join(sign for sign in text.upper() if sign not in " -_:/()（）")
    for name, spellings in _ALIASES.items():
        if key in spellings:
            return name
    stripped = text.strip()
    return f"EPSG:{stripped}" if stripped.isascii() and stripped.isdigit() else stripped


def _unknown(text: str) -> UnknownCRS:
    shown = text if len(text) <= 80 else text[:77] + "…"
    choices = "; ".join(f"{value}: {meaning}" for value, meaning in CHOICES)
    return UnknownCRS(f"无法识别坐标系“{shown}”，可用 / unknown coordinate system {shown!r}; choose from: {choices}")


@lru_cache(maxsize=256)
def _crs(text: str) -> pyproj.CRS:
    name = _canonical(text)
    if name in _SHIFTS or not name:
        raise _unknown(text)
    try:
        crs = pyproj.CRS.from_user_input(name)
        return crs if crs.is_bound or len(crs.axis_info) <= 2 else crs.to_2d()
    except (CRSError, ProjError, UnicodeError, ValueError) as fault:
        raise _unknown(text) from fault


@lru_cache(maxsize=256)
def _checked_metric(text: str) -> pyproj.CRS:
    given = _crs(text)
    crs = given.source_crs or given if given.is_bound else given
    if not crs.is_projected or any(axis.unit_name not in ("metre", "meter") for axis in crs.axis_info):
        raise UnknownCRS(
            f"量测坐标系须为以米为单位的投影坐标系：{crs.name} 不是 / "
            f"a metric system must be projected, in metres; {crs.name} is not"
        )
    method = crs.coordinate_operation.method_name if crs.coordinate_operation else ""
    if "Mercator" in method and "Transverse" not in method and "Oblique" not in method:
        raise UnknownCRS(
            f"{crs.name} 的“米”不是地面上的米，不可用于量测 / the metres of {crs.name} are not those on the ground; do not measure in it"
        )
    return given


def _stored_name(crs: pyproj.CRS, text: str) -> str:
    # A system with its own shift to WGS 84 (TOWGS84) would lose the shift with its text.
    epsg = None if crs.is_bound else crs.to_epsg()
    return f"EPSG:{epsg}" if epsg else text


def _is_cgcs2000(crs: pyproj.CRS) -> bool:
    geodetic = crs.geodetic_crs
    if geodetic is None or crs.is_bound:
        return False
    datum = geodetic.datum.name if geodetic.datum else ""
    words = "".join(sign for sign in (geodetic.name + datum).lower() if sign.isalnum())
    return any(name in words for name in ("cgcs2000", "china2000", "chinageodeticcoordinatesystem2000"))


@lru_cache(maxsize=256)
def _transformer(text: str, from_wgs84: bool) -> pyproj.Transformer:
    """Return the cached way between WGS 84 and a system; pyproj keeps one PROJ context per thread inside it."""
    crs = _crs(text)
    # CGCS2000 is WGS 84 at this accuracy: taking its own degrees avoids a search for datum shifts at each start.
    degrees = crs.geodetic_crs if _is_cgcs2000(crs) else pyproj.CRS(WGS84)
    start, end = (degrees, crs) if from_wgs84 else (crs, degrees)
    return pyproj.Transformer.from_crs(start, end, always_xy=True)


def _run(transformer: pyproj.Transformer, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.shape != y.shape:
        raise ValueError(f"x 与 y 的形状不同 / x and y differ in shape: {x.shape}, {y.shape}")
    missing = np.isnan(x) | np.isnan(y)
    to_x, to_y = transformer.transform(x.ravel(), y.ravel())
    # PROJ reports NaN as an error value; a missing position has to stay missing.
    return (
        np.where(missing, np.nan, np.asarray(to_x).reshape(x.shape)),
        np.where(missing, np.nan, np.asarray(to_y).reshape(x.shape)),
    )


def _only_finite(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = np.isfinite(x) & np.isfinite(y)
    return np.where(found, x, np.nan), np.where(found, y, np.nan)


def _move(geometries: np.ndarray, way: Callable[[ArrayLike, ArrayLike], tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    return shapely.transform(geometries, way, interleaved=False)
