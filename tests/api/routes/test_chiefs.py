from __future__ import annotations

from datetime import datetime, timedelta

from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.clock import TIME_ZONE
from gis.store.session import Store
from tests.api.conftest import SignIn

TODAY = datetime.now(TIME_ZONE).date()
PHONE = "15412345678"


def without(client: TestClient, headers: dict[str, str], query: str = "") -> tuple[dict[str, int], list[str]]:
    answered = client.get(f"/api/buildings/without-chief{query}", headers=headers)
    assert answered.status_code == 200, answered.text
    found = answered.json()
    return found["totals"], [item["code"] for item in found["items"]]


def test_a_building_gets_a_chief_and_loses_it_by_a_last_day(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    assert without(client, headers) == ({"buildings": 1, "with_chief": 0, "without_chief": 1}, ["B1"])
    made = client.post("/api/buildings/B1/chiefs", json={"name": " 赵一 ", "phone": PHONE}, headers=headers)
    assert made.status_code == 201, made.text
    chief = made.json()
    assert (chief["name"], chief["phone"], chief["in_office"]) == ("赵一", "154****5678", True)
    assert without(client, headers) == ({"buildings": 1, "with_chief": 1, "without_chief": 0}, [])

    yesterday = (TODAY - timedelta(days=1)).isoformat()
    tag = {**headers, "If-Match": made.headers["etag"]}
    wrong = client.patch(f"/api/chiefs/{chief['id']}", json={"valid_to": yesterday}, headers=tag)
    assert wrong.status_code == 422  # began today
    body = {"valid_from": "2026-01-01", "valid_to": yesterday}
    ended = client.patch(f"/api/chiefs/{chief['id']}", json=body, headers=tag)
    assert ended.status_code == 200, ended.text
    assert ended.json()["in_office"] is False
    assert client.patch(f"/api/chiefs/{chief['id']}", json=body, headers=tag).status_code == 412
    assert without(client, headers)[1] == ["B1"]
    listed = client.get("/api/buildings/B1/chiefs", headers=headers).json()["items"]
    assert [(c["name"], c["valid_to"]) for c in listed] == [("赵一", yesterday)]


def test_a_chief_to_come_does_not_count_yet(client: TestClient, as_: SignIn) -> None:
    headers = as_("admin")
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    made = client.post("/api/buildings/B2/chiefs", json={"name": "钱二", "valid_from": tomorrow}, headers=headers)
    assert made.json()["in_office"] is False
    assert without(client, headers) == ({"buildings": 3, "with_chief": 0, "without_chief": 3}, ["B1", "B2", "B3"])


def test_planners_see_where_nobody_is_and_never_who_is(client: TestClient, as_: SignIn) -> None:
    client.post("/api/buildings/B2/chiefs", json={"name": "孙三", "phone": PHONE}, headers=as_("admin"))
    totals, codes = without(client, as_("planner"))
    assert totals == {"buildings": 3, "with_chief": 1, "without_chief": 2}
    assert codes == ["B1", "B3"]
    page = client.get("/api/buildings/without-chief?limit=1", headers=as_("planner"))
    assert "孙三" not in page.text
    assert without(client, as_("planner"), page.json()["next"].removeprefix("/api/buildings/without-chief"))[1] == [
        "B3"
    ]
    assert without(client, as_("planner"), "?area=539901001000")[1] == codes
    assert client.get("/api/buildings/without-chief?area=539902000000", headers=as_("planner")).status_code == 404
    for role in ("planner", "screen", "auditor"):
        assert client.get("/api/buildings/B2/chiefs", headers=as_(role)).status_code == 403


def test_a_worker_knows_nothing_of_foreign_buildings(client: TestClient, as_: SignIn) -> None:
    chief = client.post("/api/buildings/B2/chiefs", json={"name": "孙三"}, headers=as_("admin"))
    headers = {**as_("worker"), "If-Match": chief.headers["etag"]}
    path = f"/api/chiefs/{chief.json()['id']}"
    answers = [
        client.get("/api/buildings/B2/chiefs", headers=headers),
        client.post("/api/buildings/B2/chiefs", json={"name": "x"}, headers=headers),
        client.patch(path, json={"name": "x"}, headers=headers),
        client.post(f"{path}/reveal", json={"reason": "看看"}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert answers[0].json()["detail"] == client.get("/api/buildings/B777/chiefs", headers=headers).json()["detail"]


def test_the_phone_is_sealed_and_shown_for_a_reason(client: TestClient, as_: SignIn, peopled: Store) -> None:
    chief = client.post("/api/buildings/B1/chiefs", json={"name": "赵一", "phone": PHONE}, headers=as_("admin")).json()
    path = f"/api/chiefs/{chief['id']}/reveal"
    assert client.post(path, json={"reason": " "}, headers=as_("worker")).status_code == 422
    shown = client.post(path, json={"reason": "通知停水"}, headers=as_("worker"))
    assert shown.json()["phone"] == PHONE
    with peopled.owner_session() as session:
        stored = session.scalar(text("SELECT phone_sealed FROM building_chiefs"))
        noted = session.execute(
            text("SELECT account, subject, reason FROM audit_log WHERE action = 'chief.reveal'")
        ).one()
    assert PHONE.encode() not in bytes(stored)
    assert tuple(noted) == ("worker", f"chief:{chief['id']}", "通知停水")


def test_wrong_fields_are_named(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    for body in (
        {},
        {"name": ""},
        {"name": "x\x00"},
        {"name": "赵一", "phone": "call me"},
        {"name": "赵一", "valid_from": "2026-02-30"},
        {"name": "赵一", "valid_from": "2026-02-02", "valid_to": "2026-02-01"},
        {"name": "赵一", "resident": 999_999},
        {"name": "赵一", "other": 1},
    ):
        answered = client.post("/api/buildings/B1/chiefs", json=body, headers=headers)
        assert answered.status_code == 422, body
        assert answered.json()["errors"], body
