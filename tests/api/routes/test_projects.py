"""项目 over HTTP: the loop from needs to feedback, what closes a project, and who sees and does what."""

from __future__ import annotations

from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.api.routes.projects import COMMUNITY, add, go, need, project, resource
from tests.gis.services.conftest import G1, G2


def test_the_whole_loop(client: TestClient, as_: SignIn) -> None:
    planner, worker = as_("planner"), as_("worker")
    offered, one, asked = resource(client, planner), project(client, planner), need(client, worker)
    assert add(client, worker, one, "needs", need=asked).status_code == 201
    assert add(client, planner, one, "resources", resource=offered["id"], places=2).status_code == 201
    assert add(client, planner, one, "resources", station="S1", places=0).status_code == 201
    assert go(client, planner, one, "running").status_code == 409  # nobody leads yet
    duty = add(client, planner, one, "duties", party="LY-01", role="lead", task="组织送餐").json()["duties"][0]
    assert go(client, planner, one, "running").json()["state"] == "running"
    assert go(client, planner, one, "done").json()["allowed"] == ["closed", "running"]

    refused = go(client, planner, one, "closed")
    assert refused.status_code == 409
    assert {fault["where"] for fault in refused.json()["errors"]} == {"duties", "feedback"}
    assert "反馈" in refused.json()["detail"] and "feedback" in refused.json()["detail"]
    done = client.patch(f"/api/duties/{duty['id']}", json={"done": True}, headers={**planner, "If-Match": '"1"'})
    assert done.status_code == 200 and done.json()["duties"][0]["done_on"] is not None
    assert "反馈" in go(client, planner, one, "closed").json()["detail"]
    assert add(client, worker, one, "feedback", outcome="satisfied", summary="按时送到").status_code == 201
    closed = go(client, planner, one, "closed").json()
    assert closed["state"] == "closed" and closed["closed_on"] and closed["missing"] == []
    assert {taken["name"] for taken in closed["resources"]} == {"志愿者协会", "S1"}

    for what, body in (
        ("feedback", {"outcome": "neutral", "summary": "晚了"}),
        ("duties", {"party": "某单位", "task": "补"}),
        ("resources", {"resource": offered["id"]}),
    ):
        assert add(client, planner, one, what, **body).status_code == 409, what
    assert add(client, worker, one, "needs", need=asked).status_code == 409
    changed = client.patch(
        f"/api/projects/{one['id']}", json={"title": "改"}, headers={**planner, "If-Match": f'"{closed["version"]}"'}
    )
    assert changed.status_code == 409
    assert client.get(f"/api/projects?need={asked}", headers=worker).json()["items"][0]["id"] == one["id"]
    assert client.get(f"/api/resources/{offered['id']}", headers=planner).json()["left"] == 5  # given back by the close


def test_feedback_of_before_a_rework_does_not_close(client: TestClient, as_: SignIn) -> None:
    """Who was not content is asked again: what was said before stays to be read, and counts no more."""
    planner = as_("planner")
    one = project(client, planner)
    duty = add(client, planner, one, "duties", party="甲", role="lead", task="做").json()["duties"][0]
    client.patch(f"/api/duties/{duty['id']}", json={"done": True}, headers={**planner, "If-Match": '"1"'})
    assert [go(client, planner, one, to).status_code for to in ("running", "done")] == [200, 200]
    first = add(client, planner, one, "feedback", outcome="dissatisfied", summary="送到已凉").json()
    assert first["missing"] == [] and first["reworks"] == 0
    again = go(client, planner, one, "running").json()
    assert (
        again["reworks"] == 1
        and [each["counts"] for each in again["feedback"]] == [False]
        and "反馈" in again["missing"][0]
    )
    assert go(client, planner, one, "planned").json()["reworks"] == 1  # no rework
    assert [go(client, planner, one, to).status_code for to in ("running", "done")] == [200, 200]
    refused = go(client, planner, one, "closed")
    assert refused.status_code == 409 and [fault["where"] for fault in refused.json()["errors"]] == ["feedback"]
    assert add(client, planner, one, "feedback", outcome="satisfied", summary="热的").status_code == 201
    closed = go(client, planner, one, "closed").json()
    assert closed["state"] == "closed" and [each["counts"] for each in closed["feedback"]] == [False, True]


def test_illegal_steps_name_the_legal_ones(client: TestClient, as_: SignIn) -> None:
    planner = as_("planner")
    one = project(client, planner)
    refused = go(client, planner, one, "closed")
    assert refused.status_code == 409 and "running" in refused.json()["detail"]
    assert go(client, planner, one, "flying").status_code == 422
    assert add(client, planner, one, "feedback", outcome="satisfied", summary="好").status_code == 409  # not begun
    assert add(client, planner, one, "duties", party="甲", role="lead", task="牵头").status_code == 201
    second = add(client, planner, one, "duties", party="乙", role="lead", task="也牵头")
    assert second.status_code == 409 and "甲" in second.json()["detail"]


def test_the_same_call_twice_is_one(client: TestClient, as_: SignIn) -> None:
    planner, worker, asked = as_("planner"), as_("worker"), need(client, as_("worker"))
    ids = {name: str(uuid4()) for name in ("resource", "project", "taken", "duty", "feedback")}
    calls = [
        (
            "/api/resources",
            {"id": ids["resource"], "organisation": "协会", "service": "meal", "area": COMMUNITY},
            "organisation",
        ),
        ("/api/projects", {"id": ids["project"], "title": "助餐", "service": "meal", "area": G1}, "title"),
        (
            f"/api/projects/{ids['project']}/resources",
            {"id": ids["taken"], "resource": ids["resource"], "places": 2},
            None,
        ),
        (
            f"/api/projects/{ids['project']}/duties",
            {"id": ids["duty"], "party": "甲", "role": "lead", "task": "做"},
            "task",
        ),
    ]
    for address, body, other in calls:
        answers = [client.post(address, json=body, headers=planner) for _ in range(2)]
        assert [answered.status_code for answered in answers] == [201, 200], answers[0].text
        assert answers[0].json() == answers[1].json()
        if other:
            assert client.post(address, json={**body, other: "别的"}, headers=planner).status_code == 409
    assert client.post(calls[2][0], json={**calls[2][1], "places": 3}, headers=planner).status_code == 409
    links = [
        client.post(f"/api/projects/{ids['project']}/needs", json={"need": asked}, headers=worker).status_code
        for _ in range(2)
    ]
    assert links == [201, 200]
    assert (
        client.post(f"/api/projects/{ids['project']}/transitions", json={"to": "running"}, headers=planner).status_code
        == 200
    )
    body = {"id": ids["feedback"], "outcome": "neutral", "summary": "还行"}
    given = [client.post(f"/api/projects/{ids['project']}/feedback", json=body, headers=worker) for _ in range(2)]
    assert [answered.status_code for answered in given] == [201, 200]


def test_stale_writes_are_refused(client: TestClient, as_: SignIn) -> None:
    planner = as_("planner")
    one, offered = project(client, planner), resource(client, planner)
    duty = add(client, planner, one, "duties", party="甲", role="lead", task="做").json()["duties"][0]
    for address, body in (
        (f"/api/projects/{one['id']}", {"title": "新名"}),
        (f"/api/resources/{offered['id']}", {"capacity": 9}),
        (f"/api/duties/{duty['id']}", {"task": "新任务"}),
    ):
        assert client.patch(address, json=body, headers=planner).status_code == 428
        assert client.patch(address, json=body, headers={**planner, "If-Match": '"1"'}).status_code == 200
        assert client.patch(address, json=body, headers={**planner, "If-Match": '"1"'}).status_code == 412
    assert go(client, planner, one, "running", **{"If-Match": '"1"'}).status_code == 412
    assert go(client, planner, one, "running", **{"If-Match": '"2"'}).status_code == 200


def test_a_worker_acts_in_own_grids_only(client: TestClient, as_: SignIn) -> None:
    planner, worker, admin = as_("planner"), as_("worker"), as_("admin")
    foreign, wide, own = (
        project(client, planner, area=G2),
        project(client, planner, area=COMMUNITY),
        project(client, worker),
    )
    assert (
        client.post("/api/projects", json={"title": "x", "service": "meal", "area": G2}, headers=worker).status_code
        == 404
    )
    theirs = need(client, admin, "H007")
    mine = need(client, worker)
    for address in ("", "/offers", "/needs"):
        assert client.get(f"/api/projects/{foreign['id']}{address}", headers=worker).status_code == 404
    assert add(client, worker, foreign, "needs", need=mine).status_code == 404
    assert add(client, worker, foreign, "feedback", outcome="neutral", summary="x").status_code == 404
    assert go(client, worker, foreign, "running").status_code == 404
    assert client.get(f"/api/needs/{theirs}", headers=worker).status_code == 404
    assert add(client, worker, own, "needs", need=theirs).status_code == 404
    listed = {item["id"] for item in client.get("/api/projects", headers=worker).json()["items"]}
    assert listed == {wide["id"], own["id"]}
    # What reaches beyond own grids is seen and answered, but not led.
    assert add(client, worker, wide, "needs", need=mine).status_code == 201
    assert add(client, admin, wide, "needs", need=theirs).status_code == 201
    assert [item["id"] for item in client.get(f"/api/projects/{wide['id']}/needs", headers=worker).json()["items"]] == [
        mine
    ]
    counts = {
        name: client.get(f"/api/projects/{wide['id']}", headers=who).json()["needs"]
        for name, who in (("worker", worker), ("admin", admin))
    }
    assert counts == {"worker": 1, "admin": 2}, "a worker counts what he reads"
    assert client.delete(f"/api/projects/{wide['id']}/needs/{theirs}", headers=worker).status_code == 404
    assert go(client, worker, wide, "running").status_code == 403
    assert add(client, worker, wide, "duties", party="甲", role="lead", task="x").status_code == 403
    assert (
        client.patch(
            f"/api/projects/{wide['id']}", json={"title": "x"}, headers={**worker, "If-Match": '"1"'}
        ).status_code
        == 403
    )
    assert add(client, worker, own, "duties", party="甲", role="lead", task="x").status_code == 201
    assert (
        client.post(
            "/api/resources", json={"organisation": "x", "service": "meal", "area": G1}, headers=worker
        ).status_code
        == 403
    )


def test_a_planner_reads_no_need_and_counts_in_fives(client: TestClient, as_: SignIn, peopled: Store) -> None:
    planner, admin = as_("planner"), as_("admin")
    one = project(client, planner, area=COMMUNITY)
    asked = [need(client, admin, f"H{number:03d}") for number in range(1, 13)]
    for identity in asked:
        assert add(client, admin, one, "needs", need=identity).status_code == 201
    assert client.get(f"/api/projects/{one['id']}", headers=admin).json()["needs"] == 12
    told = client.get(f"/api/projects/{one['id']}", headers=planner)
    assert told.json()["needs"] in (10, 15)
    assert client.get("/api/projects", headers=planner).json()["items"][0]["needs"] == told.json()["needs"]
    assert not any(identity in told.text for identity in asked) and "H001" not in told.text
    assert client.get(f"/api/projects/{one['id']}/needs", headers=planner).status_code == 403
    assert add(client, planner, one, "needs", need=asked[0]).status_code == 403
    assert client.get(f"/api/projects?need={asked[0]}", headers=planner).json()["items"] == []
    assert client.get(f"/api/needs/{asked[0]}", headers=planner).status_code == 403
    small = project(client, planner)
    assert add(client, admin, small, "needs", need=asked[0]).status_code == 201
    assert client.get(f"/api/projects/{small['id']}", headers=planner).json()["needs"] in (None, 5)
    with peopled.owner_session() as session:
        planner_id = session.scalar(text("SELECT id FROM accounts WHERE name = 'planner'"))
    with peopled.session(planner_id) as session:
        assert session.scalar(text("SELECT count(*) FROM project_needs")) == 0


@pytest.mark.parametrize(
    ("table", "roles"),
    [
        ("resources", "admin planner worker"),
        ("things", "admin planner worker screen"),
        ("projects", "admin planner worker"),
    ],
)
def test_row_security(client: TestClient, as_: SignIn, peopled: Store, table: str, roles: str) -> None:
    project(client, as_("planner"))
    resource(client, as_("planner"))
    with peopled.owner_session() as session:
        session.execute(
            text("INSERT INTO things (code, kind, geometry) VALUES ('T1', '井盖', 'SRID=4326;POINT(102.7 25)')")
        )
        accounts = dict(session.execute(text("SELECT name, id FROM accounts")).all())
    for name, account in accounts.items():
        with peopled.session(account) as session:
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == int(name in roles.split()), name


def test_bad_bodies_name_the_field(client: TestClient, as_: SignIn) -> None:
    planner = as_("planner")
    for address, body, where in (
        ("/api/projects", {"title": "x", "service": "meal", "area": "990000000000"}, "body.area"),
        (
            "/api/projects",
            {"title": "x", "service": "meal", "area": G1, "starts_on": "2026-02-01", "ends_on": "2026-01-01"},
            "body.ends_on",
        ),
        ("/api/projects", {"title": "x", "service": "meal", "area": G1, "lon": 102.7}, "body.lon"),
        ("/api/resources", {"organisation": "x", "service": "meal", "area": G1, "hours": "每天"}, "body.hours"),
        ("/api/resources", {"organisation": "x", "service": "没有", "area": G1}, "service"),
    ):
        answered = client.post(address, json=body, headers=planner)
        assert answered.status_code == 422 and any(where in fault["where"] for fault in answered.json()["errors"]), (
            answered.text
        )
