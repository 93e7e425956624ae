"""A small writer of vector tiles for tests: Mapbox Vector Tile specification 2.1, nothing clipped or simplified."""

from __future__ import annotations

import math
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

EXTENT = 4096
Rows = list[tuple[BaseGeometry, dict[str, Any]]]


def tile(layers: dict[str, Rows], z: int, x: int, y: int) -> bytes:
    """Return the tile z/x/y of layers whose geometries are in EPSG:4326; points outside the tile are left out."""
    west, north = _lonlat(x, y, z)
    east, south = _lonlat(x + 1, y + 1, z)
    bounds = shapely.box(west, south, east, north)
    content = b""
    for name, rows in layers.items():
        inside = [row for row in rows if row[0].intersects(bounds)]
        if inside:
            content += _field(3, _layer(name, inside, z, x, y))
    return content


def _layer(name: str, rows: Rows, z: int, x: int, y: int) -> bytes:
    keys: dict[str, int] = {}
    values: dict[Any, int] = {}
    features = b""
    for geometry, properties in rows:
        tags: list[int] = []
        for key, value in properties.items():
            if value is not None:
                tags += [
                    keys.setdefault(key, len(keys)),
                    values.setdefault((type(value), value), len(values)),
                ]
        kind, commands = _commands(geometry, z, x, y)
        features += _field(2, _field(2, _packed(tags)) + _number(3, kind) + _field(4, _packed(commands)))
    words = b"".join(_field(3, key.encode()) for key in keys)
    told = b"".join(_field(4, _value(value)) for _, value in values)
    return _number(15, 2) + _field(1, name.encode()) + features + words + told + _number(5, EXTENT)


def _commands(geometry: BaseGeometry, z: int, x: int, y: int) -> tuple[int, list[int]]:
    commands: list[int] = []
    at = [0, 0]

    def steps(coordinates: Any) -> list[int]:
        out = []
        for lon, lat in coordinates:
            column, row = _steps(lon, lat, z, x, y)
            out += [_zigzag(column - at[0]), _zigzag(row - at[1])]
            at[:] = [column, row]
        return out

    if geometry.geom_type == "Point":
        return 1, [1 | (1 << 3), *steps(geometry.coords)]
    if geometry.geom_type == "LineString":
        first, *rest = list(geometry.coords)
        return 2, [1 | (1 << 3), *steps([first]), 2 | (len(rest) << 3), *steps(rest)]
    for part in getattr(geometry, "geoms", [geometry]):
        ring = list(shapely.orient_polygons(part, exterior_cw=True).exterior.coords)[:-1]
        commands += [
            1 | (1 << 3),
            *steps(ring[:1]),
            2 | ((len(ring) - 1) << 3),
            *steps(ring[1:]),
            7 | (1 << 3),
        ]
    return 3, commands


def _lonlat(x: float, y: float, z: int) -> tuple[float, float]:
    n = 2**z
    return x / n * 360 - 180, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / n))))


def _steps(lon: float, lat: float, z: int, x: int, y: int) -> tuple[int, int]:
    n = 2**z
    row = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n
    return round(((lon + 180) / 360 * n - x) * EXTENT), round((row - y) * EXTENT)


def _zigzag(value: int) -> int:
    return (value << 1) ^ (value >> 63)


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _number(key: int, value: int) -> bytes:
    return _varint(key << 3) + _varint(value)


def _field(key: int, content: bytes) -> bytes:
    return _varint(key << 3 | 2) + _varint(len(content)) + content


def _packed(values: list[int]) -> bytes:
    return b"".join(_varint(value) for value in values)


def _value(value: Any) -> bytes:
    if isinstance(value, bool):
        return _number(7, int(value))
    if isinstance(value, int):
        return _number(5, value)
    return _field(1, str(value).encode())
