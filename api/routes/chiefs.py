"""楼栋长: who looks after which building, and which buildings have nobody."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from api.answers import Json, etag, page_of_items
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import Area as AskedArea
from api.parameters import AskedVersion, Code, Cursor, Limit
from api.schemas_files import (
    BuildingsWithoutChief,
    Chief,
    ChiefIn,
    ChiefPatch,
    Chiefs,
    PhoneShown,
    RevealPhone,
)
from api.security import allow
from gis.services import chiefs, volunteers
from gis.services.features import Filter

router = APIRouter(tags=["楼栋长 / building chiefs"])
KEEPERS = ("worker", "admin")
ChiefId = Annotated[UUID, Path(description="楼栋长编号 / id of the chief")]


@router.get(
    "/api/buildings/without-chief",
    summary="没有楼栋长的楼栋 / buildings without a chief",
    response_model=BuildingsWithoutChief,
    dependencies=[allow("planner", "worker")],
)
def without_chief(
    request: Request, desk: AtDesk, area: AskedArea = None, limit: Limit = 1000, cursor: Cursor = None
) -> Json:
    """Return the buildings that nobody looks after today, with totals; a worker's are those of own grids."""
    with desk.session() as session:
        found = chiefs.without_chief(session, Filter(area, None, limit, cursor), desk.today())
    return page_of_items(request, found)


@router.get(
    "/api/buildings/{code}/chiefs",
    summary="楼栋长 / chiefs of a building",
    response_model=Chiefs,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def list_chiefs(desk: AtDesk, code: Code) -> Json:
    """Return all chiefs that a building has and had."""
    with desk.session() as session:
        return Json({"items": chiefs.list_chiefs(session, code, desk.today())})


@router.post(
    "/api/buildings/{code}/chiefs",
    summary="登记楼栋长 / enter a chief",
    status_code=201,
    response_model=Chief,
    responses={200: {"model": Chief, "description": "已登记过 / entered before"}, **problems(404, 409)},
    dependencies=[allow(*KEEPERS)],
)
def add_chief(desk: AtDesk, code: Code, body: ChiefIn) -> Json:
    """Enter a chief of a building; the same `id` again answers 200 with what is there."""
    with desk.session() as session:
        made, new = chiefs.add_chief(session, code, body.model_dump(), desk.today())
    return Json(made, 201 if new else 200, headers={"ETag": etag(made["version"])})


@router.patch(
    "/api/chiefs/{chief}",
    summary="修改楼栋长 / change a chief",
    response_model=Chief,
    responses=problems(404, 412, 428),
    dependencies=[allow(*KEEPERS)],
)
def change_chief(desk: AtDesk, chief: ChiefId, version: AskedVersion, body: ChiefPatch) -> Json:
    """Change a chief's name, phone or days; whoever steps down gets a last day."""
    with desk.session() as session:
        changed = chiefs.change_chief(session, chief, body.model_dump(exclude_unset=True), version, desk.today())
    return Json(changed, headers={"ETag": etag(changed["version"])})


@router.post(
    "/api/chiefs/{chief}/reveal",
    summary="查看楼栋长电话 / show a chief's phone",
    response_model=PhoneShown,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def reveal_phone(desk: AtDesk, chief: ChiefId, wanted: RevealPhone) -> Json:
    """Show a chief's phone in clear; who asked and why goes into the audit log."""
    desk.reveal(f"chief:{chief}")
    with desk.session() as session:
        return Json(volunteers.reveal_phone(session, "building_chiefs", chief, wanted.reason))
