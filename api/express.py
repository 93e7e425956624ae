"""The express way: the everyday question of a few routes, answered from memory before the application's layers are gone through.

A function marked with :func:`at_hand` names what answers its route at once. Where that has no answer, or the request is out of the ordinary (a
session not remembered, a role that may not ask), the request goes through the layers, which give the same answer. What the layers owe every
answer, who asks, the route's rule, headers, figures and the log line, is given here by their own functions. In ``linli serve`` api/protocol.py asks
here before it makes a task of a request; elsewhere :class:`Application` does.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from api.desk import Office
from api.frame import put_headers, request_id_of, tell
from api.security import ELSEWHERE, roles_of, token_of
from gis.services.sign_ins import Identity

log = structlog.get_logger("linli.express")
Function = TypeVar("Function", bound=Callable[..., Any])
_MARK = "_linli_at_hand"
_ONLY_PARAMETERS = re.compile(r"|\w+\}(/\{\w+\})*")


class Ready(NamedTuple):
    """An answer that lies ready; its headers are those that the route itself gives."""

    body: bytes
    headers: Iterable[tuple[bytes, bytes]]
    status: int = 200


class Answer(NamedTuple):
    """An answer with all that it owes, and what the log will say of it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    route: str
    began: float
    account: Identity
    request_id: str

    def tell(self) -> None:
        """Write its line into the log, once it has been sent."""
        tell("GET", self.route, self.status, self.began, self.account, self.request_id)


Reply = Callable[[Office, Identity, Scope], Ready | None]
"""Answers a GET of somebody whom the route's rule admits, or does not (None): at once, asking no database and waiting for nothing."""


class _Way(NamedTuple):
    """Who answers for a route, whom its rule admits, and its path."""

    reply: Reply
    roles: frozenset[str]
    path: str


def at_hand(reply: Reply) -> Callable[[Function], Function]:
    """Mark a route's function as one that ``reply`` mostly answers for; parameters in the route's path come after all that is fixed."""

    def mark(function: Function) -> Function:
        setattr(function, _MARK, reply)
        return function

    return mark


class Express:
    """The express way of one application."""

    def __init__(self, office: Office, routes: Iterable[BaseRoute]) -> None:
        """Find the routes that have been marked.

        Raises:
            ValueError: one is no GET, or its path goes on after its parameters, or two begin alike.
        """
        self._office = office
        self._ways: dict[str, _Way] = {}
        self._families: dict[str, _Way] = {}
        """By what comes before the parameters of a path: ``/tiles/``."""
        for route in routes:
            reply = getattr(route.endpoint, _MARK, None) if isinstance(route, APIRoute) else None
            if reply is not None and isinstance(route, APIRoute):
                fixed, _, parameters = route.path.partition("{")
                ways = self._families if parameters else self._ways
                if "GET" not in (route.methods or ()) or fixed in ways or not _ONLY_PARAMETERS.fullmatch(parameters):
                    raise ValueError(f"{route.path} cannot go by express")
                ways[fixed] = _Way(reply, roles_of(route) or frozenset(), route.path)

    def _way(self, path: str) -> _Way | None:
        return self._ways.get(path) or self._families.get(path[: path.find("/", 1) + 1])

    def answer(self, scope: Scope) -> Answer | None:
        """Return the answer to a request, counted; None where that cannot be given at once. Whoever sends it calls :meth:`Answer.tell` then."""
        way = self._way(scope["path"])
        if way is None or scope["method"] != "GET":
            return None
        began = time.perf_counter()
        reply, roles, path = way
        given = Headers(scope=scope)
        token, by_cookie = token_of(given)
        if by_cookie and given.get("sec-fetch-site") in ELSEWHERE:
            return None
        account = self._office.sessions.remembered(token) if token else None
        if account is None or account.pending is not None or account.role not in roles:
            return None
        try:
            ready = reply(self._office, account, scope)
        except Exception as error:  # the layers know how to tell of it, should it happen to them as well
            log.warning("not at hand", route=path, error=type(error).__name__)
            return None
        if ready is None:
            return None
        request_id = request_id_of(scope)
        headers = put_headers(scope, ready.headers, request_id, ending=self._office.feed.ending)
        self._office.metrics.answered("GET", path, ready.status, time.perf_counter() - began)
        return Answer(ready.status, headers, ready.body, path, began, account, request_id)

    async def answers(self, scope: Scope, send: Send) -> bool:
        """Answer a request if that can be done at once; tell whether."""
        ready = self.answer(scope)
        if ready is None:
            return False
        try:
            await send({"type": "http.response.start", "status": ready.status, "headers": ready.headers})
            await send({"type": "http.response.body", "body": ready.body})
        finally:
            ready.tell()
        return True


class Application(FastAPI):
    """FastAPI with an express way before its layers."""

    express: Express | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by express, or through the layers."""
        if scope["type"] != "http" or self.express is None or not await self.express.answers(scope, send):
            await super().__call__(scope, receive, send)
