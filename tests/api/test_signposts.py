"""Signposts lead where the router's own search leads, and leave to it what has parameters, other methods or no route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import Match

from api.signposts import Signposts


def _named(name: str) -> Callable[..., Any]:
    def answer(request: Request) -> dict[str, Any]:
        return {
            "name": name,
            "given": dict(request.path_params),
            "others": str(request.url_for("other", code="7").path),
        }

    return answer


@pytest.fixture
def caller() -> TestClient:
    """An application whose first route takes what a later one names, and a path with two methods."""
    app = FastAPI()
    app.get("/things/{code}", name="other")(_named("any"))
    app.get("/things/new")(_named("hidden behind the first"))
    app.get("/plain")(_named("got"))
    app.post("/plain")(_named("posted"))
    app.router.middleware_stack = Signposts(app.router)
    return TestClient(app)


def test_leads_where_the_search_leads_each_time(caller: TestClient) -> None:
    for _ in range(2):
        assert caller.get("/things/3").json() == {
            "name": "any",
            "given": {"code": "3"},
            "others": "/things/7",
        }
        assert caller.get("/things/new").json() == {
            "name": "any",
            "given": {"code": "new"},
            "others": "/things/7",
        }
        assert caller.get("/plain").json() == {"name": "got", "given": {}, "others": "/things/7"}
        assert caller.post("/plain").json()["name"] == "posted"
        assert caller.delete("/plain").status_code == 405
        assert caller.get("/plain/").status_code == 200, "redirected"
        assert caller.get("/nowhere").status_code == 404


def test_remembers_only_paths_that_there_are(caller: TestClient) -> None:
    for number in range(5):
        caller.get(f"/things/{number}")
        caller.get(f"/nowhere/{number}")
    signposts = caller.app.router.middleware_stack  # type: ignore[attr-defined]
    assert not signposts._known
    caller.get("/plain")
    assert list(signposts._known) == [("GET", "/plain")]


def test_every_fixed_path_of_the_service(app: FastAPI) -> None:
    signposts = Signposts(app.router)
    for route in app.routes:
        for method in route.methods or () if isinstance(route, APIRoute) else ():
            scope = {"type": "http", "method": method, "path": route.path}
            first = next(each for each in app.routes if each.matches(scope)[0] is Match.FULL)
            assert signposts.route(scope) is signposts.route(scope) is first


def test_no_route_at_all() -> None:
    assert Signposts(APIRouter()).route({"type": "http", "method": "GET", "path": "/"}) is None
