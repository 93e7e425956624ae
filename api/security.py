"""Who may call what: deny by default, one short public list, one rule for each route, and protection of cookie sessions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlsplit

import anyio.to_thread
from fastapi import Depends
from fastapi.routing import APIRoute
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from api import errors
from api.metrics import PATH as METRICS
from api.metrics import READER, is_reader
from api.sessions import Sessions
from gis.errors import Denied, LinliError, Unauthenticated, Unfinished
from gis.models.vocabulary import ROLES
from gis.services.sign_ins import Identity

COOKIE = "linli_session"
PUBLIC = frozenset(
    {
        ("GET", "/api/health"),
        ("GET", "/api/ready"),
        ("GET", "/login"),
        ("GET", "/favicon.ico"),
        ("GET", "/login/oidc"),
        ("GET", "/login/oidc/callback"),
        ("POST", "/api/session"),
        ("POST", "/api/session/key"),
    }
)
"""All that may be called without a session, beside static assets."""
PUBLIC_PREFIXES = ("/static/", "/assets/")
"""Static assets: nothing under these is made from data."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "x-requested-with"
"""Pages of other sites cannot send a header of their own choice; a script without Origin shows by it that it is ours."""
ELSEWHERE = frozenset({"cross-site", "same-site"})
"""What browsers say in Sec-Fetch-Site of a request that another site's page has caused."""
_DATA_PREFIX = "/api/"
_MACHINE_PREFIXES = (_DATA_PREFIX, "/tiles/")


def allow(*roles: str, unfinished: frozenset[str] = frozenset()) -> Any:
    """Return the dependency that lets only these roles call a route; ``admin`` may call all that ``planner`` may.

    Every route outside :data:`PUBLIC` carries exactly one: ``@router.get(…, dependencies=[allow("planner", "worker")])``.

    Args:
        roles: who may call it.
        unfinished: what a caller may still owe (:attr:`gis.services.sign_ins.Identity.pending`): whoever owes a code, a new password or a
            second factor may call nothing but what is needed to bring it.
    """
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise ValueError(f"roles must be some of {', '.join(ROLES)}, not {roles}")
    permitted = frozenset(roles) | ({"admin"} if "planner" in roles else frozenset())

    async def rule(request: Request) -> None:
        _check(permitted, unfinished, getattr(request.state, "account", None))

    rule.roles = permitted  # type: ignore[attr-defined]
    rule.unfinished = unfinished  # type: ignore[attr-defined]
    return Depends(rule)


def everyone(*unfinished: str) -> Any:
    """Return the rule for routes that any signed-in account may call, whoever owes one of ``unfinished`` included."""
    return allow(*ROLES, unfinished=frozenset(unfinished))


def roles_of(route: BaseRoute) -> frozenset[str] | None:
    """Return the roles a route admits; None when it carries no rule.

    Raises:
        RuntimeError: it carries several.
    """
    found = [
        roles
        for dependency in getattr(route, "dependencies", [])
        if (roles := getattr(dependency.dependency, "roles", None)) is not None
    ]
    if len(found) > 1:
        raise RuntimeError(f"{route} has {len(found)} rules; give it one")
    return found[0] if found else None


def _owing(route: BaseRoute) -> frozenset[str]:
    """Return what callers of a route may still owe."""
    found: frozenset[str] = frozenset()
    for dependency in getattr(route, "dependencies", []):
        found |= getattr(dependency.dependency, "unfinished", frozenset())
    return found


def is_public(method: str, path: str) -> bool:
    """Tell whether a call needs no session."""
    method = "GET" if method == "HEAD" else method
    return (method, path) in PUBLIC or (method == "GET" and path.startswith(PUBLIC_PREFIXES))


def check_rules(routes: Iterable[BaseRoute]) -> None:
    """Refuse to start with a route that nobody has decided about.

    Raises:
        RuntimeError: naming each such route.
    """
    undecided = []
    for route in routes:
        if isinstance(route, APIRoute):
            public = all(is_public(method, route.path) for method in _methods(route))
            if (roles_of(route) is None) != public:
                undecided.append(f"{_methods(route)} {route.path}")
        elif not (isinstance(route, Mount) and f"{route.path}/".startswith(PUBLIC_PREFIXES)):
            undecided.append(str(route))
    if undecided:
        raise RuntimeError("routes without a rule (or public with one): " + "; ".join(undecided))


def _methods(route: APIRoute) -> list[str]:
    return sorted(route.methods or ())


class Guard:
    """Middleware round the whole app: who is calling, may they call at all, and does the call come from our own pages."""

    def __init__(self, app: ASGIApp, sessions: Sessions, metrics_token: SecretStr | None = None) -> None:
        self.app = app
        self.sessions = sessions
        self.metrics_token = metrics_token.get_secret_value() if metrics_token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 (a redirect to the login page for a page), 403, or pass the call on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        state = scope.setdefault("state", {})
        state["account"] = None
        refused: Response | None = None
        method, path = scope["method"], scope["path"]
        headers = Headers(scope=scope)
        try:
            if is_public(method, path):
                if method not in SAFE_METHODS:
                    check_origin(headers, needs_proof=False)
            else:
                token, by_cookie = token_of(headers)
                if path == METRICS and not by_cookie and is_reader(token, self.metrics_token):
                    account: Identity | None = READER
                else:
                    account = await self._identify(token)
                if account is None:
                    raise Unauthenticated("需要登录，或登录已过期 / sign in first, or your session has ended")
                state["account"], state["token"] = account, token
                if method not in SAFE_METHODS:
                    if by_cookie:
                        check_origin(headers, needs_proof=True)
                    self._check_before_body(scope, account)
                elif by_cookie and path.startswith(_DATA_PREFIX):
                    check_asker(headers)
        except Unauthenticated as error:
            refused = _to_login(scope, headers) or errors.answer(error, state["request_id"])
        except LinliError as error:
            refused = errors.answer(error, state["request_id"])
        await (refused or self.app)(scope, receive, send)

    async def _identify(self, token: str | None) -> Identity | None:
        if not token:
            return None
        remembered = self.sessions.remembered(token)
        if remembered is not None:
            return remembered
        return await anyio.to_thread.run_sync(self.sessions.look_up, token)

    @staticmethod
    def _check_before_body(scope: Scope, account: Identity) -> None:
        """Apply the route's rule before a body is read: an upload of those who may not upload is not even received."""
        route = scope["app"].state.signposts.route(scope)
        if isinstance(route, APIRoute):
            _check(roles_of(route) or frozenset(), _owing(route), account)


def token_of(headers: Headers) -> tuple[str | None, bool]:
    """Return the caller's token and whether a cookie brought it; an Authorization header goes before a cookie."""
    given = headers.get("authorization")
    if given is not None:
        scheme, _, token = given.partition(" ")
        return (token.strip() or None, False) if scheme.lower() == "bearer" else (None, False)
    cookies = cookie_parser(headers.get("cookie", ""))
    return cookies.get(COOKIE) or None, True


def check_origin(headers: Headers, *, needs_proof: bool) -> None:
    """Refuse a write that another site's page has caused.

    Browsers say where a request comes from (Sec-Fetch-Site, or Origin where the connection is plain http); what says nothing is no
    browser's page, and must carry :data:`CSRF_HEADER` when a cookie stands for the account.

    Raises:
        Denied: it comes from elsewhere, or says nothing although ``needs_proof``.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        ours = site == "same-origin"
    elif origin is not None:
        ours = urlsplit(origin).netloc == headers.get("host")
    else:
        ours = not needs_proof or CSRF_HEADER in headers
    if not ours:
        raise Denied(
            "请求不是来自本站页面 / the request does not come from a page of this site "
            f"(scripts: use Authorization: Bearer, or send {CSRF_HEADER})"
        )


def check_asker(headers: Headers) -> None:
    """Refuse to read data for another site's link or picture: it would be noted as read by somebody who has asked for nothing.

    Raises:
        Denied: the browser says that another site has caused it.
    """
    if headers.get("sec-fetch-site") in ELSEWHERE:
        raise Denied(
            "数据只能由本站页面读取，不能由其他网站的链接打开 / data are read by pages of this site, not through links of others "
            "(programs: Authorization: Bearer)"
        )


def _check(permitted: frozenset[str], unfinished: frozenset[str], account: Identity | None) -> None:
    if account is None:
        raise Unauthenticated("需要登录 / sign in first")
    if account.pending is not None and account.pending not in unfinished:
        raise Unfinished(account.pending)
    if account.role not in permitted:
        raise Denied(f"角色 {ROLES[account.role]} 无权执行此操作 / role {account.role} may not do this")


def _to_login(scope: Scope, headers: Headers) -> Response | None:
    """Return the way to the login page for a person's browser; None for a program."""
    path = scope["path"]
    if scope["method"] != "GET" or path.startswith(_MACHINE_PREFIXES) or "text/html" not in headers.get("accept", ""):
        return None
    query = scope["query_string"].decode("latin-1")
    wanted = path + (f"?{query}" if query else "")
    return RedirectResponse(f"/login?next={quote(wanted, safe='/')}", status_code=303)
