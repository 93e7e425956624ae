"""The maps on paper: A3 across, PDF or PNG, drawn from the figures that the screen shows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import shapely
from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.desk import AtDesk, Desk
from api.openapi import problems
from api.parameters import Area, AskedBox, AskedCoverage, AskedNeeds, AskedSpan, Box
from api.routes.export import NeedUnits, attachment
from api.routes.grids import Palette, Scheme, Sorts
from api.security import allow
from gis.errors import Fault, Invalid, Unavailable
from gis.needs.disclosure import BASE
from gis.services.circles import circles
from gis.services.exporting import tables
from gis.services.exporting.ground import load_ground
from gis.store.auditing import note
from maps import printing

router = APIRouter(prefix="/api/print", tags=["打印 / print"])
PLANNERS = "planner"
Format = Literal["pdf", "png"]
Dpi = Annotated[int, Query(ge=150, le=300, description="PNG 的分辨率 / dots to an inch of a PNG")]
MEDIA = {"pdf": "application/pdf", "png": "image/png"}
_SHEET: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A3：PDF 或 PNG / A3: PDF or PNG",
        "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA.values()},
    }
}
_AT_ONCE, _PATIENCE_S = 2, 30.0
_ROUND_DEG = 0.05
"""How far from all grids a view may reach."""
_drawing = threading.BoundedSemaphore(_AT_ONCE)
"""A sheet takes a processor for seconds: no more than this many at once in a process."""
Make = Callable[[Session], printing.Theme]


@router.get(
    "/grids.{form}",
    summary="打印网格地图 / print the grid map",
    response_class=Response,
    responses={**_SHEET, **problems(404)},
    dependencies=[allow(PLANNERS)],
)
def print_grids(
    desk: AtDesk,
    form: Format,
    bbox: AskedBox,
    span: AskedSpan,
    measure: Annotated[str, Query(max_length=60, description="指标 / its key", examples=["elders_60"])] = "households",
    scheme: Scheme = "quantiles",
    k: Sorts = 5,
    palette: Palette = "teal",
    area: Area = None,
    dpi: Dpi = 200,
) -> Response:
    """Return the grids shaded by a measure as a sheet of A3; `bbox` is what is to be seen at least, the whole place where absent."""

    def make(session: Session) -> printing.Theme:
        exact = desk.account.sees_exact
        table = tables.grid_table(session, desk.snapshots, desk.now(), exact=exact, area=area, span=span, only=measure)
        return printing.grid_theme(table, measure, scheme, k, palette)

    return _sheet(desk, form, make, bbox, dpi)


@router.get(
    "/needs.{form}",
    summary="打印需求地图 / print the map of needs",
    response_class=Response,
    responses=_SHEET,
    dependencies=[allow(PLANNERS)],
)
def print_needs(
    desk: AtDesk,
    form: Format,
    bbox: AskedBox,
    query: AskedNeeds,
    by: NeedUnits = "cells",
    mode: Annotated[
        Literal["count", "rate", "spots"], Query(description="件数、每百户或冷热点 / needs, per 100 households, or hot and cold spots")
    ] = "rate",
    measure: Annotated[
        Literal["count", "rate"], Query(description="冷热点按件数或每百户 / what hot and cold spots are of")
    ] = "rate",
    scheme: Scheme = "quantiles",
    k: Sorts = 5,
    dpi: Dpi = 200,
) -> Response:
    """Return the cells of the map of needs, or the grids, as a sheet of A3; the classes are those of all months."""
    open_ended = replace(query, since=None, until=None)

    def make(session: Session) -> printing.Theme:
        table = tables.needs_table(session, desk.snapshots, query, desk.today(), by, measure)
        whole = tables.needs_table(session, desk.snapshots, open_ended, desk.today(), by, measure)
        return printing.needs_theme(table, whole, mode, scheme, k, least=1 if query.exact else BASE)

    return _sheet(desk, form, make, bbox, dpi)


@router.get(
    "/coverage.{form}",
    summary="打印覆盖地图 / print the map of coverage",
    response_class=Response,
    responses=_SHEET,
    dependencies=[allow(PLANNERS)],
)
def print_coverage(
    desk: AtDesk,
    form: Format,
    bbox: AskedBox,
    query: AskedCoverage,
    group: Annotated[
        Literal["households", "elders_60", "children_12"], Query(description="为谁 / of whom the share is")
    ] = "households",
    dpi: Dpi = 200,
) -> Response:
    """Return the share covered in each grid, the circles, the stations, and for one service the buildings left out, as a sheet of A3."""

    def make(session: Session) -> printing.Theme:
        table = tables.coverage_table(session, desk.snapshots, query, desk.today())
        whole = circles(session, desk.snapshots, replace(query, dissolve=True))["features"]
        offering = {one["properties"]["code"] for one in circles(session, desk.snapshots, replace(query, dissolve=False))["features"]}
        stations = desk.snapshots.stations(session)
        marks = [
            (float(stations.lon[i]), float(stations.lat[i]), stations.names[i])
            for i, code in enumerate(stations.codes)
            if code in offering
        ]
        return printing.coverage_theme(table, group, query.minutes, [one["geometry"].shape for one in whole], marks)

    return _sheet(desk, form, make, bbox, dpi)


def _sheet(desk: Desk, form: str, make: Make, bbox: Box | None, dpi: int) -> Response:
    """Return a theme as a sheet; what is drawn is loaded in one transaction, which is over before the drawing begins."""
    with desk.session() as session:
        theme = make(session)
        metric = desk.snapshots.metric(session)
        seen = _seen(desk.snapshots.grids(session).geometries, bbox)
        frame = printing.Frame.round(metric.geometry_to_m(np.array([seen], dtype=object))[0].bounds)
        ground = load_ground(session, desk.snapshots, frame.bounds_m, frame.scale)
        note(session, "map.print", f"map:{theme.table.name}", detail={"format": form})
    if not _drawing.acquire(timeout=_PATIENCE_S):
        raise Unavailable("正在打印的地图过多，请稍后再试 / too many maps are being printed; try again later")
    try:
        content = printing.draw(theme, ground, frame, metric)
        if form == "png":
            content = printing.picture(content, dpi)
    finally:
        _drawing.release()
    return Response(content, media_type=MEDIA[form], headers=attachment(theme.table, form))


def _seen(grids: np.ndarray, bbox: Box | None) -> shapely.Polygon:
    """Return the part of the place that the sheet must show, in degrees.

    Raises:
        Unavailable: there are no grids yet.
        Invalid: the box is far from every grid.
    """
    if not len(grids):
        raise Unavailable("还没有网格，无法打印；请先导入 / there are no grids to print: import some first")
    west, south, east, north = shapely.total_bounds(grids)
    whole = shapely.box(west - _ROUND_DEG, south - _ROUND_DEG, east + _ROUND_DEG, north + _ROUND_DEG)
    seen = shapely.box(west, south, east, north) if bbox is None else shapely.box(*bbox)
    seen = shapely.intersection(seen, whole)
    if seen.area == 0:
        message = "范围内没有网格 / no grid is near that box"
        raise Invalid(message, [Fault("query.bbox", message)])
    return seen
