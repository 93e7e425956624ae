"""The frame round every request: an id, a nonce, security headers, one log line, and an answer whatever happens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from api.security import PUBLIC_PREFIXES

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


class Frame:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, max_upload_bytes: int) -> None:
        self.app = app
        self.max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on within the frame."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id, nonce = uuid4().hex, secrets.token_urlsafe(16)
        scope.setdefault("state", {}).update(request_id=request_id, nonce=nonce)
        status = 0

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _put_headers(scope, MutableHeaders(scope=message), request_id, nonce)
            await send(message)

        try:
            await self._limited(scope, receive, send_framed)
        except Exception as error:
            refused = errors.answer(error, request_id)
            if status:
                raise
            await refused(scope, receive, send_framed)
        finally:
            route = scope.get("route")
            log.info(
                "request",
                method=scope["method"],
                route=getattr(route, "path", "-"),
                status=status,
                ms=round((time.perf_counter() - began) * 1000, 1),
                request_id=request_id,
            )

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 413 as soon as its body proves too large."""
        limit = self.max_upload_bytes if scope["path"].startswith(UPLOAD_PATH) else JSON_BODY_BYTES
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and int(length) > limit:
            raise _too_large(limit)
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
            raise _too_large(limit)
        return message

    async def send_or_refuse(message: Message) -> None:
        nonlocal answered
        if not over or answered:
            if not over:
                await send(message)
            return
        answered = True
        await errors.answer(_too_large(limit), scope["state"]["request_id"])(scope, receive, send)

    return receive_counted, send_or_refuse


def _too_large(limit: int) -> errors.TooLarge:
    return errors.TooLarge(f"内容超过 {limit // 2**20} MB / larger than {limit // 2**20} MB")


def _put_headers(scope: Scope, headers: MutableHeaders, request_id: str, nonce: str) -> None:
    headers["X-Request-ID"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Content-Security-Policy"] = content_security_policy(nonce)
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "geolocation=(self), camera=(), microphone=()"
    if scope["scheme"] == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if not scope["path"].startswith(PUBLIC_PREFIXES):
        headers.setdefault("Cache-Control", "private, no-store")
        headers.add_vary_header("Cookie, Authorization")
