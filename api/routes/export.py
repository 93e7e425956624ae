"""What the maps show, as files: aggregates only, with the filters of the maps."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from api.desk import AtDesk
from api.openapi import problems
from api.parameters import Area, AskedCoverage, AskedNeeds, AskedSpan
from api.security import allow
from gis.services.exporting import files, tables
from gis.services.exporting.model import MapTable
from gis.store.auditing import note

router = APIRouter(prefix="/api/export", tags=["导出 / export"])
PLANNERS = "planner"
_PIECE_BYTES = 2**16
NeedUnits = Annotated[Literal["cells", "grids"], Query(description="按单元或按网格 / by cell or by grid")]
Format = Literal["gpkg", "geojson", "xlsx", "csv"]
MEDIA = {
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "GeoPackage, GeoJSON, XLSX, CSV",
        "content": {
            media.split(";")[0]: {
                "schema": {"type": "object"} if "json" in media else {"type": "string", "format": "binary"}
            }
            for media in MEDIA.values()
        },
    }
}


@router.get(
    "/grids.{form}",
    summary="导出网格地图 / export the grid map",
    response_class=Response,
    responses={**_FILE, **problems(404)},
    dependencies=[allow(PLANNERS)],
)
def export_grids(desk: AtDesk, form: Format, span: AskedSpan, area: Area = None) -> StreamingResponse:
    """Return every grid with every measure that the map may show; what is hidden as small is empty and named in `suppressed`."""
    with desk.session() as session:
        table = tables.grid_table(
            session, desk.snapshots, desk.now(), exact=desk.account.sees_exact, area=area, span=span
        )
        return _file(session, table, form)


@router.get(
    "/needs.{form}",
    summary="导出需求地图 / export the map of needs",
    response_class=Response,
    responses=_FILE,
    dependencies=[allow(PLANNERS)],
)
def export_needs(desk: AtDesk, form: Format, query: AskedNeeds, by: NeedUnits = "cells") -> StreamingResponse:
    """Return the cells of the map of needs, or the grids, as the map shows them, with hot and cold spots by rate."""
    with desk.session() as session:
        return _file(session, tables.needs_table(session, desk.snapshots, query, desk.today(), by), form)


@router.get(
    "/coverage.{form}",
    summary="导出覆盖地图 / export the map of coverage",
    response_class=Response,
    responses=_FILE,
    dependencies=[allow(PLANNERS)],
)
def export_coverage(
    desk: AtDesk,
    form: Format,
    query: AskedCoverage,
    layer: Annotated[
        Literal["grids", "uncovered"],
        Query(description="GeoJSON 与 CSV 只含一个图层 / the layer of GeoJSON and CSV, which hold one"),
    ] = "grids",
) -> StreamingResponse:
    """Return who is covered in each grid, and for one service the buildings left out: codes, never names."""
    with desk.session() as session:
        return _file(
            session, tables.coverage_table(session, desk.snapshots, query, desk.today()), form, layer
        )


def _file(session: Any, table: MapTable, form: str, layer: str | None = None) -> StreamingResponse:
    """Return the table as a file, sent piece by piece; nothing of it stays behind. The export is noted in the audit log."""
    with tempfile.TemporaryDirectory(prefix="linli-export-") as folder:
        path = Path(folder) / f"{table.name}.{form}"
        rows = files.write(table, form, path, layer)
        file = path.open("rb")  # it can be read after its name is gone, and is gone when it is closed
        length = path.stat().st_size
    note(session, "map.export", f"map:{table.name}", detail={"format": form, "rows": rows})
    return StreamingResponse(
        _pieces(file),
        media_type=MEDIA[form],
        headers={**attachment(table, form), "Content-Length": str(length)},
    )


def attachment(table: MapTable, form: str) -> dict[str, str]:
    """Return the header that names the file that is made of a table: Chinese for those who can, ASCII for others."""
    day = table.as_of.isoformat()
    name = quote(f"{table.zh}_{day}.{form}")
    return {
        "Content-Disposition": f"attachment; filename=\"{table.name}-{day}.{form}\"; filename*=UTF-8''{name}"
    }


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
