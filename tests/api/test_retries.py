"""Sent again, also by many at once, a call with an id of the caller's choice is one; the same id for something else is refused."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, lonlat

AT_ONCE = 6
LON, LAT = lonlat(100, 500)


def send(client: TestClient, address: str, json: dict[str, Any], who: dict[str, str]) -> list[int]:
    """Post the same from several threads that start together, and once more; return the statuses in order."""
    start = threading.Barrier(AT_ONCE)

    def one(_: int) -> Any:
        start.wait()
        return client.post(address, json=json, headers=who)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(one, range(AT_ONCE)))
    answers.append(client.post(address, json=json, headers=who))
    assert len({str(answer.json().get("id")) for answer in answers}) == 1, answers[0].text
    return sorted(answer.status_code for answer in answers)


def rows(store: Store, table: str) -> int:
    with store.owner_session() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


EVENT = {"kind": "facility", "title": "路灯不亮", "severity": "ordinary", "lon": LON, "lat": LAT, "note": "第三盏"}
MADE_ONCE = [200] * AT_ONCE + [201]


def test_of_many_at_once_one_is_made(client: TestClient, as_: SignIn, peopled: Store) -> None:
    planner, worker = as_("planner"), as_("worker")
    project = {"title": "助餐", "service": "meal", "area": G1, "id": str(uuid4())}
    resource = {"organisation": "协会", "service": "meal", "area": G1, "capacity": 9, "id": str(uuid4())}
    here = f"/api/projects/{project['id']}"
    made = [
        ("/api/needs", {"household": "H001", "service": "meal", "note": "不吃辣"}, worker, {"service": "health"}, "needs"),
        ("/api/needs", {"household": "H001", "service": "meal", "note": "不吃辣"}, worker, {"note": "吃辣"}, "needs"),
        ("/api/needs", {"household": "H001", "service": "meal"}, worker, {"origin": "request"}, "needs"),
        ("/api/visits", {"household": "H001", "outcome": "met", "unchanged": True}, worker, {"outcome": "absent"}, "visits"),
        ("/api/visits", {"household": "H001", "outcome": "met", "visited_on": "2026-01-02"}, worker, {"visited_on": "2026-01-03"}, "visits"),
        ("/api/events", EVENT, worker, {"title": "井盖松动"}, "events"),
        ("/api/events", EVENT, worker, {"lon": LON + 0.001}, "events"),
        ("/api/resources", resource, planner, {"capacity": 8}, "resources"),
        ("/api/projects", project, planner, {"ends_on": "2027-01-01"}, "projects"),
        (f"{here}/duties", {"party": "甲", "role": "lead", "task": "做", "due_on": "2027-01-01"}, planner, {"due_on": "2027-01-02"}, "project_duties"),
        (f"{here}/resources", {"resource": resource["id"], "places": 2}, planner, {"places": 3}, "project_resources"),
    ]  # fmt: skip
    for address, body, who, other, table in made:
        asked, before = {"id": str(uuid4()), **body}, rows(peopled, table)
        assert send(client, address, asked, who) == MADE_ONCE, (address, body)
        assert rows(peopled, table) == before + 1, address
        assert client.post(address, json={**asked, **other}, headers=who).status_code == 409, (address, other)
        assert rows(peopled, table) == before + 1, address
    assert client.post(f"{here}/transitions", json={"to": "running"}, headers=planner).status_code == 200
    feedback = {"id": str(uuid4()), "outcome": "satisfied", "summary": "按时送到"}
    assert send(client, f"{here}/feedback", feedback, planner) == MADE_ONCE
    assert client.post(f"{here}/feedback", json={**feedback, "outcome": "neutral"}, headers=planner).status_code == 409


def test_of_many_steps_at_once_one_is_taken(client: TestClient, as_: SignIn, peopled: Store) -> None:
    planner = as_("planner")
    event, elsewhere = (client.post("/api/events", json=EVENT, headers=planner).json()["id"] for _ in range(2))
    there, before = f"/api/events/{event}", rows(peopled, "event_steps")
    step, note = {"to": "dispatched", "note": "请核实", "id": str(uuid4())}, {"note": "已到现场", "id": str(uuid4())}
    assert send(client, f"{there}/transitions", step, planner) == [200] * (AT_ONCE + 1)
    assert send(client, f"{there}/notes", note, planner) == [200] * (AT_ONCE + 1)
    assert rows(peopled, "event_steps") == before + 2
    for address, body in (
        (f"{there}/transitions", {**step, "to": "returned"}),
        (f"{there}/transitions", {**step, "note": "别的"}),
        (f"{there}/notes", {**note, "note": "别的"}),
    ):
        assert client.post(address, json=body, headers=planner).status_code == 409, body
    for body, what in ((step, "transitions"), (note, "notes")):
        refused = client.post(f"/api/events/{elsewhere}/{what}", json=body, headers=planner)
        assert refused.status_code == 409 and refused.json()["errors"][0]["where"] == "body.id"


def test_once_changed_the_first_call_again_finds_it(client: TestClient, as_: SignIn) -> None:
    """A retry that comes late must not be told that its own id is somebody else's."""
    planner, body = as_("planner"), {"id": str(uuid4()), "title": "助餐", "service": "meal", "area": G1}
    assert client.post("/api/projects", json=body, headers=planner).status_code == 201
    changed = client.patch(
        f"/api/projects/{body['id']}", json={"title": "老人助餐"}, headers={**planner, "If-Match": '"1"'}
    )
    again = client.post("/api/projects", json=body, headers=planner)
    assert again.status_code == 200 and again.json() == changed.json()


def test_two_events_are_not_merged_into_each_other(client: TestClient, as_: SignIn) -> None:
    planner, body = as_("planner"), {"kind": "facility", "title": "路灯不亮", "lon": LON, "lat": LAT}
    for _ in range(5):
        pair = [client.post("/api/events", json=body, headers=planner).json()["id"] for _ in range(2)]
        start = threading.Barrier(2)

        def merge(ids: list[str], start: threading.Barrier = start) -> int:
            start.wait()
            return client.post(
                f"/api/events/{ids[0]}/transitions", json={"to": "merged", "into": ids[1]}, headers=planner
            ).status_code

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(merge, (pair, pair[::-1]))) == [200, 422]
