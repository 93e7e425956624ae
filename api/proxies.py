"""What a trusted proxy says of a request: where it came from, and the id under which the proxy has logged it."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")


def behind_proxies(app: ASGIApp, trusted: str) -> ASGIApp:
    """Return the app as called through proxies.

    Args:
        app: the app.
        trusted: addresses and networks, comma between, whose ``X-Forwarded-*`` and ``X-Request-ID`` are believed; may be empty.
    """
    if not trusted.strip():
        return app
    forwarded: ASGIApp = ProxyHeadersMiddleware(app, trusted_hosts=trusted)  # type: ignore[arg-type,assignment]
    return _RequestIds(forwarded, trusted)


class _RequestIds:
    """Takes over the id of a request, before the proxy's own address is replaced by its client's."""

    def __init__(self, app: ASGIApp, trusted: str) -> None:
        self.app = app
        self.trusted = [ip_network(part.strip(), strict=False) for part in trusted.split(",") if part.strip()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and self._trusts(scope.get("client")):
            given = Headers(scope=scope).get("x-request-id", "")
            if _ID.fullmatch(given):
                scope.setdefault("state", {})["request_id"] = given
        await self.app(scope, receive, send)

    def _trusts(self, peer: tuple[str, int] | None) -> bool:
        try:
            address = ip_address(peer[0]) if peer else None
        except ValueError:
            return False
        return address is not None and any(address in network for network in self.trusted)
