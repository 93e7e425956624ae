"""The audit log, for auditors: search, export, verification."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from api.answers import Json, page_of_items
from api.desk import AtDesk, Desk
from api.parameters import Cursor, moment_of
from api.schemas import AuditVerified, Page
from api.security import allow
from gis.errors import Fault, Invalid
from gis.services.audit import ACTIONS, AuditQuery, export_csv, search, verify
from gis.store.auditing import note

router = APIRouter(tags=["审计 / audit"])

_CLEAN = r"^[^\x00-\x1f]*$"


def query_of(
    desk: AtDesk,
    since: Annotated[
        str | None,
        Query(
            alias="from", max_length=64, description="自（含），带时区的 ISO 8601 / from, included; ISO 8601 with zone"
        ),
    ] = None,
    until: Annotated[
        str | None, Query(alias="to", max_length=64, description="至（不含），带时区的 ISO 8601 / to, not included")
    ] = None,
    account: Annotated[
        str | None, Query(max_length=64, pattern=_CLEAN, description="账号名 / name of an account")
    ] = None,
    action: Annotated[
        str | None,
        Query(
            max_length=64,
            pattern=r"^[a-z]+\.[a-z]*$",
            description="动作，或以点结尾表示一类 / an action, or a noun and a dot for all of its kind: "
            + ", ".join(ACTIONS),
        ),
    ] = None,
    subject: Annotated[
        str | None,
        Query(max_length=200, pattern=_CLEAN, description="对象 / what was touched: resident:12"),
    ] = None,
) -> AuditQuery:
    """Return which entries are asked for."""
    return AuditQuery(_moment("from", since, desk), _moment("to", until, desk), account, action, subject)


AskedEntries = Annotated[AuditQuery, Depends(query_of)]


@router.get("/api/audit", summary="审计记录 / audit log", response_model=Page, dependencies=[allow("auditor")])
def list_entries(
    request: Request,
    desk: AtDesk,
    query: AskedEntries,
    limit: Annotated[int, Query(ge=1, le=1000, description="每页条数 / entries of a page")] = 100,
    cursor: Cursor = None,
) -> Json:
    """Return entries, newest first: who did what, when, from where and why. That they were read is noted too."""
    with desk.session() as session:
        found = search(session, query, limit, cursor)
        if cursor is None:
            note(session, "audit.read", detail=_told(query))
    return page_of_items(request, found)


@router.get(
    "/api/audit/export",
    summary="导出审计记录 / export the audit log",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV"}},
    dependencies=[allow("auditor")],
)
def export_entries(desk: AtDesk, query: AskedEntries) -> StreamingResponse:
    """Return all entries asked for as CSV, newest first."""
    with desk.session() as session:
        note(session, "audit.export", detail=_told(query))

    def pieces() -> Iterator[bytes]:
        with desk.session() as session:
            yield from export_csv(session, query)

    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(pieces(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post(
    "/api/audit/verify",
    summary="核验审计记录 / verify the audit log",
    response_model=AuditVerified,
    dependencies=[allow("auditor")],
)
def verify_entries(desk: AtDesk) -> Json:
    """Prove that no entry was changed, removed or re-ordered; names the first bad one.

    Note the head (`id:hash`) elsewhere: `linli audit verify --known ID:HASH` then finds out even a wholly rewritten log.
    """
    with desk.session() as session:
        report = verify(session.connection())
    with desk.session() as session:
        note(session, "audit.verify", detail={"rows": report.rows, "bad": report.bad_id})
    return Json(
        {
            "entries": report.rows,
            "first": report.first_id,
            "head": f"{report.head.id}:{report.head.hash.hex()}" if report.head else None,
            "bad": report.bad_id,
            "fault": report.fault,
        }
    )


def _moment(name: str, given: str | None, desk: Desk) -> datetime | None:
    if given is None or given == "":
        return None
    try:
        found = moment_of(given, desk.now())
    except Invalid:
        found = None
    if found is None:
        message = "应为带时区的 ISO 8601 / expected ISO 8601 with a zone, such as 2026-11-20T10:00:00+08:00"
        raise Invalid(message, [Fault(f"query.{name}", message)])
    return found


def _told(query: AuditQuery) -> dict[str, Any]:
    """Return what was asked for, without what was not."""
    asked = {
        "from": query.since,
        "to": query.until,
        "account": query.account,
        "action": query.action,
        "subject": query.subject,
    }
    return {name: value for name, value in asked.items() if value is not None}
