"""需求 and 呼声回应 over HTTP: opened, matched, closed, replied to; a worker's own grids only."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import add_station


def opened(client: TestClient, headers: dict[str, str], household: str = "H001", **more: Any) -> Any:
    return client.post("/api/needs", json={"household": household, "service": "health", **more}, headers=headers)


def test_opened_matched_and_closed(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    answered = opened(client, worker, note="量血压")
    assert answered.status_code == 201, answered.text
    need = answered.json()
    assert need["state"] == "open" and need["repeats"] == 0 and need["origin"] == "worker"
    assert [offer["key"] for offer in need["offers"]] == ["S1"]
    assert need["offers"][0]["walk_m"] == 0 and need["offers"][0]["open"] is True
    file = client.get("/api/households/H001", headers=worker).json()
    assert need["id"] in {one["id"] for one in file["needs"]}
    closed = client.post(f"/api/needs/{need['id']}/close", json={"result": "已约家庭医生"}, headers=worker)
    assert closed.status_code == 200 and closed.json()["state"] == "closed" and closed.json()["offers"] == []
    again = client.post(f"/api/needs/{need['id']}/close", headers=worker)
    assert again.status_code == 200 and again.json()["version"] == closed.json()["version"]
    other = client.post(f"/api/needs/{need['id']}/close", json={"result": "没办成"}, headers=worker)
    assert other.status_code == 409


def test_nearest_and_open_first(peopled: Store, client: TestClient, as_: SignIn) -> None:
    with peopled.owner_session() as session:
        add_station(session, "S8", 150, 500, [("culture", "Jan 1 00:00-00:01")])
        add_station(session, "S7", 800, 500, [("culture", "24/7")])
        add_station(session, "S6", 600, 500, [("culture", "24/7")])
    need = opened(client, as_("worker"), service="culture").json()
    assert [(offer["key"], offer["open"]) for offer in need["offers"]] == [("S6", True), ("S7", True), ("S8", False)]
    assert need["offers"][0]["walk_m"] == 650  # 500 m in a straight line × 1.3, no street being known


def test_the_same_need_twice_is_one_and_a_later_one_is_a_repeat(client: TestClient, as_: SignIn) -> None:
    worker, identity = as_("worker"), str(uuid4())
    answers = [opened(client, worker, id=identity) for _ in range(2)]
    assert [answered.status_code for answered in answers] == [201, 200]
    assert opened(client, worker, "H002", id=identity).status_code == 409
    repeats = {opened(client, worker).json()["id"] for _ in range(2)}
    listed = client.get("/api/needs?state=open", headers=worker).json()["items"]
    assert sorted(need["repeats"] for need in listed) == [0, 1, 2]
    assert repeats < {need["id"] for need in listed}


def test_a_stale_close_is_refused(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    need = opened(client, worker).json()
    url = f"/api/needs/{need['id']}/close"
    assert client.post(url, json={}, headers={**worker, "If-Match": '"9"'}).status_code == 412
    assert client.post(url, json={}, headers={**worker, "If-Match": '"1"'}).status_code == 200


def test_others_needs_are_not_there(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    assert opened(client, worker, "H007").status_code == 404
    elsewhere = opened(client, as_("admin"), "H007").json()
    assert client.get(f"/api/needs/{elsewhere['id']}", headers=worker).status_code == 404
    assert client.post(f"/api/needs/{elsewhere['id']}/close", headers=worker).status_code == 404
    assert client.get("/api/needs", headers=worker).json()["items"] == []
    for role in ("planner", "screen", "auditor"):
        assert opened(client, as_(role)).status_code == 403


def test_a_public_reply_tells_nothing_of_who_asked(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    need = opened(client, worker, origin="request", note="张三家想要扶手").json()
    reply = {"result": "已装", "public_reply": "三号楼已加装扶手"}
    assert client.post(f"/api/needs/{need['id']}/close", json=reply, headers=worker).status_code == 200
    for role in ("planner", "screen", "worker"):
        answered = client.get("/api/needs/replies", headers=as_(role))
        assert [one["public_reply"] for one in answered.json()["items"]] == ["三号楼已加装扶手"]
        assert "张三" not in answered.text and "H001" not in answered.text and need["id"] not in answered.text


def test_pages_hold_every_need_once(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    made = {opened(client, worker, f"H00{n % 6 + 1}").json()["id"] for n in range(7)}
    seen, link = [], "/api/needs?limit=3"
    while link:
        answered = client.get(link, headers=worker).json()
        seen += [need["id"] for need in answered["items"]]
        link = answered["next"]
    assert sorted(seen) == sorted(made)
    assert client.get("/api/needs?cursor=x", headers=worker).status_code == 422


def test_of_a_day_the_later_one_is_the_repeat(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    made = [opened(client, worker).json() for _ in range(4)]
    assert [each["repeats"] for each in made] == [0, 1, 2, 3]
    listed = client.get("/api/needs", headers=worker).json()["items"]
    assert [each["id"] for each in listed] == [each["id"] for each in reversed(made)]
    assert [each["repeats"] for each in listed] == [3, 2, 1, 0]


def test_wrong_words_are_named(client: TestClient, as_: SignIn) -> None:
    answered = opened(client, as_("worker"), service="lunch")
    assert answered.status_code == 422
    assert answered.json()["errors"][0]["where"] == "body.service" and "meal" in answered.text


def test_in_the_database_too(peopled: Store, client: TestClient, as_: SignIn) -> None:
    opened(client, as_("admin"), "H007")
    with peopled.owner_session() as session:
        accounts = {name: number for number, name in session.execute(text("SELECT id, name FROM accounts"))}
    for who in (None, *(accounts[name] for name in ("planner", "screen", "worker"))):
        with peopled.session(who) as session:
            assert session.scalar(text("SELECT count(*) FROM needs")) == 0
