"""需求 and 呼声回应: open a need, see who can offer it, close it with its result, and what was publicly replied."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from api.answers import Json, etag, page_of_items
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import Cursor, IfMatch, version_of
from api.schemas_casework import NeedClose, NeedIn, NeedOut, NeedPage, Replies, ServiceKind
from api.security import allow
from gis.errors import Fault, Invalid
from gis.services.casework import requests

router = APIRouter(tags=["需求 / needs"])
KEEPERS = ("worker", "admin")
NeedId = Annotated[UUID, Path(description="需求编号 / id of the need")]


def _shown(need: dict[str, Any], status: int = 200) -> Json:
    return Json(need, status, headers={"ETag": etag(need["version"])})


@router.get("/api/needs", summary="需求列表 / list needs", response_model=NeedPage, dependencies=[allow(*KEEPERS)])
def list_needs(
    request: Request,
    desk: AtDesk,
    grid: Annotated[str | None, Query(max_length=100)] = None,
    service: ServiceKind | None = None,
    state: Literal["open", "closed"] | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> Json:
    """Return a page of needs, the newest first; a worker's are those of own grids."""
    wanted = {"grid": grid, "service": service, "state": state}
    with desk.session() as session:
        return page_of_items(request, requests.list_needs(session, wanted, limit, _after(cursor)))


@router.post(
    "/api/needs",
    summary="登记需求 / open a need",
    status_code=201,
    response_model=NeedOut,
    responses={200: {"model": NeedOut, "description": "已登记过 / opened before"}, **problems(404, 409)},
    dependencies=[allow(*KEEPERS)],
)
def open_need(desk: AtDesk, body: NeedIn) -> Json:
    """Open a need of a household; the same `id` again answers 200 with what is there."""
    with desk.session() as session:
        need, new = requests.open_need(session, desk.snapshots, body.model_dump(), desk.now())
    return _shown(need, 201 if new else 200)


@router.get(
    "/api/needs/replies",
    summary="呼声回应 / public replies",
    response_model=Replies,
    dependencies=[allow("planner", "worker", "screen")],
)
def replies(desk: AtDesk, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Json:
    """Return what was publicly replied to residents' requests of late; nothing of who asked or where."""
    with desk.session() as session:
        return Json({"items": requests.replies(session, desk.today(), days)})


@router.get(
    "/api/needs/{identity}",
    summary="一项需求 / a need",
    response_model=NeedOut,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def one_need(desk: AtDesk, identity: NeedId) -> Json:
    """Return a need with who can offer it, stations and resources: with places left, open now, nearest on foot first."""
    with desk.file(f"need:{identity}") as session:
        return _shown(requests.get_need(session, desk.snapshots, identity, desk.now()))


@router.post(
    "/api/needs/{identity}/close",
    summary="办结需求 / close a need",
    response_model=NeedOut,
    responses=problems(404, 409, 412),
    dependencies=[allow(*KEEPERS)],
)
def close_need(desk: AtDesk, identity: NeedId, body: NeedClose | None = None, if_match: IfMatch = None) -> Json:
    """Close a need with its result. If-Match is heeded where given."""
    version = None if if_match is None else version_of(if_match)
    values = (body or NeedClose()).model_dump()
    with desk.session() as session:
        return _shown(requests.close_need(session, desk.snapshots, identity, values, version, desk.now()))


def _after(cursor: str | None) -> tuple[date, datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        day, moment, identity = cursor.split("~")
        return date.fromisoformat(day), datetime.fromisoformat(moment), UUID(identity)
    except ValueError:
        message = "应为上一页 next 所给 / expected what `next` of the page before gave"
        raise Invalid(message, [Fault("query.cursor", message)]) from None
