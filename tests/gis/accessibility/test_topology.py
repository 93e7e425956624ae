"""Which vertices are one node; seen through the graph that results."""

import pytest

from tests.gis.accessibility.drawn import graph_of

EAST_WEST = [(-10, 0), (0, 0), (10, 0)]
NORTH_SOUTH = [(0, -10), (0, 0), (0, 10)]


def parts(graph):
    return len(set(graph.component.tolist()))


def test_a_shared_vertex_is_a_junction():
    graph = graph_of(EAST_WEST, NORTH_SOUTH)
    assert (parts(graph), graph.n_nodes, graph.n_edges) == (1, 5, 4)


def test_a_crossing_without_a_shared_vertex_is_none():
    graph = graph_of([(-10, 0), (10, 0)], [(0, -10), (0, 10)])
    assert (parts(graph), graph.n_edges) == (2, 2)


@pytest.mark.parametrize("shift", [1e-9, 1e-3])
def test_nearly_equal_is_not_equal(shift):
    assert parts(graph_of(EAST_WEST, [(0, -10), (shift, 0), (0, 10)])) == 2


def test_negative_zero_is_zero():
    assert parts(graph_of(EAST_WEST, [(0, -10), (-0.0, -0.0), (0, 10)])) == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"bridge": [True, False]},
        {"tunnel": [True, False]},
        {"layer": [1, 0]},
        {"bridge": [True, True], "layer": [1, 2]},
    ],
)
def test_the_middle_of_a_bridge_or_tunnel_is_no_junction(columns):
    assert parts(graph_of(EAST_WEST, NORTH_SOUTH, **columns)) == 2


def test_two_ways_on_one_bridge_meet_in_the_middle():
    assert parts(graph_of(EAST_WEST, NORTH_SOUTH, bridge=[True, True])) == 1


def test_a_bridge_comes_down_at_its_ends():
    graph = graph_of(
        [(-10, 0), (0, 0)], [(0, 0), (5, 0), (10, 0)], [(10, -5), (10, 0), (10, 5)], bridge=[False, True, False]
    )
    assert parts(graph) == 1
    assert graph.edge_length_m.sum() == pytest.approx(30)


def test_a_street_drawn_in_two_ways_passes_below_a_bridge():
    graph = graph_of(EAST_WEST, [(0, -10), (0, 0)], [(0, 0), (0, 10)], bridge=[True, False, False])
    assert parts(graph) == 2
    assert sorted(graph.edge_length_m.tolist()) == pytest.approx([20, 20])


def test_a_way_that_ends_alone_on_a_bridge_joins_it():
    graph = graph_of(EAST_WEST, [(0, -10), (0, 0)], bridge=[True, False])
    assert (parts(graph), graph.n_edges) == (1, 3)


def test_two_flights_of_steps_lead_up_to_one_point_of_a_bridge():
    graph = graph_of(
        EAST_WEST,
        [(0, -10), (0, 0)],
        [(0, 10), (0, 0)],
        kind=["footway", "steps", "steps"],
        bridge=[True, False, False],
    )
    assert (parts(graph), graph.n_edges) == (1, 4)


def test_the_end_of_a_bridge_on_the_middle_of_another_of_its_level_joins_that_and_not_the_street_below():
    bridge, branch, street = EAST_WEST, [(0, 10), (0, 0)], [(-5, -5), (0, 0), (5, -5)]
    graph = graph_of(bridge, branch, street, bridge=[True, True, False])
    assert parts(graph) == 2
    assert graph.n_edges == 4


def test_bends_do_not_end_edges_but_steps_do():
    graph = graph_of([(0, 0), (3, 4), (6, 0)], [(6, 0), (10, 0)], [(10, 0), (12, 0)], kind=["path", "path", "steps"])
    assert sorted(graph.edge_length_m.tolist()) == pytest.approx([2, 14])
    assert graph.edge_steps.tolist() == [bool(length < 3) for length in graph.edge_length_m]


def test_a_ring_that_meets_nothing_is_one_edge():
    graph = graph_of([(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)])
    assert (graph.n_nodes, graph.n_edges) == (1, 1)
    assert graph.edge_length_m.tolist() == [40]
    assert graph.edge_u[0] == graph.edge_v[0]


def test_a_ring_on_a_stalk():
    graph = graph_of([(-5, 0), (0, 0)], [(0, 0), (3, 0), (3, 4), (0, 0)])
    assert sorted(graph.edge_length_m.tolist()) == pytest.approx([5, 12])
    assert parts(graph) == 1


def test_zero_length_and_degenerate_ways():
    graph = graph_of([(0, 0), (0, 0), (4, 0)], [(7, 7), (7, 7)])
    assert graph.edge_length_m.tolist() == [4]
    assert (graph.notes.zero_length, graph.notes.degenerate) == (2, 1)


def test_what_is_drawn_twice_counts_once_and_as_level_ground():
    line = [(0, 0), (5, 0), (9, 0)]
    graph = graph_of(line, line[::-1], [(5, 0), (9, 0), (12, 0)], kind=["steps", "path", "path"])
    assert graph.edge_length_m.sum() == pytest.approx(12)
    assert graph.notes.duplicates == 3
    assert not graph.edge_steps.any()


def test_nothing_to_walk_on():
    graph = graph_of([(0, 0), (1, 0)], kind=["motorway"])
    assert (graph.n_nodes, graph.n_edges, graph.notes.left_out) == (0, 0, 1)
    assert graph.component.tolist() == []
