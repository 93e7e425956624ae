"""Which grid each stored household and building is in: the pure rule of gis.grids, applied to the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, TextClause, text

from gis.grids.assignment import GridIndex
from gis.store.bulk import copy_frame, read_frame
from gis.store.locking import hold_grids

_COLUMNS = "id, lon, lat, grid_id, grid_reason"
_SENT = (
    "(SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:grid_ids AS bigint[]), CAST(:reasons AS text[])) "
    "AS sent (id, grid_id, grid_reason))"
)
_MOST_SENT = 2000
_HOUSEHOLDS_IN = text(
    "SELECT id, lon, lat, coalesce(grid_id, -1) AS grid_id, coalesce(grid_reason, '') AS grid_reason "
    "FROM linli_households_in(ST_GeomFromWKB(:strip, 4326))"
)
_BUILDINGS_IN = text(
    "SELECT id, lon, lat, coalesce(grid_id, -1) AS grid_id FROM buildings WHERE geometry && ST_GeomFromWKB(:strip, 4326) "
    "AND ST_Intersects(ST_SetSRID(ST_MakePoint(lon, lat), 4326), ST_GeomFromWKB(:strip, 4326))"
)
_FEW = 100_000
"""Up to so many positions are looked up in the polygons sooner than a lattice is drawn."""


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


@dataclass(frozen=True)
class Moves:
    """How many households a changed boundary has brought into its grid, and how many it has taken out."""

    moved_in: int
    moved_out: int


def read_grids(connection: Connection, near: shapely.Geometry | None = None, *, positions: int | None = None) -> StoredGrids:
    """Return the grids in force, in the order of their codes; they stay so until the transaction ends.

    Args:
        connection: an open transaction.
        near: only grids whose box meets this geometry's, EPSG:4326; all when None.
        positions: how many will be looked up, about; for few no lattice is drawn.
    """
    hold_grids(connection)
    rows = connection.execute(
        text(
            "SELECT id, code, ST_AsBinary(geometry) FROM grids WHERE valid_to IS NULL "
            "AND (CAST(:near AS bytea) IS NULL OR geometry && ST_GeomFromWKB(:near, 4326)) "
            'ORDER BY code COLLATE "C"'
        ),
        {"near": None if near is None else shapely.to_wkb(near)},
    ).all()
    geometries = shapely.from_wkb(np.array([bytes(row[2]) for row in rows], dtype=object))
    return StoredGrids(
        np.array([row[0] for row in rows], dtype=np.int64), GridIndex(np.atleast_1d(geometries), [row[1] for row in rows], drawn=positions is None or positions > _FEW)
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


def assign_strip(connection: Connection, grid_id: int, strip: shapely.Geometry) -> Moves:
    """Assign those again who live where a grid's boundary has moved: the others are where they were.

    Args:
        connection: an open transaction, on an administrator's behalf, in which the grid already has its new boundary.
        grid_id: the grid.
        strip: all positions that it may have gained or lost, EPSG:4326; see :func:`gis.grids.geometry.moved_strip`.
    """
    if shapely.is_empty(strip):
        return Moves(0, 0)
    grids = read_grids(connection, near=strip, positions=0)
    params = {"strip": shapely.to_wkb(strip)}
    _write_buildings(connection, grids, _few(connection, _BUILDINGS_IN, params))
    before, after, _ = _write_households(connection, grids, _few(connection, _HOUSEHOLDS_IN, params))
    return Moves(int(((after == grid_id) & (before != grid_id)).sum()), int(((before == grid_id) & (after != grid_id)).sum()))


def _few(connection: Connection, query: TextClause, params: dict[str, Any]) -> pd.DataFrame:
    """Return some rows as a frame: without COPY, which pays for many."""
    found = connection.execute(query, params)
    names, rows = list(found.keys()), found.all()
    return pd.DataFrame(dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {name: [] for name in names}, copy=False)


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


def _assign_households(connection: Connection, grids: StoredGrids, which: str, params: dict[str, Any]) -> Assigned:
    frame = read_frame(connection, f"SELECT {_COLUMNS} FROM households WHERE {which}", params)
    _, after, written = _write_households(connection, grids, frame)
    assigned = int((after >= 0).sum())
    return Assigned(len(frame), assigned, len(frame) - assigned, written)


def _write_households(connection: Connection, grids: StoredGrids, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    """Write the households of a frame whose grid or reason has changed.

    Returns:
        Their grids' ids before and after, −1 for none, and how many were written.
    """
    grid_id, reason = place(grids, frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
    before = frame["grid_id"].fillna(-1).to_numpy(np.int64)
    moved = (before != grid_id) | (frame["grid_reason"].fillna("").to_numpy(object) != reason)
    if moved.any():
        _update(
            connection,
            "UPDATE households h SET grid_id = s.grid_id, grid_reason = s.grid_reason FROM {assigned} s WHERE s.id = h.id",
            frame["id"].to_numpy()[moved],
            grid_id[moved],
            reason[moved],
        )
    return before, grid_id, int(moved.sum())


def _assign_buildings(connection: Connection, grids: StoredGrids, which: str, params: dict[str, Any]) -> None:
    _write_buildings(connection, grids, read_frame(connection, f"SELECT id, lon, lat, grid_id FROM buildings WHERE {which}", params))


def _write_buildings(connection: Connection, grids: StoredGrids, frame: pd.DataFrame) -> None:
    """Write the buildings of a frame whose grid has changed."""
    grid_id, reason = place(grids, frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
    moved = frame["grid_id"].fillna(-1).to_numpy(np.int64) != grid_id
    if moved.any():
        _update(
            connection,
            "UPDATE buildings b SET grid_id = s.grid_id FROM {assigned} s WHERE s.id = b.id",
            frame["id"].to_numpy()[moved],
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
