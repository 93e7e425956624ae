"""Sign in, sign out, who am I."""

from __future__ import annotations

import anyio.to_thread
from fastapi import APIRouter, Request, Response

from api.answers import Json
from api.desk import AtDesk, office_of, origin_of
from api.openapi import problems
from api.schemas import AccountOut, Credentials, SessionOut
from api.security import COOKIE, everyone
from gis.services.accounts import grids_of

router = APIRouter(tags=["登录 / sign-in"])


@router.post(
    "/api/session", summary="登录 / sign in", response_model=SessionOut, responses=problems(401, 429)
)
async def sign_in(request: Request, credentials: Credentials) -> Json:
    """Open a session: a token for programs, and an HttpOnly cookie for pages.

    Wrong attempts lock the name for a growing time: 429 with Retry-After.
    """
    office, origin = office_of(request), origin_of(request)
    signed_in = await anyio.to_thread.run_sync(
        office.sessions.open,
        credentials.username,
        credentials.password,
        origin.address,
        origin.request_id,
        limiter=office.sessions.limiter,
    )
    identity = signed_in.identity
    answer = Json({"access_token": signed_in.token, "expires_at": identity.expires_at, "role": identity.role})
    answer.set_cookie(
        COOKIE,
        signed_in.token,
        expires=identity.expires_at,
        httponly=True,
        samesite="lax",
        secure=_secure(request, office.settings.server.cookie_secure),
        path="/",
    )
    return answer


@router.get(
    "/api/session", summary="当前账号 / who am I", response_model=AccountOut, dependencies=[everyone()]
)
def who_am_i(desk: AtDesk) -> Json:
    """Return the signed-in account; for a worker the codes of the grids looked after today."""
    account = desk.account
    with desk.session() as session:
        grids = grids_of(session, account.account_id)
    return Json(
        {"username": account.name, "role": account.role, "expires_at": account.expires_at, "grids": grids}
    )


@router.delete("/api/session", summary="退出 / sign out", status_code=204, dependencies=[everyone()])
def sign_out(request: Request, desk: AtDesk) -> Response:
    """End this session: its token and cookie open nothing any more."""
    desk.office.sessions.close(desk.token, desk.origin)
    answer = Response(status_code=204)
    answer.delete_cookie(
        COOKIE,
        httponly=True,
        samesite="lax",
        secure=_secure(request, desk.office.settings.server.cookie_secure),
        path="/",
    )
    return answer


def _secure(request: Request, setting: str) -> bool:
    return setting == "always" or (setting == "auto" and request.url.scheme == "https")
