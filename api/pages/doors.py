"""A household's file for a person: opened from the list, or by the code on the door, which leads everybody else to the login page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.desk import AtDesk, Desk
from api.pages.directory import DOOR_PATH, FILE_PATH, FILE_READERS, home_of
from api.pages.refusals import PageRoute
from api.pages.rendering import show
from api.parameters import Code
from api.security import allow, everyone
from gis.casework.visiting import OUTCOMES
from gis.clock import TIME_ZONE
from gis.models.vocabulary import CARE_FLAGS, COLOURS, HEALTH_NEEDS, ROLES, SERVICES, SEXES
from gis.services import chiefs, colours, contacts, doors, households, moves
from gis.services.casework import requests, visits
from gis.services.features import Filter
from gis.services.residents import CHILD_PURPOSES
from gis.services.rights import REQUESTS
from gis.store.auditing import note
from maps.language import N_

router = APIRouter(route_class=PageRoute, include_in_schema=False)
STATES = {
    "unconfirmed": N_("未确认"),
    "expired": N_("已过期，请重新确认"),
    "without_reason": N_("未写理由"),
    "in_force": "",
    "none": "",
}
_MOST_CONTACTS = 300
_LAST_VISITS = 5


@router.get(DOOR_PATH + "{code}", dependencies=[everyone()])
def door(desk: AtDesk, code: str) -> Response:
    """Show the file behind a code; unknown, revoked and foreign codes, and roles without files, lead to the login page alike."""
    with desk.session() as session:
        household = doors.open_door(session, code)
        if household is None:
            note(session, "door_code.refuse")
    if household is None:
        return RedirectResponse("/login", status_code=303)
    return _shown(desk, household)


@router.get(FILE_PATH + "{code}", dependencies=[allow(*FILE_READERS)])
def file(desk: AtDesk, code: Code) -> Response:
    """Show a file opened from the list; another worker's household is missing."""
    return _shown(desk, code)


def _shown(desk: Desk, household: str) -> Response:
    with desk.file(f"household:{household}") as session:
        found = _file(session, desk, household)
    return show("file.html", **found, **_frame(desk))


def _frame(desk: Desk) -> dict[str, Any]:
    role, today = desk.account.role, desk.today()
    return {
        "account": desk.account,
        "role_label": ROLES[role],
        "home": home_of(role),
        "today": today,
        "in_half_a_year": today + timedelta(days=colours.HOLDS_DAYS),
        "in_a_year": today + timedelta(days=colours.LONGEST_DAYS),
        "outcomes": OUTCOMES,
        "labels": {
            "sexes": SEXES,
            "care_flags": CARE_FLAGS,
            "health_needs": HEALTH_NEEDS,
            "services": SERVICES,
            "colours": COLOURS,
            "states": STATES,
            "requests": REQUESTS,
            "child_purposes": CHILD_PURPOSES,
        },
    }


def _file(session: Session, desk: Desk, household: str) -> dict[str, Any]:
    """Return all that the page shows of a household; reading it is noted by the services."""
    today = desk.today()
    found = households.get_household(session, household, today)
    building, keepers = found["building"], None
    if building is not None and moves.is_own_building(session, building):
        keepers = [each for each in chiefs.list_chiefs(session, building, today) if each["in_office"]]
    everybody = Filter(None, None, _MOST_CONTACTS, None)
    return {
        "file": found,
        "at": f"/api/households/{quote(household, safe='')}",
        "building_at": f"/api/buildings/{quote(building or '', safe='')}",
        "confirmed_on": _minute(found["confirmation"]["confirmed_at"]),
        "door_code_issued": _minute(doors.in_force_since(session, household)),
        "colour": colours.get_colour(session, household, today),
        "contacts": [each for each in contacts.of_household(session, household, today) if each["in_force"]],
        "known_contacts": contacts.list_contacts(session, found["grid"], everybody, today)["items"],
        "chiefs": keepers,
        "needs": requests.of_household(session, household),
        "visits": visits.of_household(session, household, _LAST_VISITS),
        "buildings": moves.own_buildings(session),
    }


def _minute(moment: datetime | None) -> str | None:
    """Return a moment as people write it, on the place's clock."""
    return None if moment is None else f"{moment.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}"
