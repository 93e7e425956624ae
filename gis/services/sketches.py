"""Shapes drawn for a map's scale: within a pixel of the exact ones, and a tenth as long to send.

Corners lie on a lattice whose pitch is 0.7 pixels, and half a pixel may go by simplification (Douglas & Peucker 1973), so that no corner is further than
a pixel from the exact edge. A shape is text: its polygons stand between ``/``, a polygon's rings (the outer one first) between blanks, and a ring is
the steps from each corner to the next, lon before lat, the first corner as seen from the first one of the ring before (of the shape's first ring,
from 0, 0). A step n is written as in the encoded polyline format: 2n, or −2n − 1 where it is negative, in groups of five bits from the
lowest, 32 added to all but the last, each the sign of ASCII 63 more.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import shapely

_M_PER_DEGREE = 111_320.0
"""Metres of a degree at the equator, where it is longest: elsewhere the lattice is a little finer than it need be."""
_PITCH_PX, _SIMPLER_PX = 0.7, 0.5
_BITS, _FIRST_SIGN = 5, 63


def pitch_deg(resolution_m: float) -> float:
    """Return the lattice's pitch in degrees for a map with so many metres to a pixel."""
    return _PITCH_PX * resolution_m / _M_PER_DEGREE


def sketches(shapes: Sequence[shapely.Geometry], pitch: float) -> list[str]:
    """Return polygons, in degrees, as texts on the lattice; what is smaller than it vanishes.

    Args:
        shapes: (n,) Polygon or MultiPolygon in EPSG:4326.
        pitch: of the lattice, degrees.
    """
    if not len(shapes):
        return []
    simple = shapely.simplify(np.array(shapes, dtype=object), pitch * _SIMPLER_PX / _PITCH_PX)
    polygons, shape_of = shapely.get_parts(simple, return_index=True)
    rings, polygon_of = shapely.get_rings(polygons, return_index=True)
    corners, ring_of = shapely.get_coordinates(rings, return_index=True)
    corners, ring_of = _on_lattice(np.rint(corners / pitch).astype(np.int64), ring_of)
    corners, ring_of = _seen(corners, ring_of, polygon_of)
    first = np.append(True, ring_of[1:] != ring_of[:-1]) if len(ring_of) else np.zeros(0, dtype=bool)
    steps = np.diff(corners, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    there = ring_of[first]
    polygon, shape = polygon_of[there], shape_of[polygon_of[there]]
    begins = corners[first]
    new_shape = np.append(True, shape[1:] != shape[:-1])[: len(shape)]
    steps[first] = begins - np.where(new_shape[:, None], 0, np.roll(begins, 1, axis=0))
    texts = [""] * len(shapes)
    told = -1
    for text, of_polygon, of_shape in zip(
        _written(steps, np.flatnonzero(first)), polygon.tolist(), shape.tolist(), strict=True
    ):
        between = "" if not texts[of_shape] else " " if of_polygon == told else "/"
        texts[of_shape] += between + text
        told = of_polygon
    return texts


def _on_lattice(corners: np.ndarray, ring_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out corners that have come to lie on the one before; rings are closed, so that their last corner goes as well."""
    same_ring = ring_of[1:] == ring_of[:-1]
    kept = np.append(~(same_ring & (corners[1:] == corners[:-1]).all(axis=1)), True)
    last = np.append(~same_ring, True)
    kept = kept & ~last
    return corners[kept], ring_of[kept]


def _seen(corners: np.ndarray, ring_of: np.ndarray, polygon_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out rings without an area, and the holes of outer rings that are left out."""
    if not len(corners):
        return corners, ring_of
    begin = np.flatnonzero(np.append(True, ring_of[1:] != ring_of[:-1]))
    x, y = (corners - np.repeat(corners[begin], np.diff(np.append(begin, len(corners))), axis=0)).T
    following = np.append(np.arange(1, len(corners)), 0)
    following[np.append(begin[1:], len(corners)) - 1] = begin
    area = np.add.reduceat(x * y[following] - x[following] * y, begin)
    flat = np.ones(len(polygon_of), dtype=bool)
    flat[ring_of[begin]] = area == 0
    outer = np.append(True, polygon_of[1:] != polygon_of[:-1])
    gone = flat | flat[np.maximum.accumulate(np.where(outer, np.arange(len(outer)), 0))]
    kept = ~gone[ring_of]
    return corners[kept], ring_of[kept]


def _written(steps: np.ndarray, begins: np.ndarray) -> list[str]:
    """Return the signs of steps (n, 2), a text from each row of ``begins`` to the next."""
    rest = np.where(steps < 0, -2 * steps - 1, 2 * steps)
    columns = []
    while True:
        more = rest >> _BITS
        sign = (rest & (2**_BITS - 1)) + np.where(more > 0, 2**_BITS, 0) + _FIRST_SIGN
        columns.append(np.where(rest >= 0, sign, 0))
        if not (more > 0).any():
            break
        rest = np.where(more > 0, more, -1)
    table = np.stack(columns, axis=2).astype(np.uint8).reshape(len(steps), -1)
    whole = table[table > 0].tobytes().decode("ascii")
    ends = np.append(0, np.cumsum((table > 0).sum(axis=1)))
    cuts = ends[np.append(begins, len(steps))].tolist()
    return [whole[one:other] for one, other in pairwise(cuts)]
