"""The pages: who may open them, and what they are filled with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, RedirectResponse, Response

import maps
from api.desk import AtDesk, Desk, office_of
from api.language import reader
from api.pages.accounts import login_page
from api.pages.directory import (
    ACCOUNT,
    AUDIT,
    COMPARE,
    COVERAGE,
    DESKS,
    EVENTS,
    LISTS,
    NEEDS,
    PLANNER,
    SCREEN,
    WORKER,
    Page,
    after_sign_in,
    home_of,
    pages_of,
)
from api.pages.refusals import PageRoute
from api.pages.rendering import STATIC, show
from api.security import allow, token_of
from gis.casework import flow, limits, projects
from gis.casework.visiting import OUTCOMES
from gis.crs import CHOICES
from gis.models.purposes import PURPOSES
from gis.models.vocabulary import AREA_LEVELS, CARE_FLAGS, IMPORT_KINDS, ROLES, SERVICES
from gis.services.audit import ACTIONS, KEPT_DAYS
from gis.services.measures import GROUPS, known_months
from gis.services.network import has_streets
from gis.services.outline import Outline, all_areas, all_grids, outline, own_grids
from gis.services.siting import building_kinds
from maps.assets import vendor
from maps.language import N_

router = APIRouter(route_class=PageRoute, include_in_schema=False)
TOTALS = (
    ("residents", N_("居民")),
    ("elders_60", N_("60岁及以上")),
    ("children_12", N_("12岁及以下")),
    ("households", N_("住户")),
    ("needs_open", N_("未办结需求")),
    ("events_open", N_("在办事件")),
    ("events_overdue", N_("超期事件")),
    ("visits_due", N_("待走访户")),
)
"""The figures in the wall's first row: key and name."""
LIST_TABS = (
    ("needs", N_("需求")),
    ("resources", N_("资源")),
    ("projects", N_("项目")),
    ("duties", N_("责任")),
    ("feedback", N_("反馈")),
)
"""五张清单, in the order of the loop."""
CRS_CHOICES = [(value, text) for value, text in CHOICES if "n" not in value and "…" not in value]
"""Systems to choose from by name; any other is typed."""


@router.get("/login")
def login(request: Request) -> Response:
    """Show the way in; whoever is signed in already goes on to where they belong."""
    wanted = request.query_params.get("next", "")
    sessions = office_of(request).sessions
    token, _ = token_of(request.headers)
    account = (sessions.remembered(token) or sessions.look_up(token)) if token else None
    if account is not None:
        return RedirectResponse(
            ACCOUNT.path if account.pending else after_sign_in(account.role, wanted), status_code=303
        )
    return login_page(request, wanted=wanted, cookie_lost="signed" in request.query_params)


@router.get("/favicon.ico")
def favicon() -> Response:
    """Give the icon to browsers that ask for it unbidden."""
    return FileResponse(STATIC / "img" / "favicon.svg", media_type="image/svg+xml")


@router.get(PLANNER.path, dependencies=[allow(*PLANNER.roles)])
def planner(request: Request, desk: AtDesk) -> Response:
    """Show the grids with a measure, a grid's summary, what the zoning check finds, and for admins the import."""
    with desk.session() as session:
        place = outline(session, desk.snapshots, with_needs=False)
        months = known_months(session, desk.snapshots, desk.today())
    config = replace(_map_config(desk, place), months=months)
    return show(
        "planner.html",
        **_frame(request, desk, PLANNER),
        map=maps.render(maps.planner_map(config), request.state.nonce),
        labels={"services": SERVICES, "care_flags": CARE_FLAGS},
        may_import=desk.account.role == "admin",
        import_kinds=IMPORT_KINDS,
        crs_choices=CRS_CHOICES,
    )


@router.get(NEEDS.path, dependencies=[allow(*NEEDS.roles)])
def needs(request: Request, desk: AtDesk) -> Response:
    """Show where needs are, by service and by time."""
    with desk.session() as session:
        place = outline(session, desk.snapshots, with_needs=True)
    drawn = maps.render(maps.needs_map(_map_config(desk, place)), request.state.nonce)
    return show("needs.html", **_frame(request, desk, NEEDS), map=drawn)


@router.get(COMPARE.path, dependencies=[allow(*COMPARE.roles)])
def compare(request: Request, desk: AtDesk) -> Response:
    """Show two measures of the grids, or one at two times, side by side."""
    with desk.session() as session:
        place = outline(session, desk.snapshots, with_needs=False)
        months = known_months(session, desk.snapshots, desk.today())
    drawn = maps.render(maps.compare_map(replace(_map_config(desk, place), months=months)), request.state.nonce)
    return show("compare.html", **_frame(request, desk, COMPARE), map=drawn)


@router.get(COVERAGE.path, dependencies=[allow(*COVERAGE.roles)])
def coverage(request: Request, desk: AtDesk) -> Response:
    """Show service circles and who is inside, on foot where streets are known; what if, and where next."""
    with desk.session() as session:
        place = outline(session, desk.snapshots, with_needs=False)
        walkable = has_streets(session, desk.snapshots)
        kinds = building_kinds(session, desk.snapshots)
    methods = maps.WALKING_METHODS if walkable else maps.METHODS
    config = replace(_map_config(desk, place), methods=methods, building_kinds=kinds)
    drawn = maps.render(maps.coverage_map(config), request.state.nonce)
    return show("coverage.html", **_frame(request, desk, COVERAGE), map=drawn)


@router.get(WORKER.path, dependencies=[allow(*WORKER.roles)])
def worker(request: Request, desk: AtDesk) -> Response:
    """Show a worker where he is, whose grid it is, what is open nearby, and the households of his grids."""
    with desk.session() as session:
        place = outline(session, desk.snapshots, with_needs=False)
        mine = own_grids(session, desk.snapshots, desk.account.account_id)
    drawn = maps.render(maps.worker_map(_map_config(desk, place)), request.state.nonce)
    return show("worker.html", **_frame(request, desk, WORKER), map=drawn, my_grids=mine, outcomes=OUTCOMES)


@router.get(EVENTS.path, dependencies=[allow(*EVENTS.roles)])
def events(request: Request, desk: AtDesk) -> Response:
    """Show events: report one, find them, take the next step; live."""
    with desk.session() as session:
        place = outline(session, desk.snapshots, with_needs=False)
        areas = all_areas(session, desk.snapshots)
    words = {
        "kinds": limits.KINDS,
        "severities": limits.SEVERITIES,
        "states": flow.STATES,
        "disputes": flow.DISPUTE_STATES,
        "outcomes": flow.OUTCOMES,
    }
    drawn = maps.render(maps.events_map(_map_config(desk, place)), request.state.nonce)
    return show("events.html", **_frame(request, desk, EVENTS), map=drawn, areas=areas, words=words)


@router.get(LISTS.path, dependencies=[allow(*LISTS.roles)])
def lists(request: Request, desk: AtDesk) -> Response:
    """Show the five lists, from needs to feedback; live."""
    role = desk.account.role
    with desk.session() as session:
        areas, grids = all_areas(session, desk.snapshots), all_grids(session, desk.snapshots)
        mine = own_grids(session, desk.snapshots, desk.account.account_id) if role == "worker" else []
    words = {
        "services": SERVICES,
        "states": projects.STATES,
        "roles": projects.ROLES,
        "outcomes": flow.OUTCOMES,
        "areas": {each["code"]: each["name"] for each in (*areas, *grids)},
        "may": {"needs": role in ("worker", "admin"), "resources": role in ("planner", "admin")},
    }
    own = mine[0]["code"] if mine else ""
    return show(
        "lists.html",
        **_frame(request, desk, LISTS),
        areas=areas,
        grids=mine or grids,
        mine=own,
        tabs=LIST_TABS,
        words=words,
    )


@router.get(DESKS.path, dependencies=[allow(*DESKS.roles)])
def desks(request: Request, desk: AtDesk) -> Response:
    """Show the desks that deal with events, and the time limits."""
    with desk.session() as session:
        areas = all_areas(session, desk.snapshots)
    words = {
        "kinds": limits.KINDS,
        "severities": limits.SEVERITIES,
        "levels": AREA_LEVELS,
        "areas": {area["code"]: area["name"] for area in areas},
    }
    return show("desks.html", **_frame(request, desk, DESKS), areas=areas, words=words)


@router.get(SCREEN.path, dependencies=[allow(*SCREEN.roles)])
def screen(request: Request, desk: AtDesk) -> Response:
    """Show the wall."""
    with desk.session() as session:
        place = outline(session, desk.snapshots, with_needs=False)
    drawn = maps.render(maps.screen_map(_map_config(desk, place, first="needs_open")), request.state.nonce)
    charts = vendor("echarts/echarts.js")
    return show("screen.html", **_frame(request, desk, SCREEN), map=drawn, totals=TOTALS, charts=charts)


@router.get(AUDIT.path, dependencies=[allow(*AUDIT.roles)])
def audit(request: Request, desk: AtDesk) -> Response:
    """Show the audit log: search, export, verification, and what each personal field is for."""
    nouns = sorted({action.partition(".")[0] for action in ACTIONS})
    return show(
        "audit.html",
        **_frame(request, desk, AUDIT),
        actions=ACTIONS,
        roles=ROLES,
        nouns=nouns,
        purposes=PURPOSES,
        kept_days=KEPT_DAYS,
    )


def _frame(request: Request, desk: Desk, page: Page) -> dict[str, Any]:
    """Return what the frame round every page shows."""
    role = desk.account.role
    return {
        "path": page.path,
        "nav": pages_of(role),
        "home": home_of(role) or page,
        "account": desk.account,
        "role_label": ROLES[role],
    }


def _map_config(desk: Desk, place: Outline, first: str = "households") -> maps.MapConfig:
    """Return what a map is told; ``first`` is the measure it opens with."""
    measures = sorted(place.measures, key=lambda measure: measure["key"] != first)
    return maps.MapConfig(
        place=place.place,
        bounds=place.bounds,
        services=tuple(maps.Choice(kind, label) for kind, label in place.services),
        station_kinds=tuple(maps.Choice(kind, kind) for kind in place.station_kinds),
        measures=tuple(
            maps.Choice(m["key"], m["label"], m["unit"], GROUPS[m["group"]], m["monthly"]) for m in measures
        ),
        months=place.months,
        language=reader().catalogue.language,
        outside=_outside(desk),
    )


def _outside(desk: Desk) -> maps.Outside | None:
    """Return the base map from outside, where one is configured."""
    given = desk.office.settings.basemap
    if not given.templates:
        return None
    return maps.Outside(
        given.basemap_name, len(given.templates), given.basemap_crs, given.source, given.basemap_max_zoom
    )
