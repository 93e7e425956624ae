"""A small made-up place, and files for it of which each is told from every other by what its rows say."""

from __future__ import annotations

import csv
import io
import json
import random
from typing import Any

WEST, SOUTH, SIDE = 102.6, 24.9, 0.01
COLUMNS, ROWS = 4, 3
COMMUNITY = "539901001001"
STEADY, MOVING, NEW, STATIONS = 400, 1500, 50, 60
"""Households that only requests change; households that each file moves; households and residents that each file adds; stations."""
_STEP = 1e-8
"""How far the next file moves everybody, beside the large step east or west: the file's number, written into the position."""


def codes() -> list[str]:
    """Return the codes of the grids, row by row."""
    return [f"{COMMUNITY}{number + 1:03d}" for number in range(COLUMNS * ROWS)]


def centre(number: int) -> tuple[float, float]:
    """Return a position that stays in the grid however its boundary is moved."""
    return WEST + (number % COLUMNS + 0.5) * SIDE, SOUTH + (number // COLUMNS + 0.5) * SIDE


def ring(number: int, west_shift: float = 0.0, east_shift: float = 0.0) -> list[list[float]]:
    """Return the boundary of a grid, its western and eastern edges moved; the place's own rim stays."""
    column, row = number % COLUMNS, number // COLUMNS
    west = WEST + column * SIDE + (west_shift if column else 0)
    east = WEST + (column + 1) * SIDE + (east_shift if column < COLUMNS - 1 else 0)
    south, north = SOUTH + row * SIDE, SOUTH + (row + 1) * SIDE
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def grids(mark: int) -> bytes:
    """Return a division of the place, named after the file; every one lies a little differently."""
    shift = (mark % 7 - 3) * SIDE / 10
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": f"网格 {number} v{mark}"},
            "geometry": {"type": "Polygon", "coordinates": [ring(number, shift, shift)]},
        }
        for number, code in enumerate(codes())
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def position(number: int, mark: int) -> tuple[float, float]:
    """Return where the file ``mark`` puts the moving household ``number``; the latitude's last digits say the file."""
    chance = random.Random(number)
    east = SIDE / 4 if mark % 2 else 0
    lon = WEST + chance.random() * (COLUMNS - 0.5) * SIDE + east
    lat = SOUTH + (0.01 + 0.98 * chance.random()) * ROWS * SIDE + mark * _STEP
    return round(lon, 12), round(lat, 12)


def households(mark: int) -> bytes:
    """Return a file that moves all moving households and adds new ones."""
    moving = [(f"M{n:05d}", *position(n, mark), "") for n in range(MOVING)]
    new = [(f"T{mark:04d}-{n:04d}", *position(n, mark), "green") for n in range(NEW)]
    return _csv(["code", "lon", "lat", "colour"], moving + new)


def steady() -> bytes:
    """Return the households that requests change."""
    return _csv(["code", "lon", "lat", "colour"], [(f"S{n:05d}", *position(n, 0), "green") for n in range(STEADY)])


def residents(mark: int) -> bytes:
    """Return new residents of steady households."""
    rows = [(f"S{n % STEADY:05d}", f"人{mark}-{n}", 1940 + n % 80) for n in range(NEW)]
    return _csv(["household", "name", "birth_year"], rows)


def stations(mark: int) -> bytes:
    """Return all stations, named after the file."""
    rows = [(f"P{n:03d}", f"站 {n} v{mark}", "养老服务站", "meal;health", *position(n, mark)) for n in range(STATIONS)]
    return _csv(["code", "name", "kind", "services", "lon", "lat"], rows)


FILES = {"grids": grids, "households": households, "residents": residents, "stations": stations}
"""A file of each kind, by its mark."""


def _csv(headings: list[str], rows: list[tuple[Any, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows(rows)
    return text.getvalue().encode()
