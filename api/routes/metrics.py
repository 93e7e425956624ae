"""Figures for those who watch over the service."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.desk import office_of
from api.metrics import CONTENT_TYPE, PATH
from api.security import allow

router = APIRouter(tags=["服务 / service"])


@router.get(
    PATH,
    summary="运行指标 / figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "linli_ready 1.0\n"}}}},
    dependencies=[allow("admin", "auditor")],
)
def metrics(request: Request) -> Response:
    """Latency by route, jobs, connections, caches, notices, streams; for admins, auditors, and whoever has ``LINLI_METRICS_TOKEN``."""
    office = office_of(request)
    return Response(office.metrics.scrape(office), media_type=CONTENT_TYPE)
