"""Residents: protected fields one by one, correction, and the rights of a person over what is stored of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from api.answers import Json, etag
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import AskedVersion, Code
from api.schemas import ResidentPatch, Reveal, Revealed
from api.security import allow
from gis.models.purposes import NOT_PERSONAL, PURPOSES
from gis.services import residents, rights

router = APIRouter(tags=["居民 / residents"])
READERS = ("worker", "admin")
ResidentId = Annotated[int, Path(ge=1, lt=2**63, description="居民编号 / id of the resident")]
Request = Annotated[
    Literal["subject_request", "guardian_request", "legal_duty"],
    Query(description="依据 / on whose request: " + ", ".join(f"{k} {v}" for k, v in rights.REQUESTS.items())),
]


@router.post(
    "/api/households/{code}/reveal",
    summary="查看隐藏信息 / show a protected field",
    response_model=Revealed,
    responses=problems(404),
    dependencies=[allow(*READERS)],
)
def reveal(desk: AtDesk, code: Code, wanted: Reveal) -> Json:
    """Show one protected field of one resident in clear; who asked and why goes into the audit log.

    For a child under 14 a purpose is needed, and the ID number is for admins.
    """
    desk.reveal(f"resident:{wanted.resident}.{wanted.field}")
    with desk.file(f"resident:{wanted.resident}") as session:
        return Json(
            residents.reveal(session, code, wanted.resident, wanted.field, wanted.reason, wanted.purpose, desk.today())
        )


@router.get(
    "/api/residents/{resident}",
    summary="居民信息 / a resident",
    response_model=dict[str, Any],
    responses=problems(404),
    dependencies=[allow(*READERS)],
)
def get_resident(desk: AtDesk, resident: ResidentId) -> Json:
    """Return a resident as the household's file shows them, with the ETag that a correction needs."""
    with desk.file(f"resident:{resident}") as session:
        return _tagged(residents.get_resident(session, resident, desk.today()))


@router.patch(
    "/api/residents/{resident}",
    summary="更正居民信息 / correct a resident",
    response_model=dict[str, Any],
    responses=problems(404, 412, 428),
    dependencies=[allow(*READERS)],
)
def correct_resident(desk: AtDesk, resident: ResidentId, version: AskedVersion, body: ResidentPatch) -> Json:
    """Correct what is stored of a resident; only the fields given change."""
    with desk.file(f"resident:{resident}") as session:
        given = body.model_dump(exclude_unset=True)
        return _tagged(residents.correct(session, resident, given, version, desk.today()))


@router.get(
    "/api/residents/{resident}/export",
    summary="导出个人信息 / export one person's data",
    response_model=dict[str, Any],
    responses=problems(404),
    dependencies=[allow(*READERS)],
)
def export_resident(desk: AtDesk, resident: ResidentId, request: Request = "subject_request") -> Json:
    """Return all that is stored of one person, in clear, with the purpose of each field, to be handed to that person."""
    desk.reveal(*(f"resident:{resident}.{field}" for field in residents.REVEALED))
    with desk.file(f"resident:{resident}") as session:
        found = rights.export(session, resident, request, desk.now())
    disposition = f'attachment; filename="resident-{resident}.json"'
    return Json(found, headers={"Content-Disposition": disposition})


@router.delete(
    "/api/residents/{resident}",
    summary="删除个人信息 / erase one person's data",
    status_code=204,
    responses=problems(404, 412, 428),
    dependencies=[allow("admin")],
)
def erase_resident(
    desk: AtDesk, resident: ResidentId, version: AskedVersion, request: Request = "subject_request"
) -> Response:
    """Erase one person's data for good, on request."""
    with desk.file(f"resident:{resident}") as session:
        rights.erase(session, resident, request, version, desk.today())
    return Response(status_code=204)


@router.get(
    "/api/purposes",
    summary="字段用途登记 / purpose of each personal field",
    response_model=dict[str, Any],
    dependencies=[allow("auditor", "admin")],
)
def purposes() -> Json:
    """Return why each personal field is kept, for how long, and who sees it."""
    tables = {table: {name: each.as_dict() for name, each in columns.items()} for table, columns in PURPOSES.items()}
    return Json({"tables": tables, "not_personal": sorted(NOT_PERSONAL)})


def _tagged(found: dict[str, Any]) -> Json:
    return Json(found, headers={"ETag": etag(found["version"])})
