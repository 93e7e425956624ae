"""The base map from outside, where one is configured: its tiles come through our own server."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.desk import AtDesk, office_of
from api.openapi import problems
from api.routes.tiles import MOST_ZOOM
from api.security import allow
from gis.errors import NotFound

router = APIRouter(tags=["瓦片 / tiles"])
_KEPT_S = 86_400


@router.get(
    "/tiles/outside/{layer}/{z}/{x}/{y}",
    summary="外部底图瓦片 / a tile of the outside base map",
    response_class=Response,
    responses={200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}, **problems(404)},
    dependencies=[allow("planner", "worker", "screen")],
)
async def outside_tile(
    request: Request,
    desk: AtDesk,
    layer: Annotated[int, Path(ge=0, le=9, description="第几层，自 0 起 / which of the layers, from 0")],
    z: Annotated[int, Path(ge=0, le=MOST_ZOOM, description="级别 / zoom")],
    x: Annotated[int, Path(ge=0, lt=2**MOST_ZOOM)],
    y: Annotated[int, Path(ge=0, lt=2**MOST_ZOOM)],
) -> Response:
    """Return an image of the base map that `LINLI_BASEMAP_URL` names; 404 without one, 503 where it does not answer."""
    if x >= 2**z or y >= 2**z:
        raise NotFound("没有这块瓦片 / there is no such tile")
    found = await office_of(request).basemap.tile(layer, z, x, y)
    return Response(found.content, media_type=found.media, headers={"Cache-Control": f"private, max-age={_KEPT_S}"})
