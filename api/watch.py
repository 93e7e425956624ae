"""Refused attempts are remembered: who asked for what the role may not have goes into the audit log."""

from __future__ import annotations

import anyio.to_thread
import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.pace import Seldom
from gis.services.sign_ins import Identity
from gis.store.auditing import note
from gis.store.session import Origin, Store

log = structlog.get_logger("linli.watch")


class Watch:
    """Middleware round the guard: notes every 403 of a signed-in account, the same one once a minute."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self.app = app
        self.store = store
        self._seldom = Seldom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on; when it was refused, note it after the answer."""
        status = 0

        async def send_watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self.app(scope, receive, send_watched)
        account: Identity | None = scope.get("state", {}).get("account")
        if status != 403 or account is None:
            return
        asked = f"{scope['method']} {_route_of(scope)}"
        if self._seldom.due((account.account_id, asked)):
            client = scope.get("client")
            origin = Origin(client[0] if client else "", scope["state"].get("request_id", ""))
            await anyio.to_thread.run_sync(self._note, account, asked, origin)

    def _note(self, account: Identity, asked: str, origin: Origin) -> None:
        try:
            with self.store.session(account.account_id, origin) as session:
                note(session, "access.refuse", detail={"asked": asked, "role": account.role})
        except SQLAlchemyError as error:
            log.warning("not noted", error=type(error).__name__, request_id=origin.request_id)


def _route_of(scope: Scope) -> str:
    """Return the route as it is written down, never the address itself, which may name a household."""
    app: FastAPI = scope["app"]
    for route in app.routes:
        if isinstance(route, APIRoute) and route.matches(scope)[0] is Match.FULL:
            return route.path_format
    return "-"
