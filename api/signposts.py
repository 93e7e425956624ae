"""Signposts: the route of a path without parameters found at once, where the router tries two hundred routes one after the other."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class Signposts:
    """Stands before a router; what it does not know goes through the router's own search, which decides."""

    def __init__(self, router: APIRouter) -> None:
        """Note which paths have no parameters; all routes must have been added."""
        self._router = router
        self._fixed = {
            route.path for route in router.routes if isinstance(route, APIRoute) and not route.param_convertors
        }
        self._known: dict[tuple[str, str], tuple[BaseRoute, APIRouter]] = {}
        """By method and path, of such paths only: the route, and a router that has no other."""

    def route(self, scope: Scope) -> BaseRoute | None:
        """Return the first route that a request's path and method lead to; None where there is none."""
        at = (scope["method"], scope["path"])
        if at in self._known:
            return self._known[at][0]
        found = next((route for route in self._router.routes if route.matches(scope)[0] is Match.FULL), None)
        if found is not None and scope["path"] in self._fixed and not scope.get("root_path"):
            self._known[at] = found, APIRouter(routes=[found])
        return found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to its route."""
        if (
            scope["type"] == "http"
            and scope["path"] in self._fixed
            and not scope.get("root_path")
            and self.route(scope)
        ):
            scope["router"] = self._router
            await self._known[scope["method"], scope["path"]][1].app(scope, receive, send)
        else:
            await self._router.app(scope, receive, send)
