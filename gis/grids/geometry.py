"""Mending polygons that files bring: repaired where that changes next to nothing, reported otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import shapely

REPAIR_SHARE = 0.001
"""A repair that changes more than this share of the area is not made."""


@dataclass(frozen=True)
class Repaired:
    """The outcome of a repair; all arrays have the length of the input.

    ``share`` is the share of the area that the repair changes (0 for valid polygons, NaN where no area is left); ``reason`` says what
    was wrong ('' for valid ones); ``lon`` and ``lat`` are where (NaN where that is not known).
    """

    geometries: np.ndarray
    share: np.ndarray
    reason: np.ndarray
    lon: np.ndarray
    lat: np.ndarray


def repair(geometries: np.ndarray) -> Repaired:
    """Make polygons valid and say how much that changes.

    Args:
        geometries: (n,) polygons or multipolygons.

    Returns:
        Valid polygons or multipolygons where some area is left, and what was changed. The share compares the repaired area with
        the signed area of the rings as drawn, in which lobes that run backwards and what is enclosed twice count against it: a
        figure-of-eight has lost its meaning, a spike of a hand's breadth has not.
    """
    geometries = np.array(geometries, dtype=object)
    n = len(geometries)
    share, reason = np.zeros(n), np.full(n, "", dtype=object)
    lon, lat = np.full(n, np.nan), np.full(n, np.nan)
    for i in np.flatnonzero(~shapely.is_valid(geometries)):
        reason[i] = shapely.is_valid_reason(geometries[i])
        place = re.search(r"\[(\S+) (\S+)\]", reason[i])
        if place:
            lon[i], lat[i] = float(place[1]), float(place[2])
        drawn = shapely.area(geometries[i])
        mended = _polygons_of(shapely.make_valid(geometries[i], method="structure", keep_collapsed=False))
        share[i] = np.nan if mended.is_empty else abs(drawn - mended.area) / mended.area
        geometries[i] = mended
    return Repaired(geometries, share, reason, lon, lat)


def _polygons_of(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygonal part of a geometry."""
    parts = [
        part
        for part in shapely.get_parts(geometry)
        if part.geom_type in {"Polygon", "MultiPolygon"} and part.area > 0
    ]
    if not parts:
        return shapely.MultiPolygon()
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)
