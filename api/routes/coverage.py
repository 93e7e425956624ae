"""Who can reach a service."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from api.answers import Json, compact
from api.desk import AtDesk
from api.parameters import AskedCoverage, TakesGzip
from api.schemas import Coverage
from api.security import allow
from gis.needs.disclosure import shown
from gis.services import coverage
from gis.services.rows import in_columns

router = APIRouter(tags=["服务圈 / circles"])
_DRAWN = (
    "households",
    "covered",
    "elders_60",
    "elders_60_covered",
    "children_12",
    "children_12_covered",
    "covered_buffer",
)


@router.get(
    "/api/coverage",
    summary="覆盖情况 / who is covered",
    responses={200: {"model": Coverage}},
    response_model=None,
    dependencies=[allow("planner", "worker", "screen")],
)
def cover(
    desk: AtDesk,
    takes_gzip: TakesGzip,
    query: AskedCoverage,
    form: Annotated[
        Literal["rows", "columns"],
        Query(
            description="逐网格成行，或供地图绘制的紧凑列 / a row for each grid, or compact columns for a map to draw"
        ),
    ] = "rows",
) -> Response:
    """Return households, elders and children covered, in total and per grid; several services: covered by all of them.

    For a screen small counts are null. With `form=columns` what a map needs of the grids comes as arrays, a fifth as large: `code` as the first code and the
    steps from each to the next, and the counts in the same order; what follows from them (beyond, difference) and names are left out.
    """
    with desk.session() as session:
        found = coverage.coverage(session, desk.snapshots, query, desk.today())
    if desk.account.role == "screen":
        found = _for_wall(found)
    if form == "columns":
        return compact({**found, "grids": in_columns(found["grids"], _DRAWN)}, takes_gzip)
    return Json(found)


def _for_wall(found: dict[str, Any]) -> dict[str, Any]:
    """Return an answer fit for a wall: small counts are null."""

    def hidden(counts: dict[str, Any]) -> dict[str, Any]:
        return {name: None if isinstance(n, int) and shown(abs(n)) is None else n for name, n in counts.items()}

    return {
        **found,
        **{part: hidden(found[part]) for part in ("totals", "unassigned", "unreachable")},
        "grids": [hidden(row) for row in found["grids"]],
    }
