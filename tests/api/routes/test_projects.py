"""五张清单 over HTTP: the loop from needs to feedback, what closes a project, who sees what, places, and the workbook."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from sqlalchemy import text

from gis.casework.matching import Candidate, ranked
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2, lonlat

COMMUNITY = "539901001001"
Headers = dict[str, str]


def resource(client: TestClient, who: Headers, x_m: float = 300, **more: Any) -> dict[str, Any]:
    lon, lat = lonlat(x_m, 500)
    body = {
        "organisation": "志愿者协会",
        "service": "meal",
        "area": COMMUNITY,
        "capacity": 5,
        "lon": lon,
        "lat": lat,
        **more,
    }
    answered = client.post("/api/resources", json=body, headers=who)
    assert answered.status_code == 201, answered.text
    return answered.json()


def project(client: TestClient, who: Headers, **more: Any) -> dict[str, Any]:
    lon, lat = lonlat(100, 500)
    body = {"title": "老人助餐", "service": "meal", "area": G1, "lon": lon, "lat": lat, **more}
    answered = client.post("/api/projects", json=body, headers=who)
    assert answered.status_code == 201, answered.text
    return answered.json()


def need(client: TestClient, who: Headers, household: str = "H001", service: str = "meal") -> str:
    answered = client.post(
        "/api/needs", json={"household": household, "service": service, "note": "不吃辣"}, headers=who
    )
    assert answered.status_code == 201, answered.text
    return str(answered.json()["id"])


def go(client: TestClient, who: Headers, one: dict[str, Any], to: str, **headers: str) -> Any:
    return client.post(f"/api/projects/{one['id']}/transitions", json={"to": to}, headers={**who, **headers})


def add(client: TestClient, who: Headers, one: dict[str, Any], what: str, **body: Any) -> Any:
    return client.post(f"/api/projects/{one['id']}/{what}", json=body, headers=who)


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


def test_duties_and_feedback_of_all_projects(client: TestClient, as_: SignIn) -> None:
    planner, worker = as_("planner"), as_("worker")
    own, foreign = project(client, planner), project(client, planner, area=G2, title="别处")
    for one, task, due_on in (
        (own, "晚", "2099-01-01"),
        (own, "早", "2020-01-01"),
        (foreign, "不限", None),
        (own, "无期", None),
    ):
        assert (
            add(client, planner, one, "duties", party="甲", role="joint", task=task, due_on=due_on).status_code == 201
        )
    seen, link = [], "/api/duties?limit=1"
    while link:
        page = client.get(link, headers=planner).json()
        seen += page["items"]
        link = page["next"]
    assert [duty["task"] for duty in seen[:2]] == ["早", "晚"] and {duty["task"] for duty in seen[2:]} == {
        "不限",
        "无期",
    }
    assert (
        [duty["overdue"] for duty in seen] == [True, False, False, False]
        and seen[0]["title"] == "老人助餐"
        and seen[0]["project"] == own["id"]
    )
    assert {duty["task"] for duty in client.get("/api/duties", headers=worker).json()["items"]} == {"早", "晚", "无期"}
    assert (
        client.patch(
            f"/api/duties/{seen[0]['id']}", json={"done": True}, headers={**planner, "If-Match": '"1"'}
        ).status_code
        == 200
    )
    assert {duty["task"] for duty in client.get("/api/duties?open=true", headers=worker).json()["items"]} == {
        "晚",
        "无期",
    }

    for one in (own, foreign):
        add(client, planner, one, "duties", party="乙", role="lead", task="牵头")
        go(client, planner, one, "running")
        for summary in ("一", "二"):
            assert add(client, planner, one, "feedback", outcome="satisfied", summary=summary).status_code == 201
    first = client.get("/api/feedback?limit=3", headers=planner).json()
    rest = client.get(first["next"], headers=planner).json()
    assert (
        len({given["id"] for given in first["items"] + rest["items"]}) == 4
        and rest["next"] is None
        and first["items"][0]["counts"]
    )
    assert {given["project"] for given in client.get("/api/feedback", headers=worker).json()["items"]} == {own["id"]}
    for address in ("/api/duties?cursor=x", "/api/feedback?cursor=2026-01-01~x"):
        assert client.get(address, headers=planner).status_code == 422


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


def test_suggestions_are_open_near_and_have_places(client: TestClient, as_: SignIn) -> None:
    planner, worker = as_("planner"), as_("worker")
    near, far = resource(client, planner, 200, organisation="近处"), resource(client, planner, 900, organisation="远处")
    shut = resource(client, planner, 110, organisation="停业", hours="off")
    gone = resource(client, planner, 105, organisation="已停")
    client.patch(f"/api/resources/{gone['id']}", json={"active": False}, headers={**planner, "If-Match": '"1"'})
    resource(client, planner, 100, organisation="别处", area=G2)
    resource(client, planner, 100, organisation="别类", service="health")
    one, asked = project(client, planner), need(client, worker)

    def names(**query: Any) -> list[str]:
        found = client.get(f"/api/projects/{one['id']}/offers", params=query, headers=planner).json()["items"]
        return [item["name"] for item in found if item["name"] != "S1"]

    assert names() == ["近处", "远处", "停业"]
    offers = client.get(f"/api/needs/{asked}", headers=worker).json()["offers"]
    by_name = {item["name"]: item for item in offers}
    assert set(by_name) == {"近处", "远处", "停业", "S1"}
    assert by_name["近处"]["walk_m"] == pytest.approx(130, abs=1)  # no streets: 100 m with a detour of 1.3
    assert by_name["停业"]["open"] is False and by_name["S1"]["source"] == "station"
    assert add(client, planner, one, "resources", resource=near["id"], places=4).status_code == 201
    assert names(places=2) == ["远处", "近处", "停业"] or names(places=2) == ["远处", "停业", "近处"]
    assert {far["id"], shut["id"]} <= {item["key"] for item in offers}


def test_candidates_in_order() -> None:
    def one(key: str, **more: Any) -> Candidate:
        facts: dict[str, Any] = {"open": True, "walk_m": 100, "capacity": None, **more}
        return Candidate(source="resource", key=key, name=key, hours="24/7", **facts)

    all_ = [
        one("full", capacity=2, taken=2, walk_m=1),
        one("shut", open=False, walk_m=1),
        one("nowhere", walk_m=None),
        one("far", walk_m=900),
        one("near"),
        one("over", capacity=1, taken=5),
    ]
    assert [each.key for each in ranked(all_)] == ["near", "far", "nowhere", "shut", "full", "over"]
    assert [each.left for each in all_] == [0, None, None, None, None, 0]
    assert len(ranked(all_, most=2)) == 2


def test_places_are_never_promised_twice(client: TestClient, as_: SignIn) -> None:
    planner = as_("planner")
    offered = resource(client, planner, capacity=5)
    ones = [project(client, planner, area=area) for area in (G1, G2, G1, G2)]
    gate = threading.Barrier(4)

    def take(one: dict[str, Any]) -> Any:
        gate.wait()
        return add(client, planner, one, "resources", resource=offered["id"], places=2)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(take, ones))
    assert sorted(answered.status_code for answered in answers) == [201, 201, 409, 409]
    assert all("1" in answered.json()["detail"] for answered in answers if answered.status_code == 409)
    assert (
        client.get(f"/api/resources/{offered['id']}", headers=as_("worker")).json()["left"] == 1
    )  # a worker too sees what is taken elsewhere
    (took,) = [answered.json() for answered in answers if answered.status_code == 201][:1]
    released = client.delete(f"/api/projects/{took['id']}/resources/{took['resources'][0]['id']}", headers=planner)
    assert released.status_code == 200 and released.json()["resources"] == []
    assert client.get(f"/api/resources/{offered['id']}", headers=planner).json()["left"] == 3
    wrong = resource(client, planner, service="health")
    assert add(client, planner, ones[0], "resources", resource=wrong["id"]).status_code == 409
    assert add(client, planner, ones[0], "resources", station="S2").status_code == 409  # day care only
    assert add(client, planner, ones[0], "resources", station="nothing").status_code == 404
    assert add(client, planner, ones[0], "resources").status_code == 422


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


def test_the_workbook(client: TestClient, as_: SignIn, peopled: Store) -> None:
    planner, worker, admin = as_("planner"), as_("worker"), as_("admin")
    evil = {"title": '=HYPERLINK("http://x","y")', "task": "+1+1", "summary": "@SUM(A1)", "organisation": "-2+3"}
    offered, one = (
        resource(client, planner, organisation=evil["organisation"]),
        project(client, planner, title=evil["title"]),
    )
    mine, theirs = need(client, worker), need(client, admin, "H007")
    add(client, worker, one, "needs", need=mine)
    add(client, planner, one, "resources", resource=offered["id"])
    add(client, planner, one, "duties", party="甲单位", role="lead", task=evil["task"])
    assert go(client, planner, one, "running").status_code == 200
    add(client, planner, one, "feedback", outcome="satisfied", summary=evil["summary"])

    books = {}
    for name, who in (("planner", planner), ("worker", worker)):
        answered = client.get("/api/lists/export", headers=who)
        assert answered.status_code == 200 and answered.headers["cache-control"] == "private, no-store"
        books[name] = load_workbook(BytesIO(answered.content))
        assert books[name].sheetnames == ["需求清单", "资源清单", "项目清单", "责任清单", "反馈清单"]
    cells = [cell for sheet in books["planner"] for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    for words in evil.values():
        (first, *_) = [cell for cell in cells if cell.value == words]
        assert first.data_type == "s" and first.quotePrefix
    texts = {str(cell.value) for cell in cells}
    assert not {mine, theirs, "H001", "H007", "不吃辣", "某人"} & texts
    assert list(books["planner"]["需求清单"].values)[1][0] == "助餐"
    assert list(books["planner"]["需求清单"].values)[1][1] in (5, "少于 5 / fewer than 5")
    own = list(books["worker"]["需求清单"].values)
    assert [(row[0], row[1], row[6]) for row in own[1:]] == [(mine, "H001", evil["title"])]
    assert "某人" not in {str(cell.value) for sheet in books["worker"] for row in sheet.iter_rows() for cell in row}
    with peopled.owner_session() as session:
        noted = (
            session.execute(text("SELECT account FROM audit_log WHERE action = 'lists.export' ORDER BY id"))
            .scalars()
            .all()
        )
    assert noted == ["planner", "worker"]


def test_pages_of_projects_and_resources(client: TestClient, as_: SignIn) -> None:
    planner = as_("planner")
    made = {project(client, planner, title=f"项目{number}")["id"] for number in range(5)}
    offered = {resource(client, planner)["id"] for _ in range(3)}
    for address, ids in (
        ("/api/projects?limit=2&state=planned", made),
        ("/api/resources?limit=2&service=meal", offered),
    ):
        seen: list[str] = []
        link: str | None = address
        while link:
            page = client.get(link, headers=planner).json()
            seen += [item["id"] for item in page["items"]]
            link = page["next"]
        assert sorted(seen) == sorted(ids)
    assert client.get(f"/api/projects?area={COMMUNITY}", headers=planner).json()["items"]
    assert client.get("/api/projects?state=closed", headers=planner).json()["items"] == []
