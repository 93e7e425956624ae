"""What the maps show, as files: aggregates only, with the filters of the maps."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from api.desk import AtDesk, Desk
from api.shown import Shown
from api.takeaway import attachment, serve_each_map
from gis.services.exporting import files
from gis.store.auditing import note

router = APIRouter(prefix="/api/export", tags=["导出 / export"])
_PIECE_BYTES = 2**16
Format = Literal["gpkg", "geojson", "xlsx", "csv"]
MEDIA = {
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


def _export_of(map_of: Any) -> Callable[..., Response]:
    def export(desk: AtDesk, form: Format, shown: Shown = map_of) -> StreamingResponse:
        """Return the figures of the map, in the reader's language; what is hidden as small is empty and named in `suppressed`.

        Parameters that say how the map looks are taken and make no difference: the file of the grid map has every measure.
        """
        return _file(desk, shown, form)

    return export


serve_each_map(router, "导出 / export", MEDIA, "GeoPackage, GeoJSON, XLSX, CSV", _export_of)


def _file(desk: Desk, shown: Shown, form: str) -> StreamingResponse:
    """Return the table as a file, sent piece by piece; nothing of it stays behind. The export is noted in the audit log."""
    with desk.session() as session:
        table = shown.table(session)
        with tempfile.TemporaryDirectory(prefix="linli-export-") as folder:
            path = Path(folder) / f"{table.name}.{form}"
            rows = files.write(table, form, path, shown.layer)
            file = path.open("rb")  # it can be read after its name is gone, and is gone when it is closed
            length = path.stat().st_size
        note(session, "map.export", f"map:{table.name}", detail={"format": form, "rows": rows})
    return StreamingResponse(
        _pieces(file),
        media_type=MEDIA[form],
        headers={**attachment(table, form), "Content-Length": str(length)},
    )


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
