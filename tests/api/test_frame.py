from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api import frame
from api.frame import content_security_policy
from tests.api.conftest import SignIn


def test_every_answer_carries_the_headers(client: TestClient, as_: SignIn) -> None:
    for path, headers in (
        ("/api/health", {}),
        ("/api/grids", {}),
        ("/api/stations", as_("planner")),
        ("/nothing", as_("planner")),
    ):
        answered = client.get(path, headers=headers).headers
        assert answered["x-content-type-options"] == "nosniff"
        assert answered["referrer-policy"] == "no-referrer"
        assert answered["cache-control"] == "private, no-store"
        assert re.fullmatch(r"[0-9a-f]{32}", answered["x-request-id"])
        assert "strict-transport-security" not in answered


def test_the_policy_allows_nothing_from_elsewhere() -> None:
    policy = dict(part.strip().split(" ", 1) for part in content_security_policy("abc").split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self' 'nonce-abc'"
    assert policy["object-src"] == policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert "http" not in str(policy)
    assert "unsafe" not in policy["script-src"]


def test_each_page_has_its_own_nonce(client: TestClient) -> None:
    policies = {client.get("/login").headers["content-security-policy"] for _ in range(3)}
    assert len(policies) == 3
    assert all("'nonce-" in policy for policy in policies)


def test_data_may_do_nothing_in_a_browser(client: TestClient, as_: SignIn) -> None:
    for path, status in (
        ("/api/health", 200),
        ("/api/grids", 200),
        ("/api/households/H999", 404),
        ("/openapi.json", 200),
    ):
        answered = client.get(path, headers=as_("admin"))
        assert answered.status_code == status
        assert answered.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'", path


def test_https_is_remembered(app: FastAPI) -> None:
    with TestClient(app, base_url="https://testserver") as client:
        assert "max-age" in client.get("/api/health").headers["strict-transport-security"]


def test_failures_are_opaque(client: TestClient, as_: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    from gis.services import registry

    def broken(*_: object) -> None:
        raise RuntimeError("张三 13800001234")

    monkeypatch.setattr(registry, "list_grids", broken)
    answered = client.get("/api/grids", headers=as_("planner"))
    assert answered.status_code == 500
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.json()["request_id"] == answered.headers["x-request-id"]
    assert "13800001234" not in answered.text
    assert "RuntimeError" not in answered.text
    assert answered.headers["x-content-type-options"] == "nosniff"


def test_the_log_names_the_route_and_nothing_of_the_request(
    client: TestClient, as_: SignIn, capsys: pytest.CaptureFixture[str]
) -> None:
    headers = as_("worker")
    capsys.readouterr()
    client.get("/api/households/H001?q=secret-name", headers=headers)
    client.get("/nothing/H001", headers=headers)
    written = re.sub(r"\x1b\[[0-9;]*m", "", "".join(capsys.readouterr()))
    assert "/api/households/{code}" in written
    assert "status=200" in written or '"status":200' in written
    for secret in ("H001", "secret-name", headers["Authorization"].split()[1], "worker"):
        assert secret not in written


def test_large_bodies_are_refused(client: TestClient, as_: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "JSON_BODY_BYTES", 2**20)
    told = client.post("/api/grids/locate", headers=as_("planner"), content=b"[" * (2**20 + 1))
    assert told.status_code == 413

    def chunks():
        for _ in range(40):
            yield b" " * 2**15

    streamed = client.post("/api/grids/locate", headers=as_("planner"), content=chunks())
    assert streamed.status_code == 413
    assert streamed.json()["title"].endswith("too large")
    assert client.post("/api/grids/locate", headers=as_("planner"), content=b'{"points":[]}').status_code == 200


def test_a_large_upload_is_told_which_setting_bounds_it(client: TestClient, as_: SignIn) -> None:
    told = client.post("/api/imports?kind=areas", headers=as_("admin") | {"Content-Length": str(2**50)}, content=b"x")
    assert told.status_code == 413
    assert "LINLI_MAX_UPLOAD_MB" in told.json()["detail"] and "linli import" in told.json()["detail"]
