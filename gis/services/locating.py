"""Which grid holds a position, which areas are above it, which building is there: answered from memory, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.grids.assignment import GridIndex
from gis.services.features import PROFILE
from gis.services.gridset import GridSet
from gis.services.snapshots import AreaName, Snapshots
from gis.store.journal import Journal

_FOOTPRINTS = text(
    "SELECT id, code, name, version, updated_at FROM buildings WHERE GeometryType(geometry) IN ('POLYGON', 'MULTIPOLYGON') "
    'ORDER BY code COLLATE "C"'
)
_SHAPES = text("SELECT id, ST_AsBinary(geometry) FROM buildings WHERE id = ANY(:ids)")
_MOST_REPLACED = 256
"""Beyond so many changed footprints everything is prepared anew."""
_KEY, _TOPICS = ("finder",), ("grids", "areas", "buildings")


@dataclass(frozen=True)
class Footprints:
    """The buildings that have a ground plan: a position is in the one with the lowest code that holds it, edges included."""

    rows: list[tuple[Any, ...]]
    """Each one's id, code, name, version and time of change: the same are the same building, unchanged."""
    index: GridIndex

    def at(self, lon: float, lat: float) -> bytes:
        """Return the building at a position as JSON, ``null`` where there is none."""
        place = self.index.locate(lon, lat)
        if place < 0:
            return b"null"
        _, code, name, *_ = self.rows[place]
        return orjson.dumps({"code": code, "name": name})


class Finder:
    """Grids, areas and buildings of one moment."""

    def __init__(self, grids: GridSet, areas: dict[str, AreaName], footprints: Footprints) -> None:
        self._grids = grids
        self._areas = areas
        self._footprints = footprints
        self._beginnings: dict[int, bytes] = {}

    def at(self, lon: float, lat: float) -> bytes | None:
        """Return the answer for a position in degrees, as JSON; None where no grid is."""
        place = self._grids.index.locate(lon, lat)
        if place < 0:
            return None
        beginning = self._beginnings.get(place)
        if beginning is None:
            beginning = self._beginnings[place] = self._begin(place)
        return beginning + self._footprints.at(lon, lat) + b"}"

    def _begin(self, place: int) -> bytes:
        code = self._grids.codes[place]
        above = [
            {"level": level, "code": area, "name": self._areas[area].name}
            for level, area in PROFILE.ancestors(PROFILE.community_of(code))
            if area in self._areas
        ]
        answer = {"grid": {"code": code, "name": self._grids.names[place]}, "areas": above[::-1]}
        return orjson.dumps(answer)[:-1] + b',"building":'


def finder(session: Session, snapshots: Snapshots) -> Finder:
    """Return what finds positions as the transaction sees the place."""

    def load(loading: Session) -> Finder:
        return Finder(snapshots.grids(loading), snapshots.areas(loading), _footprints(loading, snapshots))

    found: Finder = snapshots.remember(session, _KEY, _TOPICS, load)
    return found


def finder_at_hand(journal: Journal, snapshots: Snapshots) -> Finder | None:
    """Return the same if it is in memory and known to be current, asking nobody; else None."""
    found: Finder | None = snapshots.at_hand(journal, _KEY, _TOPICS)
    return found


def locate(session: Session, snapshots: Snapshots, lon: float, lat: float) -> bytes:
    """Return the grid that holds a position, the areas above it from community to city, and the building there, as JSON.

    Raises:
        NotFound: the position is in no grid.
    """
    found = finder(session, snapshots).at(lon, lat)
    if found is None:
        raise NotFound("该位置不在任何网格内 / this position is in no grid")
    return found


def locate_many(grids: GridSet, points: np.ndarray) -> bytes:
    """Return the codes of the grids that hold the points (n, 2) in degrees, null where there is none: a JSON array."""
    if not len(points):
        return b"[]"
    found = grids.index.assign(points[:, 0], points[:, 1])
    # Records of one length, filled with spaces, which JSON allows: the array is cut from memory in one piece.
    records = [orjson.dumps(code) for code in grids.codes] + [b"null"]
    length = max(map(len, records))
    table = np.array([record.ljust(length) + b"," for record in records], dtype=f"S{length + 1}")
    return b"[" + table[found].tobytes()[:-1] + b"]"


def _footprints(session: Session, snapshots: Snapshots) -> Footprints:
    key = ("footprints",)

    def load(loading: Session) -> Footprints:
        return _load_footprints(loading, snapshots.former(key))

    found: Footprints = snapshots.remember(session, key, ("buildings",), load)
    return found


def _load_footprints(session: Session, former: Footprints | None) -> Footprints:
    """Return the footprints; a boundary that moves changes some buildings' grid, and must not have all drawn again."""
    rows = [tuple(row) for row in session.execute(_FOOTPRINTS)]
    if former is not None and [row[:2] for row in rows] == [row[:2] for row in former.rows]:
        changed = [place for place, (now, before) in enumerate(zip(rows, former.rows, strict=True)) if now != before]
        if len(changed) <= _MOST_REPLACED:
            shapes = _shapes_of(session, [rows[place][0] for place in changed])
            return Footprints(rows, former.index.replaced(dict(zip(changed, shapes, strict=True))))
    return Footprints(rows, GridIndex(_shapes_of(session, [row[0] for row in rows]), [row[1] for row in rows]))


def _shapes_of(session: Session, ids: list[int]) -> np.ndarray:
    found = {row[0]: bytes(row[1]) for row in session.execute(_SHAPES, {"ids": ids})}
    shapes: np.ndarray = shapely.from_wkb(np.array([found[each] for each in ids], dtype=object))
    return shapes
