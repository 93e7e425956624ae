"""The register of buildings; households without a position of their own follow their building."""

from __future__ import annotations

from typing import Any

import numpy as np
from geoalchemy2.shape import from_shape
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gis.errors import Conflict, Fault, Invalid, NotFound
from gis.models import Building, Compound, Household
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
from gis.store.assigning import assign, assign_buildings
from gis.store.locking import hold_grids

_COLUMNS = """
b.code, b.name, b.kind, b.floors, b.units, b.version, ST_AsGeoJSON(b.geometry, 15) AS shape,
(SELECT c.code FROM compounds c WHERE c.id = b.compound_id) AS compound,
(SELECT c.name FROM compounds c WHERE c.id = b.compound_id) AS compound_name,
(SELECT g.code FROM grids g WHERE g.id = b.grid_id) AS grid"""

_LIST = """
SELECT {columns} FROM buildings b
WHERE b.code > :after{area}{box} ORDER BY b.code LIMIT :limit
"""

_IN_AREA = " AND b.grid_id IN (SELECT id FROM grids WHERE starts_with(code, :prefix))"


def list_buildings(session: Session, wanted: Filter) -> dict[str, Any]:
    """Return a page of buildings as a FeatureCollection; ``next`` is the cursor of the following page, or None.

    Raises:
        NotFound: nothing is known of the area asked for.
    """
    params: dict[str, Any] = {"prefix": area_prefix(wanted.area), "after": wanted.cursor or ""}
    area = _IN_AREA if params["prefix"] else ""
    query = _LIST.format(columns=_COLUMNS, area=area, box=box_clause(wanted.bbox, params))
    rows, more = page_of(session, query, params, wanted.limit)
    if not rows:
        refuse_unknown_area(session, wanted.area)
    return collection((_building_feature(row) for row in rows), next=rows[-1]["code"] if more else None)


def get_building(session: Session, code: str) -> dict[str, Any]:
    """Return one building as a Feature; ``properties.version`` is what a write must name."""
    row = session.execute(text(f"SELECT {_COLUMNS} FROM buildings b WHERE b.code = :code"), {"code": code})
    found = row.mappings().one_or_none()
    if found is None:
        raise _missing(code)
    return _building_feature(found)


def create_building(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Store a new building given as a Feature (polygon or point).

    Raises:
        Invalid, Conflict: a field is wrong; the code is taken.
    """
    hold_grids(session.connection())
    building = Building(**_read(session, body))
    session.add(building)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(f"编码 {building.code} 已被占用 / code {building.code} is taken") from error
    assign_buildings(session.connection(), np.array([building.id]))
    return get_building(session, building.code)


def update_building(session: Session, code: str, body: dict[str, Any], version: int) -> dict[str, Any]:
    """Replace a building; its households move with it.

    Raises:
        NotFound, Stale, Invalid: no such building; changed since it was read; a field is wrong.
    """
    hold_grids(session.connection())
    building = _locked(session, code)
    check_version(building.version, version)
    session.execute(update(Building).where(Building.id == building.id).values(**_read(session, body, code)))
    moved = session.scalars(
        text(
            "UPDATE households h SET lon = b.lon, lat = b.lat, geometry = ST_SetSRID(ST_MakePoint(b.lon, b.lat), 4326) "
            "FROM buildings b WHERE b.id = :building AND h.building_id = b.id AND NOT h.own_position "
            "AND (h.lon, h.lat) IS DISTINCT FROM (b.lon, b.lat) RETURNING h.id"
        ),
        {"building": building.id},
    ).all()
    assign_buildings(session.connection(), np.array([building.id]))
    if moved:
        assign(session.connection(), np.array(moved, dtype=np.int64))
    return get_building(session, code)


def delete_building(session: Session, code: str, version: int) -> None:
    """Delete a building in which nobody lives.

    Raises:
        Conflict: households are registered there.
    """
    building = _locked(session, code)
    check_version(building.version, version)
    lived_in = session.scalar(select(func.count()).select_from(Household).where(Household.building_id == building.id))
    if lived_in:
        raise Conflict("楼栋内还有住户，不能删除；请先迁出住户 / households live in this building; move them first")
    session.execute(text("DELETE FROM buildings WHERE id = :id"), {"id": building.id})


def _read(session: Session, body: dict[str, Any], code: str | None = None) -> dict[str, Any]:
    """Return a building's columns from a Feature, every fault named at once."""
    given = body.get("properties")
    properties: dict[str, Any] = given if isinstance(given, dict) else {}
    faults: list[Fault] = []
    values: dict[str, Any] = {"code": code or properties.get("code")}
    if not isinstance(values["code"], str) or not values["code"].strip() or len(values["code"]) > 100:
        faults.append(Fault("properties.code", "必填文字，最多 100 字 / required text of at most 100 characters"))
    for field in ("name", "kind"):
        word = values[field] = properties.get(field)
        if word is not None and (not isinstance(word, str) or len(word) > 300):
            faults.append(Fault(f"properties.{field}", "最多 300 字 / at most 300 characters"))
    for field in ("floors", "units"):
        number = properties.get(field)
        if number is not None and (
            isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 10_000
        ):
            faults.append(
                Fault(f"properties.{field}", "应为 0 到 10000 的整数 / expected a whole number from 0 to 10000")
            )
        values[field] = number
    values["compound_id"] = None
    if properties.get("compound") is not None:
        values["compound_id"] = session.scalar(select(Compound.id).where(Compound.code == str(properties["compound"])))
        if values["compound_id"] is None:
            faults.append(Fault("properties.compound", "没有这个小区编码 / no compound has this code"))
    try:
        shape = read_geometry(body.get("geometry"), ("Point", "Polygon", "MultiPolygon"))
        values["geometry"] = from_shape(shape, srid=4326)
    except Invalid as error:
        faults.extend(error.faults)
    if faults:
        raise Invalid("楼栋信息有误 / the building has faults", faults)
    return values


def _locked(session: Session, code: str) -> Building:
    building = session.scalar(
        select(Building).where(Building.code == code).with_for_update(),
        execution_options={"populate_existing": True},
    )
    if building is None:
        raise _missing(code)
    return building


def _missing(code: str) -> NotFound:
    return NotFound(f"没有编码为 {code} 的楼栋 / no building has code {code}")


def _building_feature(row: Any) -> dict[str, Any]:
    keys = ("code", "name", "kind", "compound", "compound_name", "floors", "units", "grid", "version")
    return feature(row["shape"], {key: row[key] for key in keys})
