"""承办单位 and 时限: who deals with events, and how soon."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from api.answers import Json, etag
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import AskedVersion, Code
from api.schemas_casework import (
    DeskIn,
    DeskList,
    DeskOut,
    DeskPatch,
    LimitList,
    LimitOut,
)
from api.security import allow
from gis.casework.limits import Limit
from gis.services.casework import desks

router = APIRouter(tags=["承办单位 / desks"])


@router.get(
    "/api/desks",
    summary="承办单位列表 / list desks",
    response_model=DeskList,
    dependencies=[allow("planner", "worker")],
)
def list_desks(desk: AtDesk) -> Json:
    """Return all desks."""
    with desk.session() as session:
        return Json({"items": desks.list_desks(session)})


@router.post(
    "/api/desks",
    summary="新建承办单位 / enter a desk",
    status_code=201,
    response_model=DeskOut,
    responses=problems(409),
    dependencies=[allow("admin")],
)
def add_desk(desk: AtDesk, body: DeskIn) -> Json:
    """Enter a desk; 409 when its code is taken."""
    with desk.session() as session:
        made = desks.add_desk(session, desk.snapshots, body.model_dump())
    return Json(made, 201, headers={"ETag": etag(made["version"])})


@router.patch(
    "/api/desks/{code}",
    summary="修改承办单位 / change a desk",
    response_model=DeskOut,
    responses=problems(404, 412, 428),
    dependencies=[allow("admin")],
)
def change_desk(desk: AtDesk, code: Code, version: AskedVersion, body: DeskPatch) -> Json:
    """Change a desk; a closed one keeps its events and gets no new ones."""
    with desk.session() as session:
        changed = desks.change_desk(session, desk.snapshots, code, body.model_dump(exclude_unset=True), version)
    return Json(changed, headers={"ETag": etag(changed["version"])})


@router.get(
    "/api/limits", summary="时限 / time limits", response_model=LimitList, dependencies=[allow("planner", "worker")]
)
def list_limits(desk: AtDesk) -> Json:
    """Return the time limits in force for each kind and severity."""
    with desk.session() as session:
        found = desks.limits(session, desk.snapshots)
    return Json(
        {"items": [{"kind": kind, "severity": severity, **asdict(limit)} for (kind, severity), limit in found.items()]}
    )


@router.post(
    "/api/limits",
    summary="设定时限 / set a time limit",
    response_model=LimitOut,
    dependencies=[allow("admin")],
)
def set_limit(desk: AtDesk, body: LimitOut) -> Json:
    """Set the place's own time limit for a kind and severity; events that run already keep theirs."""
    values = body.model_dump()
    kind, severity = values.pop("kind"), values.pop("severity")
    with desk.session() as session:
        desks.set_limit(session, kind, severity, Limit(**values))
    return Json(body.model_dump())
