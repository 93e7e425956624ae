"""Which grid each stored household and building is in: the pure rule of gis.grids, applied to the tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, text

from gis.grids.assignment import GridIndex
from gis.store.bulk import copy_frame, read_frame


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
    """Return the grids in force, in the order of their codes."""
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
        assign_buildings(connection, grids)
    query = "SELECT id, lon, lat, grid_id, grid_reason FROM households"
    if household_ids is None:
        frame = read_frame(connection, query)
    else:
        frame = read_frame(connection, query + " WHERE id = ANY(%(ids)s)", {"ids": household_ids.tolist()})
    grid_id, reason = place(grids, frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
    before = frame["grid_id"].fillna(-1).to_numpy(np.int64)
    moved = (before != grid_id) | (frame["grid_reason"].fillna("").to_numpy(object) != reason)
    _write(connection, frame["id"].to_numpy()[moved], grid_id[moved], reason[moved])
    assigned = int((grid_id >= 0).sum())
    return Assigned(len(frame), assigned, len(frame) - assigned, int(moved.sum()))


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


def assign_buildings(connection: Connection, grids: StoredGrids) -> None:
    """Write the grid of every building, by the point on it, where it has changed."""
    frame = read_frame(connection, "SELECT id, lon, lat, grid_id FROM buildings")
    grid_id, _ = place(grids, frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
    moved = frame["grid_id"].fillna(-1).to_numpy(np.int64) != grid_id
    if not moved.any():
        return
    _stage(connection, frame["id"].to_numpy()[moved], grid_id[moved], np.full(int(moved.sum()), "", dtype=object))
    connection.execute(text("UPDATE buildings b SET grid_id = s.grid_id FROM assigned s WHERE s.id = b.id"))


def _write(connection: Connection, ids: np.ndarray, grid_id: np.ndarray, reason: np.ndarray) -> None:
    if len(ids) == 0:
        return
    _stage(connection, ids, grid_id, reason)
    connection.execute(
        text("UPDATE households h SET grid_id = s.grid_id, grid_reason = s.grid_reason FROM assigned s WHERE s.id = h.id")
    )


def _stage(connection: Connection, ids: np.ndarray, grid_id: np.ndarray, reason: np.ndarray) -> None:
    connection.execute(text("DROP TABLE IF EXISTS pg_temp.assigned"))
    connection.execute(text("CREATE TEMP TABLE assigned (id bigint, grid_id bigint, grid_reason text) ON COMMIT DROP"))
    frame = pd.DataFrame({"id": ids, "grid_id": pd.array(grid_id, dtype="Int64"), "grid_reason": reason})
    frame.loc[grid_id < 0, "grid_id"] = pd.NA
    frame["grid_reason"] = frame["grid_reason"].where(grid_id < 0, None)
    copy_frame(connection, "assigned", frame)
    connection.execute(text("ANALYZE assigned"))
