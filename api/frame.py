"""The frame round every request: an id, a nonce, security headers, one log line, and an answer whatever happens."""

from __future__ import annotations

import os
import random
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from api.metrics import Metrics
from api.security import PUBLIC_PREFIXES
from gis.services.sign_ins import Identity

log = structlog.get_logger("linli.access")
JSON_BODY_BYTES = 32 * 2**20
"""The largest body that is not an upload: 100,000 points take about 5 MB."""
UPLOAD_PATH = "/api/imports"


def content_security_policy(nonce: str) -> str:
    """Return the policy of a page: all from our own server; inline scripts only with this answer's nonce.

    Inline style attributes are allowed: folium writes them.
    """
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; frame-ancestors 'self'; form-action 'self'; base-uri 'none'; object-src 'none'"
    )


_POLICY_BEFORE, _POLICY_AFTER = (part.encode() for part in content_security_policy("|").split("|"))
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(self), camera=(), microphone=()"),
)
_OF_DATA = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_DATA = (b"json", b"vector-tile")
"""These are no pages: should a browser be made to take one for a page, nothing in it runs, loads or is framed."""
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_PRIVATE = (b"cache-control", b"private, no-store")
_VARY = "Cookie, Authorization"
_VARIES = (b"vary", _VARY.encode())
_BODY_HEADERS = (b"content-length", b"transfer-encoding")


class _Nonces:
    """Nonces that nobody can guess, drawn from the system's randomness some hundred at a time."""

    BYTES, AT_ONCE = 18, 256

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: list[bytes] = []

    def next(self) -> bytes:
        with self._lock:
            if not self._drawn:
                drawn = os.urandom(self.BYTES * self.AT_ONCE)
                self._drawn = [drawn[i : i + self.BYTES] for i in range(0, len(drawn), self.BYTES)]
            return urlsafe_b64encode(self._drawn.pop())


_nonces = _Nonces()
os.register_at_fork(after_in_child=_nonces.__init__)  # type: ignore[misc]


class Frame:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, max_upload_bytes: int, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics
        self.max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on within the frame."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        state = scope.setdefault("state", {})
        request_id = request_id_of(scope)
        nonce = _nonces.next()
        state.update(request_id=request_id, nonce=nonce.decode())
        status = 0

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                ending = scope["app"].state.office.feed.ending
                message["headers"] = put_headers(scope, message.get("headers", ()), request_id, nonce, ending=ending)
                self.metrics.answered(scope["method"], _route_of(scope), status, time.perf_counter() - began)
            await send(message)

        try:
            await self._limited(scope, receive, send_framed)
        except Exception as error:
            refused = errors.answer(error, request_id)
            if status:
                raise
            await refused(scope, receive, send_framed)
        finally:
            tell(scope["method"], _route_of(scope), status, began, state.get("account"), request_id)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 413 as soon as its body proves too large."""
        limit = self.max_upload_bytes if scope["path"].startswith(UPLOAD_PATH) else JSON_BODY_BYTES
        if not any(name in _BODY_HEADERS for name, _ in scope["headers"]):  # no body can follow
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and int(length) > limit:
            raise _too_large(limit, scope)
        counted, send_or_refuse = _counted(receive, send, limit, scope)
        await self.app(scope, counted, send_or_refuse)


def _counted(
    receive: Receive, send: Send, limit: int, scope: Scope
) -> tuple[Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]]:
    """Return ``receive`` that counts, and ``send`` that answers 413 instead of whatever the app makes of the broken body."""
    received, over, answered = 0, False, False

    async def receive_counted() -> Message:
        nonlocal received, over
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            over = True
            raise _too_large(limit, scope)
        return message

    async def send_or_refuse(message: Message) -> None:
        nonlocal answered
        if not over or answered:
            if not over:
                await send(message)
            return
        answered = True
        await errors.answer(_too_large(limit, scope), scope["state"]["request_id"])(scope, receive, send)

    return receive_counted, send_or_refuse


def _route_of(scope: Scope) -> str:
    """Return the template of the route, or of static files the folder; never the address itself."""
    path = getattr(scope.get("route"), "path", None)
    if path is None and scope["path"].startswith(PUBLIC_PREFIXES):
        path = next(prefix for prefix in PUBLIC_PREFIXES if scope["path"].startswith(prefix))
    return path or "-"


def _too_large(limit: int, scope: Scope) -> errors.TooLarge:
    size = f"{limit // 2**20} MB"
    if scope["path"].startswith(UPLOAD_PATH):
        return errors.TooLarge(
            f"文件超过 {size}（服务器的设置 LINLI_MAX_UPLOAD_MB）：请拆分文件，或在服务器上用 linli import 导入 / "
            f"the file is larger than {size} (LINLI_MAX_UPLOAD_MB on the server): split it, or bring it in there with linli import"
        )
    return errors.TooLarge(f"内容超过 {size} / larger than {size}")


def request_id_of(scope: Scope) -> str:
    """Return the id under which a request is told of: a trusted proxy's, or a new one."""
    return scope["state"].get("request_id") or f"{random.getrandbits(128):032x}"


def put_headers(
    scope: Scope, given: Iterable[tuple[bytes, bytes]], request_id: str, nonce: bytes = b"", *, ending: bool
) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with those that every answer carries.

    Args:
        scope: the request.
        given: what the route has given.
        request_id: its id.
        nonce: the page's; data need none.
        ending: whether this process is about to end: call again, and another one answers (api/serving.py).
    """
    raw = list(given)
    named = dict(raw)
    raw.append((b"x-request-id", request_id.encode()))
    if any(sign in named.get(b"content-type", b"") for sign in _DATA):
        raw.append(_OF_DATA)
    else:
        raw.append((b"content-security-policy", _POLICY_BEFORE + nonce + _POLICY_AFTER))
    raw.extend(_ALWAYS)
    if ending:
        raw = [header for header in raw if header[0] != b"connection"]
        raw.append((b"connection", b"close"))
    if scope["scheme"] == "https":
        raw.append(_HTTPS_ONLY)
    if not scope["path"].startswith(PUBLIC_PREFIXES):
        if b"cache-control" not in named:
            raw.append(_PRIVATE)
        if b"vary" in named:
            MutableHeaders(raw=raw).add_vary_header(_VARY)
        else:
            raw.append(_VARIES)
    return raw


def tell(method: str, route: str, status: int, began: float, account: Identity | None, request_id: str) -> None:
    """Write the one line that the log has of a request.

    Args:
        method: its method.
        route: the template of its route, never the address itself.
        status: the answer's, 0 where there was none.
        began: when it began, by ``time.perf_counter``.
        account: whose it is; only the number is written.
        request_id: its id.
    """
    log.info(
        "request",
        method=method,
        route=route,
        status=status,
        ms=round((time.perf_counter() - began) * 1000, 1),
        account=account.account_id if account is not None else None,
        request_id=request_id,
    )
