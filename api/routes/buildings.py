"""The register of buildings: everyone reads it, admins write it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response

from api.answers import GeoJson, page, tagged
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import AskedFilter, AskedVersion, Code, example
from api.schemas import FEATURE_EXAMPLES, Feature, FeatureCollection
from api.security import allow
from gis.services import buildings

router = APIRouter(tags=["楼栋 / buildings"])
READERS = ("planner", "worker", "screen")
WRITERS = ("admin",)
Given = Annotated[dict[str, Any], Body(openapi_examples=example("building", FEATURE_EXAMPLES["building"]))]


@router.get(
    "/api/buildings",
    summary="楼栋列表 / list buildings",
    response_model=FeatureCollection,
    dependencies=[allow(*READERS)],
)
def list_buildings(request: Request, desk: AtDesk, wanted: AskedFilter) -> GeoJson:
    """Return a page of buildings."""
    with desk.session() as session:
        return page(request, buildings.list_buildings(session, wanted))


@router.post(
    "/api/buildings",
    summary="新建楼栋 / make a building",
    status_code=201,
    response_model=Feature,
    responses=problems(409),
    dependencies=[allow(*WRITERS)],
)
def create_building(desk: AtDesk, body: Given) -> GeoJson:
    """Store a new building; 409 when its code is taken."""
    with desk.session() as session:
        made = buildings.create_building(session, body)
    return tagged(made, 201)


@router.get(
    "/api/buildings/{code}",
    summary="一个楼栋 / one building",
    response_model=Feature,
    responses=problems(404),
    dependencies=[allow(*READERS)],
)
def get_building(desk: AtDesk, code: Code) -> GeoJson:
    """Return a building; its ETag is what a write must name."""
    with desk.session() as session:
        return tagged(buildings.get_building(session, code))


@router.put(
    "/api/buildings/{code}",
    summary="修改楼栋 / change a building",
    response_model=Feature,
    responses=problems(404, 409, 412, 428),
    dependencies=[allow(*WRITERS)],
)
def update_building(desk: AtDesk, code: Code, version: AskedVersion, body: Given) -> GeoJson:
    """Replace a building as a whole."""
    with desk.session() as session:
        changed = buildings.update_building(session, code, body, version)
    return tagged(changed)


@router.delete(
    "/api/buildings/{code}",
    summary="删除楼栋 / delete a building",
    status_code=204,
    responses=problems(404, 409, 412, 428),
    dependencies=[allow(*WRITERS)],
)
def delete_building(desk: AtDesk, code: Code, version: AskedVersion) -> Response:
    """Delete a building."""
    with desk.session() as session:
        buildings.delete_building(session, code, version)
    return Response(status_code=204)
