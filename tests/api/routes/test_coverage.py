from __future__ import annotations

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2

FRIDAY_NOON, FRIDAY_NIGHT = "2026-11-20T12:00:00+08:00", "2026-11-20T22:00:00+08:00"


def test_who_is_covered(client: TestClient, as_: SignIn) -> None:
    """Meals at S1 (100, 500), open on Fridays at noon: B1 beside it is covered, B2 and B3 are 1800 m and more away."""
    found = client.get(
        "/api/coverage", params={"service": "meal", "at": FRIDAY_NOON}, headers=as_("admin")
    ).json()
    totals = found["totals"]
    assert (totals["households"], totals["covered"]) == (23, 6)
    assert (totals["elders_60"], totals["elders_60_covered"]) == (20, 12)
    assert {row["code"]: row["covered"] for row in found["grids"]} == {G1: 6, G2: 0}
    assert found["unreachable"] == {"no position": 1}
    assert totals["covered"] + totals["beyond"] + sum(found["unreachable"].values()) == totals["households"]


def test_the_time_counts(client: TestClient, as_: SignIn) -> None:
    def covered(**question: object) -> int:
        return client.get("/api/coverage", params=question, headers=as_("planner")).json()["totals"][
            "covered"
        ]

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


def test_a_wall_is_told_no_small_count(client: TestClient, as_: SignIn) -> None:
    asked = "/api/coverage?service=meal&at=any&method=buffer"
    full, wall = (client.get(asked, headers=as_(role)).json() for role in ("planner", "screen"))
    assert full["unassigned"]["households"] == 2
    assert wall["unassigned"]["households"] is None
    assert wall["totals"]["households"] == full["totals"]["households"]
    told = [n for row in wall["grids"] for n in row.values() if isinstance(n, int)]
    assert all(n == 0 or abs(n) >= 5 for n in told)
