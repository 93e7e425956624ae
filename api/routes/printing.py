"""The maps on paper: A3 across, PDF or PNG, drawn from the figures that the screen shows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import shapely
from fastapi import APIRouter, Query
from starlette.responses import Response

from api.desk import AtDesk, Desk
from api.parameters import AskedBox, Box
from api.shown import Shown
from api.takeaway import attachment, serve_each_map
from gis.errors import Fault, Invalid, Unavailable
from gis.services.exporting.ground import load_ground
from gis.store.auditing import note
from maps import printing

router = APIRouter(prefix="/api/print", tags=["打印 / print"])
Format = Literal["pdf", "png"]
Dpi = Annotated[int, Query(ge=150, le=300, description="PNG 的分辨率 / dots to an inch of a PNG")]
MEDIA = {"pdf": "application/pdf", "png": "image/png"}
_AT_ONCE, _PATIENCE_S = 2, 30.0
_ROUND_DEG = 0.05
"""How far from all grids a view may reach."""
_drawing = threading.BoundedSemaphore(_AT_ONCE)
"""A sheet takes a processor for seconds: no more than this many at once in a process."""


def _print_of(map_of: Any) -> Callable[..., Response]:
    def print_map(desk: AtDesk, form: Format, bbox: AskedBox, shown: Shown = map_of, dpi: Dpi = 200) -> Response:
        """Return the map as a sheet of A3, in the reader's language; `bbox` is what is to be seen at least, the whole place where absent."""
        return _sheet(desk, form, shown, bbox, dpi)

    return print_map


serve_each_map(router, "打印 / print", MEDIA, "A3：PDF 或 PNG / A3: PDF or PNG", _print_of)


def _sheet(desk: Desk, form: str, shown: Shown, bbox: Box | None, dpi: int) -> Response:
    """Return a map as a sheet; what is drawn is loaded in one transaction, which is over before the drawing begins."""
    with desk.session() as session:
        sheet = shown.sheet(session)
        metric = desk.snapshots.metric(session)
        seen = _seen(desk.snapshots.grids(session).geometries, bbox)
        frame = printing.frame_of(sheet, metric.geometry_to_m(np.array([seen], dtype=object))[0].bounds)
        ground = load_ground(session, desk.snapshots, frame.bounds_m, frame.scale)
        note(session, "map.print", f"map:{sheet.table.name}", detail={"format": form})
    if not _drawing.acquire(timeout=_PATIENCE_S):
        raise Unavailable("正在打印的地图过多，请稍后再试 / too many maps are being printed; try again later")
    try:
        content = printing.draw(sheet, ground, frame, metric)
        if form == "png":
            content = printing.picture(content, dpi)
    finally:
        _drawing.release()
    return Response(content, media_type=MEDIA[form], headers=attachment(sheet.table, form))


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
