"""Vector tiles of what everyone may see: grids, buildings, streets, stations, and the base map."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from starlette.datastructures import Headers
from starlette.types import Scope

from api.compression import takes_gzip
from api.desk import AtDesk, Office
from api.express import Ready, at_hand
from api.openapi import problems
from api.parameters import TakesGzip
from api.security import allow
from gis.errors import Fault, Invalid
from gis.services.sign_ins import Identity
from gis.services.tile_cache import KeptTile

router = APIRouter(tags=["瓦片 / tiles"])
MOST_ZOOM = 22
MVT = "application/vnd.mapbox-vector-tile"
_PREFIX = len("/tiles/")
_CACHE_CONTROL = "private, no-cache"


def _from_memory(office: Office, _account: Identity, scope: Scope) -> Ready | None:
    """Answer with a tile that is kept and current."""
    kept = office.tiles.at_hand(office.store.journal, scope["path"][_PREFIX:])
    if kept is None:
        return None
    headers = Headers(scope=scope)
    unchanged = headers.get("if-none-match") == kept.tag
    body, given = _answer(kept, gzip=takes_gzip(headers), unchanged=unchanged)
    return Ready(body, [(name.encode(), value.encode()) for name, value in given.items()], 304 if unchanged else 200)


def _answer(kept: KeptTile, *, gzip: bool, unchanged: bool) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a tile's answer."""
    headers = {"content-type": MVT, "etag": kept.tag, "cache-control": _CACHE_CONTROL}
    if kept.packed is not None:
        headers["vary"] = "Accept-Encoding"
    if unchanged:
        return b"", headers
    packed = kept.packed if gzip else None
    if packed is not None:
        headers["content-encoding"] = "gzip"
    body = kept.content if packed is None else packed
    headers["content-length"] = str(len(body))
    return body, headers


@router.get(
    "/tiles/{layer}/{z}/{x}/{y}",
    summary="矢量瓦片 / a vector tile",
    response_class=Response,
    responses={200: {"content": {MVT: {"schema": {"type": "string", "format": "binary"}}}}, **problems(404)},
    dependencies=[allow("planner", "worker", "screen")],
)
@at_hand(_from_memory)
def tile(
    desk: AtDesk,
    packed: TakesGzip,
    layer: Annotated[
        str,
        Path(
            max_length=20,
            description="图层 / layer: grids, buildings, streets, stations, base, renovation, street_units, merchants, things",
        ),
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
    kept = desk.office.tiles.tile(desk.office.store.journal, desk.session, layer, z, x, y)
    unchanged = if_none_match == kept.tag
    body, headers = _answer(kept, gzip=packed, unchanged=unchanged)
    return Response(body, status_code=304 if unchanged else 200, headers=headers)
