"""资源清单: what organisations can offer, what projects have taken of it, and who can offer what a need or a project asks for."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accessibility.hours import check_hours, is_open
from gis.casework.matching import Candidate, ranked
from gis.errors import Conflict, Fault, Invalid, NotFound
from gis.models.vocabulary import SERVICES
from gis.services.casework.ways import walks_m
from gis.services.features import area_prefix, check_version, page_of, refuse_unknown_area
from gis.services.snapshots import Snapshots

_SELECT = """
SELECT r.id, r.organisation, r.service, r.area, r.hours, r.capacity, r.lon, r.lat, r.active, r.version,
       coalesce((SELECT t.places FROM linli_places_taken() t WHERE t.resource_id = r.id), 0)::integer AS taken
FROM resources r
"""
_LIST = f"""{_SELECT}
WHERE r.id > :after AND (CAST(:service AS text) IS NULL OR r.service = :service) AND (NOT :active OR r.active)
  AND (starts_with(r.scope, :prefix) OR starts_with(:prefix, r.scope))
ORDER BY r.id LIMIT :limit
"""
_SAME = ("organisation", "service", "area", "hours", "capacity", "lon", "lat")
"""What tells that an id was chosen for something else; once somebody has changed it, nobody can tell."""
_NIL = UUID(int=0)


def add_resource(session: Session, snapshots: Snapshots, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Enter a resource.

    Args:
        session: a transaction of a planner's account.
        snapshots: the caches.
        body: ``organisation``, ``service``, ``area`` (code of an area or grid), ``hours``, ``capacity``, ``lon``, ``lat``, ``id`` (of the
            caller's choice: the same resource again finds what it made).

    Returns:
        The resource, and whether it was made just now.

    Raises:
        Invalid, Conflict: no such area, or no opening hours; the id belongs to another resource.
    """
    values = {
        **body,
        "id": body.get("id") or uuid4(),
        "hours": _hours(body.get("hours")),
        "scope": scope_of(session, snapshots, body["area"]),
    }
    _check_position(values)
    new = session.scalar(
        text(
            "INSERT INTO resources (id, organisation, service, area, scope, hours, capacity, lon, lat) VALUES "
            "(:id, :organisation, :service, :area, :scope, :hours, :capacity, :lon, :lat) ON CONFLICT (id) DO NOTHING RETURNING true"
        ),
        values,
    )
    found = get_resource(session, values["id"])
    if found["version"] == 1 and any(found[name] != values[name] for name in _SAME):
        raise Conflict(
            "这个编号已用于另一资源 / this id belongs to another resource",
            [Fault("body.id", "请换一个编号 / choose another id")],
        )
    return found, bool(new)


def get_resource(session: Session, identity: UUID) -> dict[str, Any]:
    """Return a resource with the places left.

    Raises:
        NotFound: there is none.
    """
    row = session.execute(text(f"{_SELECT} WHERE r.id = :id"), {"id": identity}).mappings().one_or_none()
    if row is None:
        raise NotFound("没有这项资源 / no such resource")
    return _shown(row)


def list_resources(session: Session, wanted: dict[str, Any], limit: int, after: UUID | None) -> dict[str, Any]:
    """Return a page of resources: ``items`` and ``next``.

    Args:
        session: a transaction.
        wanted: ``service``, ``area`` (those that serve it or a part of it), ``active`` (only those still offered).
        limit: items of a page.
        after: the last one of the page before.
    """
    params = {
        "service": wanted.get("service"),
        "active": bool(wanted.get("active")),
        "prefix": area_prefix(wanted.get("area")),
        "after": after or _NIL,
    }
    rows, more = page_of(session, _LIST, params, limit)
    if not rows:
        refuse_unknown_area(session, wanted.get("area"))
    return {"items": [_shown(row) for row in rows], "next": str(rows[-1]["id"]) if more else None}


def change_resource(
    session: Session, snapshots: Snapshots, identity: UUID, body: dict[str, Any], version: int
) -> dict[str, Any]:
    """Change a resource; one that is no longer offered (``active`` false) keeps its projects and is suggested no more.

    Raises:
        NotFound, Stale, Invalid: no such resource; changed since it was read; a field is wrong.
    """
    stored = (
        session.execute(text("SELECT version, lon, lat FROM resources WHERE id = :id FOR UPDATE"), {"id": identity})
        .mappings()
        .one_or_none()
    )
    if stored is None:
        raise NotFound("没有这项资源 / no such resource")
    check_version(stored["version"], version)
    values = dict(body)
    if "area" in values:
        values["scope"] = scope_of(session, snapshots, values["area"])
    if "hours" in values:
        values["hours"] = _hours(values["hours"])
    _check_position({**stored, **values})
    if values:
        assigned = ", ".join(f"{name} = :{name}" for name in values)
        session.execute(text(f"UPDATE resources SET {assigned} WHERE id = :id_"), {**values, "id_": identity})
    return get_resource(session, identity)


def scope_of(session: Session, snapshots: Snapshots, area: str) -> str:
    """Return with what the codes of the grids in an area begin, or a grid's own code.

    Raises:
        Invalid: neither an area nor a grid has this code.
    """
    if area in snapshots.grids(session).codes:
        return area
    if area in snapshots.areas(session):
        return area_prefix(area)
    message = f"没有编码为 {area} 的区划或网格 / no area or grid has the code {area}"
    raise Invalid(message, [Fault("body.area", message)])


def suggested(
    session: Session,
    snapshots: Snapshots,
    service: str,
    scope: str,
    place: tuple[float | None, float | None],
    at: datetime,
    places: int = 1,
) -> list[dict[str, Any]]:
    """Return the stations and resources that offer a service: with places left, open now, nearest on foot first.

    Args:
        session: a transaction.
        snapshots: the caches.
        service: the kind asked for.
        scope: where: the code of a grid, or with what the codes of grids begin; '' where that is not known.
        place: lon and lat from which to walk, None where they are not known.
        at: the present moment, with the place's zone.
        places: how many are needed.
    """
    stations, resources, taken = (
        _stations(session, snapshots, service),
        _resources(session, service, scope),
        _taken(session),
    )
    everyone = [*stations, *resources]
    where = np.array(
        [[np.nan if degrees is None else degrees for degrees in one["place"]] for one in everyone], dtype=float
    ).reshape(-1, 2)
    walk_m = np.full(len(everyone), np.nan)
    known = ~np.isnan(where).any(axis=1)
    if None not in place and known.any():
        walk_m[known] = walks_m(session, snapshots, np.array([place], dtype=float), where[known])[0]
    found = ranked(
        (
            Candidate(
                source=one["source"],
                key=one["key"],
                name=one["name"],
                hours="; ".join(one["hours"]),
                open=any(is_open(hours, at) for hours in one["hours"]),
                walk_m=None if np.isnan(distance_m) else round(float(distance_m)),
                capacity=one["capacity"],
                taken=taken.get(one["taken_as"], 0),
            )
            for one, distance_m in zip(everyone, walk_m.tolist(), strict=True)
        ),
        places,
    )
    return [
        {name: getattr(one, name) for name in ("source", "key", "name", "hours", "open", "walk_m", "capacity", "left")}
        for one in found
    ]


def _stations(session: Session, snapshots: Snapshots, service: str) -> list[dict[str, Any]]:
    stations = snapshots.stations(session)
    entries = [i for i, kind in enumerate(stations.service) if kind == service]
    found = []
    for at in sorted({int(stations.station[i]) for i in entries}):
        own = [i for i in entries if stations.station[i] == at]
        limits = [stations.capacity[i] for i in own]
        found.append(
            {
                "source": "station",
                "key": stations.codes[at],
                "taken_as": (stations.codes[at], service),
                "name": stations.names[at],
                "hours": [stations.hours[i] for i in own],
                "place": (float(stations.lon[at]), float(stations.lat[at])),
                "capacity": None if None in limits else max(limit for limit in limits if limit is not None),
            }
        )
    return found


def _resources(session: Session, service: str, scope: str) -> list[dict[str, Any]]:
    rows = session.execute(
        text(
            "SELECT id, organisation, hours, lon, lat, capacity FROM resources WHERE service = :service AND active "
            "AND (starts_with(:scope, scope) OR starts_with(scope, :scope))"
        ),
        {"service": service, "scope": scope},
    ).mappings()
    return [
        {
            "source": "resource",
            "key": str(row["id"]),
            "taken_as": row["id"],
            "name": row["organisation"],
            "hours": [row["hours"]],
            "place": (row["lon"], row["lat"]),
            "capacity": row["capacity"],
        }
        for row in rows
    ]


def _taken(session: Session) -> dict[Any, int]:
    """Return the places taken, by a resource's id, or by a station's code and its service."""
    rows = session.execute(
        text(
            "SELECT t.resource_id, s.code, t.service, t.places FROM linli_places_taken() t LEFT JOIN stations s ON s.id = t.station_id"
        )
    )
    return {resource or (station, service): int(places) for resource, station, service, places in rows}


def _shown(row: Any) -> dict[str, Any]:
    left = None if row["capacity"] is None else max(0, row["capacity"] - row["taken"])
    return {**row, "label": SERVICES.get(row["service"], row["service"]), "left": left}


def _hours(given: str | None) -> str:
    try:
        return check_hours(given)
    except ValueError as error:
        raise Invalid(str(error), [Fault("body.hours", str(error))]) from error


def _check_position(values: dict[str, Any]) -> None:
    if (values.get("lon") is None) != (values.get("lat") is None):
        message = "经度和纬度须同时填写 / longitude and latitude go together"
        raise Invalid(message, [Fault("body.lon" if values.get("lon") is None else "body.lat", message)])
