import numpy as np
import pytest

from gis.accessibility.graph import build_graph
from tests.gis.accessibility.drawn import graph_of, random_town


def test_the_compact_form_by_hand():
    graph = graph_of([(0, 0), (3, 4), (3, 10)], [(3, 10), (8, 10)], [(3, 10), (3, 20)])
    by_end = {(graph.node_x_m[v], graph.node_y_m[v]) for v in range(graph.n_nodes)}
    assert by_end == {(0, 0), (3, 10), (8, 10), (3, 20)}
    long = int(np.argmax(graph.edge_length_m == 11))
    shape = slice(graph.shape_start[long], graph.shape_start[long + 1])
    assert sorted(graph.shape_at_m[shape].tolist()) == graph.shape_at_m[shape].tolist()
    assert {*zip(graph.shape_x_m[shape], graph.shape_y_m[shape], strict=True)} == {(0, 0), (3, 4), (3, 10)}


def test_of_parallel_edges_the_shortest_counts_in_the_matrix():
    graph = graph_of([(0, 0), (10, 0)], [(0, 0), (5, 5), (10, 0)], [(10, 0), (11, 0)], [(0, 0), (-1, 0)])
    assert graph.n_edges == 4
    assert sorted(graph.matrix.data.tolist()) == pytest.approx([1, 1, 1, 1, 10, 10])


@pytest.mark.parametrize("seed", range(5))
def test_it_holds_together(seed):
    ways, *_ = random_town(seed)
    graph = build_graph(ways)
    first, last = graph.shape_start[:-1], graph.shape_start[1:] - 1
    for node, vertex in ((graph.edge_u, first), (graph.edge_v, last)):
        assert (graph.node_x_m[node] == graph.shape_x_m[vertex]).all()
        assert (graph.node_y_m[node] == graph.shape_y_m[vertex]).all()
    assert (graph.shape_at_m[first] == 0).all()
    assert (graph.shape_at_m[last] == graph.edge_length_m).all()
    assert (graph.edge_length_m > 0).all()
    step = np.hypot(
        graph.shape_x_m[graph.segment_first + 1] - graph.shape_x_m[graph.segment_first],
        graph.shape_y_m[graph.segment_first + 1] - graph.shape_y_m[graph.segment_first],
    )
    assert np.bincount(graph.segment_edge, weights=step) == pytest.approx(graph.edge_length_m)
    degree = np.bincount(np.concatenate([graph.edge_u, graph.edge_v]), minlength=graph.n_nodes)
    steps_degree = np.bincount(
        np.concatenate([graph.edge_u, graph.edge_v]), weights=np.tile(graph.edge_steps, 2), minlength=graph.n_nodes
    )
    rings = graph.edge_u[graph.edge_u == graph.edge_v]
    idle = np.setdiff1d(np.flatnonzero((degree == 2) & (steps_degree != 1)), rings)
    assert len(idle) == 0
    assert (graph.matrix != graph.matrix.T).nnz == 0


def test_a_wheelchair_takes_no_steps():
    graph = graph_of([(0, 0), (10, 0)], [(10, 0), (20, 0)], [(20, 0), (30, 0), (30, 5)], kind=["path", "steps", "path"])
    level = graph.for_profile("wheelchair")
    assert graph.for_profile("elder") is graph
    assert sorted(level.edge_length_m.tolist()) == pytest.approx([10, 15])
    assert len(set(level.edge_component.tolist())) == 2
    assert level.shape_start.tolist()[-1] == len(level.shape_x_m) == 5
    assert graph.for_profile("wheelchair") is level


def test_without_steps_anywhere_it_is_the_same_graph():
    graph = graph_of([(0, 0), (10, 0)])
    assert graph.without_steps is graph
