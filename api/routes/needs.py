"""Where needs are."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import GeoJson
from api.desk import AtDesk
from api.parameters import AskedNeeds
from api.schemas import FeatureCollection
from api.security import allow
from gis.services import needs

router = APIRouter(tags=["需求 / needs"])


@router.get(
    "/api/needs/cells",
    summary="需求热力单元 / cells of needs",
    response_model=FeatureCollection,
    dependencies=[allow("planner", "screen")],
)
def cells(desk: AtDesk, query: AskedNeeds) -> GeoJson:
    """Return squares with count, households and rate per 100 households; small cells are suppressed.

    For planners and screens needs are counted in fives, in whole months and in squares of 100, 200, 400 … m: what was used is in the answer
    (`from`, `to`, `size_m`).
    """
    with desk.session() as session:
        return GeoJson(needs.cells(session, desk.snapshots, query, desk.today()))
