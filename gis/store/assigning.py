"""Which grid each stored household and building is in: the pure rule of gis.grids, applied to the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from shapely.geometry import MultiPolygon
from sqlalchemy import Connection, text

from gis.grids.assignment import GridIndex
from gis.store.bulk import copy_frame, read_frame
from gis.store.locking import hold_grids


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


def read_grids(connection: Connection) -> StoredGrids:
    """Return the grids in force, in the order of their codes; they stay so until the transaction ends."""
    hold_grids(connection)
    rows = connection.execute(
        text('SELECT id, code, ST_AsBinary(geometry) FROM grids WHERE valid_to IS NULL ORDER BY code COLLATE "C"')
    ).all()
    geometries = shapely.from_wkb(np.array([bytes(row[2]) for row in rows], dtype=object))
    return StoredGrids(
        np.array([row[0] for row in rows], dtype=np.int64), GridIndex(np.atleast_1d(geometries), [row[1] for row in rows])
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


def assign_round(connection: Connection, grid_id: int, boundary: MultiPolygon) -> Assigned:
    """Assign those again whom the new boundary of one grid can affect: who is in the grid, or inside or on the boundary.

    Args:
        connection: an open transaction in which the grid already has its new boundary.
        grid_id: the grid.
        boundary: its new boundary, EPSG:4326.
    """
    grids = read_grids(connection)
    affected = "grid_id = %(grid)s OR ST_Intersects(geometry, ST_GeomFromWKB(%(boundary)s, 4326))"
    params = {"grid": grid_id, "boundary": shapely.to_wkb(boundary)}
    _assign_buildings(connection, grids, affected, params)
    return _assign_households(connection, grids, affected, params)


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
    frame = read_frame(connection, f"SELECT id, lon, lat, grid_id, grid_reason FROM households WHERE {which}", params)
    grid_id, reason = place(grids, frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
    before = frame["grid_id"].fillna(-1).to_numpy(np.int64)
    moved = (before != grid_id) | (frame["grid_reason"].fillna("").to_numpy(object) != reason)
    if moved.any():
        _stage(connection, frame["id"].to_numpy()[moved], grid_id[moved], reason[moved])
        connection.execute(
            text("UPDATE households h SET grid_id = s.grid_id, grid_reason = s.grid_reason FROM assigned s WHERE s.id = h.id")
        )
    assigned = int((grid_id >= 0).sum())
    return Assigned(len(frame), assigned, len(frame) - assigned, int(moved.sum()))


def _assign_buildings(connection: Connection, grids: StoredGrids, which: str, params: dict[str, Any]) -> None:
    frame = read_frame(connection, f"SELECT id, lon, lat, grid_id FROM buildings WHERE {which}", params)
    grid_id, reason = place(grids, frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
    moved = frame["grid_id"].fillna(-1).to_numpy(np.int64) != grid_id
    if moved.any():
        _stage(connection, frame["id"].to_numpy()[moved], grid_id[moved], reason[moved])
        connection.execute(text("UPDATE buildings b SET grid_id = s.grid_id FROM assigned s WHERE s.id = b.id"))


def _stage(connection: Connection, ids: np.ndarray, grid_id: np.ndarray, reason: np.ndarray) -> None:
    connection.execute(text("DROP TABLE IF EXISTS pg_temp.assigned"))
    connection.execute(text("CREATE TEMP TABLE assigned (id bigint, grid_id bigint, grid_reason text) ON COMMIT DROP"))
    frame = pd.DataFrame({"id": ids, "grid_id": pd.array(grid_id, dtype="Int64"), "grid_reason": reason})
    frame.loc[grid_id < 0, "grid_id"] = pd.NA
    frame["grid_reason"] = frame["grid_reason"].where(grid_id < 0, None)
    copy_frame(connection, "assigned", frame)
    connection.execute(text("ANALYZE assigned"))
