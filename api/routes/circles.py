"""Service circles as polygons."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query

from api.answers import GeoJson
from api.desk import AtDesk
from api.parameters import AskedCoverage
from api.routes.whatif import ScenarioBody
from api.schemas import FeatureCollection
from api.security import allow
from gis.services import circles as drawing

router = APIRouter(tags=["服务圈 / circles"])


@router.get(
    "/api/circles",
    summary="服务圈 / service circles",
    response_model=FeatureCollection,
    dependencies=[allow("planner", "worker", "screen")],
)
def circles(
    desk: AtDesk,
    query: AskedCoverage,
    station: Annotated[
        str | None,
        Query(max_length=100, description="只要这一站点的 / of this station only", examples=["ST001"]),
    ] = None,
) -> GeoJson:
    """Return the circle of each station that offers the service at that time, or all dissolved into one."""
    with desk.session() as session:
        return GeoJson(drawing.circles(session, desk.snapshots, query, station))


@router.post(
    "/api/circles",
    summary="假如的服务圈 / circles of edited stations",
    response_model=FeatureCollection,
    dependencies=[allow("planner")],
)
def circles_after(desk: AtDesk, body: Annotated[ScenarioBody, Body()]) -> GeoJson:
    """Return the circles of the stations that the edits name, as they would be; nothing is stored.

    Edits as for `POST /api/coverage/scenario`. A station that is closed, or not open then, has none.
    """
    query = body.parameters.query(desk)
    return GeoJson(
        desk.compute(lambda session: drawing.circles_after(session, desk.snapshots, query, body.edits))
    )
