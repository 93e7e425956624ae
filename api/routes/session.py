"""Sign in, sign out, who am I."""

from __future__ import annotations

import anyio.to_thread
from fastapi import APIRouter, Request, Response

from api.answers import Json
from api.cookies import drop_session, keep_session
from api.desk import AtDesk, office_of, origin_of
from api.openapi import problems
from api.schemas_accounts import CodeIn, Credentials, KeyIn, SessionOut, WhoAmI
from api.security import everyone
from gis.services.accounts import grids_of
from gis.services.sign_ins import SignedIn
from gis.services.signing_in import Refused, show_code

router = APIRouter(tags=["登录 / sign-in"])


@router.post(
    "/api/session",
    summary="登录 / sign in",
    response_model=SessionOut,
    response_model_exclude_none=True,
    responses=problems(401, 429),
)
async def sign_in(request: Request, credentials: Credentials) -> Json:
    """Open a session: a token for programs, and an HttpOnly cookie for pages.

    An account with a second factor answers 401 with ``needs: code`` until a code comes along, of the generator or a recovery code. Wrong
    passwords and codes lock the name for a growing time: 429 with Retry-After.
    """
    office, origin = office_of(request), origin_of(request)
    signed_in = await anyio.to_thread.run_sync(
        office.sessions.open,
        credentials.username,
        credentials.password,
        origin.address,
        origin.request_id,
        credentials.code,
        limiter=office.sessions.limiter,
    )
    return _opened(request, signed_in)


@router.post(
    "/api/session/key",
    summary="用大屏密钥登录 / sign in with a screen key",
    response_model=SessionOut,
    response_model_exclude_none=True,
    responses=problems(401, 429),
)
def sign_in_with_key(request: Request, given: KeyIn) -> Json:
    """Exchange a screen key for a session with its cookie, so that a wall's browser needs no key in its address; it ends with the key.

    Programs may send the key itself with every request: ``Authorization: Bearer linli-screen-…``.
    """
    signed_in = office_of(request).sessions.open_with_key(given.key.strip(), origin_of(request))
    return _opened(request, signed_in)


@router.post(
    "/api/session/code",
    summary="补验证码 / show the code that a session owes",
    status_code=204,
    responses=problems(401, 429),
    dependencies=[everyone("code")],
)
def second_step(desk: AtDesk, given: CodeIn) -> Response:
    """Show the second factor after a sign-in elsewhere (OpenID Connect) that has proven one factor only."""
    with desk.session() as session:
        outcome = show_code(session, desk.account.account_id, desk.token, given.code, desk.office.sessions.now())
    if isinstance(outcome, Refused):
        raise outcome.error
    desk.office.sessions.forget()
    return Response(status_code=204)


@router.get(
    "/api/session",
    summary="当前账号 / who am I",
    response_model=WhoAmI,
    dependencies=[everyone("code", "password", "second_factor")],
)
def who_am_i(desk: AtDesk) -> Json:
    """Return the signed-in account; for a worker the codes of the grids looked after today."""
    account = desk.account
    with desk.session() as session:
        grids = grids_of(session, account.account_id)
    return Json({"username": account.name, "role": account.role, "expires_at": account.expires_at, "grids": grids})


@router.delete(
    "/api/session",
    summary="退出 / sign out",
    status_code=204,
    dependencies=[everyone("code", "password", "second_factor")],
)
def sign_out(request: Request, desk: AtDesk) -> Response:
    """End this session: its token and cookie open nothing any more. A screen key goes on to work: revoke it to end it."""
    desk.office.sessions.close(desk.token, desk.origin)
    answer = Response(status_code=204)
    drop_session(request, answer)
    return answer


def _opened(request: Request, signed_in: SignedIn) -> Json:
    identity = signed_in.identity
    body = {"access_token": signed_in.token, "expires_at": identity.expires_at, "role": identity.role}
    if identity.pending is not None:
        body["needs"] = identity.pending
    answer = Json(body)
    keep_session(request, answer, signed_in)
    return answer
