import numpy as np
import pytest
import shapely

from gis.accessibility.circles import buffer_circles, discs_m
from gis.accessibility.graph import build_graph
from gis.accessibility.snapping import snap
from gis.accessibility.walk_circles import reachable_lines, walk_circles, walk_circles_m
from gis.accessibility.walking import spread_each, walk_pairs
from gis.crs import MetricCRS
from tests.gis.accessibility.drawn import graph_of, random_town, xy

METRIC = MetricCRS.for_lon(102.72)
ORIGIN_M = METRIC.to_m(102.72, 25.04)


def reached_m(graph, station, distance_m):
    stations = snap(graph, *xy(station))
    node_m = spread_each(graph, stations, distance_m)[0]
    return reachable_lines(graph, stations, 0, node_m, distance_m)


def test_edges_are_cut_exactly():
    cross = graph_of([(-100, 0), (0, 0), (100, 0)], [(0, -100), (0, 0), (0, 30)])
    lines = reached_m(cross, (40, 5), 75)
    # 5 m to the street leave 70: 60 m to the east end, 70 to the west of which 30 are beyond the junction, 30 up and down.
    assert shapely.union_all(lines).length == pytest.approx(5 + 60 + 40 + 30 + 30 + 30)
    assert shapely.total_bounds(lines) == pytest.approx([-30, -30, 100, 30])


def test_an_edge_reached_from_both_ends_keeps_a_gap():
    ring = graph_of([(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)], [(0, 0), (-10, 0)])
    whole = shapely.union_all(reached_m(ring, (-10, 0), 160))
    assert whole.length == pytest.approx(10 + 300)
    assert shapely.union_all(reached_m(ring, (-10, 0), 211)).length == pytest.approx(410)


def test_a_station_that_does_not_get_to_the_street():
    street = graph_of([(0, 0), (100, 0)])
    lines = reached_m(street, (50, 80), 20)
    assert shapely.union_all(lines).equals(shapely.LineString([(50, 80), (50, 60)]))
    circle = walk_circles_m(street, snap(street, *xy((50, 80))), [20.0], 5.0)[0, 0]
    assert circle.bounds[3] <= 85 and circle.bounds[1] >= 59.9


def test_a_straight_street_by_hand():
    street = graph_of([(0, 0), (2000, 0)])
    circle = walk_circles_m(street, snap(street, *xy((1000, 0))), [300.0], 10.0)[0, 0]
    assert circle.bounds == pytest.approx((700, -10, 1300, 10), abs=0.01)
    assert circle.area == pytest.approx(600 * 20, rel=0.002)


def test_a_river_keeps_the_circle_on_its_bank():
    banks = graph_of([(0, 0), (400, 0)], [(0, 60), (400, 60)], [(400, 0), (400, 60)])
    circle = walk_circles_m(banks, snap(banks, *xy((50, 0))), [300.0])[0, 0]
    assert not circle.intersects(shapely.LineString([(0, 60), (400, 60)]))


def test_who_does_not_join_has_no_circle():
    street = graph_of([(0, 0), (100, 0)])
    circles = walk_circles(street, snap(street, *xy((50, 500), (50, 0), (np.nan, 0))), [100.0, 200.0], METRIC)
    assert shapely.is_missing(circles).tolist() == [[True, True], [False, False], [True, True]]
    assert walk_circles_m(street, snap(street, *xy()), [100.0]).shape == (0, 1)


@pytest.mark.parametrize("arguments", [([0.0], 5.0), ([100.0], 0.0), ([100.0, np.nan], 5.0)])
def test_lengths_must_be_positive(arguments):
    street = graph_of([(0, 0), (100, 0)])
    with pytest.raises(ValueError, match="more than 0"):
        walk_circles_m(street, snap(street, *xy((50, 0))), *arguments)


@pytest.mark.parametrize("seed", range(6))
def test_circles_are_valid_nested_and_inside_the_buffer(seed):
    ways, low, high, rng = random_town(seed, origin=ORIGIN_M)
    graph = build_graph(ways)
    places = rng.uniform(low, high, (6, 2))
    stations = snap(graph, *places.T)
    reaches_m = [480.0, 120.0, 240.0]
    drawn = walk_circles_m(graph, stations, reaches_m)
    circles = walk_circles(graph, stations, reaches_m, METRIC)
    lon, lat = METRIC.to_lonlat(*places.T)
    for column, reach_m in enumerate(reaches_m):
        present = ~shapely.is_missing(drawn[:, column])
        discs = discs_m(*places.T, reach_m)
        assert shapely.covers(discs[present], drawn[present, column]).all()
        buffers = buffer_circles(lon, lat, reach_m, METRIC)
        assert shapely.is_valid(circles[present, column]).all()
        assert shapely.covers(buffers[present], circles[present, column]).all()
    for shorter, longer in ((1, 2), (2, 0)):
        present = ~shapely.is_missing(drawn[:, 0])
        assert (shapely.area(shapely.difference(drawn[present, shorter], drawn[present, longer])) < 1e-6).all()
        # In degrees 1e-9 is a tenth of a millimetre.
        assert shapely.covers(shapely.buffer(circles[present, longer], 1e-9), circles[present, shorter]).all()


@pytest.mark.parametrize("seed", range(4))
def test_homes_on_the_street_lie_inside_exactly_when_they_are_near_enough(seed):
    ways, low, high, rng = random_town(seed, origin=ORIGIN_M)
    graph = build_graph(ways)
    stations = snap(graph, *rng.uniform(low, high, (3, 2)).T)
    vertex = rng.integers(0, len(graph.segment_first), 300)
    share = rng.random(300)
    first = graph.segment_first[vertex]
    x_m = graph.shape_x_m[first] + share * (graph.shape_x_m[first + 1] - graph.shape_x_m[first])
    y_m = graph.shape_y_m[first] + share * (graph.shape_y_m[first + 1] - graph.shape_y_m[first])
    homes = snap(graph, x_m, y_m)
    pairs = walk_pairs(graph, homes, stations, 300.0)
    circles = walk_circles_m(graph, stations, [300.0])[:, 0]
    thin = walk_circles_m(graph, stations, [300.0], 0.01)[:, 0]
    for number in range(3):
        if circles[number] is None:
            continue
        near = np.zeros(300, dtype=bool)
        near[pairs.home[(pairs.station == number) & (pairs.distance_m < 299.9)]] = True
        assert shapely.intersects_xy(circles[number], x_m[near], y_m[near]).all()
        far = np.ones(300, dtype=bool)
        far[pairs.home[pairs.station == number]] = False
        off = ~shapely.intersects_xy(thin[number], x_m[far], y_m[far])
        # A few places out of reach lie where another street crosses without a junction.
        assert far.sum() > 50
        assert off.mean() > 0.97
