"""Where needs are."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from api.answers import GeoJson
from api.desk import AtDesk
from api.parameters import Service, check_period, check_services
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
def cells(
    desk: AtDesk,
    service: Service = [],  # noqa: B006 - FastAPI copies it
    since: Annotated[date | None, Query(alias="from", description="自(含) / opened on or after")] = None,
    until: Annotated[date | None, Query(alias="to", description="至(含) / opened on or before")] = None,
    size_m: Annotated[
        float, Query(ge=50, le=5000, allow_inf_nan=False, description="单元边长，米 / side of a cell, m")
    ] = 100,
) -> GeoJson:
    """Return squares with count, households and rate per 100 households; small cells are suppressed.

    For planners and screens needs are counted in fives, in whole months and in squares of 100, 200, 400 … m: what was used is in the answer
    (`from`, `to`, `size_m`).
    """
    check_services(service)
    check_period(since, until)
    query = needs.NeedQuery(tuple(dict.fromkeys(service)), since, until, size_m, desk.account.sees_exact)
    with desk.session() as session:
        return GeoJson(needs.cells(session, desk.snapshots, query, desk.today()))
