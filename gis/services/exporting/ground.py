"""What lies under a printed map: land use, streets and buildings within a frame, in metres of the place's own zone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.services.snapshots import Snapshots

MOST_BUILDINGS, MOST_STREETS, MOST_GREEN = 20_000, 30_000, 10_000
"""The largest of each; a sheet of paper shows no more."""
_DEGREE_M = 111_320.0
_INSIDE = "geometry && ST_MakeEnvelope(:west, :south, :east, :north, 4326)"
_GREEN = f"""
SELECT kind, ST_AsBinary(ST_Simplify(geometry, :step, true)), name FROM backdrop WHERE {_INSIDE}
ORDER BY ST_Area(geometry) DESC, id LIMIT {MOST_GREEN}
"""
_STREETS = f"""
SELECT kind, ST_AsBinary(ST_Simplify(geometry, :step, true)), name FROM streets WHERE {_INSIDE} AND kind <> ALL(:without)
ORDER BY ST_Length(geometry) DESC, id LIMIT {MOST_STREETS}
"""
_BUILDINGS = f"""
SELECT 'building', ST_AsBinary(ST_Simplify(geometry, :step, true)), NULL FROM buildings WHERE {_INSIDE} AND ST_Dimension(geometry) = 2
ORDER BY ST_Area(geometry) DESC, id LIMIT {MOST_BUILDINGS}
"""
_PATHS = ["footway", "path", "steps", "cycleway", "bridleway", "corridor", "service", "track"]
_SMALL = [*_PATHS, "residential", "unclassified", "living_street", "pedestrian", "road"]
_PATHS_TO, _SMALL_TO, _BUILDINGS_TO = 6_000, 30_000, 15_000
"""Down to which scale (its denominator) these are drawn."""


@dataclass(frozen=True)
class Features:
    """Kinds, shapes in metres and names of what lies in the frame; all (n,)."""

    kinds: list[str]
    shapes_m: np.ndarray
    names: list[str | None]


@dataclass(frozen=True)
class Ground:
    """What lies under a map."""

    backdrop: Features
    streets: Features
    buildings: Features


def load_ground(
    session: Session, snapshots: Snapshots, frame_m: tuple[float, float, float, float], scale: float
) -> Ground:
    """Return what a map of that scale shows within a frame.

    Args:
        session, snapshots: the store and the caches.
        frame_m: west, south, east, north in metres of the place's zone.
        scale: denominator of the scale; shapes are simplified to a tenth of a millimetre on paper.
    """
    metric = snapshots.metric(session)
    west, south, east, north = frame_m
    lon, lat = metric.to_lonlat(np.array([west, west, east, east]), np.array([south, north, south, north]))
    params = {
        "west": float(lon.min()),
        "south": float(lat.min()),
        "east": float(lon.max()),
        "north": float(lat.max()),
        "step": scale * 1e-4 / _DEGREE_M,
    }
    without = [] if scale <= _PATHS_TO else _PATHS if scale <= _SMALL_TO else _SMALL

    def load(query: str, **more: object) -> Features:
        rows = [row for row in session.execute(text(query), {**params, **more}) if row[1] is not None]
        shapes = shapely.from_wkb(np.array([bytes(row[1]) for row in rows], dtype=object))
        return Features([row[0] or "" for row in rows], metric.geometry_to_m(shapes), [row[2] for row in rows])

    nothing = Features([], np.array([], dtype=object), [])
    buildings = load(_BUILDINGS) if scale <= _BUILDINGS_TO else nothing
    return Ground(load(_GREEN), load(_STREETS, without=without), buildings)
