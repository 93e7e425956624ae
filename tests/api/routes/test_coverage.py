from __future__ import annotations

import json
from itertools import accumulate
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient

from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2
from tests.gis.services.test_sketches import M_PER_DEGREE, read

FRIDAY_NOON, FRIDAY_NIGHT = "2026-11-20T12:00:00+08:00", "2026-11-20T22:00:00+08:00"


def test_who_is_covered(client: TestClient, as_: SignIn) -> None:
    """Meals at S1 (100, 500), open on Fridays at noon: B1 beside it is covered, B2 and B3 are 1800 m and more away."""
    found = client.get("/api/coverage", params={"service": "meal", "at": FRIDAY_NOON}, headers=as_("admin")).json()
    totals = found["totals"]
    assert (totals["households"], totals["covered"]) == (23, 6)
    assert (totals["elders_60"], totals["elders_60_covered"]) == (20, 12)
    assert {row["code"]: row["covered"] for row in found["grids"]} == {G1: 6, G2: 0}
    assert found["unreachable"] == {"no position": 1}
    assert totals["covered"] + totals["beyond"] + sum(found["unreachable"].values()) == totals["households"]


def test_the_time_counts(client: TestClient, as_: SignIn) -> None:
    def covered(**question: object) -> int:
        return client.get("/api/coverage", params=question, headers=as_("planner")).json()["totals"]["covered"]

    assert covered(service="meal", at=FRIDAY_NIGHT) == 0
    assert covered(service="meal", at="any") == 6
    assert covered(service=["meal", "day_care"], at="any") == 0
    assert covered(service="day_care") == 8


WRONG = [
    "minutes=0",
    "minutes=61",
    "minutes=nan",
    "minutes=inf",
    "method=fly",
    "profile=child",
    "service=meals",
    "at=yesterday",
    "at=2026-11-20T12:00:00",
    "area=1",
    "dissolve=perhaps",
]


def test_every_parameter_has_bounds(client: TestClient, as_: SignIn) -> None:
    for wrong in WRONG:
        for path in ("/api/coverage", "/api/circles"):
            answered = client.get(f"{path}?{wrong}", headers=as_("planner"))
            assert answered.status_code == 422, path
            assert answered.json()["errors"]


def test_circles_single_and_dissolved(client: TestClient, as_: SignIn) -> None:
    headers = as_("screen")
    single = client.get("/api/circles?at=any&minutes=15", headers=headers).json()
    assert {f["properties"]["code"] for f in single["features"]} == {"S1", "S2"}
    assert single["radius_m"] == 1000
    whole = client.get("/api/circles?at=any&dissolve=true", headers=headers).json()
    assert len(whole["features"]) == 1
    assert whole["features"][0]["properties"]["stations"] == 2
    assert client.get("/api/circles?service=rest", headers=headers).json()["features"] == []


def test_circles_in_lines_are_the_same_circles(client: TestClient, as_: SignIn) -> None:
    headers = as_("planner")
    asked = "/api/circles?at=any&method=buffer&minutes=15"
    whole = client.get(asked, headers=headers).json()
    found = client.get(f"{asked}&resolution_m=20", headers=headers).json()
    assert found["code"] == [f["properties"]["code"] for f in whole["features"]]
    assert found["name"] == [f["properties"]["name"] for f in whole["features"]]
    assert (found["stations"], found["unjoined"], found["radius_m"]) == (
        2,
        whole["unjoined"],
        whole["radius_m"],
    )
    for feature, text in zip(whole["features"], found["lines"], strict=True):
        exact = shapely.from_geojson(json.dumps(feature["geometry"]))
        off_deg = shapely.hausdorff_distance(read(text, found["pitch"]), shapely.MultiPolygon([exact]))
        assert off_deg * M_PER_DEGREE <= 20
    west, south = shapely.from_geojson(json.dumps(whole["features"][0]["geometry"])).bounds[:2]
    near = client.get(
        f"{asked}&resolution_m=20&bbox={west},{south},{west + 1e-3},{south + 1e-3}", headers=headers
    ).json()
    assert near["stations"] == 2 and near["code"] == ["S1"], "a box leaves out circles, and says of how many"
    beyond = client.get(f"{asked}&resolution_m=20&bbox=0,0,1,1", headers=headers).json()
    assert (beyond["stations"], beyond["code"], beyond["lines"]) == (2, [], [])
    one = client.get(f"{asked}&resolution_m=20&dissolve=true", headers=headers).json()
    assert (one["stations"], one["code"], len(one["lines"])) == (2, [None], 1)
    for wrong in ("resolution_m=0", "resolution_m=nan", "resolution_m=20&bbox=1"):
        assert client.get(f"{asked}&{wrong}", headers=headers).status_code == 422


@pytest.mark.parametrize("role", ["planner", "screen", "admin"])
@pytest.mark.parametrize("more", ["method=buffer", "method=walk", f"method=buffer&area={G1[:12]}"])
def test_columns_say_what_rows_say(client: TestClient, as_: SignIn, role: str, more: str) -> None:
    asked = f"/api/coverage?service=meal&at=any&{more}"
    rows, found = (client.get(f"{asked}{form}", headers=as_(role)).json() for form in ("", "&form=columns"))
    columns = found.pop("grids")
    assert found == {**found, **{name: rows[name] for name in found}} and set(rows) - set(found) == {"grids"}
    assert codes_of(columns.pop("code")) == [row["code"] for row in rows["grids"]]
    for name, values in columns.items():
        assert values == [row[name] for row in rows["grids"] if name in row], name
    assert {"households", "covered", "elders_60_covered", "children_12"} <= set(columns)


def codes_of(steps: dict[str, Any]) -> list[str]:
    """Return the codes that stand in an answer as steps."""
    numbers = accumulate([int(steps["first"] or 0), *steps["steps"]])
    return [str(number) for number in numbers] if steps["first"] else []


def test_a_wall_is_told_no_small_count(client: TestClient, as_: SignIn) -> None:
    asked = "/api/coverage?service=meal&at=any&method=buffer"
    full, wall = (client.get(asked, headers=as_(role)).json() for role in ("planner", "screen"))
    assert full["unassigned"]["households"] == 2
    assert wall["unassigned"]["households"] is None
    assert wall["totals"]["households"] == full["totals"]["households"]
    told = [n for row in wall["grids"] for n in row.values() if isinstance(n, int)]
    assert all(n == 0 or abs(n) >= 5 for n in told)


MEALS = {"lon": 102.71, "lat": 25.04, "services": "meal"}


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (5, "edits[0]"),
        ({"op": ["add"], "station": MEALS}, "edits[0]"),
        ({"op": "add", "station": {**MEALS, "code": ["x"]}}, "edits[0].station.code"),
        ({"op": "add", "station": {**MEALS, "code": "x" * 201}}, "edits[0].station.code"),
        ({"op": "add", "station": {**MEALS, "name": {"a": 1}}}, "edits[0].station.name"),
        ({"op": "add", "station": {**MEALS, "kind": 7}}, "edits[0].station.kind"),
        ({"op": "add", "station": {**MEALS, "lon": [1]}}, "edits[0].station.lon, lat"),
        ({"op": "add", "station": {**MEALS, "services": 5}}, "edits[0].station.services"),
        (
            {"op": "add", "station": {**MEALS, "services": [{"kind": "meal", "hours": 5}]}},
            "edits[0].station.services[0].hours",
        ),
        ({"op": "move", "station": {**MEALS, "code": ["S1"]}}, "edits[0].station.code"),
    ],
)
def test_a_malformed_edit_is_named(client: TestClient, as_: SignIn, edit: Any, where: str) -> None:
    for path in ("/api/coverage/scenario", "/api/circles"):
        asked = {"parameters": {"service": "meal", "at": "any"}, "edits": [edit]}
        refused = client.post(path, json=asked, headers=as_("planner"))
        assert refused.status_code == 422, refused.text
        assert [fault["where"] for fault in refused.json()["errors"]] == [where]
