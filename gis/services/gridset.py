"""The grids in force in memory, and how the next state of them is made from the last: a moved boundary costs its surroundings only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.grids.assignment import GridIndex
from gis.services.shapes import rows_changed, shapes_of, this_moment
from gis.store.moments import Moment

_ROWS = """
SELECT id, code, name, version, updated_at, ST_AsBinary(geometry) FROM grids WHERE valid_to IS NULL{among} ORDER BY code
"""
_ALL, _SOME = text(_ROWS.format(among="")), text(_ROWS.format(among=" AND id = ANY(:ids)"))


@dataclass(frozen=True)
class GridSet:
    """The grids in force, ordered by code; all sequences have the same length."""

    ids: np.ndarray
    codes: list[str]
    names: list[str]
    versions: np.ndarray
    updated_at: list[datetime]
    geometries: np.ndarray
    index: GridIndex
    position_of: dict[int, int]
    """From a grid's id to its position here."""
    moment: Moment
    """What the transaction that read them has seen."""

    def within(self, prefix: str) -> np.ndarray:
        """Return which grids' codes begin with ``prefix``, as booleans."""
        return np.array([code.startswith(prefix) for code in self.codes], dtype=bool)


def load_grids(session: Session, former: GridSet | None) -> GridSet:
    """Return the grids in force.

    Args:
        session: a transaction that sees one moment.
        former: an earlier state to go on from: only what has changed since is read.
    """
    now = this_moment(session)
    if former is not None:
        known, codes_then = former.position_of, former.codes
        changed = rows_changed(session, "grids", _SOME, former.moment, now, known, codes_then.__getitem__)
        if changed is not None:
            return _with(former, *changed, now)
    rows = session.execute(_ALL).all()
    ids, codes = np.array([row[0] for row in rows], dtype=np.int64), [row[1] for row in rows]
    geometries = shapes_of(rows)
    return GridSet(
        ids,
        codes,
        [row[2] for row in rows],
        np.array([row[3] for row in rows], dtype=np.int64),
        [row[4] for row in rows],
        geometries,
        GridIndex(geometries, codes),
        {grid_id: place for place, grid_id in enumerate(ids.tolist())},
        now,
    )


def _with(former: GridSet, places: list[int], rows: Sequence[Any], now: Moment) -> GridSet:
    """Return the grids with some as the rows say, which are in force now as before."""
    if not places:
        return replace(former, moment=now)
    names, versions, updated_at = former.names.copy(), former.versions.copy(), former.updated_at.copy()
    geometries, shapes = former.geometries.copy(), shapes_of(rows)
    for place, row in zip(places, rows, strict=True):
        names[place], versions[place], updated_at[place] = row[2], row[3], row[4]
    geometries[places] = shapes
    moved = {
        place: shape
        for place, shape in zip(places, shapes, strict=True)
        if not shapely.equals_identical(shape, former.geometries[place])
    }
    return replace(
        former,
        names=names,
        versions=versions,
        updated_at=updated_at,
        geometries=geometries,
        index=former.index.replaced(moved),
        moment=now,
    )
