"""吹哨报到 over HTTP: the flow, who may see what, limits, desks, two dispatchers at once, and the day's counts against a full recount."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from api.desk import Desk
from gis.casework.flow import STATES, STEPS
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2, lonlat

ZONE = ZoneInfo("Asia/Shanghai")
COUNTED = (
    "reported",
    "dispatched",
    "dispatched_in_time",
    "resolved",
    "reworked",
    "closed",
    "closed_in_time",
    "evaluated",
    "satisfied",
)


def body(x_m: float = 100, **more: Any) -> dict[str, Any]:
    lon, lat = lonlat(x_m, 500)
    return {"kind": "facility", "title": "路灯不亮", "severity": "ordinary", "lon": lon, "lat": lat, **more}


def report(client: TestClient, headers: dict[str, str], **more: Any) -> dict[str, Any]:
    answered = client.post("/api/events", json=body(**more), headers=headers)
    assert answered.status_code == 201, answered.text
    return answered.json()


def go(client: TestClient, headers: dict[str, str], event: dict[str, Any], to: str, **more: Any) -> Any:
    return client.post(f"/api/events/{event['id']}/transitions", json={"to": to, **more}, headers=headers)


def recount(store: Store) -> tuple[list[Any], list[Any]]:
    with store.owner_session() as session:
        whole = session.execute(text("SELECT * FROM linli_recount_event_days() ORDER BY 1, 2")).all()
        kept = session.execute(
            text(f"SELECT grid_id, day, {', '.join(COUNTED)} FROM event_days WHERE reported > 0 ORDER BY 1, 2")
        ).all()
        left = session.scalar(
            text(
                "SELECT count(*) FROM event_days WHERE reported = 0 AND (dispatched, resolved, closed, evaluated) <> (0, 0, 0, 0)"
            )
        )
    assert left == 0
    return list(whole), list(kept)


def test_from_report_to_result(client: TestClient, as_: SignIn) -> None:
    worker, planner = as_("worker"), as_("planner")
    event = report(client, worker)
    assert event["state"] == "reported" and event["grid"] == G1
    assert event["allowed"] == ["dispatched", "escalated", "merged"]
    for to, who in (("dispatched", planner), ("handling", worker), ("resolved", worker), ("evaluated", planner)):
        more = {"satisfaction": "satisfied"} if to == "evaluated" else {}
        answered = go(client, who, event, to, note=f"到{to}", **more)
        assert answered.status_code == 200, answered.text
        assert answered.json()["state"] == to
    last = client.get(f"/api/events/{event['id']}", headers=worker).json()
    assert [step["to_state"] for step in last["steps"]] == [
        "reported",
        "dispatched",
        "handling",
        "resolved",
        "evaluated",
    ]
    assert [step["account"] for step in last["steps"]] == ["worker", "planner", "worker", "worker", "planner"]
    assert last["dispatched_in_time"] is True and last["resolved_in_time"] is True
    assert last["satisfaction"] == "satisfied" and last["due_at"] is None and last["allowed"] == []


def test_an_illegal_step_is_409_and_names_the_legal_ones(client: TestClient, as_: SignIn) -> None:
    event = report(client, as_("planner"))
    answered = go(client, as_("planner"), event, "resolved")
    assert answered.status_code == 409
    for state in STEPS["reported"]:
        assert state in answered.json()["detail"]
    assert go(client, as_("planner"), event, "flying").status_code == 422


def test_the_same_report_twice_is_one(client: TestClient, as_: SignIn) -> None:
    identity = str(uuid4())
    first = client.post("/api/events", json=body(id=identity), headers=as_("worker"))
    again = client.post("/api/events", json=body(id=identity), headers=as_("worker"))
    other = client.post("/api/events", json=body(id=identity, title="别的事"), headers=as_("worker"))
    stranger = client.post("/api/events", json=body(x_m=1500, id=identity), headers=as_("worker"))
    assert [first.status_code, again.status_code, other.status_code, stranger.status_code] == [201, 200, 409, 409]
    assert first.json() == again.json()


def test_the_same_step_twice_is_one(client: TestClient, as_: SignIn) -> None:
    event, step = report(client, as_("planner")), str(uuid4())
    answers = [go(client, as_("planner"), event, "dispatched", id=step) for _ in range(2)]
    assert [answered.status_code for answered in answers] == [200, 200]
    assert len(answers[1].json()["steps"]) == 2


def test_a_stale_step_is_refused(client: TestClient, as_: SignIn) -> None:
    event = report(client, as_("planner"))
    headers = {**as_("planner"), "If-Match": '"1"'}
    assert go(client, headers, event, "dispatched").status_code == 200
    assert go(client, headers, event, "handling").status_code == 412


def test_of_two_dispatchers_one_wins_and_the_other_is_told(client: TestClient, as_: SignIn) -> None:
    event, gate = report(client, as_("planner")), threading.Barrier(4)
    headers = [as_("planner"), as_("admin")] * 2

    def dispatch(who: dict[str, str]) -> Any:
        gate.wait()
        return go(client, who, event, "dispatched", note="我来派")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(dispatch, headers))
    assert sorted(answered.status_code for answered in answers) == [200, 409, 409, 409]
    assert all("handling" in answered.json()["detail"] for answered in answers if answered.status_code == 409)
    assert len(client.get(f"/api/events/{event['id']}", headers=headers[0]).json()["steps"]) == 2


def test_a_worker_sees_own_grids_and_own_reports_only(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    elsewhere = report(client, as_("planner"), x_m=1900)
    assert elsewhere["grid"] == G2
    assert client.get(f"/api/events/{elsewhere['id']}", headers=worker).status_code == 404
    assert go(client, worker, elsewhere, "dispatched").status_code == 404
    own = report(client, worker, x_m=1900)
    here = report(client, as_("planner"))
    seen = client.get("/api/events", headers=worker).json()["items"]
    assert {event["id"] for event in seen} == {own["id"], here["id"]}
    for role in ("screen", "auditor"):
        assert client.get("/api/events", headers=as_(role)).status_code == 403


def test_screens_and_strangers_see_nothing_in_the_database_either(
    peopled: Store, client: TestClient, as_: SignIn
) -> None:
    report(client, as_("planner"), x_m=1900)
    with peopled.owner_session() as session:
        accounts = {name: number for number, name in session.execute(text("SELECT id, name FROM accounts"))}
    for who in (None, accounts["screen"], accounts["auditor"], accounts["worker"]):
        with peopled.session(who) as session:
            for table in ("events", "event_steps", "event_desks"):
                assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    with pytest.raises(Exception, match="permission denied"), peopled.session(accounts["admin"]) as session:
        session.execute(text("UPDATE event_steps SET note = ''"))


def test_a_planner_does_not_read_disputes(client: TestClient, as_: SignIn) -> None:
    dispute = report(client, as_("worker"), kind="dispute", title="邻里漏水争执", note="两家都在气头上")
    seen = client.get(f"/api/events/{dispute['id']}", headers=as_("planner"))
    assert "漏水" not in seen.text and "气头" not in seen.text
    assert seen.json()["title"] is None and seen.json()["label"] == "已发现"
    assert client.get("/api/events", headers=as_("planner")).json()["items"][0]["title"] is None
    assert go(client, as_("planner"), dispute, "dispatched").json()["label"] == "已登记"
    own = report(client, as_("planner"), kind="dispute", title="广场舞声音大")
    assert own["title"] == "广场舞声音大"


def test_a_dispute_is_followed_up(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    dispute = report(client, worker, kind="dispute")
    assert client.post(f"/api/events/{dispute['id']}/follow-up", json={}, headers=worker).status_code == 409
    for to in ("dispatched", "handling", "resolved", "evaluated"):
        assert go(client, worker, dispute, to).status_code == 200
    waiting = client.get("/api/events?follow_up=true", headers=worker).json()["items"]
    assert [event["id"] for event in waiting] == [dispute["id"]]
    assert waiting[0]["follow_up_on"] == (datetime.now(ZONE).date() + timedelta(days=30)).isoformat()
    done = client.post(f"/api/events/{dispute['id']}/follow-up", json={"note": "两家和好"}, headers=worker)
    assert done.json()["followed_up_on"] == datetime.now(ZONE).date().isoformat()
    assert client.get("/api/events?follow_up=true", headers=worker).json()["items"] == []


def test_desks_take_what_is_theirs_and_pass_it_up(client: TestClient, as_: SignIn) -> None:
    admin, planner = as_("admin"), as_("planner")
    for code, name, area, kinds in (
        ("ALL", "丙社区居委会", "539901001001", []),
        ("LAMP", "丙社区物业", "539901001001", ["facility"]),
        ("TOWN", "乙街道办", "539901001000", []),
    ):
        made = client.post("/api/desks", json={"code": code, "name": name, "area": area, "kinds": kinds}, headers=admin)
        assert made.status_code == 201, made.text
    assert (
        client.post("/api/desks", json={"code": "ALL", "name": "又", "area": "539901001001"}, headers=admin).status_code
        == 409
    )
    wrong = client.post("/api/desks", json={"code": "X", "name": "又", "area": "110101001001"}, headers=admin)
    assert wrong.status_code == 422 and wrong.json()["errors"][0]["where"] == "body.area"
    lamp = report(client, planner)
    usual = client.get(f"/api/events/{lamp['id']}/desks", headers=planner)
    assert usual.json() == {"dispatched": "LAMP", "escalated": "TOWN"}
    assert client.get(f"/api/events/{uuid4()}/desks", headers=planner).status_code == 404
    assert go(client, planner, lamp, "dispatched").json()["assignee_name"] == "丙社区物业"
    assert go(client, planner, lamp, "returned", note="不归我们").json()["assignee"] == "LAMP"
    assert client.get(f"/api/events/{lamp['id']}/desks", headers=planner).json()["dispatched"] == "ALL", (
        "not to whom it does not belong"
    )
    assert go(client, planner, lamp, "escalated").json()["assignee"] == "TOWN"
    assert client.get(f"/api/events/{lamp['id']}/desks", headers=planner).json()["dispatched"] == "TOWN", (
        "who was asked deals with it"
    )
    assert go(client, planner, lamp, "dispatched", assignee="ALL").json()["assignee"] == "ALL"
    rubbish = report(client, planner, kind="environment")
    assert go(client, planner, rubbish, "dispatched").json()["assignee"] == "ALL"
    closed = client.patch("/api/desks/ALL", json={"active": False}, headers={**admin, "If-Match": '"1"'})
    assert closed.status_code == 200 and closed.json()["active"] is False
    noise = report(client, planner, kind="environment")
    assert go(client, planner, noise, "dispatched").json()["assignee"] == "TOWN"


def test_joint_desks_are_waited_for(client: TestClient, as_: SignIn) -> None:
    planner = as_("planner")
    event = report(client, planner)
    assert go(client, planner, event, "dispatched", assignee="城管", joint=["供电", "街道"]).status_code == 200
    assert go(client, planner, event, "handling").status_code == 200
    refused = go(client, planner, event, "resolved")
    assert refused.status_code == 409 and "供电" in refused.json()["detail"]
    for desk in ("供电", "街道"):
        assert client.post(f"/api/events/{event['id']}/joint/{desk}/done", headers=planner).status_code == 200
    assert client.post(f"/api/events/{event['id']}/joint/消防/done", headers=planner).status_code == 404
    assert go(client, planner, event, "resolved").status_code == 200


def test_merging(client: TestClient, as_: SignIn) -> None:
    planner = as_("planner")
    first, second, third = (report(client, planner) for _ in range(3))
    assert go(client, planner, second, "merged").status_code == 422
    assert go(client, planner, second, "merged", into=second["id"]).status_code == 422
    assert go(client, planner, second, "merged", into=first["id"]).json()["merged_into"] == first["id"]
    assert go(client, planner, third, "merged", into=second["id"]).status_code == 422
    assert go(client, planner, second, "dispatched").status_code == 409


def test_limits_are_policy_and_lateness_is_listed(
    client: TestClient, as_: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner = as_("planner")
    limit = {"kind": "facility", "severity": "ordinary", "dispatch_min": 40, "handle_min": 100, "round_the_clock": True}
    assert client.post("/api/limits", json=limit, headers=as_("admin")).status_code == 200
    assert limit in client.get("/api/limits", headers=planner).json()["items"]
    assert client.post("/api/limits", json={**limit, "handle_min": 0}, headers=as_("admin")).status_code == 422
    begun = datetime.now(ZONE)
    late = report(client, planner)
    assert datetime.fromisoformat(late["due_at"]) - begun == pytest.approx(
        timedelta(minutes=40), abs=timedelta(minutes=1)
    )

    def listed(query: str) -> list[str]:
        return [event["id"] for event in client.get(f"/api/events?{query}", headers=planner).json()["items"]]

    assert listed("overdue=true") == [] == listed("warned=true")
    monkeypatch.setattr(Desk, "now", lambda desk: begun + timedelta(minutes=35))
    assert listed("warned=true") == [late["id"]] and listed("overdue=true") == []
    monkeypatch.setattr(Desk, "now", lambda desk: begun + timedelta(minutes=45))
    assert listed("overdue=true") == [late["id"]] and listed("warned=true") == []
    assert go(client, planner, late, "dispatched").json()["dispatched_in_time"] is False
    assert listed("overdue=true") == []


def test_pages_hold_every_event_once(client: TestClient, as_: SignIn) -> None:
    planner = as_("planner")
    made = [report(client, planner, x_m=100 + 200 * number, title=f"第{number}件")["id"] for number in range(7)]
    for query in ("", "&area=539901001001", "&state=reported", "&state=open", "&kind=facility&area=539901000000"):
        seen, link = [], f"/api/events?limit=3{query}"
        while link:
            answered = client.get(link, headers=planner).json()
            seen += [event["id"] for event in answered["items"]]
            link = answered["next"]
        assert seen == made[::-1], query
    assert client.get("/api/events?cursor=rubbish", headers=planner).status_code == 422
    assert client.get("/api/events?area=539901001002", headers=planner).status_code == 404  # nothing is known of it


def test_outside_every_grid_it_has_none(client: TestClient, as_: SignIn) -> None:
    assert report(client, as_("planner"), x_m=9000)["grid"] is None
    wrong = client.post("/api/events", json=body(lon=181), headers=as_("planner"))
    assert wrong.status_code == 422 and wrong.json()["errors"][0]["where"] == "body.lon"


WALK = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(sorted(STATES)), st.sampled_from(["satisfied", "dissatisfied", None])),
    max_size=25,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walk=WALK)
def test_the_days_counts_equal_a_full_recount(client: TestClient, as_: SignIn, peopled: Store, walk: list[Any]) -> None:
    planner = as_("planner")
    events = [report(client, planner, x_m=x) for x in (100, 100, 1900, 9000)]
    for which, to, satisfaction in walk:
        into = events[(which + 1) % 4]["id"] if to == "merged" else None
        answered = go(client, planner, events[which], to, satisfaction=satisfaction, into=into)
        assert answered.status_code in (200, 409, 422)
    whole, kept = recount(peopled)
    assert whole == kept
    with peopled.owner_session() as session:
        session.execute(text("DELETE FROM event_steps"))
        session.execute(text("DELETE FROM events"))
    whole, kept = recount(peopled)
    assert whole == [] == kept
