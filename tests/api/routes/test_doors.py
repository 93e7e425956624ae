from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.services.doors import new_code
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.api.test_printing import read

HTML = {"accept": "text/html,application/xhtml+xml"}


def issue(client: TestClient, headers: dict[str, str], household: str) -> str:
    made = client.post(f"/api/households/{household}/door-code", headers=headers)
    assert made.status_code == 201, made.text
    return str(made.json()["code"])


def scan(client: TestClient, code: str, headers: dict[str, str] | None = None) -> Any:
    client.cookies.clear()
    return client.get(f"/d/{code}", headers={**HTML, **(headers or {})}, follow_redirects=False)


def shape(answered: Any) -> tuple[int, str | None, str]:
    """Return all of an answer that could tell one refusal from another."""
    named = {
        key: value
        for key, value in answered.headers.items()
        if key not in ("x-request-id", "date", "content-security-policy")
    }
    return answered.status_code, str(sorted(named.items())), answered.text


def test_codes_are_random_and_long() -> None:
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert all(re.fullmatch("[A-Z2-7]{26}", code) for code in codes)


def test_a_code_opens_the_file_for_the_worker_of_the_grid(client: TestClient, as_: SignIn) -> None:
    code = issue(client, as_("worker"), "H001")
    for who in ("worker", "admin"):
        opened = scan(client, code, as_(who))
        assert opened.status_code == 200, opened.text
        assert "H001" in opened.text
        assert "199****1234" in opened.text
        assert "19900001234" not in opened.text
        assert opened.headers["cache-control"] == "private, no-store"
    assert scan(client, code.lower(), as_("worker")).status_code == 200


def test_everybody_else_gets_the_login_page_and_no_sign_of_a_difference(client: TestClient, as_: SignIn) -> None:
    admin = as_("admin")
    own, foreign = issue(client, admin, "H001"), issue(client, admin, "H010")
    revoked = issue(client, admin, "H002")
    assert client.delete("/api/households/H002/door-code", headers=admin).status_code == 204
    unknown = new_code()
    wrong = ["x", "' OR 1=1 --", "%00", "A" * 26, "A" * 500]
    to_worker = {shape(scan(client, each, as_("worker"))) for each in (foreign, revoked, unknown, *wrong)}
    assert len(to_worker) == 1
    status, headers, body = to_worker.pop()
    assert (status, body) == (303, "")
    assert "('location', '/login')" in (headers or "")
    for role in ("planner", "screen", "auditor"):
        assert {shape(scan(client, each, as_(role))) for each in (own, foreign, revoked, unknown)} == {
            (status, headers, body)
        }


def test_nobody_signed_in_is_asked_to_sign_in_and_comes_back(client: TestClient, as_: SignIn) -> None:
    code = issue(client, as_("admin"), "H001")
    for each in (code, new_code()):
        answered = scan(client, each)
        assert (answered.status_code, answered.text) == (303, "")
        assert answered.headers["location"] == f"/login?next=/d/{each}"
        assert scan(client, each, {"accept": "*/*"}).status_code == 401  # a program
    cookie = {"cookie": f"linli_session={as_('worker')['Authorization'].removeprefix('Bearer ')}", **HTML}
    back = client.get(f"/login?next=/d/{code}", headers=cookie, follow_redirects=False)
    assert back.headers["location"] == f"/d/{code}"
    planner = {"cookie": f"linli_session={as_('planner')['Authorization'].removeprefix('Bearer ')}", **HTML}
    assert client.get(f"/login?next=/d/{code}", headers=planner, follow_redirects=False).headers["location"] == "/"


def test_a_new_code_ends_the_old_one(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    old = issue(client, headers, "H001")
    new = issue(client, headers, "H001")
    assert scan(client, old, headers).status_code == 303
    assert scan(client, new, headers).status_code == 200
    assert client.delete("/api/households/H001/door-code", headers=headers).status_code == 204
    assert client.delete("/api/households/H001/door-code", headers=headers).status_code == 404
    assert scan(client, new, headers).status_code == 303


def test_a_worker_has_no_business_with_foreign_doors(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    calls = [
        client.post("/api/households/H010/door-code", headers=headers),
        client.delete("/api/households/H010/door-code", headers=headers),
        client.post("/api/buildings/B2/door-codes", headers=headers),
        client.get("/api/buildings/B2/door-sheet", headers=headers),
    ]
    assert [answered.status_code for answered in calls] == [404] * 4
    for role in ("planner", "screen", "auditor"):
        assert client.post("/api/households/H001/door-code", headers=as_(role)).status_code == 403
        assert client.get("/api/buildings/B1/door-sheet", headers=as_(role)).status_code == 403


@pytest.fixture
def named(peopled: Store) -> Store:
    with peopled.owner_session() as session:
        session.execute(text("UPDATE residents SET name = '绝密姓名'"))
        session.execute(text("UPDATE households SET unit = '1', room = '10' || right(code, 1)"))
    return peopled


def test_the_sheet_of_a_building(client: TestClient, as_: SignIn, named: Store) -> None:
    headers = as_("worker")
    assert client.get("/api/buildings/B1/door-sheet", headers=headers).status_code == 409
    first = issue(client, headers, "H001")
    issued = client.post("/api/buildings/B1/door-codes", headers=headers)
    assert issued.json() == {"issued": 5, "in_force": 6}
    assert client.post("/api/buildings/B1/door-codes", headers=headers).json() == {"issued": 0, "in_force": 6}
    sheet = client.get("/api/buildings/B1/door-sheet", headers=headers)
    assert sheet.headers["content-type"] == "application/pdf"
    texts, codes = read(sheet.content)
    assert f"http://testserver/d/{first}" in codes
    assert len(set(codes)) == 6
    assert all(f"10{number}室" in texts[0] for number in range(1, 7))
    for secret in ("绝密姓名", "1234", "H00"):
        assert secret not in texts[0]
    for each in codes:
        assert scan(client, each.rsplit("/", 1)[1], headers).status_code == 200


def test_openings_and_refusals_are_noted_without_the_code(client: TestClient, as_: SignIn, peopled: Store) -> None:
    code = issue(client, as_("admin"), "H010")
    scan(client, code, as_("worker"))
    scan(client, code, as_("admin"))
    with peopled.owner_session() as session:
        noted = session.execute(text("SELECT account, action, subject, detail FROM audit_log ORDER BY id")).all()
    assert ("worker", "door_code.refuse", None, "{}") in [tuple(each) for each in noted]
    assert ("admin", "household.read", "household:H010") in [tuple(each)[:3] for each in noted]
    assert code not in str(noted)
