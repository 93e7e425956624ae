"""The points of a request: a hundred thousand are read in the time that JSON's own parser takes to make objects of half of them."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import numpy as np
import orjson

from gis.crs import SourceCRS, UnknownCRS
from gis.errors import Fault, Invalid

MOST_POINTS = 100_000
_TOLD = 20
_CRS = rb'"crs"[ \n]*:[ \n]*"([ !#-\[\]-~]*)"'
_HEAD = re.compile(rb"[ \n]*\{[ \n]*(?:" + _CRS + rb'[ \n]*,[ \n]*)?"points"[ \n]*:[ \n]*')
_TAIL = re.compile(rb"[ \n]*(?:,[ \n]*" + _CRS + rb"[ \n]*)?\}[ \n]*")
_POINT = np.frombuffer(b"[.,.],", dtype=np.uint8)
"""What is no digit in a point such as ``[102.7123,25.0401],``."""
_WHOLE, _DECIMALS, _DIGITS = 3, 12, 15
"""Digits before the point, after it, and together at most: a whole number of 15 digits divided by a power of ten is the nearest double."""
_TENFOLD = np.uint64(10) ** np.arange(_DECIMALS + 1, dtype=np.uint64)
_NIBBLES = np.array([0x0F0F0F0F0F0F0F0F >> 8 * gone << 8 * gone for gone in range(8, -1, -1)], dtype=np.uint64)
"""Of eight letters, the values of the last 0 to 8 digits."""


def read_points(body: bytes) -> np.ndarray:
    """Return the points of a request as an array (n, 2) of longitude and latitude, EPSG:4326, degrees.

    Raises:
        Invalid: naming the first points that are none.
    """
    array, crs = _read_plain(body) or _read_any(body)
    array = _to_wgs84(array, crs)
    wrong = np.flatnonzero(~((np.abs(array[:, 0]) <= 180) & (np.abs(array[:, 1]) <= 90)))
    if len(wrong):
        message = "经纬度超出范围 / longitude or latitude out of range"
        raise Invalid(message, [Fault(f"body.points[{i}]", message) for i in wrong[:_TOLD]])
    return array


def _read_plain(body: bytes) -> tuple[np.ndarray, str | None] | None:
    """Return points and system of a body of the everyday form, ``{"points":[[102.7123,25.0401],…]}``; None for any other.

    No number becomes a Python object: digits are taken from the bytes eight at a time.
    """
    begins, ends = body.find(b"[["), body.rfind(b"]]") + 2
    if begins < 0 or ends < begins:
        return None
    head, tail = _HEAD.fullmatch(body, 0, begins), _TAIL.fullmatch(body, ends)
    if head is None or tail is None or (head[1] is not None and tail[1] is not None):
        return None
    points = _read_numbers(body[begins + 1 : ends - 1].replace(b", ", b",") + b",")
    if points is None:
        return None
    crs = head[1] if tail[1] is None else tail[1]
    return points, None if crs is None else crs.decode("ascii")


def _read_numbers(inner: bytes) -> np.ndarray | None:
    """Return the points of ``[102.7123,25.0401],…,`` as an array (n, 2); None where it has another form, or numbers too long to be exact so."""
    letters = np.frombuffer(b"0" * 8 + inner, dtype=np.uint8)
    found = np.flatnonzero((letters - np.uint8(48)) > 9)
    if len(found) % 6 or len(found) > 6 * MOST_POINTS:
        return None
    marks = found.reshape(-1, 6)
    if marks[0, 0] != 8 or not (letters[marks] == _POINT).all() or not _adjacent(marks):
        return None
    begins, point, ends = marks[:, [0, 2]] + 1, marks[:, [1, 3]], marks[:, [2, 4]]
    whole, decimals = point - begins, ends - point - 1
    if whole.min() < 1 or whole.max() > _WHOLE or decimals.min() < 1 or decimals.max() > _DECIMALS:
        return None
    if (whole + decimals).max() > _DIGITS or ((whole > 1) & (letters[begins] == 48)).any():
        return None
    eights = np.lib.stride_tricks.sliding_window_view(letters, 8)
    number = _digits(eights, point, whole) * _TENFOLD[decimals] + _digits(eights, ends, np.minimum(decimals, 8))
    if decimals.max() > 8:
        number += _digits(eights, ends - 8, np.maximum(decimals - 8, 0)) * np.uint64(10**8)
    return number.astype(float) / _TENFOLD[decimals].astype(float)


def _adjacent(marks: np.ndarray) -> bool:
    """Tell whether ``]`` and ``,`` follow each other, and ``[`` follows them."""
    return bool((marks[:, 5] == marks[:, 4] + 1).all() and (marks[1:, 0] == marks[:-1, 5] + 1).all())


def _digits(eights: np.ndarray, end: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Return the whole numbers that the ``many`` digits (0 to 8) before ``end`` say, as uint64.

    Eight letters are one word, the first in its lowest byte; what stands before the digits is made nought, and neighbours are added up: pairs, fours,
    eights.
    """
    word = np.ascontiguousarray(eights[end - 8]).view("<u8")[..., 0] & _NIBBLES[many]
    word = (word * np.uint64(2561)) >> np.uint64(8)
    word = ((word & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(6553601)) >> np.uint64(16)
    return ((word & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(42949672960001)) >> np.uint64(32)


def _read_any(body: bytes) -> tuple[np.ndarray, Any]:
    """Return points and system of any body.

    Raises:
        Invalid: it is no such request; naming the first points that are none.
    """
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _fault("body", "不是有效的 JSON / not valid JSON") from None
    points = given.get("points") if isinstance(given, dict) else None
    if not isinstance(points, list):
        raise _fault("body.points", "应为点的列表 / expected a list of points [[lon, lat], …]")
    if len(points) > MOST_POINTS:
        raise _fault("body.points", f"最多 {MOST_POINTS} 个点 / at most {MOST_POINTS} points")
    return _as_array(points), given.get("crs")


def _as_array(points: list[Any]) -> np.ndarray:
    if not points:
        return np.zeros((0, 2))
    try:
        flat = list(chain.from_iterable(points))
        # Of Python's fast loops, none in bytecode: 100,000 points take some milliseconds.
        well = set(map(len, points)) == {2} and set(map(type, flat)) <= {int, float}
    except TypeError:
        well = False
    if well:
        return np.array(flat, dtype=float).reshape(-1, 2)
    faults = [
        Fault(f"body.points[{i}]", "应为 [经度, 纬度] / expected [lon, lat]")
        for i, p in enumerate(points)
        if not _is_point(p)
    ]
    raise Invalid("点的格式有误 / malformed points", faults[:_TOLD])


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 2
        and all(
            isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18 for value in point
        )
    )


def _to_wgs84(points: np.ndarray, crs: Any) -> np.ndarray:
    if crs is None:
        return points
    try:
        lon, lat = SourceCRS.parse(str(crs)).to_wgs84(points[:, 0], points[:, 1])
    except UnknownCRS as error:
        raise _fault("body.crs", str(error)) from error
    return np.stack([lon, lat], axis=1)


def _fault(where: str, message: str) -> Invalid:
    return Invalid(message, [Fault(where, message)])
