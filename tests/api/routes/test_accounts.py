"""Accounts over HTTP: what admins do to others, what everybody does to themselves, and what an unfinished account may not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date

import pyotp
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.services.accounts import set_password
from gis.services.second_factor import require
from gis.store.session import Store
from tests.api.conftest import PASSWORD, SignIn
from tests.gis.services.conftest import G1, G2

NEW = "quiet-orange-kites-9"


@pytest.fixture
def admin(client: TestClient, as_: SignIn) -> Iterator[TestClient]:
    client.headers.update(as_("admin"))
    yield client


def sign_in(client: TestClient, name: str, password: str = PASSWORD, **more: str) -> dict[str, str]:
    """Sign in as a program does, in another client than the admin's headers."""
    answer = client.post("/api/session", json={"username": name, "password": password, **more})
    assert answer.status_code == 200, answer.text
    client.cookies.clear()
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def tag(client: TestClient, path: str) -> dict[str, str]:
    """Return the header that names the version of an account, or of the policy, as it is read now."""
    return {"If-Match": client.get(path).headers["etag"]}


def test_an_account_from_its_making_to_its_end(admin: TestClient, peopled: Store) -> None:
    made = admin.post(
        "/api/accounts", json={"name": "李娜", "role": "worker", "grids": [{"grid": G1, "until": "2099-01-01"}]}
    )
    assert made.status_code == 201
    password = made.json()["password"]
    assert made.json()["grids"] == [G1]
    assert made.json()["must_change_password"]
    assert "password" not in admin.get("/api/accounts/李娜").json()
    hers = sign_in(admin, "李娜", password)
    blocked = admin.get("/api/households", headers=hers)
    assert (blocked.status_code, blocked.json()["needs"]) == (403, "password")
    assert (
        admin.get("/worker", headers={**hers, "accept": "text/html"}, follow_redirects=False).headers["location"]
        == "/account"
    )
    changed = admin.put("/api/account/password", headers=hers, json={"current": password, "new": NEW})
    assert changed.status_code == 204
    assert admin.get("/api/households", headers=hers).status_code == 200
    path = "/api/accounts/李娜"
    moved = admin.put(
        f"{path}/grids",
        headers=tag(admin, path),
        json={"grids": [{"grid": G1, "since": "2020-01-01", "until": "2020-12-31"}, {"grid": G2}]},
    )
    assert moved.json()["grids"] == [G2]
    assert [each["today"] for each in moved.json()["charges"]] == [False, True]
    seen = {each["grid"] for each in admin.get("/api/households", headers=hers).json()["items"]}
    assert seen == {G2}
    assert admin.patch(path, headers=tag(admin, path), json={"role": "planner"}).json()["charges"] == []
    assert admin.get("/api/session", headers=hers).status_code == 401
    assert admin.patch(path, headers=tag(admin, path), json={"disabled": True}).json()["disabled"]
    assert admin.delete(path, headers=tag(admin, path)).status_code == 204
    assert admin.get(path).status_code == 404
    with peopled.owner_session() as session:
        rows = session.execute(
            text("SELECT action, account, detail FROM audit_log WHERE subject = 'account:李娜' ORDER BY id")
        ).all()
    assert [row.action for row in rows] == [
        "account.add",
        "account.password",
        "account.grids",
        "account.role",
        "account.disable",
        "account.delete",
    ]
    assert [row.account for row in rows] == ["admin", "李娜"] + ["admin"] * 4
    assert not any(password in row.detail or NEW in row.detail for row in rows)


def test_what_an_admin_cannot_do(admin: TestClient) -> None:
    own = "/api/accounts/admin"
    admin.headers["If-Match"] = '"1"'
    assert admin.patch(own, json={"disabled": True}).status_code == 409
    assert admin.patch(own, json={"role": "auditor"}).status_code == 409
    assert admin.delete(own).status_code == 409
    assert admin.post(f"{own}/password", json={}).status_code == 409
    assert admin.delete(f"{own}/second-factor").status_code == 409
    assert admin.get("/api/session").status_code == 200
    assert admin.patch("/api/accounts/nobody", json={"disabled": True}).status_code == 404
    assert admin.post("/api/accounts", json={"name": "worker", "role": "worker"}).status_code == 409
    wrong = admin.post("/api/accounts", json={"name": "x", "role": "worker", "password": "password1"})
    assert wrong.json()["errors"][0]["where"] == "password"
    assert "password1" not in wrong.text
    dates = admin.put(
        "/api/accounts/worker/grids",
        headers={"If-Match": '"1"'},
        json={"grids": [{"grid": G1, "since": "2026-02-01", "until": "2026-01-01"}]},
    )
    assert dates.status_code == 422
    assert admin.put("/api/accounts/worker/identity", json={"subject": "x"}).status_code == 409, (
        "no provider is configured"
    )


def test_what_another_admin_has_set_is_not_overwritten(admin: TestClient, as_: SignIn) -> None:
    path = "/api/accounts/worker"
    writes = (
        ("PATCH", path, {"disabled": False}),
        ("PUT", f"{path}/grids", {"grids": [{"grid": G2}]}),
        ("DELETE", path, None),
    )
    for method, address, body in writes:
        assert admin.request(method, address, json=body).status_code == 428
    read = tag(admin, path)
    admin.post("/api/session", json={"username": "worker", "password": "wrong-password-1"})
    assert tag(admin, path) == read, "a wrong password is no change of an admin's"
    answered = admin.put(f"{path}/grids", headers=read, json={"grids": [{"grid": G1}, {"grid": G2}]})
    assert (answered.status_code, answered.headers["etag"]) == (200, tag(admin, path)["If-Match"])
    listed = next(each for each in admin.get("/api/accounts").json()["items"] if each["name"] == "worker")
    assert f'"{listed["version"]}"' == answered.headers["etag"] != read["If-Match"]
    for method, address, body in writes:
        assert admin.request(method, address, headers=read, json=body).status_code == 412
    assert admin.get(path).json()["grids"] == [G1, G2]
    changed = admin.patch(path, headers=tag(admin, path), json={"disabled": True, "role": "planner"})
    assert changed.headers["etag"] == tag(admin, path)["If-Match"] != answered.headers["etag"]


def test_a_reset_password_is_not_the_holders(admin: TestClient, as_: SignIn) -> None:
    before = as_("planner")
    made_up = admin.post("/api/accounts/planner/password", json={}).json()["password"]
    assert admin.get("/api/session", headers=before).status_code == 401
    hers = sign_in(admin, "planner", made_up)
    assert admin.get("/api/grids", headers=hers).json()["needs"] == "password"
    same = admin.put("/api/account/password", headers=hers, json={"current": "wrong", "new": NEW})
    assert same.status_code == 401
    weak = admin.put("/api/account/password", headers=hers, json={"current": made_up, "new": "planner12"})
    assert weak.status_code == 422
    assert admin.get("/api/grids", headers=hers).status_code == 403
    assert admin.put("/api/account/password", headers=hers, json={"current": made_up, "new": NEW}).status_code == 204
    assert admin.get("/api/grids", headers=hers).status_code == 200


def test_a_second_factor_from_the_first_scan_to_its_removal(client: TestClient, as_: SignIn) -> None:
    here, elsewhere = sign_in(client, "planner"), as_("planner")
    path = "/api/account/second-factor"
    assert client.post(path, headers=here, json={"password": "wrong-password-1"}).status_code == 401
    begun = client.post(path, headers=here, json={"password": PASSWORD}).json()
    assert begun["qr_svg"].startswith("<svg")
    totp = pyotp.TOTP(begun["secret"])
    assert client.post(f"{path}/confirm", headers=here, json={"code": "000000"}).status_code == 401
    confirmed = client.post(f"{path}/confirm", headers=here, json={"code": totp.now()})
    codes = confirmed.json()["recovery_codes"]
    assert client.get("/api/grids", headers=here).status_code == 200, "the session that has set it up has shown it"
    assert client.get("/api/session", headers=elsewhere).status_code == 401
    asked = client.post("/api/session", json={"username": "planner", "password": PASSWORD})
    assert (asked.status_code, asked.json()["needs"]) == (401, "code")
    assert "set-cookie" not in asked.headers
    wrong = client.post("/api/session", json={"username": "planner", "password": "wrong-password-1", "code": codes[0]})
    assert "needs" not in wrong.json(), "a code tells nothing about a password"
    second = sign_in(client, "planner", code=codes[0])
    assert client.get("/api/account", headers=second).json()["recovery_codes_left"] == 9
    renewed = client.post(f"{path}/recovery-codes", headers=second, json={"code": codes[1]}).json()["recovery_codes"]
    removal = {"password": PASSWORD, "code": codes[2]}
    assert client.post(f"{path}/remove", headers=second, json=removal).status_code == 401
    assert client.post(f"{path}/remove", headers=second, json={**removal, "code": renewed[0]}).status_code == 204
    assert client.get("/api/session", headers=here).status_code == 401
    sign_in(client, "planner")


def test_a_role_that_must_have_one_can_do_nothing_but_set_it_up(admin: TestClient, as_: SignIn) -> None:
    hers = as_("planner")
    assert admin.get("/api/grids", headers=hers).status_code == 200
    policy = "/api/account-policy"
    before = tag(admin, policy)
    assert admin.put(policy, headers=before, json={"second_factor_required": ["planner"]}).status_code == 200
    assert admin.put(policy, headers=before, json={"second_factor_required": []}).status_code == 412, (
        "it asks nobody no more"
    )
    assert admin.put(policy, json={"second_factor_required": []}).status_code == 428
    assert admin.put(policy, headers=tag(admin, policy), json={"second_factor_required": ["screen"]}).status_code == 422
    assert admin.get(policy).json()["second_factor_required"] == ["planner"]
    for method, path in (
        ("GET", "/api/grids"),
        ("GET", "/openapi.json"),
        ("POST", "/api/stations"),
        ("GET", "/api/account/sessions"),
    ):
        answer = admin.request(method, path, headers=hers)
        assert (answer.status_code, answer.json()["needs"]) == (403, "second_factor"), path
    assert admin.get("/maps/needs", headers={**hers, "accept": "text/html"}, follow_redirects=False).status_code == 303
    page = admin.get("/account", headers={**hers, "accept": "text/html"})
    assert "必须使用两步验证" in page.text
    begun = admin.post("/api/account/second-factor", headers=hers, json={"password": PASSWORD}).json()
    code = pyotp.TOTP(begun["secret"]).now()
    assert admin.post("/api/account/second-factor/confirm", headers=hers, json={"code": code}).status_code == 200
    assert admin.get("/api/grids", headers=hers).status_code == 200
    assert admin.delete("/api/accounts/planner/second-factor").status_code == 204
    assert admin.delete("/api/accounts/planner/second-factor").status_code == 404
    assert admin.get("/api/session", headers=hers).status_code == 401


def test_sessions_are_listed_and_ended(admin: TestClient, as_: SignIn) -> None:
    first, second, third = (sign_in(admin, "planner") for _ in range(3))
    mine = admin.get("/api/account/sessions", headers=first).json()["items"]
    assert len(mine) == 3
    assert [each["own"] for each in mine].count(True) == 1
    assert {each["address"] for each in mine} == {"testclient"}
    other = next(each for each in mine if not each["own"])
    assert admin.delete(f"/api/account/sessions/{other['id']}", headers=first).status_code == 204
    assert [admin.get("/api/session", headers=each).status_code for each in (second, third)].count(401) == 1
    assert admin.delete(f"/api/account/sessions/{other['id']}", headers=as_("worker")).status_code == 404
    assert admin.delete("/api/account/sessions", headers=first).json() == {"ended": 1}
    told = admin.get("/api/accounts/planner/sessions").json()["items"]
    assert date.fromisoformat(told[0]["last_seen"])
    assert admin.delete(f"/api/accounts/planner/sessions/{told[0]['id']}").status_code == 204
    assert admin.get("/api/session", headers=first).status_code == 401
    sign_in(admin, "planner")
    assert admin.delete("/api/accounts/planner/sessions").json() == {"ended": 1}
    admin.delete("/api/accounts/admin/sessions")
    assert admin.get("/api/session").status_code == 200, "one's own present session stays"


def test_a_screen_key_opens_the_wall_and_nothing_else(admin: TestClient, app: FastAPI) -> None:
    key = admin.post("/api/screen-keys", json={"account": "大厅", "label": "一楼"}).json()["key"]
    assert admin.post("/api/screen-keys", json={"account": "大厅"}).status_code == 409
    bearer = {"Authorization": f"Bearer {key}"}
    assert admin.get("/api/screen/summary", headers=bearer).status_code == 200
    for path in ("/api/households", "/api/accounts", "/api/coverage/capacity"):
        assert admin.get(path, headers=bearer).status_code == 403
    tried = (
        ("PUT", "/api/account/password", {"new": NEW}),
        ("POST", "/api/account/second-factor", {}),
        ("DELETE", "/api/account/sessions", {}),
    )
    for method, path, body in tried:
        assert admin.request(method, path, headers=bearer, json=body).status_code == 403
    with TestClient(app, raise_server_exceptions=False) as wall:
        assert wall.post("/api/session/key", json={"key": key + "x"}).status_code == 401
        opened = wall.post("/api/session/key", json={"key": key})
        assert opened.json()["role"] == "screen"
        assert "HttpOnly" in opened.headers["set-cookie"]
        assert wall.get("/screen", headers={"accept": "text/html"}).status_code == 200
        assert wall.get("/login", follow_redirects=False).headers["location"] == "/screen"
        (listed,) = admin.get("/api/screen-keys").json()["items"]
        assert listed["last_used_on"] is not None
        assert key not in json.dumps(listed)
        assert admin.delete(f"/api/screen-keys/{listed['id']}").status_code == 204
        assert wall.get("/api/screen/summary").status_code == 401
    assert admin.get("/api/screen/summary", headers=bearer).status_code == 401
    assert admin.delete(f"/api/screen-keys/{listed['id']}").status_code == 404


def test_what_the_machine_changes_holds_here_at_once(
    client: TestClient, as_: SignIn, peopled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process asks a role for a second factor, or sets a password: no token remembered here outlives the notice."""
    monkeypatch.setattr("api.sessions.REMEMBERED_S", 600.0)  # else forgetting alone would do in a while
    hers, his = as_("planner"), as_("worker")
    assert client.get("/api/grids", headers=hers).status_code == 200
    assert client.get("/api/grids", headers=his).status_code == 200
    with peopled.owner_session() as session:
        require(session, ["planner"])
        set_password(session, "worker", NEW, must_change=True)
    deadline = time.monotonic() + 60
    while (client.get("/api/grids", headers=hers).status_code, client.get("/api/grids", headers=his).status_code) != (
        403,
        401,
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_failed_sign_ins_are_noted_without_what_was_typed(client: TestClient, peopled: Store) -> None:
    for name, password in (("nobody-here", "typed-secret-1"), ("planner", "typed-secret-2")):
        client.post("/api/session", json={"username": name, "password": password})
    client.post("/api/session/key", json={"key": "typed-secret-3"})
    with peopled.owner_session() as session:
        rows = session.execute(
            text("SELECT account, detail, address, l::text AS whole FROM audit_log l ORDER BY id")
        ).all()
    assert [(row.account, json.loads(row.detail)["why"]) for row in rows] == [
        (None, "unknown name"),
        ("planner", "password"),
        (None, "key"),
    ]
    assert {row.address for row in rows} == {"testclient"}
    assert not any("typed-secret" in row.whole or "nobody-here" in row.whole for row in rows)
