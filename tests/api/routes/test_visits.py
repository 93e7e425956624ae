"""三色管理 over HTTP: due lists, rounds, visits in two taps, the policy; nobody's but one's own."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2, lonlat

TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()


@pytest.fixture
def coloured(peopled: Store) -> Store:
    """H001 red and H002 yellow, both in G1; all files opened 200 days ago."""
    with peopled.owner_session() as session:
        session.execute(text("UPDATE households SET created_at = created_at - interval '200 days'"))
        session.execute(text("UPDATE households SET colour = 'red' WHERE code IN ('H001', 'H007')"))
        session.execute(text("UPDATE households SET colour = 'yellow' WHERE code = 'H002'"))
        session.execute(text("UPDATE households SET colour = NULL WHERE code = 'H003'"))
    return peopled


def visit(client: TestClient, headers: dict[str, str], household: str, **more: Any) -> Any:
    return client.post("/api/visits", json={"household": household, "outcome": "met", **more}, headers=headers)


def due(client: TestClient, headers: dict[str, str], query: str = "") -> list[dict[str, Any]]:
    answered = client.get(f"/api/visits/due?{query}", headers=headers)
    assert answered.status_code == 200, answered.text
    return answered.json()["items"]


@pytest.mark.usefixtures("coloured")
def test_due_by_colour_and_last_visit_most_overdue_first(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    assert {item["household"] for item in due(client, worker)} == {"H001", "H002", "H004", "H005", "H006"}
    for household, days_ago in (("H001", 8), ("H002", 40), ("H004", 89), ("H005", 95), ("H006", 1)):
        answered = visit(client, worker, household, visited_on=(TODAY - timedelta(days=days_ago)).isoformat())
        assert answered.status_code == 201, answered.text
    items = due(client, worker)
    assert [(item["household"], item["overdue_days"]) for item in items] == [("H002", 10), ("H005", 5), ("H001", 1)]
    assert items[2]["due_on"] == (TODAY - timedelta(days=1)).isoformat()
    assert [i["household"] for i in due(client, worker, "ahead_days=1")] == ["H002", "H005", "H001", "H004"]
    on = (TODAY - timedelta(days=2)).isoformat()
    assert [i["household"] for i in due(client, worker, f"on={on}")][-2:] == ["H002", "H005"]


@pytest.mark.usefixtures("coloured")
def test_those_alike_are_in_the_order_of_doors_and_looking_again_is_not_noted_again(
    client: TestClient, as_: SignIn, coloured: Store
) -> None:
    """Colour, then building, then door: 9栋 before 10栋, 302 before 1101; not by the code, which is drawn by lot."""
    rooms = {"H004": ("1", "1101"), "H005": ("1", "302"), "H006": ("2", "101"), "H003": ("1", "9")}
    with coloured.owner_session() as session:
        for code, (unit, room) in rooms.items():
            values = {"code": code, "unit": unit, "room": room}
            session.execute(
                text(
                    "UPDATE households SET unit = :unit, room = :room, colour = 'green', building_id = (SELECT min(id) FROM buildings) WHERE code = :code"
                ),
                values,
            )
        before = session.scalar(text("SELECT count(*) FROM audit_log WHERE action = 'visit.list'"))
    found = due(client, as_("worker"))
    assert [home["household"] for home in found if home["household"] in rooms] == ["H003", "H005", "H004", "H006"]
    assert [home["colour"] for home in found[:2]] == ["red", "yellow"]
    due(client, as_("worker"))
    due(client, as_("worker"), f"grid={G1}")
    with coloured.owner_session() as session:
        assert session.scalar(text("SELECT count(*) FROM audit_log WHERE action = 'visit.list'")) == before + 2


def test_a_visit_that_met_nobody_leaves_it_due(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    assert visit(client, worker, "H001", outcome="absent").status_code == 201
    assert "H001" in {item["household"] for item in due(client, worker)}
    assert visit(client, worker, "H001", outcome="已上门").status_code == 201
    assert "H001" not in {item["household"] for item in due(client, worker)}
    listed = client.get("/api/households/H001/visits", headers=worker).json()["items"]
    assert [one["outcome"] for one in listed] == ["已上门", "absent"]


@pytest.mark.usefixtures("coloured")
def test_totals_add_up(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    visit(client, worker, "H004")
    answered = client.get("/api/visits/due", headers=worker).json()
    totals = {row["colour"]: (row["households"], row["due"]) for row in answered["totals"]}
    assert totals == {"red": (1, 1), "yellow": (1, 1), "green": (3, 2)}
    assert sum(row["due"] for row in answered["totals"]) == len(answered["items"])
    short = client.get("/api/visits/due?limit=2", headers=worker).json()
    assert short["truncated"] is True and short["items"] == answered["items"][:2] and answered["truncated"] is False


@pytest.mark.usefixtures("coloured")
def test_others_households_are_not_there(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    assert due(client, worker, f"grid={G2}") == []
    assert visit(client, worker, "H007").status_code == 404
    assert visit(client, worker, "nobody").status_code == 404
    assert client.get("/api/households/H007/visits", headers=worker).status_code == 404
    assert len(due(client, as_("admin"), f"grid={G2}")) == 15
    for role in ("planner", "screen", "auditor"):
        assert client.get("/api/visits/due", headers=as_(role)).status_code == 403


def test_in_the_database_too(coloured: Store, client: TestClient, as_: SignIn) -> None:
    assert visit(client, as_("admin"), "H007").status_code == 201
    with coloured.owner_session() as session:
        accounts = {name: number for number, name in session.execute(text("SELECT id, name FROM accounts"))}
    for who in (None, *(accounts[name] for name in ("planner", "screen", "auditor", "worker"))):
        with coloured.session(who) as session:
            assert session.scalar(text("SELECT count(*) FROM visits")) == 0


@pytest.mark.usefixtures("coloured")
def test_two_taps_and_the_same_twice_is_one(client: TestClient, as_: SignIn) -> None:
    worker, identity = as_("worker"), str(uuid4())
    answers = [visit(client, worker, "H001", id=identity, unchanged=True) for _ in range(2)]
    assert [answered.status_code for answered in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    file = client.get("/api/households/H001", headers=worker).json()
    assert file["confirmation"]["confirmed_by"] == "worker"
    assert visit(client, worker, "H002", id=identity).status_code == 409
    assert visit(client, worker, "H001", id=identity, outcome="phoned").status_code == 409
    tomorrow = (TODAY + timedelta(days=2)).isoformat()
    assert visit(client, worker, "H001", visited_on=tomorrow).status_code == 422


@pytest.mark.usefixtures("coloured")
def test_a_place_sets_its_own_intervals(client: TestClient, as_: SignIn) -> None:
    worker = as_("worker")
    visit(client, worker, "H001", visited_on=(TODAY - timedelta(days=3)).isoformat())
    assert "H001" not in {item["household"] for item in due(client, worker)}
    assert client.post("/api/visits/policy", json={"red": 0}, headers=as_("admin")).status_code == 422
    assert client.post("/api/visits/policy", json={"red": 2}, headers=as_("admin")).json() == {
        "red": 2,
        "yellow": 30,
        "green": 90,
    }
    assert client.post("/api/visits/policy", json={"yellow": 20}, headers=as_("admin")).json() == {
        "red": 2,
        "yellow": 20,
        "green": 90,
    }
    assert "H001" in {item["household"] for item in due(client, worker)}


@pytest.mark.usefixtures("coloured")
def test_a_round_begins_where_one_stands(client: TestClient, as_: SignIn) -> None:
    admin = as_("admin")
    lon, lat = lonlat(3000, 500)
    answered = client.post("/api/visits/round", json={"lon": lon, "lat": lat, "most": 60}, headers=admin)
    assert answered.status_code == 200, answered.text
    stops = answered.json()["stops"]
    buildings = list(dict.fromkeys(stop["building"] for stop in stops))
    assert buildings == ["B3", "B2", "B1"]
    assert len({stop["household"] for stop in stops}) == len(stops)
    assert answered.json()["length_m"] == pytest.approx(sum(stop["walk_m"] for stop in stops), abs=len(stops))
    only = client.post("/api/visits/round", json={"grid": G1}, headers=as_("worker")).json()
    assert {stop["building"] for stop in only["stops"]} == {"B1"} and only["length_m"] == 0
    assert client.post("/api/visits/round", json={"lon": lon}, headers=admin).status_code == 422


def test_a_colour_set_today_counts_from_the_files_opening(client: TestClient, as_: SignIn) -> None:
    items = due(client, as_("worker"))
    assert {item["due_on"] for item in items} == {TODAY.isoformat()}
    assert date.fromisoformat(items[0]["due_on"]) == TODAY and items[0]["overdue_days"] == 0
