"""Is the service alive, and is it ready to answer?"""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.answers import Json
from api.desk import office_of
from api.openapi import problems
from api.ready import why_not_ready
from gis.errors import Unavailable

router = APIRouter(tags=["服务 / service"])


@router.get(
    "/api/health",
    summary="存活 / is the process alive",
    responses={200: {"content": {"application/json": {"example": {"status": "ok"}}}}},
)
async def health() -> Json:
    """Answer as long as the process does, whatever the database does."""
    return Json({"status": "ok"})


@router.get(
    "/api/ready",
    summary="就绪 / is it ready to answer",
    responses={200: {"content": {"application/json": {"example": {"ready": True}}}}, **problems(503)},
)
def ready(request: Request) -> Json:
    """200 while the database answers and stands at the program's migration, and the caches follow it; 503 else."""
    reason = why_not_ready(office_of(request))
    if reason is not None:
        raise Unavailable(reason)
    return Json({"ready": True})
