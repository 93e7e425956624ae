"""The register of stations: what serves residents, where, when and for how many."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from geoalchemy2.shape import from_shape
from shapely.geometry import Point
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gis.accessibility.hours import is_open, next_change
from gis.accessibility.offers import Offer, check_offer, offers_line, parse_offers
from gis.errors import Conflict, Fault, Invalid, NotFound
from gis.models import Station, StationService
from gis.models.vocabulary import SERVICES
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

_COLUMNS = """
s.code, s.name, s.kind, s.capacity, s.version, ST_AsGeoJSON(s.geometry, 15) AS shape,
(SELECT coalesce(jsonb_agg(jsonb_build_object('kind', o.kind, 'hours', o.hours, 'capacity', o.capacity) ORDER BY o.id), '[]')
 FROM station_services o WHERE o.station_id = s.id) AS services"""

_LIST = """
SELECT {columns} FROM stations s
WHERE s.code > :after{area}{box} ORDER BY s.code LIMIT :limit
"""

_IN_AREA = """ AND EXISTS (SELECT 1 FROM grids g WHERE starts_with(g.code, :prefix) AND g.valid_to IS NULL
 AND ST_Covers(g.geometry, s.geometry))"""


def list_stations(session: Session, wanted: Filter) -> dict[str, Any]:
    """Return a page of stations as a FeatureCollection; ``next`` is the cursor of the following page, or None.

    Raises:
        NotFound: nothing is known of the area asked for.
    """
    params: dict[str, Any] = {"prefix": area_prefix(wanted.area), "after": wanted.cursor or ""}
    area = _IN_AREA if params["prefix"] else ""
    query = _LIST.format(columns=_COLUMNS, area=area, box=box_clause(wanted.bbox, params))
    rows, more = page_of(session, query, params, wanted.limit)
    if not rows:
        refuse_unknown_area(session, wanted.area)
    return collection((_station_feature(row) for row in rows), next=rows[-1]["code"] if more else None)


def get_station(session: Session, code: str) -> dict[str, Any]:
    """Return one station as a Feature; ``properties.version`` is what a write must name."""
    row = session.execute(text(f"SELECT {_COLUMNS} FROM stations s WHERE s.code = :code"), {"code": code})
    found = row.mappings().one_or_none()
    if found is None:
        raise _missing(code)
    return _station_feature(found)


def create_station(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Store a new station given as a Feature, or as an object with ``lon`` and ``lat``.

    Raises:
        Invalid, Conflict: a field is wrong; the code is taken.
    """
    values, offers = read_station(body)
    station = Station(**_columns_of(values), services=[_row(offer) for offer in offers])
    session.add(station)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(f"编码 {values['code']} 已被占用 / code {values['code']} is taken") from error
    return get_station(session, station.code)


def update_station(session: Session, code: str, body: dict[str, Any], version: int) -> dict[str, Any]:
    """Replace a station; its services are replaced as a set.

    Raises:
        NotFound, Stale, Invalid: no such station; changed since it was read; a field is wrong.
    """
    station = _locked(session, code)
    check_version(station.version, version)
    values, offers = read_station({**body, "code": code}, code=code)
    session.execute(update(Station).where(Station.id == station.id).values(**_columns_of(values)))
    session.execute(delete(StationService).where(StationService.station_id == station.id))
    for offer in offers:
        row = _row(offer)
        row.station_id = station.id
        session.add(row)
    session.flush()
    return get_station(session, code)


def delete_station(session: Session, code: str, version: int) -> None:
    """Delete a station and what it offers."""
    station = _locked(session, code)
    check_version(station.version, version)
    session.execute(delete(Station).where(Station.id == station.id))


def nearest_stations(
    session: Session, snapshots: Snapshots, lon: float, lat: float, at: datetime, limit: int
) -> list[dict[str, Any]]:
    """Return the stations nearest to a position, those open at ``at`` first.

    Returns:
        For each: code, name, kind, services with ``open`` each, ``open``, ``closes_at`` (or None), straight ``distance_m``, lon, lat.
    """
    stations = snapshots.stations(session)
    if not stations.codes:
        return []
    metric = snapshots.metric(session)
    x_m, y_m = metric.to_m(stations.lon, stations.lat)
    here_x_m, here_y_m = metric.to_m(np.array([lon]), np.array([lat]))
    distance_m = np.hypot(x_m - here_x_m[0], y_m - here_y_m[0])
    answers = []
    for position in np.argsort(distance_m, kind="stable"):
        services: list[dict[str, Any]] = []
        for entry in np.flatnonzero(stations.station == position):
            kind, hours = stations.service[entry], stations.hours[entry]
            now_open = is_open(hours, at)
            services.append({"kind": kind, "label": SERVICES.get(kind, kind), "hours": hours, "open": now_open})
        closes = [next_change(service["hours"], at) for service in services if service["open"]]
        known = [moment for moment in closes if moment is not None]
        answers.append(
            {
                "code": stations.codes[position],
                "name": stations.names[position],
                "kind": stations.kinds[position],
                "services": services,
                "open": any(s["open"] for s in services),
                "closes_at": max(known).isoformat() if known and len(known) == len(closes) else None,
                "distance_m": round(float(distance_m[position])),
                "lon": float(stations.lon[position]),
                "lat": float(stations.lat[position]),
            }
        )
    return sorted(answers, key=lambda s: not s["open"])[:limit]


def read_station(body: dict[str, Any], code: str | None = None) -> tuple[dict[str, Any], list[Offer]]:
    """Return a station's values and offers from what a caller sent, every fault named at once.

    Raises:
        Invalid: with the faults of all fields.
    """
    properties = body.get("properties") if body.get("type") == "Feature" else body
    properties = properties if isinstance(properties, dict) else {}
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for field in ("code", "name", "kind"):
        given = code if field == "code" and code is not None else properties.get(field)
        if not isinstance(given, str) or not given.strip() or len(given) > 300:
            faults.append(Fault(field, "必填文字，最多 300 字 / required text of at most 300 characters"))
        else:
            values[field] = given.strip()
    values["capacity"] = _capacity(properties.get("capacity"), faults)
    shape = body.get("geometry") or {
        "type": "Point",
        "coordinates": [properties.get("lon"), properties.get("lat")],
    }
    try:
        values["geometry"] = read_geometry(shape, ("Point",))
    except Invalid as error:
        faults.extend(error.faults)
    offers = read_services(properties.get("services") or [], faults)
    if faults:
        raise Invalid("站点信息有误 / the station has faults", faults)
    return values, offers


def read_services(given: Any, faults: list[Fault]) -> list[Offer]:
    """Read services given as one line or as a list of objects with kind, hours and capacity."""
    if isinstance(given, str):
        offers, wrong = parse_offers(given, SERVICES)
        faults.extend(Fault("services", message) for message in wrong)
        return offers
    if not isinstance(given, list):
        faults.append(Fault("services", "应为列表或一行文字 / expected a list or one line of text"))
        return []
    offers = []
    for position, item in enumerate(given):
        where = f"services[{position}]"
        if not isinstance(item, dict) or not isinstance(item.get("kind"), str):
            faults.append(Fault(where, "缺少 kind / kind is missing"))
            continue
        hours = item.get("hours")
        if hours is not None and not isinstance(hours, str):
            faults.append(Fault(f"{where}.hours", "应为文字 / expected text, such as Mo-Fr 11:00-13:00"))
            continue
        capacity = _capacity(item.get("capacity"), faults)
        offer, wrong = check_offer(item["kind"], hours, capacity, SERVICES)
        faults.extend(Fault(where, message) for message in wrong)
        if offer is not None:
            offers.append(offer)
    return offers


def _capacity(given: Any, faults: list[Fault]) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= 1_000_000:
        faults.append(Fault("capacity", "应为不小于 0 的整数 / expected a whole number, 0 or more"))
        return None
    return given


def _locked(session: Session, code: str) -> Station:
    station = session.scalar(
        select(Station).where(Station.code == code).with_for_update(),
        execution_options={"populate_existing": True},
    )
    if station is None:
        raise _missing(code)
    return station


def _missing(code: str) -> NotFound:
    return NotFound(f"没有编码为 {code} 的站点 / no station has code {code}")


def _columns_of(values: dict[str, Any]) -> dict[str, Any]:
    point: Point = values["geometry"]
    return {**values, "geometry": from_shape(point, srid=4326)}


def _row(offer: Offer) -> StationService:
    return StationService(kind=offer.kind, hours=offer.hours, capacity=offer.capacity)


def _station_feature(row: Any) -> dict[str, Any]:
    properties = {key: row[key] for key in ("code", "name", "kind", "capacity", "version")}
    offers = [Offer(**service) for service in row["services"]]
    properties["services"] = [
        {"kind": o.kind, "label": SERVICES.get(o.kind, o.kind), "hours": o.hours, "capacity": o.capacity}
        for o in offers
    ]
    properties["services_text"] = offers_line(offers)
    return feature(row["shape"], properties)
