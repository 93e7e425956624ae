"""Uploads: a file is queued, brought in behind the scenes in one transaction, and its rejected rows come back as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, File, Query, Response, UploadFile
from starlette.responses import StreamingResponse

from api.answers import Json
from api.desk import AtDesk, Desk
from api.openapi import problems
from api.parameters import Crs
from api.schemas import Accepted, ImportOut, Imports
from api.security import allow
from gis.models.vocabulary import IMPORT_KINDS
from gis.services import imports

router = APIRouter(tags=["导入 / imports"])
ADMIN = [allow("admin")]


@router.post(
    "/api/imports",
    summary="上传文件 / upload a file",
    status_code=202,
    response_model=Accepted,
    responses=problems(413),
    dependencies=ADMIN,
)
def submit(
    desk: AtDesk,
    kind: Annotated[
        str,
        Query(max_length=40, description=f"种类 / kind: {', '.join(IMPORT_KINDS)}", examples=["households"]),
    ],
    file: Annotated[UploadFile, File(description="GeoJSON, GeoPackage, zipped Shapefile, CSV, XLSX, OSM .pbf or .osm")],
    crs: Crs = None,
    dry_run: Annotated[bool, Query(description="只检查，不写入 / report only, change nothing")] = False,
) -> Json:
    """Queue a file; ask ``GET /api/imports/{id}`` how it goes. CSV and XLSX with positions need ``crs``."""
    upload = imports.Upload(kind, file.filename or "upload", file.file, crs, dry_run)
    with desk.session() as session, desk.office.worker.folder() as folder:
        import_id = imports.submit(session, upload, desk.account.account_id, folder)
    desk.office.worker.wake()
    return Json({"id": str(import_id)}, 202, headers={"Location": f"/api/imports/{import_id}"})


@router.get("/api/imports", summary="最近的导入 / the newest imports", response_model=Imports, dependencies=ADMIN)
def list_imports(desk: AtDesk, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> Json:
    """Return the newest imports, newest first."""
    with desk.session() as session:
        return Json({"items": imports.list_imports(session, limit)})


@router.get(
    "/api/imports/{import_id}",
    summary="导入进度 / how an import stands",
    response_model=ImportOut,
    responses=problems(404),
    dependencies=ADMIN,
)
def get_import(desk: AtDesk, import_id: UUID) -> Json:
    """Return state, counts, progress and faults."""
    with desk.session() as session:
        return Json(imports.get_import(session, import_id))


@router.get(
    "/api/imports/{import_id}/rejected",
    summary="被拒绝的行 / the rejected rows",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **problems(404)},
    dependencies=ADMIN,
)
def rejected(desk: AtDesk, import_id: UUID) -> Response:
    """Return the rejected rows as CSV with a reason each, to be corrected and imported again."""
    with desk.session() as session:
        name = imports.rejected_rows(session, import_id)
        first = imports.rejected_piece(session, import_id, 0)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    pieces = _pieces(desk, import_id, first or b"")
    return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)


def _pieces(desk: Desk, import_id: UUID, first: bytes) -> Iterator[bytes]:
    """Yield the rejected rows, a short transaction for each piece: a slow reader holds no connection."""
    yield first
    number = 1
    while True:
        with desk.session() as session:
            piece = imports.rejected_piece(session, import_id, number)
        if piece is None:
            return
        yield piece
        number += 1


@router.delete(
    "/api/imports/{import_id}",
    summary="取消导入 / cancel an import",
    status_code=204,
    responses=problems(404, 409),
    dependencies=ADMIN,
)
def cancel(desk: AtDesk, import_id: UUID) -> Response:
    """Cancel an import that has not ended; nothing is kept of it."""
    with desk.session() as session:
        imports.cancel(session, import_id)
    return Response(status_code=204)
