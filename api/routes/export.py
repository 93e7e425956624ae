"""What the maps show, as files: aggregates only, with the filters of the maps."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from api.desk import AtDesk, Desk
from api.openapi import problems
from api.security import allow
from api.shown import SHOWN, Shown
from gis.services.exporting import files
from gis.services.exporting.model import MapTable
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


def _serve(name: str, map_of: Any, words: str) -> None:
    @router.get(
        f"/{name}.{{form}}",
        name=f"export_{name}",
        summary="导出{} / export {}".format(*words.split(" / ")),
        response_class=Response,
        responses={**_FILE, **problems(404)},
        dependencies=[allow("planner")],
    )
    def export(desk: AtDesk, form: Format, shown: Shown = map_of) -> StreamingResponse:
        """Return the figures of the map, in the reader's language; what is hidden as small is empty and named in `suppressed`.

        Parameters that say how the map looks are taken and make no difference: the file of the grid map has every measure.
        """
        return _file(desk, shown, form)


for _name, (_map_of, _words) in SHOWN.items():
    _serve(_name, _map_of, _words)


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


def attachment(table: MapTable, form: str) -> dict[str, str]:
    """Return the header that names the file that is made of a table: in the reader's language, and in ASCII for programs that know no other."""
    day = table.as_of.isoformat()
    name = quote(f"{table.title}_{day}.{form}")
    return {"Content-Disposition": f"attachment; filename=\"{table.name}-{day}.{form}\"; filename*=UTF-8''{name}"}


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
