"""一户一档: a file's colour, health needs, moves and history."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from api.answers import Json, etag, page_of_items
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import Area as AskedArea
from api.parameters import AskedVersion, Code, Cursor, Limit
from api.schemas import Page
from api.schemas_files import (
    Colour,
    ColourIn,
    Confirmation,
    HealthNeeds,
    HealthNeedsIn,
    HistoryPage,
    HouseholdMoved,
    Items,
    Moved,
    MoveHousehold,
    MoveIn,
    MoveOut,
    MoveWithin,
)
from api.security import allow
from gis.services import colours, confirmations, health, history, moves
from gis.services.features import Filter

router = APIRouter(tags=["一户一档 / files"])
KEEPERS = ("worker", "admin")
ResidentId = Annotated[int, Path(ge=1, lt=2**63, description="居民编号 / id of the resident")]


@router.get(
    "/api/colours/review",
    summary="待确认的三色 / colours to confirm",
    response_model=Page,
    dependencies=[allow(*KEEPERS)],
)
def colours_to_review(
    request: Request, desk: AtDesk, area: AskedArea = None, limit: Limit = 100, cursor: Cursor = None
) -> Json:
    """Return the households whose colour nobody has confirmed, has no reason, or has expired."""
    with desk.session() as session:
        found = colours.to_review(session, Filter(area, None, limit, cursor), desk.today())
    return page_of_items(request, found)


@router.get(
    "/api/households/{code}/colour",
    summary="三色 / a household's colour",
    response_model=Colour,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def get_colour(desk: AtDesk, code: Code) -> Json:
    """Return a household's colour, why, who confirmed it, and until when it holds."""
    with desk.file(f"household:{code}") as session:
        return _tagged(colours.get_colour(session, code, desk.today()))


@router.put(
    "/api/households/{code}/colour",
    summary="确认三色 / confirm a colour",
    response_model=Colour,
    responses=problems(404, 412, 428),
    dependencies=[allow(*KEEPERS)],
)
def set_colour(desk: AtDesk, code: Code, version: AskedVersion, body: ColourIn) -> Json:
    """Confirm a household's colour with a reason; the ETag is the household's."""
    with desk.file(f"household:{code}") as session:
        return _tagged(
            colours.set_colour(session, code, body.colour, body.reason, body.expires_on, version, desk.today())
        )


@router.get(
    "/api/households/{code}/confirmation",
    summary="最近核对 / last confirmation",
    response_model=Confirmation,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def get_confirmation(desk: AtDesk, code: Code) -> Json:
    """Return who found the file unchanged last, and when; the ETag is that of the whole file."""
    with desk.file(f"household:{code}") as session:
        return _tagged(confirmations.get_confirmation(session, code))


@router.put(
    "/api/households/{code}/confirmation",
    summary="核对无变化 / confirm as unchanged",
    response_model=Confirmation,
    responses=problems(404, 412, 428),
    dependencies=[allow(*KEEPERS)],
)
def confirm(desk: AtDesk, code: Code, version: AskedVersion) -> Json:
    """Enter that the whole file, as it was read, is still true. No position is taken, and only the last time is kept."""
    with desk.file(f"household:{code}") as session:
        return _tagged(confirmations.confirm(session, code, version))


@router.get(
    "/api/households/{code}/history",
    summary="变更记录 / history of a file",
    response_model=HistoryPage,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def household_history(request: Request, desk: AtDesk, code: Code, limit: Limit = 100, cursor: Cursor = None) -> Json:
    """Return who changed what of the household's file, the newest first."""
    with desk.file(f"household:{code}") as session:
        found = history.of_household(session, code, limit, cursor, desk.today())
    return page_of_items(request, found)


@router.get(
    "/api/households/{code}/addresses",
    summary="住址沿革 / doors of a household",
    response_model=Items,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def household_addresses(desk: AtDesk, code: Code) -> Json:
    """Return the doors at which the household has lived, the newest first."""
    with desk.file(f"household:{code}") as session:
        return Json({"items": moves.addresses(session, code)})


@router.post(
    "/api/households/{code}/move",
    summary="整户迁移 / move a household",
    response_model=HouseholdMoved,
    responses=problems(404, 412, 428),
    dependencies=[allow(*KEEPERS)],
)
def move_household(desk: AtDesk, code: Code, version: AskedVersion, body: MoveHousehold) -> Json:
    """Move the whole household to another door; its grid follows the building."""
    with desk.file(f"household:{code}") as session:
        return _tagged(moves.move_household(session, code, body.model_dump(), version, desk.today()))


@router.post(
    "/api/households/{code}/residents",
    summary="迁入 / move in",
    status_code=201,
    response_model=Moved,
    responses={200: {"model": Moved, "description": "已登记过 / entered before"}, **problems(404, 409)},
    dependencies=[allow(*KEEPERS)],
)
def move_in(desk: AtDesk, code: Code, body: MoveIn) -> Json:
    """Enter that somebody moves in: a new person, or one who is on file and has moved out.

    The same `entry` again answers 200 with what is there.
    """
    with desk.file(f"household:{code}") as session:
        found, new = moves.move_in(session, code, body.model_dump(), desk.today())
        return _tagged(found, 201 if new else 200)


@router.post(
    "/api/residents/{resident}/move-out",
    summary="迁出 / move out",
    response_model=Moved,
    responses=problems(404, 409, 412, 428),
    dependencies=[allow(*KEEPERS)],
)
def move_out(desk: AtDesk, resident: ResidentId, version: AskedVersion, body: MoveOut) -> Json:
    """Enter from which day on the resident lives here no more; nothing is deleted."""
    with desk.file(f"resident:{resident}") as session:
        return _tagged(moves.move_out(session, resident, body.on, version, desk.today()))


@router.post(
    "/api/residents/{resident}/move",
    summary="区内迁移 / move within",
    response_model=Moved,
    responses=problems(404, 409, 412, 428),
    dependencies=[allow(*KEEPERS)],
)
def move_within(desk: AtDesk, resident: ResidentId, version: AskedVersion, body: MoveWithin) -> Json:
    """Move the resident to another household; a worker's own grids, or an admin."""
    with desk.file(f"resident:{resident}") as session:
        return _tagged(moves.move_within(session, resident, body.household, body.on, version, desk.today()))


@router.get(
    "/api/residents/{resident}/residencies",
    summary="居住沿革 / where a resident has lived",
    response_model=Items,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def residencies(desk: AtDesk, resident: ResidentId) -> Json:
    """Return where the resident has lived, the newest first."""
    with desk.file(f"resident:{resident}") as session:
        return Json({"items": moves.residencies(session, resident)})


@router.get(
    "/api/residents/{resident}/health-needs",
    summary="健康服务需求 / health needs",
    response_model=HealthNeeds,
    responses=problems(404),
    dependencies=[allow(*KEEPERS)],
)
def get_health_needs(desk: AtDesk, resident: ResidentId) -> Json:
    """Return the kinds of help that the resident's health asks for."""
    with desk.file(f"resident:{resident}") as session:
        return _tagged(health.get_health_needs(session, resident))


@router.put(
    "/api/residents/{resident}/health-needs",
    summary="修改健康服务需求 / change health needs",
    response_model=HealthNeeds,
    responses=problems(404, 412, 428),
    dependencies=[allow(*KEEPERS)],
)
def set_health_needs(desk: AtDesk, resident: ResidentId, version: AskedVersion, body: HealthNeedsIn) -> Json:
    """Replace the kinds of help; words of the vocabulary only, never a diagnosis."""
    with desk.file(f"resident:{resident}") as session:
        return _tagged(health.set_health_needs(session, resident, body.health_needs, version))


def _tagged(found: dict[str, Any], status: int = 200) -> Json:
    return Json(found, status, headers={"ETag": etag(found["version"])})
