"""The five lists as lists: duties and feedback of all projects, pages, and the workbook."""

from __future__ import annotations

from io import BytesIO

from fastapi.testclient import TestClient
from openpyxl import load_workbook
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.api.routes.projects import COMMUNITY, add, go, need, project, resource
from tests.gis.services.conftest import G2


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
