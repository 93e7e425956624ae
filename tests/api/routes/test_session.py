from __future__ import annotations

from datetime import datetime

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.security import COOKIE
from gis.services.accounts import set_disabled, set_password
from gis.store.session import Store
from tests.api.conftest import PASSWORD, SignIn
from tests.gis.services.conftest import G1


def test_sign_in_gives_a_token_and_a_cookie(client: TestClient) -> None:
    answered = client.post("/api/session", json={"username": "planner", "password": PASSWORD})
    assert answered.status_code == 200
    assert set(answered.json()) == {"access_token", "expires_at", "role"}
    assert answered.json()["role"] == "planner"
    assert datetime.fromisoformat(answered.json()["expires_at"]).tzinfo is not None
    cookie = answered.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={answered.json()['access_token']};")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert client.get("/api/session").json()["username"] == "planner"


def test_the_cookie_is_for_https_only_where_the_request_was(app: FastAPI) -> None:
    with TestClient(app, base_url="https://testserver") as client:
        answered = client.post("/api/session", json={"username": "planner", "password": PASSWORD})
        assert "Secure" in answered.headers["set-cookie"]


def test_wrong_names_and_passwords_look_the_same(client: TestClient) -> None:
    answers = [
        client.post("/api/session", json={"username": name, "password": "wrong-password-1"})
        for name in ("planner", "nobody")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert answers[0].json() == answers[1].json()
    assert all("set-cookie" not in answer.headers for answer in answers)


def test_too_many_attempts_answer_429(client: TestClient) -> None:
    statuses = [
        client.post("/api/session", json={"username": "planner", "password": "wrong-password-1"}).status_code
        for _ in range(7)
    ]
    assert statuses == [401] * 5 + [429] * 2
    refused = client.post("/api/session", json={"username": "planner", "password": PASSWORD})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 5
    assert client.post("/api/session", json={"username": "admin", "password": PASSWORD}).status_code == 200


MALFORMED = [b"", b"{", b"[]", b'{"username":"x"}', b'{"username":"x","password":"y","more":1}']


def test_malformed_sign_ins(client: TestClient) -> None:
    for body in MALFORMED:
        answered = client.post("/api/session", content=body, headers={"Content-Type": "application/json"})
        assert answered.status_code == 422
        assert answered.json()["errors"]


def test_a_name_with_a_nul_is_no_accident(client: TestClient) -> None:
    assert client.post("/api/session", json={"username": "a\x00b", "password": "x"}).status_code == 422


def test_sign_out_ends_token_and_cookie(client: TestClient, as_: SignIn) -> None:
    headers = as_("planner")
    assert client.get("/api/session", headers=headers).status_code == 200
    answered = client.delete("/api/session", headers=headers)
    assert answered.status_code == 204
    assert "Max-Age=0" in answered.headers["set-cookie"]
    assert client.get("/api/session", headers=headers).status_code == 401


def test_tokens_expire(client: TestClient, as_: SignIn, peopled: Store, app: FastAPI) -> None:
    headers = as_("planner")
    with peopled.owner_session() as session:
        session.execute(text("UPDATE sessions SET expires_at = now() - interval '1 s'"))
    app.state.office.sessions.forget()
    assert client.get("/api/session", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "change",
    [lambda s: set_disabled(s, "planner", True), lambda s: set_password(s, "planner", "another-good-one-5")],
)
def test_what_another_process_revokes_ends_within_a_second(
    client: TestClient, as_: SignIn, peopled: Store, change
) -> None:
    import time

    headers = as_("planner")
    assert client.get("/api/session", headers=headers).status_code == 200
    with peopled.owner_session() as session:
        change(session)
    deadline = time.monotonic() + 1
    while client.get("/api/session", headers=headers).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_only_the_digest_of_a_token_is_stored(client: TestClient, as_: SignIn, peopled: Store) -> None:
    token = as_("planner")["Authorization"].split()[1]
    assert len(token) >= 43
    with peopled.owner_session() as session:
        rows = str(session.execute(text("SELECT sessions::text, encode(token_digest, 'hex') FROM sessions")).all())
    assert token not in rows
    assert token.encode().hex() not in rows


def test_who_am_i(client: TestClient, as_: SignIn) -> None:
    assert client.get("/api/session", headers=as_("worker")).json()["grids"] == [G1]
    assert client.get("/api/session", headers=as_("admin")).json()["grids"] == []
