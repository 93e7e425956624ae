"""Pages about accounts: one's own, everybody's for admins, and the way in through an OpenID Connect provider."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api import cookies, oidc
from api.desk import AtDesk, Desk, office_of, origin_of
from api.language import half
from api.oidc import NotProven, Provider
from api.pages.directory import ACCOUNT, ACCOUNTS, Page, home_of, pages_of
from api.pages.refusals import PageRoute
from api.pages.rendering import show
from api.routes.account import own
from api.security import allow, everyone
from gis.errors import LinliError, NotFound
from gis.models.vocabulary import ROLES, SECOND_FACTORS, SIGN_IN_METHODS
from gis.services.outline import all_grids
from gis.services.passwords import MIN_LENGTH

router = APIRouter(route_class=PageRoute, include_in_schema=False)
CALLBACK = f"{cookies.OIDC_PATH}/callback"


@router.get(ACCOUNT.path, dependencies=[everyone("code", "password", "second_factor")])
def account(desk: AtDesk) -> Response:
    """Show one's own account: password, second factor, sessions; and whatever must be done before anything else works."""
    return show("account.html", **_frame(desk, ACCOUNT), own=own(desk), least=MIN_LENGTH)


@router.get(ACCOUNTS.path, dependencies=[allow(*ACCOUNTS.roles)])
def accounts(desk: AtDesk) -> Response:
    """Show every account, what may be done with it, and the screens' keys."""
    with desk.session() as session:
        grids = all_grids(session, desk.snapshots)
    words = {
        "roles": ROLES,
        "methods": SIGN_IN_METHODS,
        "second_factors": SECOND_FACTORS,
        "oidc": desk.office.settings.oidc.configured,
        "self": desk.account.name,
    }
    return show("accounts.html", **_frame(desk, ACCOUNTS), grids=grids, words=words, roles=ROLES)


@router.get(cookies.OIDC_PATH)
def begin(request: Request) -> Response:
    """Lead to the provider."""
    provider = _provider(request)
    wanted = request.query_params.get("next", "")
    given = office_of(request).settings.oidc.oidc_redirect_uri
    address, cookie = provider.begin(wanted, given or str(request.base_url).rstrip("/") + CALLBACK)
    answer = RedirectResponse(address, status_code=303)
    cookies.keep_begun(request, answer, cookie)
    return answer


@router.get(CALLBACK)
def finish(request: Request) -> Response:
    """Take the provider's answer, and go on to where the person wanted to go."""
    provider, sessions, origin = _provider(request), office_of(request).sessions, origin_of(request)
    try:
        sessions.gate.check_address(origin.address)
        subject, wanted = provider.finish(request.query_params, request.cookies.get(oidc.COOKIE))
        signed_in = sessions.open_as(subject, origin)
    except LinliError as error:
        if isinstance(error, NotProven):
            sessions.refuse(f"oidc: {error.why}", origin)
        answer: Response = login_page(request, problem=error)
        cookies.drop_begun(request, answer)
        return answer
    answer = RedirectResponse(f"/login?{urlencode({'signed': 1, 'next': wanted})}", status_code=303)
    cookies.keep_session(request, answer, signed_in)
    cookies.drop_begun(request, answer)
    return answer


def login_page(
    request: Request, *, wanted: str = "", cookie_lost: bool = False, problem: LinliError | None = None
) -> Response:
    """Return the login page.

    Args:
        request: for what is configured.
        wanted: where to go afterwards.
        cookie_lost: whether somebody comes from signing in and has no cookie.
        problem: why signing in elsewhere has failed.
    """
    settings = office_of(request).settings.oidc
    return show(
        "login.html",
        401 if problem is not None else 200,
        next=wanted,
        cookie_lost=cookie_lost,
        problem=half(problem.detail) if problem is not None else None,
        oidc_label=settings.oidc_label if settings.configured else None,
        oidc_address=f"{cookies.OIDC_PATH}?{urlencode({'next': wanted})}" if wanted else cookies.OIDC_PATH,
    )


def _provider(request: Request) -> Provider:
    provider = office_of(request).provider
    if provider is None:
        raise NotFound("未配置统一身份认证 / OpenID Connect is not configured")
    return provider


def _frame(desk: Desk, page: Page) -> dict[str, Any]:
    """Return what the frame round every page shows; whoever is not done yet sees no way elsewhere."""
    role = desk.account.role
    return {
        "path": page.path,
        "nav": [] if desk.account.pending else pages_of(role),
        "home": page if desk.account.pending else home_of(role) or page,
        "account": desk.account,
        "role_label": ROLES[role],
    }
