"""Attacks on small counts over HTTP, as a planner and as a screen: a town of many small numbers, asked in every way that could be subtracted."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.settings import Settings
from gis.accessibility.policy import WalkPolicy
from gis.clock import TIME_ZONE
from gis.services.coverage import CoverageQuery
from gis.services.needs import NeedQuery
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.api.differencing.town import AREAS, COUNTS, MONTHS, SERVICES, Town, add_person, counted
from tests.gis.services.conftest import lonlat

ASKED = [
    *(f"/api/coverage?service=meal&at=any&minutes={m}&profile={p}" for m in (1, 2, 3, 7, 15, 60) for p in ("own", "elder", "wheelchair")),
    *(f"/api/coverage?at=any&area={code}" for code in AREAS.values()),
    "/api/coverage?service=meal&service=health&at=any",
    *(f"/api/screen/summary?area={code}" for code in AREAS.values()),
    "/api/screen/summary",
    *(f"/api/needs/cells?size_m={size}&from={a}-01&to={b}-28" for size in (100, 200, 400, 800) for a in MONTHS for b in MONTHS if a <= b),
    *(f"/api/needs/cells?service={one}&size_m={size}" for one in SERVICES for size in (100, 800, 5000)),
    "/api/needs/cells?service=meal&service=errand&from=2026-03-05&to=2026-03-06",
]  # fmt: skip


def test_every_figure_is_a_multiple_of_five(client: TestClient, as_: SignIn, town: Town) -> None:
    """So is every difference of two, whatever they were asked for; the same questions have the same answers again."""
    number = 0
    for role in ("planner", "screen"):
        for path in [*ASKED, *(f"/api/grids/{code}/summary" for code in town.grids)]:
            answered = client.get(path, headers=as_(role))
            assert answered.status_code == 200, path
            figures = list(counted(answered.json()))
            number += len(figures)
            assert all(n >= 0 and n % 5 == 0 for n in figures), path
            if "screen/summary" not in path:
                assert client.get(path, headers=as_(role)).content == answered.content
        for measure in ("residents", "elders_60", "children_12", "needs_open", "flag:living_alone"):
            values = client.get(f"/api/grids/measures?measure={measure}", headers=as_(role)).json()["values"]
            assert all(value is None or (value >= 5 and value % 5 == 0) for value in values.values())
    for first, last in [(a, b) for a in MONTHS for b in MONTHS if a <= b]:
        for measure in ("needs_opened", "needs_closed"):
            path = f"/api/grids/measures?measure={measure}&from={first}&to={last}"
            values = client.get(path, headers=as_("planner")).json()["values"]
            assert all(value is None or (value >= 5 and value % 5 == 0) for value in values.values())
            assert client.get(path, headers=as_("screen")).status_code == 404
    assert number > 2000


def test_all_answers_add_up_and_are_less_than_five_away(client: TestClient, as_: SignIn, town: Town) -> None:
    def ask(path: str) -> Any:
        return client.get(path, headers=as_("planner")).json()

    whole = ask("/api/coverage?at=any&minutes=7")
    for measure in ("residents", "elders_60", "children_12"):
        told = ask(f"/api/grids/measures?measure={measure}")["values"]
        for code, truth in zip(town.grids, town.in_grid(measure), strict=True):
            assert abs((told[code] or 0) - truth) < 5
            assert ask(f"/api/grids/{code}/summary")[measure] == told[code]
        if measure == "residents":
            continue
        assert {row["code"]: row[measure] or None for row in whole["grids"]} == told
        halves = [
            ask(f"/api/coverage?at=any&minutes=7&area={AREAS[name]}")["totals"] for name in ("community", "other")
        ]
        for name in (measure, f"{measure}_covered"):
            assert (
                sum(half[name] for half in halves) == whole["totals"][name] == sum(row[name] for row in whole["grids"])
            )
        summary = ask("/api/screen/summary")["totals"]
        assert summary[measure] == whole["totals"][measure]
    wall = ask("/api/screen/summary")
    assert wall["totals"]["needs_open"] == sum(each["count"] or 0 for each in wall["needs_by_service"])


def test_admins_count_one_by_one_and_workers_do_not(client: TestClient, as_: SignIn, town: Town) -> None:
    whole = {
        role: client.get("/api/coverage?at=any", headers=as_(role)).json()
        for role in ("admin", "worker", "planner", "screen")
    }
    assert [row["elders_60"] for row in whole["admin"]["grids"]] == town.in_grid("elders_60")
    assert whole["worker"] == whole["planner"]
    assert [row["elders_60"] for row in whole["screen"]["grids"]] == [
        row["elders_60"] for row in whole["planner"]["grids"]
    ]
    assert (whole["admin"]["parameters"]["people_in"], whole["planner"]["parameters"]["people_in"]) == (1, 5)


def test_who_forgets_to_ask_gets_fives() -> None:
    assert not CoverageQuery().exact
    assert not NeedQuery().exact


def test_a_station_carried_from_house_to_house_finds_no_small_count(
    client: TestClient, as_: SignIn, town: Town
) -> None:
    """Scenarios with circles of one minute (67 m) single out each building; together they are the published table and no more."""
    found: dict[str, list[int]] = {"elders_60": [], "children_12": []}
    for x_m in town.x_m:
        lon, lat = lonlat(x_m, 500)
        edits = [
            {"op": "close", "station": {"code": "S2"}},
            {"op": "move", "station": {"code": "S1", "lon": lon, "lat": lat}},
        ]
        asked = {"parameters": {"service": "meal", "minutes": 1, "profile": "adult", "at": "any"}, "edits": edits}
        answer = client.post("/api/coverage/scenario", json=asked, headers=as_("planner")).json()
        assert all(n % 5 == 0 for n in counted(answer))
        assert answer["after"]["covered"] == 6  # dwellings are no secret
        for measure, figures in found.items():
            figures.append(answer["after"][f"{measure}_covered"])
    for measure, figures in found.items():
        by_grid = np.bincount(town.grid_of, weights=figures)
        assert np.abs(by_grid - town.in_grid(measure)).max() < 5
        assert not any(
            0 < counts[measure] < 5 and figure == counts[measure]
            for counts, figure in zip(town.people, figures, strict=True)
        )


def test_siting_buildings_and_places_are_made_from_fives(client: TestClient, as_: SignIn, town: Town) -> None:
    for new_stations in (1, 2, 5):
        asked = {
            "service": "errand",
            "minutes": 1,
            "profile": "adult",
            "new_stations": new_stations,
            "weights": {"elders_60": 1},
        }
        found = client.post("/api/siting", json=asked, headers=as_("planner")).json()
        assert all(n % 5 == 0 for n in (found["uncovered"], found["chosen"]["covered"], found["greedy"]["covered"]))
    left_out = client.get("/api/coverage/buildings?service=meal&at=any&minutes=1", headers=as_("planner")).json()[
        "items"
    ]
    assert left_out
    assert not any(COUNTS & set(item) for item in left_out)
    places = {
        role: client.get("/api/coverage/capacity?service=meal&minutes=60", headers=as_(role)).json()["grids"]
        for role in ("admin", "planner")
    }
    assert len(places["admin"]) == len(places["planner"]) == len(town.grids)


def test_linear_algebra_finds_the_published_table_and_nothing_behind_it(
    client: TestClient, as_: SignIn, town: Town
) -> None:
    """Dinur & Nissim's attack: circles of many radii about many places, solved for the people of every building."""
    random = np.random.default_rng(3)
    rows, answers = [], []
    places = np.array(town.x_m)
    for _ in range(120):
        x_m, minutes = float(random.uniform(0, 6000)), float(random.uniform(1, 40))
        lon, lat = lonlat(x_m, 500)
        edits = [
            {"op": "close", "station": {"code": "S2"}},
            {"op": "move", "station": {"code": "S1", "lon": lon, "lat": lat}},
        ]
        asked = {"parameters": {"service": "meal", "minutes": minutes, "profile": "adult", "at": "any"}, "edits": edits}
        answer = client.post("/api/coverage/scenario", json=asked, headers=as_("planner")).json()
        rows.append((np.abs(places - x_m) <= WalkPolicy().buffer_radius_m(minutes, "adult")).astype(float))
        answers.append(answer["after"]["elders_60_covered"])
    solved, _, rank, _ = np.linalg.lstsq(np.array(rows), np.array(answers, dtype=float), rcond=None)
    assert rank == len(places)
    assert np.abs(solved / 5 - np.round(solved / 5)).max() < 1e-6
    truth = np.array([counts["elders_60"] for counts in town.people])
    small = (truth > 0) & (truth < 5)
    assert small.sum() >= 10
    assert not np.isclose(solved, truth)[small].any()


def test_two_days_differ_by_fives_in_one_grid_only(client: TestClient, as_: SignIn, town: Town, peopled: Store) -> None:
    """Ten elders move into one building, one after the other; a planner writes down everything after each."""

    def look() -> tuple[dict[str, int], int]:
        whole = client.get("/api/coverage?service=meal&at=any", headers=as_("planner")).json()
        by_grid = {row["code"]: row["elders_60"] for row in whole["grids"]}
        return by_grid, whole["totals"]["elders_60_covered"]

    before, seen = look(), []
    for _ in range(10):
        with peopled.owner_session() as session:
            add_person(session, town, 7, "elders_60")
        after = look()
        changed = {code for code in before[0] if before[0][code] != after[0][code]}
        assert changed <= {town.grids[1]}
        seen.append(after[0][town.grids[1]] - before[0][town.grids[1]])
        assert seen[-1] in (0, 5)
        assert (after[1] - before[1]) % 5 == 0
        before = after
    assert seen[:5] == seen[5:]  # every fifth is seen: which one, the secret decides
    assert sum(seen) == 10


DAILY = ("needs_opened", "needs_closed", "visits_due", "visits_done")


def test_days_are_rounded_each_for_itself(client: TestClient, as_: SignIn, town: Town, peopled: Store) -> None:
    """Whatever is entered afterwards, on other days, in other grids, by moving in or letting go, a grid's day is told as before.

    Were days differences of a running count, each entry on an earlier day would round the later ones anew, and a few weeks of writing down would give
    their counts away.
    """
    today = datetime.now(TIME_ZONE).date()
    codes = [*town.grids, AREAS["community"]]

    def look() -> dict[tuple[str, str, str], int]:
        return {
            (code, day["day"], name): day[name] or 0
            for code in codes
            for day in client.get(f"/api/screen/summary?area={code}", headers=as_("planner")).json()["days"]
            for name in DAILY
        }

    def need(building: int, ago: int) -> None:
        with peopled.owner_session() as session:
            values = {"code": f"B{building}-2", "day": today - timedelta(days=ago)}
            session.execute(
                text(
                    "INSERT INTO needs (household_id, service, opened_on) SELECT id, 'meal', :day FROM households WHERE code = :code"
                ),
                values,
            )

    for building, ago, times in ((0, 3, 3), (0, 9, 7), (1, 9, 2), (6, 3, 4), (12, 1, 6)):
        for _ in range(times):
            need(building, ago)
    before, jumps = look(), []
    assert set(before.values()) <= set(range(0, 100, 5))
    day = (today - timedelta(days=6)).isoformat()
    for _ in range(10):  # one after the other, earlier than some and later than others
        need(0, 6)
        after = look()
        changed = {key for key in before if before[key] != after[key]}
        assert changed <= {(town.grids[0], day, "needs_opened"), (AREAS["community"], day, "needs_opened")}
        jumps.append(after[town.grids[0], day, "needs_opened"] - before[town.grids[0], day, "needs_opened"])
        assert jumps[-1] in (0, 5)
        before = after
    assert sum(jumps) == 10 and jumps[:5] == jumps[5:]
    with (
        peopled.owner_session() as session
    ):  # a home with a long past goes elsewhere: nothing of another day comes with it
        session.execute(text("DELETE FROM needs WHERE opened_on < :day"), {"day": today - timedelta(days=7)})
    after = look()
    assert {key[1] for key in before if before[key] != after[key]} <= {
        (today - timedelta(days=ago)).isoformat() for ago in range(8, 30)
    }
    for day in {key[1] for key in after}:
        assert (
            sum(after[code, day, "needs_opened"] for code in town.grids[:3])
            == after[AREAS["community"], day, "needs_opened"]
        )


def test_windows_and_sizes_of_cells_give_no_small_count(client: TestClient, as_: SignIn, town: Town) -> None:
    def ask(**asked: object) -> Any:
        return client.get("/api/needs/cells", params=asked, headers=as_("planner")).json()

    for first, last in itertools.combinations_with_replacement(range(len(MONTHS)), 2):
        period = {"from": f"{MONTHS[first]}-01", "to": f"{MONTHS[last]}-28"}
        for service in SERVICES:
            found = ask(service=service, **period)
            truth = Counter(dict.fromkeys(range(len(town.people)), 0))
            for (building, kind, month), n in town.needs.items():
                truth[building] += n * (kind == service and MONTHS[first] <= month <= MONTHS[last])
            # Each building stands in a cell of its own, from west to east.
            cells = sorted(found["features"], key=lambda cell: cell["geometry"]["coordinates"][0][0][0])
            assert len(cells) == len(truth)
            for cell, n in zip(cells, truth.values(), strict=True):
                facts = cell["properties"]
                assert facts["suppressed"] == (facts["count"] is None)
                assert n < 5 if facts["suppressed"] else abs(facts["count"] - n) < 5 <= facts["count"]
        totals = {ask(size_m=size, **period)["total"] for size in (100, 200, 400, 1600)}
        assert len(totals) == 1
        assert totals == {sum(ask(service=service, **period)["total"] or 0 for service in SERVICES)}


def test_another_process_gives_the_same_answers(client: TestClient, as_: SignIn, peopled: Store) -> None:
    with TestClient(create_app(peopled, Settings.load())) as other:
        for path in (
            "/api/coverage?service=meal&at=any&minutes=3",
            "/api/needs/cells?service=meal",
            "/api/grids/measures?measure=elders_60",
        ):
            assert other.get(path, headers=as_("planner")).content == client.get(path, headers=as_("planner")).content
