"""The register of stations: everyone reads it, admins and planners write it; and the nearest ones."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response

from api.answers import GeoJson, Json, page, tagged
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import AskedFilter, AskedVersion, At, Code, Crs, example, moment_of, position_of
from api.schemas import FEATURE_EXAMPLES, Feature, FeatureCollection, NearestStations
from api.security import allow
from gis.errors import Fault, Invalid
from gis.services import stations

router = APIRouter(tags=["站点 / stations"])
READERS = ("planner", "worker", "screen")
WRITERS = ("planner",)
Given = Annotated[dict[str, Any], Body(openapi_examples=example("station", FEATURE_EXAMPLES["station"]))]


@router.get(
    "/api/stations",
    summary="站点列表 / list stations",
    response_model=FeatureCollection,
    dependencies=[allow(*READERS)],
)
def list_stations(request: Request, desk: AtDesk, wanted: AskedFilter) -> GeoJson:
    """Return a page of stations."""
    with desk.session() as session:
        return page(request, stations.list_stations(session, wanted))


@router.post(
    "/api/stations",
    summary="新建站点 / make a station",
    status_code=201,
    response_model=Feature,
    responses=problems(409),
    dependencies=[allow(*WRITERS)],
)
def create_station(desk: AtDesk, body: Given) -> GeoJson:
    """Store a new station; 409 when its code is taken."""
    with desk.session() as session:
        made = stations.create_station(session, body)
    return tagged(made, 201)


@router.get(
    "/api/stations/nearest",
    summary="最近的站点 / the nearest stations",
    response_model=NearestStations,
    dependencies=[allow(*READERS)],
)
def nearest(
    desk: AtDesk,
    lon: Annotated[float, Query(allow_inf_nan=False, examples=[102.7123])],
    lat: Annotated[float, Query(allow_inf_nan=False, examples=[25.0401])],
    crs: Crs = None,
    at: At = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Json:
    """Return the stations round a position, those open at the moment first, then the nearest; distances are straight, in metres."""
    lon, lat = position_of(lon, lat, crs)
    moment = moment_of(at, desk.now())
    if moment is None:
        message = "需要一个时刻，不能为 any / a moment is needed here, not any"
        raise Invalid(message, [Fault("query.at", message)])
    with desk.session() as session:
        return Json({"items": stations.nearest_stations(session, desk.snapshots, lon, lat, moment, limit)})


@router.get(
    "/api/stations/{code}",
    summary="一个站点 / one station",
    response_model=Feature,
    responses=problems(404),
    dependencies=[allow(*READERS)],
)
def get_station(desk: AtDesk, code: Code) -> GeoJson:
    """Return a station; its ETag is what a write must name."""
    with desk.session() as session:
        return tagged(stations.get_station(session, code))


@router.put(
    "/api/stations/{code}",
    summary="修改站点 / change a station",
    response_model=Feature,
    responses=problems(404, 409, 412, 428),
    dependencies=[allow(*WRITERS)],
)
def update_station(desk: AtDesk, code: Code, version: AskedVersion, body: Given) -> GeoJson:
    """Replace a station as a whole."""
    with desk.session() as session:
        changed = stations.update_station(session, code, body, version)
    return tagged(changed)


@router.delete(
    "/api/stations/{code}",
    summary="删除站点 / delete a station",
    status_code=204,
    responses=problems(404, 409, 412, 428),
    dependencies=[allow(*WRITERS)],
)
def delete_station(desk: AtDesk, code: Code, version: AskedVersion) -> Response:
    """Delete a station."""
    with desk.session() as session:
        stations.delete_station(session, code, version)
    return Response(status_code=204)
