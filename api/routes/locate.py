"""Which grid holds a position: one, or a hundred thousand at once."""

from __future__ import annotations

import re
from itertools import chain
from typing import Annotated, Any

import anyio.to_thread
import numpy as np
import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response
from starlette.types import Scope

from api.desk import AtDesk, Desk, Office
from api.express import Ready, at_hand
from api.openapi import problems
from api.parameters import Crs, position_of
from api.schemas import Codes, Located
from api.security import allow
from gis.crs import SourceCRS, UnknownCRS
from gis.errors import Fault, Invalid
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
MOST_POINTS = 100_000
_TOLD = 20
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


def read_points(body: bytes) -> np.ndarray:
    """Return the points of a request as an array (n, 2) of longitude and latitude, EPSG:4326, degrees.

    Raises:
        Invalid: naming the first points that are none.
    """
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _fault("body", "不是有效的 JSON / not valid JSON") from None
    points = given.get("points") if isinstance(given, dict) else None
    if not isinstance(points, list):
        raise _fault("body.points", "应为点的列表 / expected a list of points [[lon, lat], …]")
    if len(points) > MOST_POINTS:
        raise _fault("body.points", f"最多 {MOST_POINTS} 个点 / at most {MOST_POINTS} points")
    array = _as_array(points)
    array = _to_wgs84(array, given.get("crs"))
    wrong = np.flatnonzero(~((np.abs(array[:, 0]) <= 180) & (np.abs(array[:, 1]) <= 90)))
    if len(wrong):
        message = "经纬度超出范围 / longitude or latitude out of range"
        raise Invalid(message, [Fault(f"body.points[{i}]", message) for i in wrong[:_TOLD]])
    return array


def _as_array(points: list[Any]) -> np.ndarray:
    if not points:
        return np.zeros((0, 2))
    try:
        flat = list(chain.from_iterable(points))
        # Of Python's fast loops, none in bytecode: 100,000 points take some milliseconds.
        well = set(map(len, points)) == {2} and set(map(type, flat)) <= {int, float}
    except TypeError:
        well = False
    if well:
        return np.array(flat, dtype=float).reshape(-1, 2)
    faults = [
        Fault(f"body.points[{i}]", "应为 [经度, 纬度] / expected [lon, lat]")
        for i, p in enumerate(points)
        if not _is_point(p)
    ]
    raise Invalid("点的格式有误 / malformed points", faults[:_TOLD])


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 2
        and all(
            isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18
            for value in point
        )
    )


def _to_wgs84(points: np.ndarray, crs: Any) -> np.ndarray:
    if crs is None:
        return points
    try:
        lon, lat = SourceCRS.parse(str(crs)).to_wgs84(points[:, 0], points[:, 1])
    except UnknownCRS as error:
        raise _fault("body.crs", str(error)) from error
    return np.stack([lon, lat], axis=1)


def _fault(where: str, message: str) -> Invalid:
    return Invalid(message, [Fault(where, message)])
