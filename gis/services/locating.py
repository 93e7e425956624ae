"""Which grid holds a position, which areas are above it, which building is there: answered from memory, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.grids.assignment import GridIndex
from gis.services.features import PROFILE
from gis.services.gridset import GridSet
from gis.services.shapes import rows_changed, shapes_of, this_moment
from gis.services.snapshots import AreaName, Snapshots
from gis.store.journal import Journal
from gis.store.moments import Moment

_ROWS = """
SELECT id, code, name, ST_AsBinary(geometry) FROM buildings WHERE GeometryType(geometry) IN ('POLYGON', 'MULTIPOLYGON'){among} ORDER BY code
"""
_ALL, _SOME = text(_ROWS.format(among="")), text(_ROWS.format(among=" AND id = ANY(:ids)"))
_KEY, _TOPICS = ("finder",), ("grids", "areas", "buildings")


@dataclass(frozen=True)
class Footprints:
    """The buildings that have a ground plan: a position is in the one with the lowest code that holds it, edges included."""

    names: list[tuple[str, str | None]]
    """Each one's code and name."""
    index: GridIndex
    position_of: dict[int, int]
    """From a building's id to its position here."""
    moment: Moment
    """What the transaction that read them has seen."""

    def at(self, lon: float, lat: float) -> bytes:
        """Return the building at a position as JSON, ``null`` where there is none."""
        place = self.index.locate(lon, lat)
        if place < 0:
            return b"null"
        code, name = self.names[place]
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
    """Return the footprints; of an earlier state only what has changed since is read, and where nothing has, it is the same index."""
    now = this_moment(session)
    if former is not None:
        known, names_then = former.position_of, former.names
        changed = rows_changed(
            session, "buildings", _SOME, former.moment, now, known, lambda place: names_then[place][0]
        )
        if changed is not None:
            return _with(former, *changed, now)
    rows = session.execute(_ALL).all()
    return Footprints(
        [(row[1], row[2]) for row in rows],
        GridIndex(shapes_of(rows), [row[1] for row in rows]),
        {row[0]: place for place, row in enumerate(rows)},
        now,
    )


def _with(former: Footprints, places: list[int], rows: Sequence[Any], now: Moment) -> Footprints:
    """Return the footprints with some as the rows say."""
    names = former.names.copy()
    for place, row in zip(places, rows, strict=True):
        names[place] = (row[1], row[2])
    index = former.index.replaced(dict(zip(places, shapes_of(rows), strict=True)))
    return replace(former, names=names, index=index, moment=now)
