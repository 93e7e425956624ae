"""Coverage of the place drawn in conftest.py, worked out on paper."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from shapely.geometry import shape
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.services.circles import circles
from gis.services.coverage import CoverageQuery, coverage, covered_shares
from gis.services.snapshots import Snapshots
from tests.gis.services.conftest import G1, G2, METRIC, add_station

TODAY = date(2026, 11, 20)
FRIDAY_NOON = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
FRIDAY_NIGHT = FRIDAY_NOON.replace(hour=22)


def test_one_service_within_15_minutes(session: Session, snapshots: Snapshots) -> None:
    # Adults reach 1000 m: B1 (0 m) only. Elders reach 667 m: B1's 12.
    answer = coverage(session, snapshots, CoverageQuery(services=("meal",), exact=True), TODAY)
    assert answer["totals"] == {
        "households": 23,
        "covered": 6,
        "beyond": 16,
        "elders_60": 20,
        "elders_60_covered": 12,
        "children_12": 13,
        "children_12_covered": 6,
    }
    assert answer["unreachable"] == {"no position": 1}
    by_code = {row["code"]: row for row in answer["grids"]}
    assert by_code[G1]["covered"] == 6
    assert by_code[G2]["covered"] == 0
    assert answer["unassigned"]["households"] == 2


def test_elders_walk_as_elders(session: Session, snapshots: Snapshots) -> None:
    # From S2, B3 is hypot(1000, 400) = 1077 m away, B2 400 m. In 15 minutes adults go 1000 m, in 17 they go 1133 m; elders 755 m.
    answer = coverage(session, snapshots, CoverageQuery(services=("day_care",), minutes=17, exact=True), TODAY)
    assert answer["totals"]["covered"] == 15
    assert answer["totals"]["children_12_covered"] == 7
    assert answer["totals"]["elders_60_covered"] == 8
    slower = coverage(session, snapshots, CoverageQuery(services=("day_care",), minutes=17, profile="elder"), TODAY)
    assert slower["totals"]["covered"] == 8


def test_all_services_must_be_reached(session: Session, snapshots: Snapshots) -> None:
    add_station(session, "S3", 900, 500, [("day_care", "24/7")])
    both = coverage(session, snapshots, CoverageQuery(services=("meal", "day_care")), TODAY)
    assert both["totals"]["covered"] == 6


def test_opening_hours_count(session: Session, snapshots: Snapshots) -> None:
    at_noon = coverage(session, snapshots, CoverageQuery(services=("meal",), at=FRIDAY_NOON), TODAY)
    at_night = coverage(session, snapshots, CoverageQuery(services=("meal",), at=FRIDAY_NIGHT), TODAY)
    assert at_noon["totals"]["covered"] == 6
    assert at_night["totals"]["covered"] == 0
    assert at_night["unreachable"] == {"no position": 1, "no station": 22}


def test_totals_add_up(session: Session, snapshots: Snapshots) -> None:
    for query in (
        CoverageQuery(),
        CoverageQuery(services=("meal",)),
        CoverageQuery(services=("meal",), at=FRIDAY_NIGHT),
    ):
        answer = coverage(session, snapshots, query, TODAY)
        totals = answer["totals"]
        assert totals["households"] == totals["covered"] + totals["beyond"] + sum(answer["unreachable"].values())
        for name, total in totals.items():
            assert total == sum(row[name] for row in answer["grids"]) + answer["unassigned"][name]


def test_an_area_counts_its_own_people_but_any_station_may_serve_them(session: Session, snapshots: Snapshots) -> None:
    answer = coverage(session, snapshots, CoverageQuery(services=("meal",), area="539901001001"), TODAY)
    assert answer["totals"]["households"] == 21
    assert answer["unassigned"]["households"] == 0
    with pytest.raises(NotFound, match="539902000000"):
        coverage(session, snapshots, CoverageQuery(services=("meal",), area="539902000000"), TODAY)


def test_circles_measure_metres(session: Session, snapshots: Snapshots) -> None:
    answer = circles(session, snapshots, CoverageQuery(services=("meal",)))
    assert [f["properties"]["code"] for f in answer["features"]] == ["S1"]
    drawn = METRIC.geometry_to_m(np.array([shape(answer["features"][0]["geometry"])]))[0]
    assert abs(drawn.area / (np.pi * 1000**2) - 1) < 0.005
    both = circles(session, snapshots, CoverageQuery(dissolve=True))
    assert len(both["features"]) == 1
    assert both["features"][0]["properties"]["stations"] == 2
    assert shapely.is_valid(shape(both["features"][0]["geometry"]))


def test_a_new_station_is_seen_at_once(session: Session, snapshots: Snapshots) -> None:
    before = covered_shares(session, snapshots, TODAY, None)["meal"]
    add_station(session, "S4", 1900, 500, [("meal", "24/7")])
    after = covered_shares(session, snapshots, TODAY, None)["meal"]
    assert before.tolist() == [6, 0, 0]
    assert after.tolist() == [6, 15, 0]  # B2 at 0 m, B3 at exactly 1000 m


def test_a_closed_grid_leaves_its_households_countable(session: Session, snapshots: Snapshots) -> None:
    session.execute(text("UPDATE grids SET valid_to = current_date WHERE code = :code"), {"code": G2})
    answer = coverage(session, snapshots, CoverageQuery(services=("meal",)), TODAY)
    assert answer["totals"]["households"] == 23
    assert answer["unassigned"]["households"] == 17
