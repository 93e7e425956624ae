"""Is the service alive, and is it ready to answer?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.answers import Json
from api.desk import office_of
from api.openapi import problems
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
    """200 once the database answers and stands at the newest migration; 503 until then."""
    store = office_of(request).store
    try:
        if not store.is_current():
            raise Unavailable(
                "数据库尚未升级到当前版本 / the database is behind the program: run linli serve to migrate it"
            )
        with store.service_engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        raise Unavailable("数据库暂不可用 / the database does not answer") from error
    return Json({"ready": True})
