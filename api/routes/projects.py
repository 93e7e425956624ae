"""项目清单: from needs to resources, responsibility and feedback, and the five lists as a workbook."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from api.answers import Json, etag, page_of_items
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import Area, AskedVersion, Cursor, IfMatch, version_of
from api.schemas_casework import ServiceKind
from api.schemas_lists import (
    DutyIn,
    DutyPage,
    DutyPatch,
    FeedbackIn,
    FeedbackPage,
    LinkedNeeds,
    NeedLink,
    Offers,
    ProjectIn,
    ProjectOut,
    ProjectPage,
    ProjectPatch,
    ProjectState,
    ProjectStep,
    TakeIn,
)
from api.security import allow
from gis.services.casework import ledgers, project_parts, projects
from gis.services.casework.workbook import export_lists

router = APIRouter(tags=["五张清单 / five lists"])
DEALERS = ("planner", "worker")
KEEPERS = ("worker", "admin")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ProjectId = Annotated[UUID, Path(description="项目编号 / id of the project")]
_DONE_BEFORE: dict[int | str, dict[str, Any]] = {200: {"model": ProjectOut, "description": "已做过 / done before"}}


def _shown(project: dict[str, Any], status: int = 200) -> Json:
    return Json(project, status, headers={"ETag": etag(project["version"])})


@router.get(
    "/api/projects", summary="项目清单 / list projects", response_model=ProjectPage, dependencies=[allow(*DEALERS)]
)
def list_projects(
    request: Request,
    desk: AtDesk,
    state: ProjectState | None = None,
    service: ServiceKind | None = None,
    area: Area = None,
    need: Annotated[UUID | None, Query(description="回应这一需求的 / those that answer this need")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[
        UUID | None, Query(description="上一页的 next 所给 / as given by `next` of the page before")
    ] = None,
) -> Json:
    """Return a page of projects; a worker's are those that reach into own grids."""
    wanted = {"state": state, "service": service, "area": area, "need": need}
    with desk.session() as session:
        return page_of_items(
            request, projects.list_projects(session, wanted, limit, cursor, exact=desk.account.sees_exact)
        )


@router.post(
    "/api/projects",
    summary="立项 / open a project",
    status_code=201,
    response_model=ProjectOut,
    responses={**_DONE_BEFORE, **problems(404, 409)},
    dependencies=[allow(*DEALERS)],
)
def open_project(desk: AtDesk, body: ProjectIn) -> Json:
    """Open a project; the same `id` again answers 200 with what is there. A worker's is of an own grid."""
    with desk.session() as session:
        made, new = projects.open_project(session, desk.snapshots, body.model_dump(), exact=desk.account.sees_exact)
    return _shown(made, 201 if new else 200)


@router.get(
    "/api/projects/{identity}",
    summary="一个项目 / a project",
    response_model=ProjectOut,
    responses=problems(404),
    dependencies=[allow(*DEALERS)],
)
def one_project(desk: AtDesk, identity: ProjectId) -> Json:
    """Return a project with resources, duties and feedback."""
    with desk.session() as session:
        return _whole(desk, session, identity)


@router.patch(
    "/api/projects/{identity}",
    summary="修改项目 / change a project",
    response_model=ProjectOut,
    responses=problems(404, 409, 412, 428),
    dependencies=[allow(*DEALERS)],
)
def change_project(desk: AtDesk, identity: ProjectId, version: AskedVersion, body: ProjectPatch) -> Json:
    """Change what a project is; not its state."""
    with desk.session() as session:
        values = body.model_dump(exclude_unset=True)
        return _shown(
            projects.change_project(session, desk.snapshots, identity, values, version, exact=desk.account.sees_exact)
        )


@router.post(
    "/api/projects/{identity}/transitions",
    summary="项目办理一步 / take a step",
    response_model=ProjectOut,
    responses=problems(404, 409, 412),
    dependencies=[allow(*DEALERS)],
)
def step(desk: AtDesk, identity: ProjectId, body: ProjectStep, if_match: IfMatch = None) -> Json:
    """Take a project to its next state; 409 names the states that may follow, or what is missing. If-Match is heeded where given."""
    version = None if if_match is None else version_of(if_match)
    with desk.session() as session:
        return _shown(projects.step(session, identity, body.to, version, desk.today(), exact=desk.account.sees_exact))


@router.get(
    "/api/projects/{identity}/needs",
    summary="项目回应的需求 / needs that a project answers",
    response_model=LinkedNeeds,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def needs_of(desk: AtDesk, identity: ProjectId) -> Json:
    """Return the needs of a project; a worker's are those of own grids."""
    with desk.session() as session:
        return Json({"items": project_parts.needs_of(session, identity)})


@router.post(
    "/api/projects/{identity}/needs",
    summary="关联需求 / link a need",
    status_code=201,
    response_model=ProjectOut,
    responses={**_DONE_BEFORE, **problems(404, 409)},
    dependencies=[allow(*KEEPERS)],
)
def link_need(desk: AtDesk, identity: ProjectId, body: NeedLink) -> Json:
    """Have a project answer a need of an own grid."""
    with desk.session() as session:
        new = project_parts.link_need(session, identity, body.need)
        return _whole(desk, session, identity, new=new)


@router.delete(
    "/api/projects/{identity}/needs/{need}",
    summary="取消关联 / take a need out",
    response_model=ProjectOut,
    responses=problems(404, 409),
    dependencies=[allow(*KEEPERS)],
)
def unlink_need(desk: AtDesk, identity: ProjectId, need: UUID) -> Json:
    """Take a need out of a project."""
    with desk.session() as session:
        project_parts.unlink_need(session, identity, need)
        return _whole(desk, session, identity)


@router.get(
    "/api/projects/{identity}/offers",
    summary="谁能提供 / who can offer it",
    response_model=Offers,
    responses=problems(404),
    dependencies=[allow(*DEALERS)],
)
def offers_for_project(
    desk: AtDesk, identity: ProjectId, places: Annotated[int, Query(ge=1, le=1_000_000)] = 1
) -> Json:
    """Return stations and resources of the project's kind: with places left, open now, nearest on foot first."""
    with desk.session() as session:
        return Json({"items": project_parts.offers_for_project(session, desk.snapshots, identity, desk.now(), places)})


@router.post(
    "/api/projects/{identity}/resources",
    summary="占用资源 / take a resource",
    status_code=201,
    response_model=ProjectOut,
    responses={**_DONE_BEFORE, **problems(404, 409)},
    dependencies=[allow(*DEALERS)],
)
def take(desk: AtDesk, identity: ProjectId, body: TakeIn) -> Json:
    """Take places of a resource or a station; 409 names how many are left."""
    with desk.session() as session:
        new = project_parts.take(session, desk.snapshots, identity, body.model_dump())
        return _whole(desk, session, identity, new=new)


@router.delete(
    "/api/projects/{identity}/resources/{link}",
    summary="释放资源 / release a resource",
    response_model=ProjectOut,
    responses=problems(404, 409),
    dependencies=[allow(*DEALERS)],
)
def release(desk: AtDesk, identity: ProjectId, link: UUID) -> Json:
    """Give back what a project has taken."""
    with desk.session() as session:
        project_parts.release(session, identity, link)
        return _whole(desk, session, identity)


@router.post(
    "/api/projects/{identity}/duties",
    summary="落实责任 / make somebody responsible",
    status_code=201,
    response_model=ProjectOut,
    responses={**_DONE_BEFORE, **problems(404, 409)},
    dependencies=[allow(*DEALERS)],
)
def add_duty(desk: AtDesk, identity: ProjectId, body: DutyIn) -> Json:
    """Make a desk or an organisation responsible; one leads."""
    with desk.session() as session:
        new = project_parts.add_duty(session, identity, body.model_dump())
        return _whole(desk, session, identity, new=new)


@router.patch(
    "/api/duties/{duty}",
    summary="修改或完成责任 / change a duty, or say that it is done",
    response_model=ProjectOut,
    responses=problems(404, 409, 412, 428),
    dependencies=[allow(*DEALERS)],
)
def change_duty(desk: AtDesk, duty: UUID, version: AskedVersion, body: DutyPatch) -> Json:
    """Change a duty, against the duty's own version; the project comes back."""
    with desk.session() as session:
        project = project_parts.change_duty(session, duty, body.model_dump(exclude_unset=True), version, desk.today())
        return _whole(desk, session, project)


@router.post(
    "/api/projects/{identity}/feedback",
    summary="反馈 / give feedback",
    status_code=201,
    response_model=ProjectOut,
    responses={**_DONE_BEFORE, **problems(404, 409)},
    dependencies=[allow(*DEALERS)],
)
def give_feedback(desk: AtDesk, identity: ProjectId, body: FeedbackIn) -> Json:
    """Note what came of a project."""
    with desk.session() as session:
        new = project_parts.give_feedback(session, identity, body.model_dump(), desk.today())
        return _whole(desk, session, identity, new=new)


@router.get("/api/duties", summary="责任清单 / list duties", response_model=DutyPage, dependencies=[allow(*DEALERS)])
def list_duties(
    request: Request,
    desk: AtDesk,
    open: Annotated[bool, Query(description="只看未完成的 / only those not done")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> Json:
    """Return a page of duties of all projects that the account may see, those due first at the top."""
    with desk.session() as session:
        return page_of_items(
            request, ledgers.list_duties(session, desk.today(), only_open=open, limit=limit, cursor=cursor)
        )


@router.get(
    "/api/feedback", summary="反馈清单 / list feedback", response_model=FeedbackPage, dependencies=[allow(*DEALERS)]
)
def list_feedback(
    request: Request, desk: AtDesk, limit: Annotated[int, Query(ge=1, le=1000)] = 100, cursor: Cursor = None
) -> Json:
    """Return a page of feedback of all projects that the account may see, the newest first."""
    with desk.session() as session:
        return page_of_items(request, ledgers.list_feedback(session, limit=limit, cursor=cursor))


@router.get(
    "/api/lists/export",
    summary="导出五张清单 / export the five lists",
    response_class=Response,
    responses={200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}, "description": "XLSX"}},
    dependencies=[allow(*DEALERS)],
)
def export(desk: AtDesk) -> Response:
    """Return the five lists as a workbook, one sheet each; no names, of needs figures in fives for planners."""
    with desk.session() as session:
        content = export_lists(
            session, desk.snapshots, desk.today(), role=desk.account.role, exact=desk.account.sees_exact
        )
    return Response(content, media_type=XLSX, headers={"Content-Disposition": 'attachment; filename="lists.xlsx"'})


def _whole(desk: AtDesk, session: Any, identity: UUID, *, new: bool = False) -> Json:
    return _shown(projects.get_project(session, identity, exact=desk.account.sees_exact), 201 if new else 200)
