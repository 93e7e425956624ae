"""The grids in force in memory, and how the next state of them is made from the last: a moved boundary costs its surroundings only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.grids.assignment import GridIndex

_STAMPS = text('SELECT id, code, name, version, updated_at FROM grids WHERE valid_to IS NULL ORDER BY code COLLATE "C"')
_SHAPES = text("SELECT id, ST_AsBinary(geometry) FROM grids WHERE id = ANY(:ids)")
_MOST_REPLACED = 64
"""Beyond so many changed boundaries everything is prepared anew."""


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

    def within(self, prefix: str) -> np.ndarray:
        """Return which grids' codes begin with ``prefix``, as booleans."""
        return np.array([code.startswith(prefix) for code in self.codes], dtype=bool)


def load_grids(session: Session, former: GridSet | None) -> GridSet:
    """Return the grids in force.

    Args:
        session: a transaction that sees one moment.
        former: an earlier state to go on from. A grid whose id, version and time of change are the same has not changed.
    """
    rows = session.execute(_STAMPS).all()
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    codes = [row[1] for row in rows]
    names, versions = [row[2] for row in rows], np.array([row[3] for row in rows], dtype=np.int64)
    updated_at = [row[4] for row in rows]
    if former is not None and former.codes == codes and np.array_equal(former.ids, ids):
        changed = [
            place
            for place, now in enumerate(zip(versions.tolist(), updated_at, strict=True))
            if now != (former.versions[place], former.updated_at[place])
        ]
        if len(changed) <= _MOST_REPLACED:
            shapes = _shapes_of(session, ids[changed])
            geometries = former.geometries.copy()
            geometries[changed] = shapes
            index = former.index.replaced(dict(zip(changed, shapes, strict=True)))
            return replace(
                former, names=names, versions=versions, updated_at=updated_at, geometries=geometries, index=index
            )
    geometries = _shapes_of(session, ids)
    return GridSet(
        ids,
        codes,
        names,
        versions,
        updated_at,
        geometries,
        GridIndex(geometries, codes),
        {grid_id: place for place, grid_id in enumerate(ids.tolist())},
    )


def _shapes_of(session: Session, ids: np.ndarray) -> np.ndarray:
    """Return the boundaries of grids, in the order of the ids."""
    found = {row[0]: bytes(row[1]) for row in session.execute(_SHAPES, {"ids": ids.tolist()})}
    return shapely.from_wkb(np.array([found[grid_id] for grid_id in ids.tolist()], dtype=object))
