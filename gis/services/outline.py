"""What a page must know of the place before it can be drawn: its extent, its words, and whose grids are whose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from sqlalchemy.orm import Session

from gis.models.vocabulary import AREA_LEVELS, SERVICES
from gis.services.accounts import grids_of
from gis.services.measures import measure_names
from gis.services.needs import load_needs
from gis.services.snapshots import Snapshots


@dataclass(frozen=True)
class Outline:
    """The place in a few words.

    ``bounds`` are west, south, east, north in degrees (EPSG:4326) of all grids, None without any; ``services`` (kind, 中文) that a
    station offers or a household has asked for; ``months`` the first and the last month (``YYYY-MM``) in which a need was opened.
    """

    place: str
    bounds: tuple[float, float, float, float] | None
    services: list[tuple[str, str]]
    station_kinds: list[str]
    measures: list[dict[str, Any]]
    months: tuple[str, str] | None


def outline(session: Session, snapshots: Snapshots, *, with_needs: bool) -> Outline:
    """Return what a map of the whole place is drawn from.

    Args:
        session: a transaction of an account that may read aggregates.
        snapshots: the caches.
        with_needs: whether the needs are asked too (services wanted, months).
    """
    stations = snapshots.stations(session)
    frame = load_needs(session, snapshots).frame if with_needs else None
    kinds = set(stations.service)
    months = None
    if frame is not None and len(frame):
        kinds |= set(frame["service"])
        months = (f"{frame['opened_on'].min():%Y-%m}", f"{frame['opened_on'].max():%Y-%m}")
    order = list(SERVICES)
    ranked = sorted(kinds, key=lambda kind: (order.index(kind) if kind in order else len(order), kind))
    return Outline(
        place=place_name(session, snapshots),
        bounds=_bounds(snapshots.grids(session).geometries),
        services=[(kind, SERVICES.get(kind, kind)) for kind in ranked],
        station_kinds=sorted(set(stations.kinds)),
        measures=measure_names(session, snapshots),
        months=months,
    )


def all_grids(session: Session, snapshots: Snapshots) -> list[dict[str, Any]]:
    """Return code and name of every grid, ordered by code."""
    grids = snapshots.grids(session)
    return [{"code": code, "name": name} for code, name in zip(grids.codes, grids.names, strict=True)]


def all_areas(session: Session, snapshots: Snapshots) -> list[dict[str, Any]]:
    """Return code, name and level of every area, each above those inside it."""
    areas = sorted(snapshots.areas(session).items())
    return [{"code": code, "name": area.name, "level": area.level} for code, area in areas]


def own_grids(session: Session, snapshots: Snapshots, account_id: int) -> list[dict[str, Any]]:
    """Return code and name of the grids that an account looks after today."""
    own = set(grids_of(session, account_id))
    return [grid for grid in all_grids(session, snapshots) if grid["code"] in own]


def place_name(session: Session, snapshots: Snapshots) -> str:
    """Return the name of the area that holds all others, or an empty text where several stand side by side."""
    areas = list(snapshots.areas(session).values())
    for level in AREA_LEVELS:
        found = [area.name for area in areas if area.level == level]
        if found:
            return found[0] if len(found) == 1 else ""
    return ""


def _bounds(geometries: np.ndarray) -> tuple[float, float, float, float] | None:
    if len(geometries) == 0:
        return None
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(geometries))
    return west, south, east, north
