"""Deny by default: proven on the routes themselves, so that a new route without a rule fails here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route

from api.security import (
    PUBLIC,
    PUBLIC_PREFIXES,
    allow,
    check_rules,
    is_public,
    roles_of,
)
from gis.models.vocabulary import ROLES
from tests.api.conftest import SignIn

PUBLIC_FOR_ALL_TO_SEE = {
    ("GET", "/api/health"),
    ("GET", "/api/ready"),
    ("GET", "/login"),
    ("GET", "/favicon.ico"),
    ("GET", "/login/oidc"),
    ("GET", "/login/oidc/callback"),
    ("POST", "/api/session"),
    ("POST", "/api/session/key"),
}
"""Written out again on purpose: who makes something public must say so twice."""

CONTRACT = {
    ("GET", "/api/session"): "admin planner worker screen auditor",
    ("DELETE", "/api/session"): "admin planner worker screen auditor",
    ("POST", "/api/session/code"): "admin planner worker screen auditor",
    ("GET", "/api/account"): "admin planner worker screen auditor",
    ("PUT", "/api/account/password"): "admin planner worker screen auditor",
    ("POST", "/api/account/second-factor"): "admin planner worker screen auditor",
    ("POST", "/api/account/second-factor/confirm"): "admin planner worker screen auditor",
    ("POST", "/api/account/second-factor/recovery-codes"): "admin planner worker screen auditor",
    ("POST", "/api/account/second-factor/remove"): "admin planner worker screen auditor",
    ("GET", "/api/account/sessions"): "admin planner worker screen auditor",
    ("DELETE", "/api/account/sessions"): "admin planner worker screen auditor",
    ("DELETE", "/api/account/sessions/{session_id}"): "admin planner worker screen auditor",
    ("GET", "/api/accounts"): "admin",
    ("POST", "/api/accounts"): "admin",
    ("GET", "/api/accounts/{name}"): "admin",
    ("PATCH", "/api/accounts/{name}"): "admin",
    ("DELETE", "/api/accounts/{name}"): "admin",
    ("POST", "/api/accounts/{name}/password"): "admin",
    ("DELETE", "/api/accounts/{name}/second-factor"): "admin",
    ("PUT", "/api/accounts/{name}/grids"): "admin",
    ("PUT", "/api/accounts/{name}/identity"): "admin",
    ("GET", "/api/accounts/{name}/sessions"): "admin",
    ("DELETE", "/api/accounts/{name}/sessions"): "admin",
    ("DELETE", "/api/accounts/{name}/sessions/{session_id}"): "admin",
    ("GET", "/api/account-policy"): "admin",
    ("PUT", "/api/account-policy"): "admin",
    ("GET", "/api/screen-keys"): "admin",
    ("POST", "/api/screen-keys"): "admin",
    ("DELETE", "/api/screen-keys/{key_id}"): "admin",
    ("GET", "/api/grids"): "admin planner worker screen",
    ("GET", "/tiles/outside/{layer}/{z}/{x}/{y}"): "admin planner worker screen",
    ("GET", "/api/export/grids.{form}"): "admin planner",
    ("GET", "/api/export/needs.{form}"): "admin planner",
    ("GET", "/api/export/coverage.{form}"): "admin planner",
    ("GET", "/api/print/grids.{form}"): "admin planner",
    ("GET", "/api/print/needs.{form}"): "admin planner",
    ("GET", "/api/print/coverage.{form}"): "admin planner",
    ("GET", "/api/export/comparison.{form}"): "admin planner",
    ("GET", "/api/print/comparison.{form}"): "admin planner",
    ("GET", "/api/grids/locate"): "admin planner worker screen",
    ("POST", "/api/grids/locate"): "admin planner worker screen",
    ("GET", "/api/grids/measures"): "admin planner screen",
    ("GET", "/api/comparison"): "admin planner",
    ("GET", "/api/search"): "admin planner",
    ("GET", "/api/search/shape"): "admin planner",
    ("GET", "/api/grids/{code}"): "admin planner worker screen",
    ("PUT", "/api/grids/{code}"): "admin",
    ("GET", "/api/grids/{code}/summary"): "admin planner worker screen",
    ("GET", "/api/zoning"): "admin planner worker",
    ("GET", "/api/buildings"): "admin planner worker screen",
    ("POST", "/api/buildings"): "admin",
    ("GET", "/api/buildings/{code}"): "admin planner worker screen",
    ("PUT", "/api/buildings/{code}"): "admin",
    ("DELETE", "/api/buildings/{code}"): "admin",
    ("GET", "/api/stations"): "admin planner worker screen",
    ("POST", "/api/stations"): "admin planner",
    ("GET", "/api/stations/nearest"): "admin planner worker screen",
    ("GET", "/api/stations/{code}"): "admin planner worker screen",
    ("PUT", "/api/stations/{code}"): "admin planner",
    ("DELETE", "/api/stations/{code}"): "admin planner",
    ("GET", "/api/households"): "admin worker",
    ("GET", "/api/households/{code}"): "admin worker",
    ("PATCH", "/api/households/{code}"): "admin worker",
    ("POST", "/api/households/search"): "admin worker",
    ("POST", "/api/households/{code}/reveal"): "admin worker",
    ("GET", "/api/residents/{resident}"): "admin worker",
    ("PATCH", "/api/residents/{resident}"): "admin worker",
    ("GET", "/api/residents/{resident}/export"): "admin worker",
    ("DELETE", "/api/residents/{resident}"): "admin",
    ("GET", "/api/purposes"): "admin auditor",
    ("GET", "/metrics"): "admin auditor",
    ("GET", "/api/audit"): "auditor",
    ("GET", "/api/audit/export"): "auditor",
    ("POST", "/api/audit/verify"): "auditor",
    ("GET", "/api/buildings/without-chief"): "admin planner worker",
    ("GET", "/api/buildings/{code}/chiefs"): "admin worker",
    ("POST", "/api/buildings/{code}/chiefs"): "admin worker",
    ("PATCH", "/api/chiefs/{chief}"): "admin worker",
    ("POST", "/api/chiefs/{chief}/reveal"): "admin worker",
    ("GET", "/api/contacts/coverage"): "admin worker",
    ("GET", "/api/contacts/uncovered"): "admin worker",
    ("GET", "/api/contacts"): "admin worker",
    ("POST", "/api/contacts"): "admin worker",
    ("GET", "/api/contacts/{contact}"): "admin worker",
    ("PATCH", "/api/contacts/{contact}"): "admin worker",
    ("POST", "/api/contacts/{contact}/reveal"): "admin worker",
    ("GET", "/api/households/{code}/contacts"): "admin worker",
    ("POST", "/api/households/{code}/contacts"): "admin worker",
    ("POST", "/api/households/{code}/contacts/{link}/end"): "admin worker",
    ("GET", "/api/colours/review"): "admin worker",
    ("GET", "/api/households/{code}/colour"): "admin worker",
    ("PUT", "/api/households/{code}/colour"): "admin worker",
    ("GET", "/api/households/{code}/confirmation"): "admin worker",
    ("PUT", "/api/households/{code}/confirmation"): "admin worker",
    ("GET", "/api/households/{code}/history"): "admin worker",
    ("GET", "/api/households/{code}/addresses"): "admin worker",
    ("POST", "/api/households/{code}/move"): "admin worker",
    ("POST", "/api/households/{code}/residents"): "admin worker",
    ("POST", "/api/residents/{resident}/move-out"): "admin worker",
    ("POST", "/api/residents/{resident}/move"): "admin worker",
    ("GET", "/api/residents/{resident}/residencies"): "admin worker",
    ("GET", "/api/residents/{resident}/health-needs"): "admin worker",
    ("PUT", "/api/residents/{resident}/health-needs"): "admin worker",
    ("POST", "/api/households/{code}/door-code"): "admin worker",
    ("DELETE", "/api/households/{code}/door-code"): "admin worker",
    ("POST", "/api/buildings/{code}/door-codes"): "admin worker",
    ("GET", "/api/buildings/{code}/door-sheet"): "admin worker",
    ("POST", "/api/imports"): "admin",
    ("GET", "/api/imports"): "admin",
    ("GET", "/api/imports/{import_id}"): "admin",
    ("GET", "/api/imports/{import_id}/rejected"): "admin",
    ("DELETE", "/api/imports/{import_id}"): "admin",
    ("GET", "/api/circles"): "admin planner worker screen",
    ("POST", "/api/circles"): "admin planner",
    ("GET", "/api/coverage"): "admin planner worker screen",
    ("GET", "/api/coverage/buildings"): "admin planner",
    ("GET", "/api/coverage/capacity"): "admin planner",
    ("GET", "/api/coverage/week"): "admin planner",
    ("POST", "/api/coverage/scenario"): "admin planner",
    ("POST", "/api/siting"): "admin planner",
    ("GET", "/api/needs/cells"): "admin planner screen",
    ("GET", "/api/needs/grids"): "admin planner",
    ("GET", "/api/needs/hotspots"): "admin planner",
    ("GET", "/api/screen/summary"): "admin planner screen",
    ("GET", "/api/screen/changes"): "admin planner worker screen",
    ("GET", "/api/needs"): "admin worker",
    ("POST", "/api/needs"): "admin worker",
    ("GET", "/api/needs/replies"): "admin planner worker screen",
    ("GET", "/api/needs/{identity}"): "admin worker",
    ("POST", "/api/needs/{identity}/close"): "admin worker",
    ("GET", "/api/visits/due"): "admin worker",
    ("POST", "/api/visits/round"): "admin worker",
    ("POST", "/api/visits"): "admin worker",
    ("GET", "/api/visits/policy"): "admin planner worker",
    ("POST", "/api/visits/policy"): "admin",
    ("GET", "/api/households/{code}/visits"): "admin worker",
    ("GET", "/api/events"): "admin planner worker",
    ("POST", "/api/events"): "admin planner worker",
    ("GET", "/api/events/{identity}"): "admin planner worker",
    ("GET", "/api/events/{identity}/desks"): "admin planner worker",
    ("POST", "/api/events/{identity}/transitions"): "admin planner worker",
    ("POST", "/api/events/{identity}/notes"): "admin planner worker",
    ("POST", "/api/events/{identity}/joint/{code}/done"): "admin planner worker",
    ("POST", "/api/events/{identity}/follow-up"): "admin planner worker",
    ("GET", "/api/desks"): "admin planner worker",
    ("POST", "/api/desks"): "admin",
    ("PATCH", "/api/desks/{code}"): "admin",
    ("GET", "/api/limits"): "admin planner worker",
    ("POST", "/api/limits"): "admin",
    ("GET", "/api/resources"): "admin planner worker",
    ("POST", "/api/resources"): "admin planner",
    ("GET", "/api/resources/{identity}"): "admin planner worker",
    ("PATCH", "/api/resources/{identity}"): "admin planner",
    ("GET", "/api/duties"): "admin planner worker",
    ("GET", "/api/feedback"): "admin planner worker",
    ("GET", "/api/projects"): "admin planner worker",
    ("POST", "/api/projects"): "admin planner worker",
    ("GET", "/api/projects/{identity}"): "admin planner worker",
    ("PATCH", "/api/projects/{identity}"): "admin planner worker",
    ("POST", "/api/projects/{identity}/transitions"): "admin planner worker",
    ("GET", "/api/projects/{identity}/needs"): "admin worker",
    ("POST", "/api/projects/{identity}/needs"): "admin worker",
    ("DELETE", "/api/projects/{identity}/needs/{need}"): "admin worker",
    ("GET", "/api/projects/{identity}/offers"): "admin planner worker",
    ("POST", "/api/projects/{identity}/resources"): "admin planner worker",
    ("DELETE", "/api/projects/{identity}/resources/{link}"): "admin planner worker",
    ("POST", "/api/projects/{identity}/duties"): "admin planner worker",
    ("PATCH", "/api/duties/{duty}"): "admin planner worker",
    ("POST", "/api/projects/{identity}/feedback"): "admin planner worker",
    ("GET", "/api/lists/export"): "admin planner worker",
    ("GET", "/api/layers/{layer}"): "admin planner worker screen",
    ("GET", "/api/layers/{layer}/counts"): "admin planner worker screen",
    ("GET", "/tiles/{layer}/{z}/{x}/{y}"): "admin planner worker screen",
}
"""Who may call what."""


def calls(app: FastAPI) -> Iterator[tuple[str, APIRoute]]:
    for route in app.routes:
        if isinstance(route, APIRoute):
            for method in sorted(route.methods):
                yield method, route


def address(route: APIRoute) -> str:
    values = {"code": "nothing", "resident": 1, "layer": "grids", "z": 0, "x": 0, "y": 0}
    return route.path_format.format_map(defaultdict(lambda: str(uuid4()), values))


def test_nothing_but_the_short_list_answers_without_a_session(app: FastAPI, client: TestClient) -> None:
    assert PUBLIC == PUBLIC_FOR_ALL_TO_SEE
    seen = set()
    for method, route in calls(app):
        answered = client.request(method, address(route), headers={"Accept": "*/*"})
        if (method, route.path) in PUBLIC_FOR_ALL_TO_SEE:
            seen.add((method, route.path))
            assert answered.status_code != 403
        else:
            assert answered.status_code == 401, f"{method} {route.path}"
            assert answered.headers["content-type"] == "application/problem+json"
            assert answered.headers["www-authenticate"] == "Bearer"
    assert {("GET", "/api/health"), ("GET", "/api/ready"), ("POST", "/api/session")} <= seen
    for route in app.routes:
        if not isinstance(route, APIRoute):
            assert isinstance(route, Mount)
            assert f"{route.path}/".startswith(("/static/", "/assets/"))


UNKNOWN = [
    "/",
    "/nothing",
    "/api",
    "/api/",
    "/docs",
    "/openapi.json",
    "/static",
    "/login/",
    "/API/HEALTH",
    "/api/health/",
]


def test_unknown_addresses_give_nothing_away(client: TestClient) -> None:
    for path in UNKNOWN:
        assert client.get(path, follow_redirects=False).status_code == 401


@pytest.mark.parametrize("role", sorted(ROLES))
def test_the_matrix(app: FastAPI, client: TestClient, as_: SignIn, role: str) -> None:
    """Every operation of the interface's description, called as every role: refused exactly where its rule says so."""
    headers = as_(role)
    document = client.get("/openapi.json", headers=headers).json()
    rules = {
        (method.upper(), path): set(operation.get("x-roles", []))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if (method.upper(), path) not in PUBLIC_FOR_ALL_TO_SEE
    }
    expected = {call: set(roles.split()) for call, roles in CONTRACT.items()}
    assert rules == expected
    for (method, path), permitted in rules.items():
        if path in ("/api/session", "/api/screen/changes"):
            continue
        route = next(r for m, r in calls(app) if m == method and r.path_format == path)
        answered = client.request(method, address(route), headers=headers)
        assert (answered.status_code == 403) == (role not in permitted), f"{method} {path} {answered.status_code}"
        assert answered.status_code != 401
        assert answered.status_code < 500 or answered.status_code == 503


def test_a_forbidden_body_is_not_even_read(client: TestClient, as_: SignIn) -> None:
    answered = client.post(
        "/api/imports?kind=grids",
        headers={**as_("planner"), "Content-Type": "multipart/form-data"},
        content=b"?",
    )
    assert answered.status_code == 403


def test_pages_lead_to_the_login_and_back(client: TestClient) -> None:
    answered = client.get("/maps/needs?service=meal&x=//evil", headers={"Accept": "text/html"}, follow_redirects=False)
    assert answered.status_code == 303
    assert answered.headers["location"] == "/login?next=/maps/needs%3Fservice%3Dmeal%26x%3D//evil"
    for path in ("/api/grids", "/tiles/grids/0/0/0"):
        assert client.get(path, headers={"Accept": "text/html"}).status_code == 401


def test_a_route_without_a_rule_cannot_start() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    async def nothing() -> None: ...

    app.add_api_route("/api/new", nothing)
    with pytest.raises(RuntimeError, match="/api/new"):
        check_rules(app.routes)
    app.router.routes[:] = [APIRoute("/api/new", nothing, dependencies=[allow("admin")])]
    check_rules(app.routes)
    app.router.routes[:] = [APIRoute("/api/new", nothing, dependencies=[allow("admin"), allow("planner")])]
    with pytest.raises(RuntimeError, match="2 rules"):
        check_rules(app.routes)
    app.router.routes[:] = [APIRoute("/api/health", nothing, dependencies=[allow("admin")])]
    with pytest.raises(RuntimeError, match="/api/health"):
        check_rules(app.routes)
    for stray in (Route("/bare", nothing), Mount("/elsewhere", FastAPI())):
        with pytest.raises(RuntimeError):
            check_rules([stray])


def test_admin_may_all_that_a_planner_may() -> None:
    async def nothing() -> None: ...

    assert roles_of(APIRoute("/x", nothing, dependencies=[allow("planner")])) == {"planner", "admin"}
    assert roles_of(APIRoute("/x", nothing, dependencies=[allow("worker")])) == {"worker"}
    assert roles_of(APIRoute("/x", nothing)) is None
    for wrong in ((), ("boss",)):
        with pytest.raises(ValueError, match="roles"):
            allow(*wrong)


def test_what_is_public() -> None:
    assert is_public("HEAD", "/api/health")
    assert is_public("GET", "/static/css/base.css")
    assert not is_public("POST", "/static/css/base.css")
    assert not is_public("DELETE", "/api/session")
    assert all(prefix.endswith("/") for prefix in PUBLIC_PREFIXES)


def test_web_sockets_are_refused(client: TestClient, as_: SignIn) -> None:
    from starlette.websockets import WebSocketDisconnect

    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/api/screen/changes", headers=as_("admin")),
    ):
        pass
