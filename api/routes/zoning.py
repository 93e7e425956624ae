"""Is the division into grids a proper one?"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.answers import Json
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import Area
from api.schemas import Zoning
from api.security import allow
from gis.services import registry

router = APIRouter(tags=["网格 / grids"])
_BY_CODE = ("oversize", "undersize")


@router.get(
    "/api/zoning",
    summary="划分检查 / check the division",
    response_model=Zoning,
    responses=problems(404),
    dependencies=[allow("planner", "worker")],
)
def zoning(
    desk: AtDesk,
    area: Area = None,
    most: Annotated[
        int | None,
        Query(
            ge=1,
            le=1000,
            description="每类最多列出多少处，供页面显示 / how many of each kind at most, for a page to list",
        ),
    ] = None,
) -> Json:
    """Return overlaps, gaps, strays (where households are in no grid), oversize and undersize grids, with geometry.

    With `most`, each kind has its whole number as `count` and so many of its findings; oversize and undersize grids come without geometry then,
    for their code says which they are.
    """
    with desk.session() as session:
        report = registry.zoning(session, desk.snapshots, area)
    if most is None:
        return Json(report)
    return Json({kind: _brief(found, most, outlined=kind not in _BY_CODE) for kind, found in report.items()})


def _brief(found: dict[str, Any], most: int, *, outlined: bool) -> dict[str, Any]:
    features = list(found["features"])
    listed = [each if outlined else {**each, "geometry": None} for each in features[:most]]
    return {**found, "count": len(features), "features": listed}
