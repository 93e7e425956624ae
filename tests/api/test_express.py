"""The express way gives what the layers give, to whom they would give it, and leaves the same traces."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.express import Application, Express, at_hand
from api.proxies import behind_proxies
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, lonlat

LON, LAT = lonlat(100, 500)
LOCATE, SCREEN = f"/api/grids/locate?lon={LON}&lat={LAT}", "/api/screen/summary"
Taken = list[bool]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    """Whether each request has gone by express."""
    seen: Taken = []
    answers = Express.answers

    async def watched(self: Express, *given: Any) -> bool:
        seen.append(await answers(self, *given))
        return seen[-1]

    monkeypatch.setattr(Express, "answers", watched)
    return seen


@pytest.fixture
def quickly(client: TestClient, taken: Taken) -> Callable[..., Any]:
    """Ask until it goes by express: what is in memory is believed for half a second."""

    def ask(path: str, headers: dict[str, str]) -> Any:
        for _ in range(100):
            answered = client.get(path, headers=headers)
            if taken[-1]:
                return answered
        raise AssertionError(f"{path} never goes by express")

    return ask


@pytest.fixture
def slowly(client: TestClient, app: Application) -> Iterator[Callable[..., Any]]:
    def ask(path: str, headers: dict[str, str]) -> Any:
        kept, app.express = app.express, None
        try:
            return client.get(path, headers=headers)
        finally:
            app.express = kept

    yield ask


@pytest.mark.parametrize("path", [LOCATE, SCREEN, f"{SCREEN}?area={G1}", f"{SCREEN}?area={G1[:12]}"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("role", ["screen", "admin"])
def test_the_same_answer_as_through_the_layers(
    quickly: Callable[..., Any], slowly: Callable[..., Any], as_: SignIn, path: str, encoding: str, role: str
) -> None:
    headers = {**as_(role), "Accept-Encoding": encoding}
    for _ in range(20):  # a minute may end in between
        quick, slow = quickly(path, headers), slowly(path, headers)
        if quick.content == slow.content:
            break
    assert (quick.status_code, quick.content) == (slow.status_code, slow.content)
    changing = {"x-request-id"}
    assert {k: v for k, v in quick.headers.items() if k not in changing} == {
        k: v for k, v in slow.headers.items() if k not in changing
    }
    assert re.fullmatch(r"[0-9a-f]{32}", quick.headers["x-request-id"])
    assert quick.headers["x-request-id"] != slow.headers["x-request-id"]
    if "etag" in quick.headers:
        unchanged = [ask(path, {**headers, "If-None-Match": quick.headers["etag"]}) for ask in (quickly, slowly)]
        if all(each.status_code == 304 for each in unchanged):
            assert unchanged[0].content == unchanged[1].content == b""
            assert set(unchanged[0].headers) == set(unchanged[1].headers)


def test_who_may_not_ask_is_refused_by_the_layers(
    client: TestClient, quickly: Callable[..., Any], as_: SignIn, taken: Taken, peopled: Store
) -> None:
    quickly(LOCATE, as_("worker"))
    quickly(SCREEN, as_("planner"))
    for path, headers, status in (
        (LOCATE, {}, 401),
        (LOCATE, {"Authorization": "Bearer nobody"}, 401),
        (LOCATE, as_("auditor"), 403),
        (SCREEN, as_("worker"), 403),
        (SCREEN, as_("auditor"), 403),
    ):
        for _ in range(3):  # the third time the token is remembered
            assert client.get(path, headers=headers).status_code == status
            assert not taken[-1]
    with peopled.owner_session() as session:
        asked = session.scalar(text("SELECT count(*) FROM audit_log WHERE action = 'access.refuse'"))
    assert asked == 3


def test_a_session_that_has_ended_or_owes_something_is_not_believed(
    client: TestClient,
    app: Application,
    quickly: Callable[..., Any],
    as_: SignIn,
    taken: Taken,
    peopled: Store,
) -> None:
    quickly(LOCATE, as_("worker"))
    with peopled.owner_session() as session:
        session.execute(text("UPDATE accounts SET must_change_password = true WHERE name = 'worker'"))
    app.state.office.sessions.forget()
    for _ in range(3):
        assert client.get(LOCATE, headers=as_("worker")).status_code == 403
        assert not taken[-1]
    quickly(LOCATE, as_("planner"))
    with peopled.owner_session() as session:
        session.execute(text("UPDATE sessions SET revoked_at = :now"), {"now": datetime.now(UTC)})
    app.state.office.sessions.forget()
    assert client.get(LOCATE, headers=as_("planner")).status_code == 401


def test_by_cookie_too_and_only_to_get(
    client: TestClient, quickly: Callable[..., Any], as_: SignIn, taken: Taken
) -> None:
    token = as_("worker")["Authorization"].split()[1]
    quickly(LOCATE, {"Cookie": f"linli_session={token}"})
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200)):
        asked = {"Cookie": f"linli_session={token}", "Sec-Fetch-Site": site}
        assert client.get(LOCATE, headers=asked).status_code == status
        assert not taken[-1] or status == 200
    for method, status in (("HEAD", 405), ("DELETE", 403), ("OPTIONS", 405)):
        assert client.request(method, LOCATE, headers={"Cookie": f"linli_session={token}"}).status_code == status
        assert not taken[-1]


def test_the_same_traces(
    client: TestClient,
    quickly: Callable[..., Any],
    as_: SignIn,
    taken: Taken,
    capsys: pytest.CaptureFixture[str],
) -> None:
    quickly(LOCATE, as_("worker"))
    capsys.readouterr()
    del taken[:]
    answered = quickly(LOCATE, as_("worker"))
    lines = [
        line
        for line in re.sub(r"\x1b\[[0-9;]*m", "", "".join(capsys.readouterr())).splitlines()
        if "/api/grids/locate" in line
    ]
    assert len(lines) == len(taken)
    assert answered.headers["x-request-id"] in lines[-1]
    assert not [line for line in lines if str(LON) in line or as_("worker")["Authorization"].split()[1] in line]
    name = 'linli_request_seconds_count{method="GET",route="/api/grids/locate",status="200"}'
    counted = [
        float(
            next(
                line for line in client.get("/metrics", headers=as_("admin")).text.splitlines() if line.startswith(name)
            ).split()[-1]
        )
        for _ in range(2)
        if quickly(LOCATE, as_("worker"))
    ]
    assert counted[1] > counted[0] > 0


def test_what_fails_is_left_to_the_layers(
    client: TestClient,
    app: Application,
    quickly: Callable[..., Any],
    as_: SignIn,
    monkeypatch: pytest.MonkeyPatch,
    taken: Taken,
) -> None:
    from gis.services import locating

    quickly(LOCATE, as_("worker"))

    def broken(*_: object) -> None:
        raise RuntimeError("欧阳翡翠匣")

    monkeypatch.setattr(locating, "finder_at_hand", broken)
    assert client.get(LOCATE, headers=as_("worker")).status_code == 200
    assert not taken[-1]


def test_a_process_that_ends_says_so(app: Application, quickly: Callable[..., Any], as_: SignIn) -> None:
    quickly(LOCATE, as_("worker"))
    app.state.office.feed.ending = True
    try:
        assert quickly(LOCATE, as_("worker")).headers["connection"] == "close"
    finally:
        app.state.office.feed.ending = False


def test_over_https_and_behind_a_proxy(
    app: Application, quickly: Callable[..., Any], as_: SignIn, taken: Taken
) -> None:
    quickly(LOCATE, as_("worker"))
    proxied = TestClient(behind_proxies(app, "10.0.0.1"), base_url="https://testserver", client=("10.0.0.1", 1))
    for _ in range(100):
        answered = proxied.get(LOCATE, headers={**as_("worker"), "X-Request-ID": "given-by-proxy"})
        if taken[-1]:
            break
    assert taken[-1]
    assert answered.headers["x-request-id"] == "given-by-proxy"
    assert "max-age" in answered.headers["strict-transport-security"]


def test_only_plain_questions_may_be_marked(app: FastAPI) -> None:
    @at_hand(lambda *_: None)
    def function() -> None: ...

    for path, method in (("/a/{b}/c", "GET"), ("/a/b{c}.{d}", "GET"), ("/a", "POST")):
        with pytest.raises(ValueError, match="express"):
            Express(app.state.office, [APIRoute(path, function, methods=[method])])
