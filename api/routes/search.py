"""Places found by code, name or address, and their shapes; never people or households."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.answers import GeoJson, Json
from api.desk import AtDesk
from api.openapi import problems
from api.schemas import Feature
from api.schemas_maps import Found
from api.security import allow
from gis.services import finding

router = APIRouter(tags=["查找 / search"])
Kind = Literal["area", "grid", "compound", "station", "street", "building"]


@router.get("/api/search", summary="查找地点 / find places", response_model=Found, dependencies=[allow("planner")])
def search(
    desk: AtDesk,
    q: Annotated[
        str,
        Query(
            max_length=finding.LONGEST,
            description="编码、名称或地址，可分几个词 / code, name or address, in one or more words",
            examples=["阳光小区"],
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=finding.MOST)] = finding.MOST,
) -> Json:
    """Return areas, grids, compounds, stations, streets and buildings, best first: same name or code, begins so, holds it, holds all words."""
    with desk.session() as session:
        return Json({"items": finding.find(session, desk.snapshots, q, limit)})


@router.get(
    "/api/search/shape",
    summary="地点的形状 / the shape of a place",
    response_model=Feature,
    responses=problems(404),
    dependencies=[allow("planner")],
)
def shape(
    desk: AtDesk,
    kind: Annotated[Kind, Query(description="类型 / kind")],
    code: Annotated[str, Query(max_length=200)],
) -> GeoJson:
    """Return the shape of a place that was found."""
    with desk.session() as session:
        return GeoJson(finding.outline_of(session, kind, code))
