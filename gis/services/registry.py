"""The register of grids: list them, say which one holds a position, move a boundary, check the division."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid, NotFound
from gis.grids.assignment import GridIndex
from gis.grids.geometry import STRIP_MARGIN_DEG, moved_strip
from gis.grids.zoning import check_zoning
from gis.models import Area
from gis.services.features import (
    Filter,
    area_prefix,
    box_clause,
    check_version,
    collection,
    feature,
    page_of,
    read_geometry,
    refuse_unknown_area,
)
from gis.services.snapshots import Snapshots
from gis.store.assigning import StoredGrids, assign_strip
from gis.store.locking import lock_tables

GRID_HOUSEHOLDS = (300, 500)
"""Households of an urban grid (GB/T 34300, to be checked); real ones differ, so this only warns."""
OVERLAP_TOLERANCE_M2 = 1.0
"""Neighbours drawn by different hands overlap by slivers; less than this is not an overlap."""
_M2_OF_A_DEG2 = 2.5e10
"""Twice what a square degree has at most (1.231e10 at the equator; projections stretch): what is small by it is small."""

_LIST = """
SELECT code, name, substr(code, 1, 12) AS community, version, ST_AsGeoJSON(geometry, 15) AS shape FROM grids
WHERE valid_to IS NULL AND starts_with(code, :prefix) AND code > :after{box}
ORDER BY code LIMIT :limit
"""

_AROUND = text(
    "WITH own AS (SELECT geometry FROM grids WHERE code = :code AND valid_to IS NULL) "
    "SELECT id, code, name, version, ST_AsBinary(geometry) AS shape FROM grids WHERE valid_to IS NULL AND geometry && "
    "(SELECT ST_Expand(ST_Envelope(ST_Collect(geometry, ST_GeomFromWKB(:boundary, 4326))), :margin_deg) FROM own) ORDER BY code"
)
_MOVE = text("UPDATE grids SET name = :name, geometry = ST_GeomFromWKB(:boundary, 4326) WHERE id = :id")


@dataclass(frozen=True)
class _Stored:
    """A grid as it is stored."""

    id: int
    name: str
    version: int
    geometry: shapely.Geometry


def list_grids(session: Session, wanted: Filter) -> dict[str, Any]:
    """Return a page of grids as a FeatureCollection; ``next`` is the cursor of the following page, or None.

    Raises:
        NotFound: nothing is known of the area asked for.
    """
    params: dict[str, Any] = {"prefix": area_prefix(wanted.area), "after": wanted.cursor or ""}
    query = _LIST.format(box=box_clause(wanted.bbox, params))
    rows, more = page_of(session, query, params, wanted.limit)
    if not rows:
        refuse_unknown_area(session, wanted.area)
    return collection((_grid_feature(row) for row in rows), next=rows[-1]["code"] if more else None)


def get_grid(session: Session, code: str) -> dict[str, Any]:
    """Return one grid as a Feature; ``properties.version`` is what a write must name."""
    row = session.execute(
        text(
            "SELECT code, name, substr(code, 1, 12) AS community, version, ST_AsGeoJSON(geometry, 15) AS shape "
            "FROM grids WHERE code = :code AND valid_to IS NULL"
        ),
        {"code": code},
    ).mappings()
    found = row.one_or_none()
    if found is None:
        raise NotFound(f"没有编码为 {code} 的网格 / no grid has code {code}")
    return _grid_feature(found)


def put_grid(session: Session, snapshots: Snapshots, code: str, body: dict[str, Any], version: int) -> dict[str, Any]:
    """Replace a grid's boundary and name, and assign again whom that can affect.

    Args:
        session: a transaction that may write grids and households.
        snapshots: the caches.
        code: the grid's code.
        body: a GeoJSON Feature; ``properties.name`` is kept where missing.
        version: the version the caller has read.

    Returns:
        ``moved_in`` and ``moved_out``, households; ``version``, the new one.

    Raises:
        NotFound, Stale: no such grid; it has changed since.
        Invalid: an invalid ring or an overlap with another grid, with its place; properties of another form.
    """
    lock_tables(session.connection(), writes=("grids",))
    geometry = read_geometry(body.get("geometry"), ("Polygon", "MultiPolygon"))
    boundary = MultiPolygon([geometry]) if isinstance(geometry, Polygon) else geometry
    around = _grids_around(session, code, boundary)
    own = around[code]
    check_version(own.version, version)
    others = {other: row.geometry for other, row in around.items() if other != code}
    _refuse_overlap(session, snapshots, others, boundary)
    name = _name_of(code, body) or own.name
    values = {"id": own.id, "name": name, "boundary": shapely.to_wkb(boundary)}
    session.execute(_MOVE, values)
    shapes = np.array([*others.values(), boundary], dtype=object)
    ids = np.array([*(around[other].id for other in others), own.id], dtype=np.int64)
    grids = StoredGrids(ids, GridIndex(shapes, [*others, code], drawn=False))
    moves = assign_strip(session.connection(), grids, own.id, moved_strip(own.geometry, boundary))
    return {"moved_in": moves.moved_in, "moved_out": moves.moved_out, "version": version + 1}


def _grids_around(session: Session, code: str, boundary: MultiPolygon) -> dict[str, _Stored]:
    """Return by code a grid and all others that meet the box round its boundary as it is and as it is to be.

    Raises:
        NotFound: no such grid.
    """
    params = {"code": code, "boundary": shapely.to_wkb(boundary), "margin_deg": 2 * STRIP_MARGIN_DEG}
    rows = session.execute(_AROUND, params).all()
    if not rows:
        raise NotFound(f"没有编码为 {code} 的网格 / no grid has code {code}")
    shapes = shapely.from_wkb(np.array([bytes(row.shape) for row in rows], dtype=object))
    return {row.code: _Stored(row.id, row.name, row.version, shape) for row, shape in zip(rows, shapes, strict=True)}


def _name_of(code: str, body: dict[str, Any]) -> str | None:
    """Return the name that a Feature gives to the grid ``code``; None where it gives none.

    Raises:
        Invalid: the properties are no object, name another grid, or the name is no text of at most 300 characters.
    """
    properties = body.get("properties")
    if properties is None:
        return None
    if not isinstance(properties, dict):
        message = "应为对象 / expected an object"
        raise Invalid(message, [Fault("properties", message)])
    if properties.get("code") not in (None, code):
        message = f"与地址中的编码 {code} 不同 / is not the code in the address, {code}"
        raise Invalid(message, [Fault("properties.code", message)])
    name = properties.get("name")
    if name is not None and (not isinstance(name, str) or len(name) > 300):
        message = "应为文字，最多 300 字 / expected text of at most 300 characters"
        raise Invalid(message, [Fault("properties.name", message)])
    return name.strip() or None if name is not None else None


def zoning(session: Session, snapshots: Snapshots, area: str | None) -> dict[str, Any]:
    """Check whether the grids of an area divide it properly.

    Returns:
        ``overlaps``, ``gaps``, ``beyond`` (grids that leave their community), ``strays`` (where households are in no grid, with how many), ``oversize`` and ``undersize`` grids:
        FeatureCollections with areas in m².

    Raises:
        NotFound: nothing is known of the area asked for.
    """
    prefix = area_prefix(area)
    grids = snapshots.grids(session)
    inside = grids.within(prefix)
    frame = gpd.GeoDataFrame(
        {"code": np.array(grids.codes, dtype=object)[inside]},
        geometry=grids.geometries[inside],
        crs="EPSG:4326",
    )
    communities = _communities(session, prefix)
    if not inside.any():
        refuse_unknown_area(session, area)
    if not inside.any() and communities is None:
        nothing = collection([])
        kinds = ("overlaps", "gaps", "beyond", "oversize", "undersize")
        return {**dict.fromkeys(kinds, nothing), "strays": _strays(session, whole=not prefix)}
    report = check_zoning(frame, communities, snapshots.metric(session), OVERLAP_TOLERANCE_M2)
    counts: dict[int | None, int] = dict(
        session.execute(
            text("SELECT grid_id, n FROM linli_grid_counts(linli_today()) WHERE measure = 'households'")
        ).all()
    )
    small, large = GRID_HOUSEHOLDS
    sized = [
        (grids.codes[i], grids.names[i], grids.geometries[i], int(counts.get(int(grids.ids[i]), 0)))
        for i in np.flatnonzero(inside)
    ]
    return {
        "overlaps": _frame_collection(report.overlaps),
        "gaps": _frame_collection(report.gaps),
        "beyond": _frame_collection(report.beyond),
        "strays": _strays(session, whole=not prefix),
        "oversize": collection(_sized(*row) for row in sized if row[3] > large),
        "undersize": collection(_sized(*row) for row in sized if row[3] < small),
    }


def _strays(session: Session, *, whole: bool) -> dict[str, Any]:
    """Return where households are in no grid; they belong to no area, so they are told for the whole place only.

    A building is no secret; a household's own position is, and is given to the nearest 0.001° (about 100 m).
    """
    if not whole:
        return collection([])
    rows = session.execute(
        text(
            "SELECT b.code, CASE WHEN b.id IS NULL THEN round(s.lon::numeric, 3) ELSE s.lon END AS x, "
            "CASE WHEN b.id IS NULL THEN round(s.lat::numeric, 3) ELSE s.lat END AS y, sum(s.households) AS n "
            "FROM linli_demand_sites(linli_today()) s LEFT JOIN buildings b ON b.id = s.building_id "
            "WHERE s.grid_id IS NULL GROUP BY 1, 2, 3 ORDER BY 2, 3, 1"
        )
    )
    features = []
    for code, x, y, n in rows:
        shape = None if x is None else {"type": "Point", "coordinates": [float(x), float(y)]}
        reason = "no position" if x is None else "outside every grid"
        features.append(feature(shape, {"building": code, "households": int(n), "reason": reason}))
    return collection(features)


def _communities(session: Session, prefix: str) -> gpd.GeoDataFrame | None:
    """Return the boundaries of communities inside the area that have one."""
    rows = session.execute(
        select(Area.code, text("ST_AsBinary(geometry)")).where(
            Area.level == "community",
            Area.geometry.is_not(None),
            Area.code.startswith(prefix, autoescape=True),
        )
    ).all()
    if not rows:
        return None
    shapes = [shapely.from_wkb(bytes(row[1])) for row in rows]
    return gpd.GeoDataFrame({"code": [row[0] for row in rows]}, geometry=shapes, crs="EPSG:4326")


def _refuse_overlap(
    session: Session, snapshots: Snapshots, others: dict[str, shapely.Geometry], boundary: MultiPolygon
) -> None:
    """Refuse a boundary that covers more than slivers of another grid; the fault names it and a point of the overlap."""
    codes = list(others)
    shared = shapely.intersection(np.array([*others.values(), None], dtype=object)[:-1], boundary)
    large = np.flatnonzero(shapely.area(shared) * _M2_OF_A_DEG2 > OVERLAP_TOLERANCE_M2)
    if not len(large):  # neighbours share edges, and nothing is left to be measured
        return
    areas_m2 = shapely.area(snapshots.metric(session).geometry_to_m(shared[large]))
    faults = []
    for place, area_m2 in zip(large, areas_m2, strict=True):
        other = codes[int(place)]
        if area_m2 > OVERLAP_TOLERANCE_M2:
            point = shapely.point_on_surface(shared[place])
            at = f"[{point.x:.6f}, {point.y:.6f}]"
            faults.append(
                Fault(
                    f"geometry {at}",
                    f"与网格 {other} 重叠 {area_m2:.0f} m² / overlaps grid {other} by {area_m2:.0f} m² at {at}",
                )
            )
    if faults:
        raise Invalid("新边界与其他网格重叠 / the new boundary overlaps other grids", faults)


def _grid_feature(row: Any) -> dict[str, Any]:
    return feature(row["shape"], {key: row[key] for key in ("code", "name", "community", "version")})


def _sized(code: str, name: str, geometry: Any, households: int) -> dict[str, Any]:
    return feature(mapping(geometry), {"code": code, "name": name, "households": households})


def _frame_collection(frame: gpd.GeoDataFrame) -> dict[str, Any]:
    columns = [name for name in frame.columns if name != frame.geometry.name]
    return collection(
        feature(mapping(row.geometry), {name: getattr(row, name) for name in columns})
        for row in frame.itertuples(index=False)
    )
