"""Closer looks at coverage: buildings that are left out, the hours of the week, the places there are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.answers import Json
from api.desk import AtDesk
from api.parameters import AskedCoverage
from api.security import allow
from gis.services import reach

router = APIRouter(tags=["服务圈 / circles"])


@router.get(
    "/api/coverage/buildings",
    summary="各楼栋到最近站点 / every building's way to the nearest station",
    dependencies=[allow("planner")],
    responses={
        200: {
            "content": {
                "application/json": {"example": {"items": [{"code": "B1", "seconds": 512.4, "station": "ST001"}]}}
            }
        }
    },
)
def buildings(
    desk: AtDesk,
    query: AskedCoverage,
    only: Annotated[
        str, Query(pattern="^(uncovered|all)$", description="只看未覆盖的，或全部 / those left out, or all")
    ] = "uncovered",
) -> Json:
    """Return seconds to the nearest station of one service and which it is, per building, the farthest first; no names of people."""
    with desk.session() as session:
        rows = reach.buildings(session, desk.snapshots, query, desk.today(), uncovered_only=only == "uncovered")
    return Json({"items": rows})


@router.get(
    "/api/coverage/week",
    summary="一周中有多少时间被覆盖 / share of the week covered",
    dependencies=[allow("planner")],
    responses={200: {"content": {"application/json": {"example": {"share": 0.21, "grids": []}}}}},
)
def week(desk: AtDesk, query: AskedCoverage) -> Json:
    """Return the share of this week during which households are covered by one service: on average, and per grid."""
    with desk.session() as session:
        return Json(reach.week(session, desk.snapshots, query, desk.now()))


@router.get(
    "/api/coverage/capacity",
    summary="每百人名额 / places per 100 who need them",
    dependencies=[allow("planner")],
    responses={
        200: {"content": {"application/json": {"example": {"needed_by": "elders_60", "places": 240, "grids": []}}}}
    },
)
def capacity(desk: AtDesk, query: AskedCoverage) -> Json:
    """Return places per 100 of those who need one service, per grid (enhanced two-step floating catchment area; Luo & Qi 2009)."""
    with desk.session() as session:
        return Json(reach.capacity(session, desk.snapshots, query, desk.today()))
