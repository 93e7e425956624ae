"""What every answer must carry, and what it must not."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.security import allow
from api.settings import Settings
from gis.store.session import Store
from tests.api.conftest import PASSWORD, SignIn

PERSONAL = (
    "/api/households",
    "/api/households/H001",
    "/api/households/H001/history",
    "/api/households/H001/confirmation",
    "/api/households/H010",
    "/api/contacts",
    "/api/colours/review",
    "/api/buildings/B1/chiefs",
    "/worker",
    "/files/H001",
    "/files/H010",
    "/d/" + "A" * 26,
)


@pytest.mark.parametrize(
    ("base", "secure"), [("http://testserver", False), ("http://127.0.0.1:8000", False), ("https://testserver", True)]
)
def test_the_session_cookie(app: FastAPI, base: str, secure: bool) -> None:
    """HttpOnly and SameSite=Lax always, Secure wherever the page came over https."""
    with TestClient(app, base_url=base) as client:
        answered = client.post("/api/session", json={"username": "admin", "password": PASSWORD})
    cookie = answered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "domain=" not in cookie
    assert ("secure" in cookie) == secure


@pytest.mark.parametrize("role", ["worker", "admin", "planner"])
def test_personal_answers_are_kept_nowhere(client: TestClient, as_: SignIn, role: str) -> None:
    """Answers and refusals alike: no cache, no frame of others, no referrer, an id."""
    for path in PERSONAL:
        answered = client.get(path, headers={**as_(role), "Accept": "text/html"}, follow_redirects=False)
        assert answered.headers["cache-control"] == "private, no-store", path
        assert {"Cookie", "Authorization"} <= set(re.split(r",\s*", answered.headers["vary"])), path
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert answered.headers["referrer-policy"] == "no-referrer"
        assert re.fullmatch(r"[0-9a-f-]{32,36}", answered.headers["x-request-id"])
    ids = {client.get("/api/households", headers=as_(role)).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


def test_pages_allow_no_script_but_ours(client: TestClient, as_: SignIn) -> None:
    for path in ("/worker", "/files/H001", "/login"):
        answered = client.get(path, headers={**as_("worker"), "Accept": "text/html"})
        policy = dict(part.strip().split(" ", 1) for part in answered.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'self'"
        assert policy["object-src"] == "'none'"
        assert policy["base-uri"] == "'none'"
        assert "unsafe" not in policy["script-src"]
        nonce = re.search(r"'nonce-([^']+)'", policy["script-src"])
        assert nonce is not None
        for tag in re.findall(r"<script[^>]*>", answered.text):
            assert "src=" in tag or f'nonce="{nonce[1]}"' in tag, tag
        assert not re.search(r"\son\w+=", answered.text)


def test_file_forms_put_nobody_into_addresses(client: TestClient, as_: SignIn) -> None:
    """A form without script would put its fields into the address: every one of the file's goes by script, or carries no personal field."""
    page = client.get("/files/H001", headers={**as_("worker"), "Accept": "text/html"}).text
    for form in re.findall(r"<form.*?</form>", page, re.S):
        opening = form.split(">", 1)[0]
        assert "data-save" in opening or 'method="dialog"' in opening or 'class="plain"' in opening
        if 'class="plain"' in opening:
            assert set(re.findall(r'name="(\w+)"', form)) == {"request"}
    linked = [urlsplit(address) for address in re.findall(r'href="(/files[^"]*)"', page)]
    assert {(each.path, each.fragment) for each in linked} == {("/files/H001", "")}
    assert {each.query for each in linked} == {"lang=zh-CN", "lang=en"}  # the way to the other language adds just that


def test_a_failure_tells_nothing(peopled: Store, as_: SignIn, capsys: Any) -> None:
    app = create_app(peopled, Settings.load())

    def fail() -> None:
        raise ValueError("欧阳翡翠匣 13577770011")

    def break_a_row() -> None:
        with peopled.session(1) as session:
            session.execute(text("SELECT CAST('13577770011x' AS bigint)"))

    for path, work in (("/api/fails", fail), ("/api/breaks", break_a_row)):
        app.router.routes.insert(0, APIRoute(path, work, dependencies=[allow("worker")]))
    with TestClient(app, raise_server_exceptions=False) as client:
        for path, status in (("/api/fails", 500), ("/api/breaks", 422)):
            answered = client.get(path, headers=as_("worker"))
            assert answered.status_code == status
            assert answered.headers["content-type"] == "application/problem+json"
            assert answered.headers["cache-control"] == "private, no-store"
            if status == 500:
                assert answered.json()["request_id"] == answered.headers["x-request-id"]
                assert answered.headers["x-request-id"] in answered.json()["detail"]
            said = answered.text + str(answered.headers) + "".join(capsys.readouterr())
            for secret in ("欧阳翡翠匣", "13577770011", "ValueError(", "Traceback", "SELECT"):
                assert secret not in said, (path, secret)


def test_who_looks_at_too_many_is_asked_to_wait(peopled: Store, as_: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_FILES_PER_HOUR", "3")
    monkeypatch.setenv("LINLI_REVEALS_PER_HOUR", "2")
    with TestClient(create_app(peopled, Settings.load())) as client:
        headers = as_("worker")
        opened = [
            client.get(f"/api/households/H00{number}", headers=headers).status_code for number in (1, 2, 1, 3, 1, 2, 3)
        ]
        assert opened == [200] * 7
        refused = [client.get(f"/api/households/H00{number}", headers=headers) for number in (4, 5)]
        assert [answered.status_code for answered in refused] == [429, 429]
        assert 0 < int(refused[0].headers["retry-after"]) <= 3600
        assert client.get("/api/households/H001", headers=headers).status_code == 200
        assert client.get("/api/households/H004", headers=as_("admin")).status_code == 200  # another account
        people = client.get("/api/households/H001", headers=headers).json()["residents"]
        admin = as_("admin")
        shown = [
            client.post(
                "/api/households/H001/reveal",
                json={"resident": each["id"], "field": field, "reason": "电话联系", "purpose": "care_visit"},
                headers=admin,
            ).status_code
            for each, field in ((people[0], "phone"), (people[0], "phone"), (people[1], "phone"), (people[0], "name"))
        ]
        assert shown == [200, 200, 200, 429]
    with peopled.owner_session() as session:
        paused = session.execute(
            text("SELECT account, detail FROM audit_log WHERE action = 'access.pause' ORDER BY id")
        ).all()
    assert [tuple(each) for each in paused] == [("worker", '{"what":"files"}'), ("admin", '{"what":"reveals"}')]


def test_refusals_by_role_are_noted_without_the_address(client: TestClient, as_: SignIn, peopled: Store) -> None:
    for _ in range(3):
        client.get("/api/households/H001", headers=as_("planner"))
    client.post(
        "/api/households/H001/reveal", json={"resident": 1, "field": "phone", "reason": "看看"}, headers=as_("screen")
    )
    client.get("/files/H001", headers={**as_("planner"), "Accept": "text/html"})
    client.get("/api/grids", headers=as_("planner"))
    with peopled.owner_session() as session:
        noted = session.execute(
            text("SELECT account, detail FROM audit_log WHERE action = 'access.refuse' ORDER BY id")
        ).all()
    assert [tuple(each) for each in noted] == [
        ("planner", '{"asked":"GET /api/households/{code}","role":"planner"}'),
        ("screen", '{"asked":"POST /api/households/{code}/reveal","role":"screen"}'),
        ("planner", '{"asked":"GET /files/{code}","role":"planner"}'),
    ]
