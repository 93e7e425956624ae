"""Grids and buildings in memory go on from what they were: only those are read again of which something has changed.

Triggers mark what reads otherwise than before with the number of the transaction (``shape_marks``), so what is new to a former reading is what its
snapshot does not see; see :mod:`gis.store.moments`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from gis.store.moments import Moment, moment

_MARKED = text("SELECT linli_shapes_marked(:kind, CAST(:seen AS pg_snapshot))")
_ALL = 0
"""The mark of every row."""
_MOST_REPLACED = 64
"""Beyond so many changed shapes everything is read and prepared anew."""


def this_moment(session: Session) -> Moment:
    """Return what a transaction sees, before it reads grids or buildings."""
    return moment(session, "shape_marks")


def rows_changed(
    session: Session,
    kind: str,
    some: TextClause,
    former: Moment,
    now: Moment,
    position_of: Mapping[int, int],
    code_at: Callable[[int], str],
) -> tuple[list[int], Sequence[Any]] | None:
    """Return the rows that may have changed since a former moment, with their places then; None where all have to be read.

    Args:
        session: the transaction that reads now.
        kind: the table: ``grids`` or ``buildings``; of a building only code, name and shape count.
        some: reads the rows of ``:ids``; each begins with id and code and ends with the shape as WKB.
        former: the former moment.
        now: this one.
        position_of: the place of each row that was there, by its id.
        code_at: returns the code that was at a place.
    """
    if not now.follows(former):
        return None
    marked = set(session.scalars(_MARKED, {"kind": kind, "seen": former.snapshot}))
    if not marked:
        return [], []
    if _ALL in marked or len(marked) > _MOST_REPLACED:
        return None
    rows = session.execute(some, {"ids": list(marked)}).all()
    were = {each: position_of[each] for each in marked & position_of.keys()}
    if {row[0]: row[1] for row in rows} != {each: code_at(place) for each, place in were.items()}:
        return None  # one has come, has gone, or has another code: places shift
    return [were[row[0]] for row in rows], rows


def shapes_of(rows: Sequence[Any]) -> np.ndarray:
    """Return the shapes of rows, each of which ends with one as WKB."""
    shapes: np.ndarray = shapely.from_wkb(np.array([*(bytes(row[-1]) for row in rows), None], dtype=object))[:-1]
    return shapes
