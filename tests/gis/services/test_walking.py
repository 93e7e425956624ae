"""Walking on the streets of the place drawn in conftest.py, worked out on paper.

A street runs along y = 500 from x = 0 to 3000; it is broken by a river between x = 1000 and 1100, which only a bridge at y = 900
crosses: up from (1000, 500) to (1000, 900), over to (1100, 900), down to (1100, 500). S1 stands at (100, 500), on the street.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from shapely.geometry import shape
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accessibility.policy import WalkPolicy
from gis.accessibility.snapping import snap
from gis.errors import Invalid
from gis.services import circles, coverage, reach, siting
from gis.services.coverage import CoverageQuery
from gis.services.network import network, snapped_stations
from gis.services.scenario import edit_stations, scenario
from gis.services.siting import Wanted
from gis.services.snapshots import Snapshots
from tests.gis.services.conftest import G1, METRIC, add_building, add_household, add_station, lonlat

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def add_street(session: Session, code: str, *corners: tuple[float, float], bridge: bool = False) -> None:
    line = shapely.LineString([lonlat(x, y) for x, y in corners])
    session.execute(
        text(
            "INSERT INTO streets (code, kind, bridge, geometry) VALUES (:code, 'footway', :bridge, ST_GeomFromWKB(:line, 4326))"
        ),
        {"code": code, "bridge": bridge, "line": shapely.to_wkb(line)},
    )


@pytest.fixture
def streets(session: Session) -> Session:
    add_street(session, "west", (0, 500), (1000, 500), (1000, 900))
    add_street(session, "bridge", (1000, 900), (1100, 900), bridge=True)
    add_street(session, "east", (1100, 900), (1100, 500), (3000, 500))
    return session


def ask(**changes: object) -> CoverageQuery:
    return CoverageQuery(**{"services": ("meal",), "exact": True, **changes})  # type: ignore[arg-type]


def test_walking_is_the_default_where_streets_are_known(session: Session, snapshots: Snapshots) -> None:
    assert coverage.resolve(session, snapshots, ask()).method == "buffer"
    add_street(session, "s", (0, 500), (1000, 500))
    assert coverage.resolve(session, snapshots, ask()).method == "walk"


def test_the_river_costs_the_way_round(streets: Session, snapshots: Snapshots) -> None:
    # S1 to B2: 900 + 400 + 100 + 400 + 800 = 2600 m, 2600 / 1.2 s; in a straight line 1800 m.
    rows = {row["code"]: row for row in reach.buildings(streets, snapshots, ask(), TODAY, uncovered_only=False)}
    assert rows["B2"]["distance_m"] == pytest.approx(2600, abs=1e-3)
    assert rows["B2"]["seconds"] == pytest.approx(2600 / 1.2, abs=1e-3)
    assert rows["B2"]["station"] == "S1"
    assert rows["B1"]["seconds"] == pytest.approx(0, abs=1e-3)
    by_air = {
        row["code"]: row
        for row in reach.buildings(streets, snapshots, ask(method="buffer"), TODAY, uncovered_only=False)
    }
    assert by_air["B2"]["distance_m"] == pytest.approx(1800, abs=1e-3)
    # 27 minutes take an adult 1944 m on foot, and the buffer to 1800 m.
    answer = coverage.coverage(streets, snapshots, ask(minutes=27.0), TODAY)
    assert answer["parameters"]["method"] == "walk"
    assert answer["totals"]["covered"] == 6
    assert answer["totals"]["covered_buffer"] == 14
    assert answer["totals"]["difference"] == 8
    assert sum(row["difference"] for row in answer["grids"]) == 8


def test_only_uncovered_buildings_are_listed_farthest_first(streets: Session, snapshots: Snapshots) -> None:
    rows = reach.buildings(streets, snapshots, ask(), TODAY, uncovered_only=True)
    assert [row["code"] for row in rows] == ["B3", "B2"]
    assert all("name" in row and "residents" not in row for row in rows)


def test_reasons_say_why_there_is_no_way(streets: Session, snapshots: Snapshots) -> None:
    streets.execute(text("DELETE FROM households WHERE code = 'H900'"))
    for code, x_m, y_m in (("B5", 500, 700), ("B6", 500, 3000), ("B7", 5000, 5000)):
        add_building(streets, code, x_m, y_m)
        add_household(streets, f"H-{code}", code, 0, 0)
    add_street(streets, "island", (5000, 5000), (5100, 5000))
    answer = coverage.coverage(streets, snapshots, ask(), TODAY)
    # B5 is 200 m from the street, B6 2500 m, B7 on a street that leads nowhere.
    assert answer["unreachable"] == {
        "no position": 1,
        "too far from a street": 1,
        "no street network here": 1,
        "separate island": 1,
    }
    totals = answer["totals"]
    assert totals["households"] == totals["covered"] + totals["beyond"] + sum(answer["unreachable"].values())


def test_walking_circles_lie_inside_the_straight_ones(streets: Session, snapshots: Snapshots) -> None:
    drawn = circles.circles(streets, snapshots, ask())
    assert drawn["method"] == "walk"
    circle = METRIC.geometry_to_m(np.array([shape(drawn["features"][0]["geometry"])]))[0]
    here = shapely.Point(*METRIC.to_m(*lonlat(100, 500)))
    assert circle.within(here.buffer(1080.01, quad_segs=256))
    assert circle.intersects(shapely.Point(*METRIC.to_m(*lonlat(1000, 600))))
    assert not circle.intersects(shapely.Point(*METRIC.to_m(*lonlat(1100, 600))))


def test_the_network_follows_its_streets(streets: Session, snapshots: Snapshots) -> None:
    before = coverage.coverage(streets, snapshots, ask(minutes=27.0), TODAY)["totals"]["covered"]
    add_street(streets, "ford", (1000, 500), (1100, 500))
    after = coverage.coverage(streets, snapshots, ask(minutes=27.0), TODAY)["totals"]["covered"]
    assert (before, after) == (6, 14)


def test_a_scenario_tells_before_and_after_and_stores_nothing(streets: Session, snapshots: Snapshots) -> None:
    lon, lat = lonlat(2000, 500)
    edits = [
        {"op": "add", "station": {"lon": lon, "lat": lat, "services": "meal"}},
        {"op": "close", "station": {"code": "S1"}},
    ]
    answer = scenario(streets, snapshots, ask(), edits, TODAY)
    assert (answer["before"]["covered"], answer["after"]["covered"]) == (6, 15)
    assert (answer["newly_covered"], answer["newly_uncovered"]) == (15, 6)
    assert len(answer["grids"]) == 2
    assert scenario(streets, snapshots, ask(), edits, TODAY) == answer
    assert streets.execute(text("SELECT count(*) FROM stations")).scalar_one() == 2


def test_moving_there_and_back_changes_nothing(streets: Session, snapshots: Snapshots) -> None:
    there, back = lonlat(2000, 500), (snapshots.stations(streets).lon[0], snapshots.stations(streets).lat[0])
    edits = [{"op": "move", "station": {"code": "S1", "lon": lon, "lat": lat}} for lon, lat in (there, back)]
    answer = scenario(streets, snapshots, ask(), edits, TODAY)
    assert answer["before"] == answer["after"]
    assert answer["grids"] == []
    assert scenario(streets, snapshots, ask(), edits[:1], TODAY)["after"]["covered"] == 15


def test_other_hours_change_who_is_covered_now(streets: Session, snapshots: Snapshots) -> None:
    night = NOW.replace(hour=22)
    edits = [{"op": "hours", "station": {"code": "S1", "services": "meal@Mo-Su 18:00-23:00"}}]
    answer = scenario(streets, snapshots, ask(at=night), edits, TODAY)
    assert (answer["before"]["covered"], answer["after"]["covered"]) == (0, 6)


def test_faulty_edits_are_each_named(streets: Session, snapshots: Snapshots) -> None:
    edits = [
        {"op": "burn", "station": {}},
        {"op": "move", "station": {"code": "S1", "lon": 500, "lat": 1}},
        {"op": "close", "station": {"code": "S9"}},
        {"op": "add", "station": {"lon": 102, "lat": 25}},
    ]
    with pytest.raises(Invalid) as wrong:
        scenario(streets, snapshots, ask(), edits, TODAY)
    assert [fault.where.split(".")[0] for fault in wrong.value.faults] == [
        "edits[0]",
        "edits[1]",
        "edits[2]",
        "edits[3]",
    ]


def test_the_best_site_is_found_and_proven(streets: Session, snapshots: Snapshots) -> None:
    # From B2 both B2 and B3 (1000 m along the street) are within 1080 m: 15 households; from B3 as well; the first is taken or the other.
    found = siting.choose(streets, snapshots, ask(), Wanted(1, {"households": 1.0}), TODAY)
    assert found["chosen"]["covered"] == 15
    assert found["uncovered"] == 17
    assert (found["optimal"], found["gap"]) == (True, 0.0)
    assert found["chosen"]["sites"][0]["code"] in {"B2", "B3"}
    points = np.array([lonlat(500, 500), lonlat(2400, 500)])
    by_points = siting.choose(streets, snapshots, ask(), Wanted(1, {"elders_60": 1.0}, points=points), TODAY)
    assert [site["number"] for site in by_points["chosen"]["sites"]] == [1]
    assert by_points["chosen"]["covered"] == 8
    with pytest.raises(Invalid):
        siting.choose(streets, snapshots, ask(), Wanted(1, {"households": 1.0}, building_kind="castle"), TODAY)


def test_the_share_of_the_week(streets: Session, snapshots: Snapshots) -> None:
    # Meals on five days for two hours: 10 of 168 hours, for the 6 of 23 households within reach.
    answer = reach.week(streets, snapshots, ask(), NOW)
    assert {row["code"]: row["share"] for row in answer["grids"]}[G1] == pytest.approx(10 / 168, abs=1e-4)
    assert answer["share"] == pytest.approx(10 / 168 * 6 / 23, abs=1e-4)


def test_places_per_hundred(streets: Session, snapshots: Snapshots) -> None:
    # S1 with 30 places, reached by B1's 12 elders at no distance (weight 1): 250 per 100; none elsewhere.
    streets.execute(text("UPDATE stations SET capacity = 30 WHERE code = 'S1'"))
    answer = reach.capacity(streets, snapshots, ask(), TODAY)
    assert answer["needed_by"] == "elders_60"
    assert answer["places"] == 30
    assert {row["code"]: row["places_per_100"] for row in answer["grids"]}[G1] == pytest.approx(250)
    add_station(streets, "S7", 100, 500, [("meal", "24/7")])
    assert reach.capacity(streets, snapshots, ask(), TODAY)["unknown"] == ["S7"]


def test_one_stations_circle_is_the_one_among_all(streets: Session, snapshots: Snapshots) -> None:
    everyones = circles.circles(streets, snapshots, ask(services=()))
    own = circles.circles(streets, snapshots, ask(services=()), "S1")
    assert [feature["properties"]["code"] for feature in own["features"]] == ["S1"]
    assert own["features"][0] in everyones["features"]
    with pytest.raises(Invalid) as wrong:
        circles.circles(streets, snapshots, ask(), "S9")
    assert wrong.value.faults[0].where == "query.station"


def test_circles_are_drawn_again_only_where_something_changed(streets: Session, snapshots: Snapshots) -> None:
    first = circles.circles(streets, snapshots, ask())["features"][0]["geometry"]
    assert circles.circles(streets, snapshots, ask())["features"][0]["geometry"] is first
    farther = circles.circles(streets, snapshots, ask(minutes=16))["features"][0]["geometry"]
    assert farther.shape.area > first.shape.area
    add_street(streets, "lane", (1000, 500), (1000, 100))
    lane = circles.circles(streets, snapshots, ask())["features"][0]["geometry"]
    assert lane.shape.area > first.shape.area


def test_edited_stations_have_the_circles_they_would_have(streets: Session, snapshots: Snapshots) -> None:
    lon, lat = lonlat(2000, 500)
    moved = {"op": "move", "station": {"code": "S1", "lon": lon, "lat": lat}}
    added = {"op": "add", "station": {"code": "N1", "lon": lon, "lat": lat, "services": "meal"}}
    asleep = {"op": "hours", "station": {"code": "S1", "services": "meal@Mo 01:00-02:00"}}

    def codes(*edits: object, **changes: object) -> list[str]:
        found = circles.circles_after(streets, snapshots, ask(**changes), list(edits))
        return [feature["properties"]["code"] for feature in found["features"]]

    assert codes(moved, added) == ["S1", "N1"]
    assert codes({"op": "close", "station": {"code": "S1"}}) == []
    assert (codes(asleep), codes(asleep, at=NOW)) == (["S1"], [])
    there = circles.circles_after(streets, snapshots, ask(), [moved])["features"][0]["geometry"].shape
    assert there.contains(shapely.Point(lon, lat))
    stored = circles.circles(streets, snapshots, ask())["features"][0]["geometry"].shape
    assert not stored.contains(shapely.Point(lon, lat)), "nothing is stored"
    with pytest.raises(Invalid):
        codes({"op": "close", "station": {"code": "S9"}})


def test_an_edit_of_one_station_leaves_the_others_where_they_join(streets: Session, snapshots: Snapshots) -> None:
    """What is joined anew for the edited station alone gives what joining all anew would."""
    stored = snapshots.stations(streets)
    edited = edit_stations(
        stored,
        [
            {"op": "move", "station": {"code": stored.codes[1], "lon": lonlat(700, 480)[0], "lat": lonlat(700, 480)[1]}},
            {"op": "add", "station": {"lon": lonlat(2500, 510)[0], "lat": lonlat(2500, 510)[1], "services": "meal"}},
        ],
    )  # fmt: skip
    net = network(streets, snapshots, "adult")
    joined = snapped_stations(streets, snapshots, net, edited)
    fresh = snap(net.graph, *METRIC.to_m(edited.lon, edited.lat), snapshots.policy)
    for name in ("edge", "offset_m", "access_m", "u", "v", "to_u_m", "to_v_m"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(fresh, name))


@pytest.mark.parametrize(
    ("policy", "covered", "too_far"),
    [
        (WalkPolicy(), 6, 1),
        (WalkPolicy(snap_cap_m=250.0), 7, None),
        (WalkPolicy(speeds_mps={"adult": 3.0, "elder": 0.8, "wheelchair": 0.67}), 14, 1),
    ],
)
def test_a_place_has_its_own_figures(streets: Session, policy: WalkPolicy, covered: int, too_far: int | None) -> None:
    """B5 is 200 m from the street: too far, but where the cap is 250 m; who walks at 3 m/s gets to B2 over the bridge."""
    add_building(streets, "B5", 500, 700)
    add_household(streets, "H-B5", "B5", 0, 0)
    found = coverage.coverage(streets, Snapshots(policy), ask(), TODAY)
    assert (found["totals"]["covered"], found["unreachable"].get("too far from a street")) == (covered, too_far)
