"""GeoJSON in and out: reading a caller's geometry with clear faults, paging through rows, boxes and areas as filters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid, NotFound, Stale
from gis.grids.codes import BadCode, CodeProfile

PROFILE = CodeProfile()
_LEVEL_DIGITS = {"city": 4, "county": 6, "township": 9, "community": 12}


_DIGITS = 7
"""Decimals of a degree in what is drawn for maps: a centimetre, and half as many bytes to send as with all of them."""


class Drawn:
    """A shape in EPSG:4326, written as GeoJSON once, to the centimetre."""

    def __init__(self, shape: shapely.Geometry) -> None:
        self.shape = shape

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """The shape as shapely and others read it."""
        return mapping(self.shape)

    @cached_property
    def _json(self) -> bytes:
        rounded = shapely.transform(self.shape, lambda at: np.round(at, _DIGITS))
        if not shapely.is_valid(rounded):  # a hair-thin gap may close
            rounded = shapely.set_precision(self.shape, 10.0**-_DIGITS)
        return shapely.to_geojson(rounded).encode()

    def json(self) -> bytes:
        """Return the shape as a GeoJSON geometry."""
        return self._json


@dataclass(frozen=True)
class Filter:
    """Which rows of a list: inside an area (by code), touching a box (min lon, min lat, max lon, max lat), a page of them."""

    area: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    limit: int = 1000
    cursor: str | None = None


def area_prefix(area: str | None) -> str:
    """Return with what the codes of grids inside ``area`` begin; '' for the whole place.

    Raises:
        Invalid: the code is not an area's.
    """
    if not area:
        return ""
    try:
        level = PROFILE.check_area(area)
    except BadCode as error:
        raise Invalid(str(error), [Fault("area", str(error))]) from error
    return area[: _LEVEL_DIGITS.get(level, len(area.rstrip("0")))]


def refuse_unknown_area(session: Session, area: str | None) -> None:
    """Refuse an area that neither is one nor has a grid: an empty answer would look as if nothing were there yet. Asked once nothing was found.

    Raises:
        NotFound: nothing is known of the area.
    """
    known = text(
        "SELECT EXISTS (SELECT 1 FROM areas WHERE starts_with(code, :prefix)) "
        "OR EXISTS (SELECT 1 FROM grids WHERE valid_to IS NULL AND starts_with(code, :prefix))"
    )
    if area and not session.scalar(known, {"prefix": area_prefix(area)}):
        raise NotFound(f"没有编码为 {area} 的区划 / no area has code {area}")


def feature(geometry: str | dict[str, Any] | Drawn | None, properties: dict[str, Any]) -> dict[str, Any]:
    """Return a GeoJSON Feature; the geometry may be GeoJSON text as PostGIS gives it, or what is written already."""
    if isinstance(geometry, str):
        geometry = orjson.loads(geometry)
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def collection(features: Iterable[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection with further members."""
    return {"type": "FeatureCollection", "features": list(features), **more}


def read_geometry(value: Any, kinds: tuple[str, ...], where: str = "geometry") -> BaseGeometry:
    """Return the geometry of GeoJSON ``value``.

    Args:
        value: GeoJSON geometry in EPSG:4326, lon before lat.
        kinds: the geometry types that are allowed.
        where: the field to name in a fault.

    Raises:
        Invalid: no geometry, another type, out of range, or invalid; the fault names the place.
    """
    try:
        geometry = shapely.force_2d(shape(value))
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
        shapely.errors.ShapelyError,
    ) as error:
        raise _fault(where, "不是有效的 GeoJSON 几何 / not a GeoJSON geometry") from error
    if geometry.is_empty:
        raise _fault(where, "几何是空的 / the geometry is empty")
    if geometry.geom_type not in kinds:
        raise _fault(
            where,
            f"需要 {'、'.join(kinds)}，得到 {geometry.geom_type} / expected {', '.join(kinds)}, got {geometry.geom_type}",
        )
    west, south, east, north = geometry.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise _fault(
            where,
            "经纬度超出范围，应为 [经度, 纬度] / positions out of range; expected [lon, lat] in degrees",
        )
    if not geometry.is_valid:
        raise _fault(
            where,
            f"多边形无效：{shapely.is_valid_reason(geometry)} / invalid polygon: {shapely.is_valid_reason(geometry)}",
        )
    return geometry


def check_version(stored: int, given: int) -> None:
    """Refuse a write that was made against another version than the stored one."""
    if stored != given:
        raise Stale(
            f"当前版本 {stored}，提交基于版本 {given}；请重新读取后再改 / it is at version {stored}, you changed version {given}; read it again"
        )


def page_of(session: Session, query: str, params: dict[str, Any], limit: int) -> tuple[list[Any], bool]:
    """Return at most ``limit`` rows of ``query`` (which must end in LIMIT :limit) and whether there are more."""
    rows = session.execute(text(query), {**params, "limit": limit + 1}).mappings().all()
    return list(rows[:limit]), len(rows) > limit


def box_clause(bbox: tuple[float, float, float, float] | None, params: dict[str, Any]) -> str:
    """Return the SQL condition for a box and put its corners into ``params``."""
    if bbox is None:
        return ""
    params.update(zip(("west", "south", "east", "north"), bbox, strict=True))
    return " AND geometry && ST_MakeEnvelope(:west, :south, :east, :north, 4326)"


def _fault(where: str, message: str) -> Invalid:
    return Invalid(message, [Fault(where, message)])
