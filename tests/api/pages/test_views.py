from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.pages.directory import PAGES, Page
from api.security import COOKIE
from api.settings import Settings
from gis.store.session import Store
from tests.api.conftest import PASSWORD, password_hash
from tests.gis.services.conftest import G1

SignIn = Callable[[str], dict[str, str]]
BROWSER = {"accept": "text/html"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
@pytest.mark.parametrize("role", ["admin", "planner", "worker", "screen", "auditor"])
def test_who_may_open_what(client: TestClient, as_: SignIn, page: Page, role: str) -> None:
    answer = client.get(page.path, headers={**as_(role), **BROWSER})
    assert answer.status_code == (200 if role in page.roles else 403)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<main" in answer.text
    if answer.status_code == 403:
        assert "这一页不归您用" in answer.text or "通过接口工作" in answer.text


def test_nobody_is_sent_to_the_login_and_back(client: TestClient) -> None:
    answer = client.get("/maps/coverage", headers=BROWSER, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/maps/coverage")
    assert 'data-next="/maps/coverage"' in client.get(answer.headers["location"]).text


def test_the_login_sends_on_whoever_is_signed_in(client: TestClient, as_: SignIn) -> None:
    answer = client.get("/login?next=/screen", headers=as_("planner"), follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/screen")


def test_the_login_forgets_a_dead_session_and_says_when_no_cookie_stayed(client: TestClient) -> None:
    client.cookies.set(COOKIE, "long-gone")
    answer = client.get("/login?signed=1", follow_redirects=False)
    assert answer.status_code == 200
    assert "浏览器没有保存登录状态" in answer.text
    assert "浏览器没有保存登录状态" not in client.get("/login").text


def test_a_worker_sees_own_grids_and_no_others(client: TestClient, as_: SignIn) -> None:
    answer = client.get("/worker", headers=as_("worker"))
    assert f'data-grid="{G1}"' in answer.text
    assert answer.text.count("data-grid=") == 1
    assert "还没有分给您的网格" in client.get("/worker", headers=as_("admin")).text


def test_only_admins_get_the_import(client: TestClient, as_: SignIn) -> None:
    assert "data-import" in client.get("/", headers=as_("admin")).text
    assert "data-import" not in client.get("/", headers=as_("planner")).text


def test_an_error_is_a_page_with_the_way_back(
    app: FastAPI, as_: SignIn, peopled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("a secret detail")

    with TestClient(app, raise_server_exceptions=False) as client:
        headers = as_("planner")
        monkeypatch.setattr("maps.render", broken)
        answer = client.get("/maps/needs", headers=headers)
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert "内部错误" in answer.text and 'href="/maps/needs"' in answer.text
    assert "secret" not in answer.text


def test_the_favicon_needs_no_session(client: TestClient) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")


@pytest.mark.parametrize("path", ["/", "/maps/needs", "/maps/coverage", "/maps/compare", "/screen"])
def test_an_empty_place_has_pages_too(store: Store, path: str) -> None:
    with store.owner_session() as session:
        session.execute(
            text("INSERT INTO accounts (name, password_hash, role) VALUES ('admin', :hash, 'admin')"),
            {"hash": password_hash()},
        )
    with TestClient(create_app(store, Settings.load())) as client:
        token = client.post("/api/session", json={"username": "admin", "password": PASSWORD}).json()["access_token"]
        answer = client.get(path, headers={"Authorization": f"Bearer {token}", **BROWSER})
    assert answer.status_code == 200
