"""What a code on a door opens: the file for whoever may see it, the login page for everybody else."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.desk import AtDesk, Desk
from api.pages.directory import DOOR_PATH, home_of
from api.pages.refusals import PageRoute
from api.pages.rendering import show
from api.security import everyone
from gis.models.vocabulary import CARE_FLAGS, COLOURS, HEALTH_NEEDS, ROLES, SERVICES, SEXES
from gis.services import chiefs, colours, contacts, doors, households
from gis.store.auditing import note

router = APIRouter(route_class=PageRoute, include_in_schema=False)
STATES = {
    "unconfirmed": ("未确认", "not confirmed"),
    "expired": ("已过期，请重新确认", "expired: confirm anew"),
    "without_reason": ("未写理由", "no reason given"),
    "in_force": ("", ""),
    "none": ("", ""),
}


@router.get(DOOR_PATH + "{code}", dependencies=[everyone()])
def door(desk: AtDesk, code: str) -> Response:
    """Show the file behind a code; unknown, revoked and foreign codes, and roles without files, lead to the login page alike."""
    with desk.session() as session:
        household = doors.open_door(session, code)
        if household is None:
            note(session, "door_code.refuse")
        else:
            found = _file(session, desk, household)
    if household is None:
        return RedirectResponse("/login", status_code=303)
    return show("file.html", **found, **_frame(desk))


def _frame(desk: Desk) -> dict[str, Any]:
    role = desk.account.role
    return {
        "account": desk.account,
        "role_label": ROLES[role],
        "home": home_of(role),
        "labels": {
            "sexes": SEXES,
            "care_flags": CARE_FLAGS,
            "health_needs": HEALTH_NEEDS,
            "services": SERVICES,
            "colours": COLOURS,
            "states": STATES,
        },
    }


def _file(session: Session, desk: Desk, household: str) -> dict[str, Any]:
    """Return all that the page shows of a household; reading it is noted by the services."""
    today = desk.today()
    file = households.get_household(session, household, today)
    keepers = []
    if file["building"] is not None:
        keepers = [each for each in chiefs.list_chiefs(session, file["building"], today) if each["in_office"]]
    return {
        "file": file,
        "colour": colours.get_colour(session, household, today),
        "contacts": [each for each in contacts.of_household(session, household, today) if each["in_force"]],
        "chiefs": keepers,
    }
