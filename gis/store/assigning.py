"""Which grid each stored household and building is in: the pure rule of gis.grids, applied to the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, text

from gis.grids.assignment import GridIndex
from gis.store.bulk import copy_frame, read_frame
from gis.store.locking import hold_grids

_COLUMNS = "id, lon, lat, grid_id, grid_reason"
_SENT = (
    "(SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:grid_ids AS bigint[]), CAST(:reasons AS text[])) "
    "AS sent (id, grid_id, grid_reason))"
)
_MOST_SENT = 2000
_LIVE_IN = text(
    "SELECT true AS household, id, lon, lat, coalesce(grid_id, -1) AS grid_id, coalesce(grid_reason, '') AS grid_reason "
    "FROM linli_households_in(ST_GeomFromWKB(:strip, 4326)) UNION ALL "
    "SELECT false, id, lon, lat, coalesce(grid_id, -1), '' FROM buildings WHERE geometry && ST_GeomFromWKB(:strip, 4326) "
    "AND ST_Intersects(ST_SetSRID(ST_MakePoint(lon, lat), 4326), ST_GeomFromWKB(:strip, 4326))"
)
"""Households and buildings in one answer: a moved boundary is a dozen short statements, and each way to the database counts."""
_FEW = 100_000
"""Up to so many positions are looked up in the polygons sooner than a lattice is drawn."""
_PIECE = 200_000
"""So many rows at most are in memory at once."""
_FOLLOW = """
WITH moved AS (
  UPDATE households h SET geometry = ST_SetSRID(ST_MakePoint(b.lon, b.lat), 4326), lon = b.lon, lat = b.lat
  FROM {buildings} WHERE h.building_id = b.id AND NOT h.own_position AND (h.lon, h.lat) IS DISTINCT FROM (b.lon, b.lat)
  RETURNING h.id)
INSERT INTO households_moved SELECT id FROM moved"""


@dataclass(frozen=True)
class Assigned:
    """The outcome: ``households = assigned + unassigned``; ``changed`` of them were in another grid (or reason) before."""

    households: int
    assigned: int
    unassigned: int
    changed: int


@dataclass(frozen=True)
class StoredGrids:
    """The grids in force, ordered by code: ``ids`` beside the index's codes."""

    ids: np.ndarray
    index: GridIndex

    def contain(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray | None:
        """Return which positions, degrees (n,), are in a grid, bool (n,); None where there is no grid."""
        return self.index.assign(lon, lat) >= 0 if len(self.ids) else None


@dataclass(frozen=True)
class Moves:
    """How many households a changed boundary has brought into its grid, and how many it has taken out."""

    moved_in: int
    moved_out: int


class _Lives(NamedTuple):
    """Households or buildings, where they are and what is stored of it; all arrays are (n,)."""

    ids: np.ndarray
    lon: np.ndarray
    lat: np.ndarray
    grid_id: np.ndarray
    """−1: none."""
    reason: np.ndarray
    """'' where there is a grid, and for buildings."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> _Lives:
        """Return them from rows of these values; for a few no frame is made, which takes a millisecond."""
        types = (np.int64, float, float, np.int64, object)
        columns = list(zip(*rows, strict=True)) or [()] * len(types)
        return cls(*(np.array(column, dtype=kind) for column, kind in zip(columns, types, strict=True)))

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> _Lives:
        """Return them from a frame of rows as they are stored."""
        reason = frame["grid_reason"].fillna("") if "grid_reason" in frame else pd.Series("", index=frame.index)
        return cls(
            frame["id"].to_numpy(),
            frame["lon"].to_numpy(float),
            frame["lat"].to_numpy(float),
            frame["grid_id"].fillna(-1).to_numpy(np.int64),
            reason.to_numpy(object),
        )


def read_grids(connection: Connection, *, positions: int | None = None, hold: bool = True) -> StoredGrids:
    """Return the grids in force, in the order of their codes.

    Args:
        connection: an open transaction.
        positions: how many will be looked up, about; for few no lattice is drawn.
        hold: keep them so until the transaction ends; else the caller sees to it that nothing is built on what has changed.
    """
    if hold:
        hold_grids(connection)
    rows = connection.execute(
        text("SELECT id, code, ST_AsBinary(geometry) FROM grids WHERE valid_to IS NULL ORDER BY code")
    ).all()
    geometries = shapely.from_wkb(np.array([bytes(row[2]) for row in rows], dtype=object))
    return StoredGrids(
        np.array([row[0] for row in rows], dtype=np.int64),
        GridIndex(np.atleast_1d(geometries), [row[1] for row in rows], drawn=positions is None or positions > _FEW),
    )


def assign(connection: Connection, household_ids: np.ndarray | None = None) -> Assigned:
    """Assign households and buildings to grids and write those that changed.

    Args:
        connection: an open transaction that may write households and buildings.
        household_ids: only these households; all households and all buildings when None.

    Returns:
        Counts over the households looked at.
    """
    grids = read_grids(connection)
    if household_ids is None:
        _assign_buildings(connection, grids, "true", {})
        return _assign_households(connection, grids, "true", {})
    return _assign_households(connection, grids, "id = ANY(%(ids)s)", {"ids": household_ids.tolist()})


def assign_strip(connection: Connection, grids: StoredGrids, grid_id: int, strip: shapely.Geometry) -> Moves:
    """Assign those again who live where a grid's boundary has moved: the others are where they were.

    Args:
        connection: an open transaction, on an administrator's behalf, that has locked the grids.
        grids: as they are now, at least those that meet the strip's box.
        grid_id: the grid.
        strip: all positions that it may have gained or lost, EPSG:4326; see :func:`gis.grids.geometry.moved_strip`.
    """
    if shapely.is_empty(strip):
        return Moves(0, 0)
    rows = connection.execute(_LIVE_IN, {"strip": shapely.to_wkb(strip)}).all()
    _write_buildings(connection, grids, _Lives.of([row[1:] for row in rows if not row[0]]))
    households = _Lives.of([row[1:] for row in rows if row[0]])
    before, (after, _) = households.grid_id, _write_households(connection, grids, households)
    return Moves(
        int(((after == grid_id) & (before != grid_id)).sum()), int(((before == grid_id) & (after != grid_id)).sum())
    )


def assign_buildings(connection: Connection, building_ids: np.ndarray) -> None:
    """Write the grid of these buildings, by the point on each, where it has changed."""
    _assign_buildings(connection, read_grids(connection), "id = ANY(%(ids)s)", {"ids": building_ids.tolist()})


def place(grids: StoredGrids, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each position its grid's id (−1: none) and the reason for none ('' where there is a grid).

    Args:
        grids: the grids in force.
        lon: longitudes in degrees, NaN where there is no position.
        lat: latitudes in degrees, the same length.
    """
    found = grids.index.assign(lon, lat)
    inside = found >= 0
    grid_id = np.full(len(lon), -1, dtype=np.int64)
    grid_id[inside] = grids.ids[found[inside]]
    reason = np.where(inside, "", np.where(np.isnan(lon) | np.isnan(lat), "no position", "outside every grid"))
    return grid_id, reason.astype(object)


def follow_buildings(connection: Connection, among: str | None = None) -> int:
    """Bring households without a position of their own to where their buildings are, and into the grids there.

    Args:
        connection: an open transaction that may write households.
        among: a temporary table of the codes of buildings to look at; all when None.

    Returns:
        How many households moved.
    """
    connection.execute(text("CREATE TEMP TABLE IF NOT EXISTS households_moved (id bigint) ON COMMIT DROP"))
    connection.execute(text("TRUNCATE households_moved"))
    buildings = f"buildings b JOIN {among} s ON s.code = b.code" if among else "buildings b"
    moved = connection.execute(
        text(_FOLLOW.format(buildings=buildings)), execution_options={"preserve_rowcount": True}
    ).rowcount
    if moved:
        _assign_households(connection, read_grids(connection), "id IN (SELECT id FROM households_moved)", {})
    return moved


def _pieces(
    connection: Connection, table: str, columns: str, which: str, params: dict[str, Any]
) -> Iterator[pd.DataFrame]:
    """Yield rows of a table in the order of their ids, so many at a time; memory does not follow their number."""
    after = -1
    while True:
        query = f"SELECT {columns} FROM {table} WHERE ({which}) AND id > %(after)s ORDER BY id LIMIT {_PIECE}"
        frame = read_frame(connection, query, {**params, "after": after})
        if frame.empty:
            return
        yield frame
        if len(frame) < _PIECE:
            return
        after = int(frame["id"].iloc[-1])


def _assign_households(connection: Connection, grids: StoredGrids, which: str, params: dict[str, Any]) -> Assigned:
    households = assigned = written = 0
    for frame in _pieces(connection, "households", _COLUMNS, which, params):
        after, changed = _write_households(connection, grids, _Lives.of_frame(frame))
        households += len(frame)
        assigned += int((after >= 0).sum())
        written += changed
    return Assigned(households, assigned, households - assigned, written)


def _write_households(connection: Connection, grids: StoredGrids, lives: _Lives) -> tuple[np.ndarray, int]:
    """Write those households whose grid or reason has changed.

    Returns:
        The grids' ids of all of them now, −1 for none, and how many were written.
    """
    grid_id, reason = place(grids, lives.lon, lives.lat)
    moved = (lives.grid_id != grid_id) | (lives.reason != reason)
    if moved.any():
        _update(
            connection,
            "UPDATE households h SET grid_id = s.grid_id, grid_reason = s.grid_reason FROM {assigned} s WHERE s.id = h.id",
            lives.ids[moved],
            grid_id[moved],
            reason[moved],
        )
    return grid_id, int(moved.sum())


def _assign_buildings(connection: Connection, grids: StoredGrids, which: str, params: dict[str, Any]) -> None:
    for frame in _pieces(connection, "buildings", "id, lon, lat, grid_id", which, params):
        _write_buildings(connection, grids, _Lives.of_frame(frame))


def _write_buildings(connection: Connection, grids: StoredGrids, lives: _Lives) -> None:
    """Write those buildings whose grid has changed."""
    grid_id, reason = place(grids, lives.lon, lives.lat)
    moved = lives.grid_id != grid_id
    if moved.any():
        _update(
            connection,
            "UPDATE buildings b SET grid_id = s.grid_id FROM {assigned} s WHERE s.id = b.id",
            lives.ids[moved],
            grid_id[moved],
            reason[moved],
        )


def _update(connection: Connection, statement: str, ids: np.ndarray, grid_id: np.ndarray, reason: np.ndarray) -> None:
    """Run an update from ``{assigned}``, the rows (id, grid_id, grid_reason): few go with the statement, many through a table."""
    if len(ids) > _MOST_SENT:
        _stage(connection, ids, grid_id, reason)
        connection.execute(text(statement.format(assigned="assigned")))
        return
    sent = {
        "ids": ids.tolist(),
        "grid_ids": [None if grid < 0 else grid for grid in grid_id.tolist()],
        "reasons": [why or None for why in reason.tolist()],
    }
    connection.execute(text(statement.format(assigned=_SENT)), sent)


def _stage(connection: Connection, ids: np.ndarray, grid_id: np.ndarray, reason: np.ndarray) -> None:
    connection.execute(text("DROP TABLE IF EXISTS pg_temp.assigned"))
    connection.execute(text("CREATE TEMP TABLE assigned (id bigint, grid_id bigint, grid_reason text) ON COMMIT DROP"))
    frame = pd.DataFrame({"id": ids, "grid_id": pd.array(grid_id, dtype="Int64"), "grid_reason": reason})
    frame.loc[grid_id < 0, "grid_id"] = pd.NA
    frame["grid_reason"] = frame["grid_reason"].where(grid_id < 0, None)
    copy_frame(connection, "assigned", frame)
    connection.execute(text("ANALYZE assigned"))
