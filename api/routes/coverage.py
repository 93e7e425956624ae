"""Who can reach a service."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import Json
from api.desk import AtDesk
from api.parameters import AskedCoverage
from api.schemas import Coverage
from api.security import allow
from gis.services import coverage

router = APIRouter(tags=["服务圈 / circles"])


@router.get(
    "/api/coverage",
    summary="覆盖情况 / who is covered",
    response_model=Coverage,
    dependencies=[allow("planner", "worker", "screen")],
)
def cover(desk: AtDesk, query: AskedCoverage) -> Json:
    """Return households, elders and children covered, in total and per grid; several services: covered by all of them."""
    with desk.session() as session:
        return Json(coverage.coverage(session, desk.snapshots, query, desk.today()))
