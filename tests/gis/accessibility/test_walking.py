import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.accessibility.coverage import ISLAND, NO_NETWORK, NO_POSITION, NO_STATION, TOO_FAR
from gis.accessibility.graph import build_graph
from gis.accessibility.policy import GROUPS, WalkPolicy
from gis.accessibility.snapping import snap
from gis.accessibility.walking import cover_by_walk, walk_pairs, walk_to_nearest
from tests.gis.accessibility.drawn import draw, graph_of, random_town, xy
from tests.gis.accessibility.oracle import oracle_seconds

POLICY = WalkPolicy()
GRID_NORTH_M = (500_000.0, 2_770_000.0)


def walk(graph, homes, stations, limit_m=np.inf):
    return walk_to_nearest(graph, snap(graph, *xy(*homes)), snap(graph, *xy(*stations)), limit_m)


def test_a_river_with_one_bridge():
    # Banks at y = 0 and y = 50, a bridge at x = 400. Facing each other across the river, 800 m and the bridge apart.
    banks = graph_of(
        [(0, 0), (400, 0)], [(0, 50), (400, 50)], [(400, 0), (400, 25), (400, 50)], bridge=[False, False, True]
    )
    found = walk(banks, [(0, 0), (100, -10), (390, 0)], [(0, 60)])
    assert found.distance_m == pytest.approx([400 + 50 + 400 + 10, 10 + 300 + 50 + 400 + 10, 10 + 50 + 400 + 10])
    assert found.seconds(0.8) == pytest.approx([1075, 962.5, 587.5])


def test_a_wall_between_neighbours():
    # A home 15 m from the station in the next lane; the lanes meet 200 m away.
    lanes = graph_of([(0, 0), (0, 200)], [(30, 0), (30, 200)], [(0, 200), (30, 200)])
    found = walk(lanes, [(10, 50)], [(25, 50)])
    assert found.distance_m == pytest.approx([10 + 150 + 30 + 150 + 5])


def test_round_a_loop_the_shorter_way():
    ring = graph_of([(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)])
    found = walk(ring, [(90, 0), (0, 90), (0, 40), (100, 60)], [(10, 0)])
    assert found.distance_m == pytest.approx([80, 100, 50, 150])


def test_a_loop_on_a_stalk_counts_its_stem():
    graph = graph_of([(-100, 0), (0, 0)], [(0, 0), (30, 40), (30, -40), (0, 0)])
    assert walk(graph, [(-100, 0)], [(30, -10)]).distance_m == pytest.approx([100 + 50 + 30])


def test_a_station_in_the_middle_of_an_edge():
    cross = graph_of([(-100, 0), (0, 0), (100, 0)], [(0, -100), (0, 0), (0, 100)])
    found = walk(cross, [(80, 5), (20, 5), (0, 70), (-30, 0)], [(50, 3)])
    assert found.distance_m == pytest.approx([5 + 30 + 3, 5 + 30 + 3, 70 + 50 + 3, 30 + 50 + 3])


def test_two_stations_on_one_edge():
    street = graph_of([(0, 0), (1000, 0)])
    found = walk(street, [(0, 0), (290, 0), (310, 0), (900, 0), (500, 40)], [(100, 0), (500, 0)])
    assert found.distance_m == pytest.approx([100, 190, 190, 400, 40])
    assert found.station.tolist() == [0, 0, 1, 1, 1]


def test_on_one_edge_the_way_round_may_be_shorter():
    # A bow of 1,000 m beside a chord of 100 m: from one end of the bow to the other people take the chord.
    graph = graph_of([(0, 0), (0, 450), (100, 450), (100, 0)], [(0, 0), (100, 0)])
    assert walk(graph, [(0, 10)], [(100, 20)]).distance_m == pytest.approx([10 + 100 + 20])


def test_an_island():
    graph = graph_of([(0, 0), (100, 0)], [(0, 500), (100, 500)])
    found = walk(graph, [(50, 0), (50, 500)], [(20, 0)])
    assert found.distance_m == pytest.approx([30, np.nan], nan_ok=True)
    assert found.station.tolist() == [0, -1]
    assert found.reason.tolist() == [0, ISLAND]


def test_reasons():
    graph = graph_of([(0, 0), (100, 0)])
    homes = [(0, 0), (0, 200), (0, 9000), (np.nan, np.nan)]
    assert walk(graph, homes, [(50, 0)]).reason.tolist() == [0, TOO_FAR, NO_NETWORK, NO_POSITION]
    nobody = [NO_STATION, NO_STATION, NO_STATION, NO_POSITION]
    assert walk(graph, homes, []).reason.tolist() == nobody
    assert walk(graph, homes, [(50, 300)]).reason.tolist() == nobody


def test_beyond_the_limit_there_is_a_way_but_no_distance():
    graph = graph_of([(0, 0), (1000, 0)], [(1000, 0), (2000, 0)], [(1000, 0), (1000, 50)])
    found = walk(graph, [(600, 0), (599, 0), (1100, 0)], [(100, 0)], limit_m=500)
    assert found.distance_m == pytest.approx([500, 499, np.nan], nan_ok=True)
    assert found.reason.tolist() == [0, 0, 0]
    assert found.station.tolist() == [0, 0, -1]


def test_a_station_exactly_on_a_junction():
    cross = graph_of([(-100, 0), (0, 0), (100, 0)], [(0, -100), (0, 0), (0, 100)])
    assert walk(cross, [(0, 60), (-40, 0), (0, 0)], [(0, 0)]).distance_m == pytest.approx([60, 40, 0])


def test_steps_are_no_way_for_a_wheelchair():
    ways = draw([(0, 0), (100, 0)], [(100, 0), (130, 0)], [(130, 0), (200, 0)], kind=["path", "steps", "path"])
    graph = build_graph(ways)
    level = graph.for_profile("wheelchair")
    assert walk(graph, [(50, 0)], [(180, 0)]).distance_m == pytest.approx([130])
    assert walk(level, [(50, 0)], [(180, 0)]).reason.tolist() == [ISLAND]


def test_each_group_walks_at_its_own_speed():
    street = graph_of([(0, 0), (2000, 0)])
    homes = snap(street, *xy((720, 0), (720.01, 0), (1080, 0), (1080.01, 0)))
    covered = cover_by_walk(street, homes, [snap(street, *xy((0, 0)))], POLICY.walk_reaches_m(15, "own"))
    assert covered.elders_60.tolist() == [True, False, False, False]
    assert covered.households.tolist() == covered.children_12.tolist() == [True, True, True, False]


def test_all_services_must_be_reached_and_the_first_reason_is_told():
    graph = graph_of([(0, 0), (1000, 0)], [(0, 500), (1000, 500)])
    homes = snap(graph, *xy((100, 0), (900, 0), (100, 500), (100, 900)))
    near, far = snap(graph, *xy((0, 0))), snap(graph, *xy((1000, 0)))
    covered = cover_by_walk(graph, homes, [near, far], dict.fromkeys(GROUPS, 900.0))
    assert covered.households.tolist() == [True, True, False, False]
    assert covered.reason.tolist() == [0, 0, ISLAND, TOO_FAR]
    none = cover_by_walk(graph, homes, [near, snap(graph, *xy())], dict.fromkeys(GROUPS, 900.0))
    assert none.reason.tolist() == [NO_STATION, NO_STATION, ISLAND, TOO_FAR]
    assert not none.households.any()
    with pytest.raises(ValueError, match="at least one service"):
        cover_by_walk(graph, homes, [], dict.fromkeys(GROUPS, 900.0))


def compare_with_oracle(ways, places, stations, profile):
    graph = build_graph(ways).for_profile(profile)
    speed_mps = POLICY.speed_mps(profile)
    homes, doors = snap(graph, places[:, 0], places[:, 1]), snap(graph, stations[:, 0], stations[:, 1])
    found = walk_to_nearest(graph, homes, doors)
    expected_s = oracle_seconds(ways, places, stations, speed_mps, steps_allowed=profile != "wheelchair")
    assert np.array_equal(np.isfinite(expected_s), np.isfinite(found.distance_m))
    assert np.array_equal(np.isfinite(expected_s), found.reason == 0)
    reached = np.isfinite(expected_s)
    assert np.abs(found.seconds(speed_mps)[reached] - expected_s[reached]).max(initial=0) < 1e-6
    for minutes in (5, 10, 15):
        covered = cover_by_walk(graph, homes, [doors], POLICY.walk_reaches_m(minutes, profile))
        assert np.array_equal(covered.households, expected_s <= minutes * 60)
    limit_m = 700.0
    pairs = walk_pairs(graph, homes, doors, limit_m)
    nearest = np.full(len(places), np.inf)
    np.minimum.at(nearest, pairs.home, pairs.distance_m)
    expected_m = np.where(expected_s * speed_mps <= limit_m, expected_s * speed_mps, np.inf)
    assert np.allclose(nearest, expected_m, rtol=0, atol=1e-6)
    one = found.station[found.station >= 0]
    assert ((one >= 0) & (one < len(stations))).all()
    return reached.mean()


@pytest.mark.parametrize("profile", ["adult", "elder", "wheelchair"])
@pytest.mark.parametrize("seed", range(12))
def test_generated_towns_agree_with_the_oracle(seed, profile):
    ways, low, high, rng = random_town(seed, origin=GRID_NORTH_M)
    places = rng.uniform(low, high, (150, 2))
    places[:5] = np.nan
    stations = np.vstack([rng.uniform(low, high, (rng.integers(1, 9), 2)), places[10], [np.nan, np.nan]])
    assert compare_with_oracle(ways, places, stations, profile) > 0.3


@pytest.mark.parametrize("seed", range(3))
def test_each_pair_agrees_with_the_oracle_of_one_station(seed):
    ways, low, high, rng = random_town(seed)
    places, stations = rng.uniform(low, high, (60, 2)), rng.uniform(low, high, (70, 2))
    graph = build_graph(ways)
    pairs = walk_pairs(graph, snap(graph, *places.T), snap(graph, *stations.T), 400.0)
    for number in range(0, 70, 9):
        expected_m = oracle_seconds(ways, places, stations[number : number + 1], 1.0)
        mine = pairs.station == number
        assert pairs.home[mine].tolist() == np.flatnonzero(expected_m <= 400).tolist()
        assert np.allclose(pairs.distance_m[mine], expected_m[pairs.home[mine]], rtol=0, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), minutes=st.floats(1, 59), more=st.floats(0.001, 1))
def test_more_minutes_or_more_stations_never_lower_coverage(seed, minutes, more):
    ways, low, high, rng = random_town(seed, size=5)
    graph = build_graph(ways)
    homes = snap(graph, *rng.uniform(low, high, (60, 2)).T)
    stations = snap(graph, *rng.uniform(low, high, (4, 2)).T)
    few = cover_by_walk(graph, homes, [stations.take(np.arange(2))], POLICY.walk_reaches_m(minutes, "own"))
    many = cover_by_walk(graph, homes, [stations], POLICY.walk_reaches_m(minutes, "own"))
    longer = cover_by_walk(graph, homes, [stations.take(np.arange(2))], POLICY.walk_reaches_m(minutes + more, "own"))
    for group in GROUPS:
        assert (getattr(many, group) >= getattr(few, group)).all()
        assert (getattr(longer, group) >= getattr(few, group)).all()


@pytest.mark.parametrize("seed", range(4))
def test_moving_a_station_and_back_changes_nothing(seed):
    ways, low, high, rng = random_town(seed)
    graph = build_graph(ways)
    homes = snap(graph, *rng.uniform(low, high, (100, 2)).T)
    stations = rng.uniform(low, high, (5, 2))
    before = walk_to_nearest(graph, homes, snap(graph, *stations.T))
    moved = stations.copy()
    moved[2] += 80.0
    walk_to_nearest(graph, homes, snap(graph, *moved.T))
    moved[2] = stations[2]
    after = walk_to_nearest(graph, homes, snap(graph, *moved.T))
    assert np.array_equal(before.distance_m, after.distance_m, equal_nan=True)
    assert np.array_equal(before.station, after.station)


@pytest.mark.parametrize("seed", range(6))
def test_no_walk_is_shorter_than_the_straight_line(seed):
    ways, low, high, rng = random_town(seed)
    graph = build_graph(ways)
    places, stations = rng.uniform(low, high, (100, 2)), rng.uniform(low, high, (5, 2))
    found = walk_to_nearest(graph, snap(graph, *places.T), snap(graph, *stations.T))
    reached = found.station >= 0
    by_air_m = np.hypot(*(places[reached] - stations[found.station[reached]]).T)
    assert (found.distance_m[reached] >= by_air_m - 1e-9).all()
