"""一户一码: codes for doors, given out, taken back and printed."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import printing
from api.answers import Json
from api.desk import AtDesk
from api.openapi import problems
from api.pages.directory import DOOR_PATH
from api.parameters import Code
from api.schemas_files import DoorCodeOut, DoorCodesIssued
from api.security import allow
from gis.services import doors

router = APIRouter(tags=["一户一码 / door codes"])
KEEPERS = ("worker", "admin")
_PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.post(
    "/api/households/{code}/door-code",
    summary="换发门牌码 / new code for a door",
    status_code=201,
    response_model=DoorCodeOut,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def issue(desk: AtDesk, code: Code) -> Json:
    """Give the household a new code; the one before opens nothing from now on."""
    with desk.file(f"household:{code}") as session:
        return Json(doors.issue(session, code), 201)


@router.delete(
    "/api/households/{code}/door-code",
    summary="作废门牌码 / revoke a code",
    status_code=204,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def revoke(desk: AtDesk, code: Code) -> Response:
    """Take back the household's code."""
    with desk.file(f"household:{code}") as session:
        doors.revoke(session, code)
    return Response(status_code=204)


@router.post(
    "/api/buildings/{code}/door-codes",
    summary="发放门牌码 / codes for a building",
    response_model=DoorCodesIssued,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def issue_missing(desk: AtDesk, code: Code) -> Json:
    """Give a code to every household of the building that has none."""
    with desk.session() as session:
        return Json(doors.issue_missing(session, code))


@router.get(
    "/api/buildings/{code}/door-sheet",
    summary="打印门牌码 / sheet of a building's codes",
    response_class=Response,
    responses={**_PDF, **problems(404, 409)},
    dependencies=[allow(*KEEPERS)],
)
def sheet(request: Request, desk: AtDesk, code: Code) -> Response:
    """Return the building's codes as PDF, to be printed and cut up; addresses only, no names."""
    with desk.session() as session:
        found = doors.sheet(session, code)
    base = desk.office.settings.server.public_url or str(request.base_url).rstrip("/")
    content = printing.door_sheet(found, f"{base}{DOOR_PATH}")
    headers = {"Content-Disposition": 'attachment; filename="door-codes.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
