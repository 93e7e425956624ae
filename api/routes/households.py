"""Household files: a worker's own grids, and nobody else's."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from api.answers import Json, etag, page_of_items
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import Code, Cursor, IfMatch, Limit, version_of
from api.schemas import Household, HouseholdPatch, HouseholdSearch, Page
from api.security import allow
from gis.services import households

router = APIRouter(tags=["住户 / households"])
READERS = ("worker", "admin")


@router.get(
    "/api/households",
    summary="住户列表 / list households",
    response_model=Page,
    dependencies=[allow(*READERS)],
)
def list_households(
    request: Request,
    desk: AtDesk,
    grid: Annotated[str | None, Query(max_length=100, description="网格编码 / code of a grid")] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=100,
            description="地址、编码或姓名，可用空格分开 / words of an address, a code or a name "
            "(phones and ID numbers: POST /api/households/search, which keeps them out of addresses)",
        ),
    ] = None,
    order: Annotated[
        Literal["code", "address"],
        Query(description="按编码，或按小区、楼栋、单元、房号 / by code, or by compound, building, unit and room"),
    ] = "code",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """Return a page of households; a worker's are those of own grids."""
    with desk.session() as session:
        found = households.list_households(session, grid, q, limit, cursor, desk.today(), order)
    return page_of_items(request, found)


@router.post(
    "/api/households/search",
    summary="查找住户 / search households",
    response_model=Page,
    dependencies=[allow(*READERS)],
)
def search_households(desk: AtDesk, wanted: HouseholdSearch) -> Json:
    """Search as the list does, also by whole phone or ID number; what is searched for stays out of addresses and logs.

    `next` is the cursor of the following page.
    """
    with desk.session() as session:
        found = households.list_households(
            session, wanted.grid, wanted.q, wanted.limit, wanted.cursor, desk.today(), wanted.order
        )
    return Json(found)


@router.get(
    "/api/households/{code}",
    summary="一户一档 / a household's file",
    response_model=Household,
    responses=problems(404),
    dependencies=[allow(*READERS)],
)
def get_household(desk: AtDesk, code: Code) -> Json:
    """Return a household's file; 404 for a household of another worker's grid."""
    with desk.file(f"household:{code}") as session:
        return _tagged(households.get_household(session, code, desk.today()))


@router.patch(
    "/api/households/{code}",
    summary="修改住户 / change a household",
    response_model=Household,
    responses=problems(404, 412),
    dependencies=[allow(*READERS)],
)
def patch_household(desk: AtDesk, code: Code, body: HouseholdPatch, if_match: IfMatch = None) -> Json:
    """Change colour, unit or room; 404 for a household of another worker's grid.

    Only the fields that are sent change. With If-Match a file that somebody else has changed since it was read is refused (412).
    """
    with desk.file(f"household:{code}") as session:
        # Whom the caller may not see is missing before the tag is: a worker could never have read one.
        households.check_visible(session, code)
        version = None if if_match is None else version_of(if_match)
        return _tagged(
            households.patch_household(session, code, body.model_dump(exclude_unset=True), version, desk.today())
        )


def _tagged(found: dict[str, Any]) -> Json:
    return Json(found, headers={"ETag": etag(found["version"])})
