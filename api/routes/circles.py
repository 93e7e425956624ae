"""Service circles as polygons."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Response

from api.answers import GeoJson, compact
from api.desk import AtDesk
from api.parameters import AskedCoverage, Box, TakesGzip, box_of
from api.routes.whatif import ScenarioBody
from api.schemas import FeatureCollection
from api.security import allow
from gis.services import circles as drawing

router = APIRouter(tags=["服务圈 / circles"])


@router.get(
    "/api/circles",
    summary="服务圈 / service circles",
    responses={200: {"model": FeatureCollection}},
    response_model=None,
    dependencies=[allow("planner", "worker", "screen")],
)
def circles(
    desk: AtDesk,
    takes_gzip: TakesGzip,
    query: AskedCoverage,
    station: Annotated[
        str | None,
        Query(max_length=100, description="只要这一站点的 / of this station only", examples=["ST001"]),
    ] = None,
    resolution_m: Annotated[
        float | None,
        Query(
            ge=0.1,
            le=10_000,
            allow_inf_nan=False,
            description="地图每像素的米数；填了则给紧凑的线条 / metres to a pixel of a map: compact lines for it",
        ),
    ] = None,
    bbox: Annotated[Box | None, Depends(box_of)] = None,
) -> Response:
    """Return the circle of each station that offers the service at that time, or all dissolved into one.

    With `resolution_m` they come as a map of that scale shows them, within a pixel and a fiftieth as long: `code`, `name` and `lines` of each that
    touches `bbox` (which is not looked at otherwise), and how many `stations` have one in all. `lines` are in steps of `pitch` degrees: polygons stand
    between `/`, the rings of one (the outer one first) between blanks, a ring is the steps from corner to corner, lon before lat, in the signs of the
    encoded polyline format; a ring's first corner is seen from that of the ring before.
    """
    with desk.session() as session:
        if resolution_m is not None:
            return compact(
                drawing.circles_in_lines(session, desk.snapshots, query, resolution_m, bbox, station),
                takes_gzip,
            )
        return GeoJson(drawing.circles(session, desk.snapshots, query, station))


@router.post(
    "/api/circles",
    summary="假如的服务圈 / circles of edited stations",
    response_model=FeatureCollection,
    dependencies=[allow("planner")],
)
def circles_after(desk: AtDesk, body: Annotated[ScenarioBody, Body()]) -> GeoJson:
    """Return the circles of the stations that the edits name, as they would be; nothing is stored.

    Edits as for `POST /api/coverage/scenario`. A station that is closed, or not open then, has none.
    """
    query = body.parameters.query(desk)
    return GeoJson(desk.compute(lambda session: drawing.circles_after(session, desk.snapshots, query, body.edits)))
