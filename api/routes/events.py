"""吹哨报到: events, from the report to the result."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request

from api.answers import Json, etag, page_of_items
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import Area, Cursor, IfMatch, version_of
from api.schemas_casework import (
    DefaultDesks,
    EventIn,
    EventKind,
    EventOut,
    EventPage,
    FollowUpIn,
    NoteIn,
    State,
    StepIn,
)
from api.security import allow
from gis.casework.worktime import CALENDAR, WorkCalendar, read_calendar
from gis.services.casework import events
from gis.services.casework.lists import EventFilter, list_events

router = APIRouter(tags=["事件 / events"])
DEALERS = ("planner", "worker")
EventId = Annotated[UUID, Path(description="事件编号 / id of the event")]
_calendar = lru_cache(maxsize=2)(read_calendar)


def calendar_of(desk: AtDesk) -> WorkCalendar:
    """Return the place's working time."""
    return _calendar(desk.office.settings.place.calendar or CALENDAR)


AtWork = Annotated[WorkCalendar, Depends(calendar_of)]


def _shown(event: dict[str, Any], status: int = 200) -> Json:
    return Json(event, status, headers={"ETag": etag(event["version"])})


@router.get(
    "/api/events",
    summary="事件列表 / list events",
    response_model=EventPage,
    dependencies=[allow(*DEALERS)],
)
def find_events(
    request: Request,
    desk: AtDesk,
    state: Annotated[
        State | Literal["open"] | None, Query(description="状态，open 为未办结 / state; open: not done yet")
    ] = None,
    area: Area = None,
    kind: EventKind | None = None,
    overdue: Annotated[bool, Query(description="只看超时的 / only those past their limit")] = False,
    warned: Annotated[bool, Query(description="只看即将超时的 / only those that soon will be")] = False,
    follow_up: Annotated[
        bool, Query(description="只看待回访的纠纷 / only disputes that wait for a follow-up visit")
    ] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> Json:
    """Return a page of events, newest first; late ones most overdue first. A worker's are those of own grids and own reports."""
    wanted = EventFilter(
        state, area, kind, overdue, warned, follow_up, limit, cursor, own=desk.account.role == "worker"
    )
    with desk.session() as session:
        return page_of_items(request, list_events(session, desk.snapshots, wanted, desk.now()))


@router.post(
    "/api/events",
    summary="上报事件 / report an event",
    status_code=201,
    response_model=EventOut,
    responses={200: {"model": EventOut, "description": "已上报过 / reported before"}, **problems(409)},
    dependencies=[allow(*DEALERS)],
)
def report(desk: AtDesk, calendar: AtWork, body: EventIn) -> Json:
    """Report an event; the same `id` again answers 200 with what is there."""
    with desk.session() as session:
        made, new = events.report(session, desk.snapshots, body.model_dump(), desk.now(), calendar)
    return _shown(made, 201 if new else 200)


@router.get(
    "/api/events/{identity}",
    summary="一件事件 / an event",
    response_model=EventOut,
    responses=problems(404),
    dependencies=[allow(*DEALERS)],
)
def one_event(desk: AtDesk, identity: EventId) -> Json:
    """Return an event with its steps and the states that may follow."""
    with desk.session() as session:
        return _shown(events.event(session, identity))


@router.get(
    "/api/events/{identity}/desks",
    summary="默认的承办单位 / desks a step takes it to",
    response_model=DefaultDesks,
    responses=problems(404),
    dependencies=[allow(*DEALERS)],
)
def desks_of(desk: AtDesk, identity: EventId) -> Json:
    """Return the desks that a step takes an event to where none is named; null where no desk takes it."""
    with desk.session() as session:
        return Json(events.default_desks(session, desk.snapshots, identity))


@router.post(
    "/api/events/{identity}/transitions",
    summary="办理一步 / take a step",
    response_model=EventOut,
    responses=problems(404, 409, 412),
    dependencies=[allow(*DEALERS)],
)
def step(desk: AtDesk, calendar: AtWork, identity: EventId, body: StepIn, if_match: IfMatch = None) -> Json:
    """Take an event to its next state; 409 names the states that may follow. If-Match is heeded where given."""
    version = None if if_match is None else version_of(if_match)
    with desk.session() as session:
        return _shown(events.step(session, desk.snapshots, identity, body.model_dump(), version, desk.now(), calendar))


@router.post(
    "/api/events/{identity}/notes",
    summary="督办与说明 / note something",
    response_model=EventOut,
    responses=problems(404, 409),
    dependencies=[allow(*DEALERS)],
)
def add_note(desk: AtDesk, identity: EventId, body: NoteIn) -> Json:
    """Note something without a step; the same `id` again is one note."""
    with desk.session() as session:
        return _shown(events.add_note(session, identity, body.model_dump(), desk.now()))


@router.post(
    "/api/events/{identity}/joint/{code}/done",
    summary="会办完成 / a desk that helps is done",
    response_model=EventOut,
    responses=problems(404),
    dependencies=[allow(*DEALERS)],
)
def desk_done(desk: AtDesk, identity: EventId, code: Annotated[str, Path(min_length=1, max_length=100)]) -> Json:
    """Have a desk that helps say that its part is done."""
    with desk.session() as session:
        return _shown(events.desk_done(session, identity, code, desk.now()))


@router.post(
    "/api/events/{identity}/follow-up",
    summary="回访 / follow-up visit",
    response_model=EventOut,
    responses=problems(404, 409),
    dependencies=[allow(*DEALERS)],
)
def follow_up(desk: AtDesk, identity: EventId, body: FollowUpIn) -> Json:
    """Record that somebody came by again after a dispute was closed."""
    with desk.session() as session:
        return _shown(events.follow_up(session, identity, body.note, desk.now()))
