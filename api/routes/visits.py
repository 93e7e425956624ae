"""三色管理: who is due for a visit, the round to walk, and visits."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Query

from api.answers import Json
from api.desk import AtDesk, Desk
from api.openapi import problems
from api.pace import Seldom
from api.parameters import Code
from api.schemas_casework import Due, Intervals, Round, RoundIn, VisitIn, VisitOut, Visits
from api.security import allow
from gis.errors import Fault, Invalid
from gis.services.casework import visits
from gis.services.snapshots import Snapshots

router = APIRouter(tags=["走访 / visits"])
KEEPERS = ("worker", "admin")
AUDITED_EVERY_S = 3600.0
_LOOKS: WeakKeyDictionary[Snapshots, Seldom] = WeakKeyDictionary()


@router.get("/api/visits/due", summary="待走访的户 / who is due", response_model=Due, dependencies=[allow(*KEEPERS)])
def due(
    desk: AtDesk,
    grid: Annotated[str | None, Query(max_length=100, description="网格编码 / code of a grid")] = None,
    on: Annotated[
        date | None,
        Query(ge=date(1900, 1, 1), le=date(2200, 1, 1), description="哪一天，不填为今天 / the day; today where absent"),
    ] = None,
    ahead_days: Annotated[
        int, Query(ge=0, le=366, description="也看之后几天内到期的 / also those due so many days later")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> Json:
    """Return the households due by colour and last visit, most overdue first; a worker's are those of own grids."""
    day = on or desk.today()
    first = _looks(desk).due((desk.account.account_id, grid, day, ahead_days))
    with desk.session() as session:
        return Json(visits.due(session, grid, day, limit, ahead_days=ahead_days, audited=first))


def _looks(desk: Desk) -> Seldom:
    """Return who has looked at which list within the hour: a page that renews its list by itself must not fill the audit log with it."""
    found = _LOOKS.get(desk.snapshots)
    return found if found is not None else _LOOKS.setdefault(desk.snapshots, Seldom(AUDITED_EVERY_S))


@router.post(
    "/api/visits/round", summary="走访路线 / a round to walk", response_model=Round, dependencies=[allow(*KEEPERS)]
)
def walk_round(desk: AtDesk, body: RoundIn) -> Json:
    """Return the most overdue households in an order that makes a short walk; the position given is not kept."""
    if (body.lon is None) != (body.lat is None):
        message = "经度与纬度须同时给出 / give both longitude and latitude, or neither"
        raise Invalid(message, [Fault("body.lon", message)])
    start = None if body.lon is None or body.lat is None else (body.lon, body.lat)
    with desk.session() as session:
        return Json(visits.walk_round(session, desk.snapshots, body.grid, body.on or desk.today(), body.most, start))


@router.post(
    "/api/visits",
    summary="记录走访 / record a visit",
    status_code=201,
    response_model=VisitOut,
    responses={200: {"model": VisitOut, "description": "已记录过 / recorded before"}, **problems(404, 409)},
    dependencies=[allow(*KEEPERS)],
)
def record(desk: AtDesk, body: VisitIn) -> Json:
    """Record a visit; `unchanged` says that the file was found true. The same `id` again answers 200 with what is there."""
    if body.visited_on is not None and body.visited_on > desk.today():
        message = "走访日期不能晚于今天 / a visit cannot be later than today"
        raise Invalid(message, [Fault("body.visited_on", message)])
    with desk.session() as session:
        visit, new = visits.record(session, body.model_dump(), desk.now())
    return Json(visit, 201 if new else 200)


@router.get(
    "/api/households/{code}/visits",
    summary="一户的走访 / visits to a household",
    response_model=Visits,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def of_household(desk: AtDesk, code: Code, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> Json:
    """Return the last visits to a household, the newest first."""
    with desk.file(f"household:{code}") as session:
        return Json({"items": visits.of_household(session, code, limit)})


@router.get(
    "/api/visits/policy",
    summary="走访间隔 / days between visits",
    response_model=Intervals,
    dependencies=[allow("planner", "worker")],
)
def policy(desk: AtDesk) -> Json:
    """Return the days between visits of each colour."""
    with desk.session() as session:
        return Json(visits.intervals(session))


@router.post(
    "/api/visits/policy",
    summary="设定走访间隔 / set the days between visits",
    response_model=Intervals,
    dependencies=[allow("admin")],
)
def set_policy(desk: AtDesk, body: Intervals) -> Json:
    """Set the place's days between visits; a colour left out keeps its own."""
    with desk.session() as session:
        return Json(visits.set_intervals(session, body.model_dump(exclude_unset=True)))
