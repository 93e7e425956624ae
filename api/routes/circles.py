"""Service circles as polygons."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import GeoJson
from api.desk import AtDesk
from api.parameters import AskedCoverage
from api.schemas import FeatureCollection
from api.security import allow
from gis.services import coverage

router = APIRouter(tags=["服务圈 / circles"])


@router.get(
    "/api/circles",
    summary="服务圈 / service circles",
    response_model=FeatureCollection,
    dependencies=[allow("planner", "worker", "screen")],
)
def circles(desk: AtDesk, query: AskedCoverage) -> GeoJson:
    """Return the circle of each station that offers the service at that time, or all dissolved into one."""
    with desk.session() as session:
        return GeoJson(coverage.circles(session, desk.snapshots, query))
