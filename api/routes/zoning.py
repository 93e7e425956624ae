"""Is the division into grids a proper one?"""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import Json
from api.desk import AtDesk
from api.parameters import Area
from api.schemas import Zoning
from api.security import allow
from gis.services import registry

router = APIRouter(tags=["网格 / grids"])


@router.get(
    "/api/zoning",
    summary="划分检查 / check the division",
    response_model=Zoning,
    dependencies=[allow("planner", "worker")],
)
def zoning(desk: AtDesk, area: Area = None) -> Json:
    """Return overlaps, gaps, strays (where households are in no grid), oversize and undersize grids, with geometry."""
    with desk.session() as session:
        return Json(registry.zoning(session, desk.snapshots, area))
