"""Vector tiles of what everyone may see: grids, buildings, streets, stations, and the base map."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response

from api.desk import AtDesk
from api.openapi import problems
from api.security import allow
from gis.errors import Fault, Invalid
from gis.services import tiles

router = APIRouter(tags=["瓦片 / tiles"])
MOST_ZOOM = 22
MVT = "application/vnd.mapbox-vector-tile"


@router.get(
    "/tiles/{layer}/{z}/{x}/{y}",
    summary="矢量瓦片 / a vector tile",
    response_class=Response,
    responses={200: {"content": {MVT: {"schema": {"type": "string", "format": "binary"}}}}, **problems(404)},
    dependencies=[allow("planner", "worker", "screen")],
)
def tile(
    desk: AtDesk,
    layer: Annotated[
        str, Path(max_length=20, description="图层 / layer: grids, buildings, streets, stations, base, renovation, street_units, merchants, things")
    ],
    z: Annotated[int, Path(ge=0, le=MOST_ZOOM, description="级别 / zoom")],
    x: Annotated[int, Path(ge=0, lt=2**MOST_ZOOM)],
    y: Annotated[int, Path(ge=0, lt=2**MOST_ZOOM)],
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Return a Mapbox vector tile (Web Mercator, XYZ); 304 when the caller has it already."""
    if x >= 2**z or y >= 2**z:
        message = f"第 {z} 级没有这块瓦片 / there is no such tile at zoom {z}"
        raise Invalid(message, [Fault("path.x" if x >= 2**z else "path.y", message)])
    with desk.session() as session:
        content = tiles.tile(session, layer, z, x, y)
    tag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if if_none_match == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=MVT, headers=headers)
