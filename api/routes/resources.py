"""资源清单: what organisations can offer."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from api.answers import Json, etag, page_of_items
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import Area, AskedVersion
from api.schemas_casework import ServiceKind
from api.schemas_lists import ResourceIn, ResourceOut, ResourcePage, ResourcePatch
from api.security import allow
from gis.services.casework import resources

router = APIRouter(tags=["五张清单 / five lists"])
ResourceId = Annotated[UUID, Path(description="资源编号 / id of the resource")]


@router.get(
    "/api/resources",
    summary="资源清单 / list resources",
    response_model=ResourcePage,
    dependencies=[allow("planner", "worker")],
)
def list_resources(
    request: Request,
    desk: AtDesk,
    service: ServiceKind | None = None,
    area: Area = None,
    active: Annotated[bool, Query(description="只看提供中的 / only those still offered")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[
        UUID | None, Query(description="上一页的 next 所给 / as given by `next` of the page before")
    ] = None,
) -> Json:
    """Return a page of resources, with the places left."""
    wanted = {"service": service, "area": area, "active": active}
    with desk.session() as session:
        return page_of_items(request, resources.list_resources(session, wanted, limit, cursor))


@router.post(
    "/api/resources",
    summary="登记资源 / enter a resource",
    status_code=201,
    response_model=ResourceOut,
    responses={200: {"model": ResourceOut, "description": "已登记过 / entered before"}, **problems(409)},
    dependencies=[allow("planner")],
)
def add_resource(desk: AtDesk, body: ResourceIn) -> Json:
    """Enter a resource; the same `id` again answers 200 with what is there."""
    with desk.session() as session:
        made, new = resources.add_resource(session, desk.snapshots, body.model_dump())
    return Json(made, 201 if new else 200, headers={"ETag": etag(made["version"])})


@router.get(
    "/api/resources/{identity}",
    summary="一项资源 / a resource",
    response_model=ResourceOut,
    responses=problems(404),
    dependencies=[allow("planner", "worker")],
)
def one_resource(desk: AtDesk, identity: ResourceId) -> Json:
    """Return a resource."""
    with desk.session() as session:
        found = resources.get_resource(session, identity)
    return Json(found, headers={"ETag": etag(found["version"])})


@router.patch(
    "/api/resources/{identity}",
    summary="修改资源 / change a resource",
    response_model=ResourceOut,
    responses=problems(404, 412, 428),
    dependencies=[allow("planner")],
)
def change_resource(desk: AtDesk, identity: ResourceId, version: AskedVersion, body: ResourcePatch) -> Json:
    """Change a resource; one no longer offered keeps its projects and is suggested no more."""
    with desk.session() as session:
        changed = resources.change_resource(
            session, desk.snapshots, identity, body.model_dump(exclude_unset=True), version
        )
    return Json(changed, headers={"ETag": etag(changed["version"])})
