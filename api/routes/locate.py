"""Which grid holds a position: one, or a hundred thousand at once."""

from __future__ import annotations

import re
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response
from starlette.types import Scope

from api.desk import AtDesk, Desk, Office
from api.express import Ready, at_hand
from api.openapi import problems
from api.parameters import Crs, position_of
from api.points import MOST_POINTS, read_points
from api.schemas import Codes, Located
from api.security import allow
from gis.services import locating
from gis.services.sign_ins import Identity

_JSON = "application/json"
_POSITION = re.compile(rb"lon=(-?\d{1,3}(?:\.\d{1,20})?)&lat=(-?\d{1,2}(?:\.\d{1,20})?)")


def _from_memory(office: Office, _account: Identity, scope: Scope) -> Ready | None:
    """Answer the everyday question: a position in degrees, in a grid."""
    asked = _POSITION.fullmatch(scope["query_string"])
    finder = locating.finder_at_hand(office.store.journal, office.snapshots)
    if asked is None or finder is None:
        return None
    lon, lat = float(asked[1]), float(asked[2])
    body = finder.at(lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else None
    if body is None:
        return None
    return Ready(body, ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))))


router = APIRouter(tags=["网格 / grids"])
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["points"],
                    "properties": {
                        "points": {
                            "type": "array",
                            "maxItems": MOST_POINTS,
                            "items": {
                                "type": "array",
                                "items": {"type": "number"},
                                "minItems": 2,
                                "maxItems": 2,
                            },
                        },
                        "crs": {"type": "string"},
                    },
                },
                "example": {"points": [[102.7123, 25.0401], [102.7130, 25.0410]]},
            }
        },
    }
}


@router.get(
    "/api/grids/locate",
    summary="位置在哪个网格 / which grid holds a position",
    response_model=Located,
    responses={
        200: {
            "content": {
                "application/json": {
                    "example": {
                        "grid": {"code": "530102001001001", "name": "第一网格"},
                        "areas": [{"level": "community", "code": "530102001001", "name": "示范社区"}],
                        "building": None,
                    }
                }
            }
        },
        **problems(404),
    },
    dependencies=[allow("planner", "worker", "screen")],
)
@at_hand(_from_memory)
def locate(
    desk: AtDesk,
    lon: Annotated[
        float,
        Query(allow_inf_nan=False, description="经度或东坐标 / longitude, or easting", examples=[102.7123]),
    ],
    lat: Annotated[
        float,
        Query(allow_inf_nan=False, description="纬度或北坐标 / latitude, or northing", examples=[25.0401]),
    ],
    crs: Crs = None,
) -> Response:
    """Return the grid, the areas above it and the building at a position; 404 where no grid is."""
    lon, lat = position_of(lon, lat, crs)
    with desk.session() as session:
        return Response(locating.locate(session, desk.snapshots, lon, lat), media_type=_JSON)


@router.post(
    "/api/grids/locate",
    summary="批量定位 / which grid holds each of many positions",
    response_model=Codes,
    dependencies=[allow("planner", "worker", "screen")],
    openapi_extra=_BODY,
)
async def locate_many(desk: AtDesk, request: Request) -> Response:
    """Return the code of the grid of each point, null where there is none; up to 100,000 points."""
    body = await request.body()
    return Response(await anyio.to_thread.run_sync(_locate_many, desk, body), media_type=_JSON)


def _locate_many(desk: Desk, body: bytes) -> bytes:
    points = read_points(body)
    grids = desk.snapshots.grids_at_hand(desk.office.store.journal)
    if grids is None:
        with desk.session() as session:
            grids = desk.snapshots.grids(session)
    return b'{"codes":' + locating.locate_many(grids, points) + b"}"
