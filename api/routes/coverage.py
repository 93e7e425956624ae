"""Who can reach a service."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.answers import Json
from api.desk import AtDesk
from api.parameters import AskedCoverage
from api.schemas import Coverage
from api.security import allow
from gis.needs.disclosure import shown
from gis.services import coverage

router = APIRouter(tags=["服务圈 / circles"])


@router.get(
    "/api/coverage",
    summary="覆盖情况 / who is covered",
    response_model=Coverage,
    dependencies=[allow("planner", "worker", "screen")],
)
def cover(desk: AtDesk, query: AskedCoverage) -> Json:
    """Return households, elders and children covered, in total and per grid; several services: covered by all of them.

    For a screen small counts are null.
    """
    with desk.session() as session:
        found = coverage.coverage(session, desk.snapshots, query, desk.today())
    return Json(_for_wall(found) if desk.account.role == "screen" else found)


def _for_wall(found: dict[str, Any]) -> dict[str, Any]:
    """Return an answer fit for a wall: small counts are null."""

    def hidden(counts: dict[str, Any]) -> dict[str, Any]:
        return {name: None if isinstance(n, int) and shown(abs(n)) is None else n for name, n in counts.items()}

    return {
        **found,
        **{part: hidden(found[part]) for part in ("totals", "unassigned", "unreachable")},
        "grids": [hidden(row) for row in found["grids"]],
    }
