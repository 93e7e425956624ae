"""包户联系人: contacts, the ledger of households, and which households have nobody."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from api.answers import Json, etag, page_of_items
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import Area as AskedArea
from api.parameters import AskedVersion, Code, Cursor, Limit
from api.schemas import Page
from api.schemas_files import (
    Contact,
    ContactCoverage,
    ContactIn,
    ContactPage,
    ContactPatch,
    Items,
    LinkEnd,
    LinkIn,
    PhoneShown,
    RevealPhone,
)
from api.security import allow
from gis.services import contacts, volunteers
from gis.services.features import Filter

router = APIRouter(tags=["包户联系人 / contacts"])
KEEPERS = ("worker", "admin")
ContactId = Annotated[UUID, Path(description="联系人编号 / id of the contact")]
LinkId = Annotated[int, Path(ge=1, lt=2**63, description="台账编号 / number of the ledger's entry")]


@router.get(
    "/api/contacts/coverage",
    summary="包户覆盖 / coverage by contacts",
    response_model=ContactCoverage,
    dependencies=[allow(*KEEPERS)],
)
def coverage(desk: AtDesk, area: AskedArea = None) -> Json:
    """Return how many households somebody keeps in touch with today, in total and by grid."""
    with desk.session() as session:
        return Json(contacts.coverage(session, area, desk.today()))


@router.get(
    "/api/contacts/uncovered",
    summary="没有联系人的住户 / households without a contact",
    response_model=Page,
    dependencies=[allow(*KEEPERS)],
)
def uncovered(
    request: Request, desk: AtDesk, area: AskedArea = None, limit: Limit = 1000, cursor: Cursor = None
) -> Json:
    """Return the households with which nobody keeps in touch today."""
    with desk.session() as session:
        found = contacts.uncovered(session, Filter(area, None, limit, cursor), desk.today())
    return page_of_items(request, found)


@router.get(
    "/api/contacts",
    summary="联系人 / contacts",
    response_model=ContactPage,
    dependencies=[allow(*KEEPERS)],
)
def list_contacts(
    request: Request,
    desk: AtDesk,
    grid: Annotated[str | None, Query(max_length=100, description="网格编码 / code of a grid")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """Return a page of contacts."""
    with desk.session() as session:
        found = contacts.list_contacts(session, grid, Filter(None, None, limit, cursor), desk.today())
    return page_of_items(request, found)


@router.post(
    "/api/contacts",
    summary="登记联系人 / enter a contact",
    status_code=201,
    response_model=Contact,
    responses={200: {"model": Contact, "description": "已登记过 / entered before"}, **problems(409)},
    dependencies=[allow(*KEEPERS)],
)
def add_contact(desk: AtDesk, body: ContactIn) -> Json:
    """Enter a contact; a worker names one of own grids. The same `id` again answers 200 with what is there."""
    with desk.session() as session:
        made, new = contacts.add_contact(session, body.model_dump(), desk.today())
    return Json(made, 201 if new else 200, headers={"ETag": etag(made["version"])})


@router.get(
    "/api/contacts/{contact}",
    summary="一位联系人 / one contact",
    response_model=Contact,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def get_contact(desk: AtDesk, contact: ContactId) -> Json:
    """Return a contact; the ETag is what a change must name."""
    with desk.session() as session:
        found = contacts.get_contact(session, contact, desk.today())
    return Json(found, headers={"ETag": etag(found["version"])})


@router.patch(
    "/api/contacts/{contact}",
    summary="修改联系人 / change a contact",
    response_model=Contact,
    responses=problems(404, 412, 428),
    dependencies=[allow(*KEEPERS)],
)
def change_contact(desk: AtDesk, contact: ContactId, version: AskedVersion, body: ContactPatch) -> Json:
    """Change a contact's name, organisation, phone or grid."""
    with desk.session() as session:
        changed = contacts.change_contact(session, contact, body.model_dump(exclude_unset=True), version, desk.today())
    return Json(changed, headers={"ETag": etag(changed["version"])})


@router.post(
    "/api/contacts/{contact}/reveal",
    summary="查看联系人电话 / show a contact's phone",
    response_model=PhoneShown,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def reveal_phone(desk: AtDesk, contact: ContactId, wanted: RevealPhone) -> Json:
    """Show a contact's phone in clear; who asked and why goes into the audit log."""
    desk.reveal(f"contact:{contact}")
    with desk.session() as session:
        return Json(volunteers.reveal_phone(session, "contacts", contact, wanted.reason))


@router.get(
    "/api/households/{code}/contacts",
    summary="包户台账 / a household's contacts",
    response_model=Items,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def of_household(desk: AtDesk, code: Code) -> Json:
    """Return who keeps and kept in touch with a household."""
    with desk.file(f"household:{code}") as session:
        return Json({"items": contacts.of_household(session, code, desk.today())})


@router.post(
    "/api/households/{code}/contacts",
    summary="确定包户联系人 / give a household a contact",
    status_code=201,
    response_model=Items,
    responses={200: {"model": Items, "description": "已在台账中 / in the ledger already"}, **problems(404, 409)},
    dependencies=[allow(*KEEPERS)],
)
def link(desk: AtDesk, code: Code, body: LinkIn) -> Json:
    """Enter that a contact keeps in touch with the household; the very same entry again answers 200."""
    with desk.file(f"household:{code}") as session:
        ledger, new = contacts.link(session, code, body.contact, body.valid_from, body.valid_to, desk.today())
    return Json({"items": ledger}, 201 if new else 200)


@router.post(
    "/api/households/{code}/contacts/{link}/end",
    summary="结束联系 / end a contact",
    response_model=Items,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def end_link(desk: AtDesk, code: Code, link: LinkId, body: LinkEnd) -> Json:
    """Set the last day on which a contact keeps in touch with the household."""
    with desk.file(f"household:{code}") as session:
        return Json({"items": contacts.end_link(session, code, link, body.valid_to, desk.today())})
