import numpy as np
import pytest

from gis.accessibility.coverage import NO_NETWORK, NO_POSITION, TOO_FAR
from gis.accessibility.graph import build_graph
from gis.accessibility.policy import WalkPolicy
from gis.accessibility.snapping import snap
from tests.gis.accessibility.drawn import draw, graph_of, random_town, xy

STREET = graph_of([(0, 0), (100, 0), (100, 100)])


def test_to_the_nearest_point_of_an_edge_by_hand():
    snapped = snap(STREET, *xy((30, 40), (130, 60), (-3, -4), (100, 170)))
    along = np.where(STREET.node_x_m[STREET.edge_u[0]] == 0, snapped.offset_m, 200 - snapped.offset_m)
    assert snapped.edge.tolist() == [0, 0, 0, 0]
    assert along == pytest.approx([30, 160, 0, 200])
    assert snapped.access_m == pytest.approx([40, 30, 5, 70])
    assert snapped.snap_x_m == pytest.approx([30, 100, 0, 100])
    assert snapped.snap_y_m == pytest.approx([0, 60, 0, 100])
    assert snapped.reason.tolist() == [0, 0, 0, 0]


def test_the_cap_and_the_reasons():
    snapped = snap(STREET, *xy((50, -150), (50, -150.001), (50, -2000), (50, -2000.001), (np.nan, np.nan)))
    assert snapped.reason.tolist() == [0, TOO_FAR, TOO_FAR, NO_NETWORK, NO_POSITION]
    assert snapped.edge.tolist() == [0, -1, -1, -1, -1]
    assert snapped.access_m == pytest.approx([150, 150.001, 2000, np.nan, np.nan], nan_ok=True)
    assert np.isnan(snapped.offset_m[1:]).all()
    wider = snap(STREET, *xy((50, -400)), WalkPolicy(snap_cap_m=400))
    assert wider.edge.tolist() == [0]


def test_where_there_is_no_street_at_all():
    nothing = build_graph(draw([(0, 0), (1, 0)], kind=["motorway"]))
    assert snap(nothing, *xy((0, 0), (np.nan, 0))).reason.tolist() == [NO_NETWORK, NO_POSITION]


def test_nobody():
    assert len(snap(STREET, np.zeros(0), np.zeros(0))) == 0


def test_of_equally_near_streets_the_same_one_every_time():
    graph = graph_of([(0, 0), (100, 0)], [(0, 20), (100, 20)])
    together = snap(graph, *xy(*[(x, 10) for x in range(100)]))
    assert together.edge.tolist() == [0] * 100
    alone = [int(snap(graph, *xy((x, 10))).edge[0]) for x in range(100)]
    assert alone == [0] * 100


@pytest.mark.parametrize("seed", range(5))
def test_no_segment_is_nearer(seed):
    ways, low, high, rng = random_town(seed, origin=(500_000.0, 2_770_000.0))
    graph = build_graph(ways)
    places = rng.uniform(low, high, (300, 2))
    snapped = snap(graph, places[:, 0], places[:, 1], WalkPolicy(snap_cap_m=1000))
    a = np.column_stack([graph.shape_x_m, graph.shape_y_m])[graph.segment_first]
    b = np.column_stack([graph.shape_x_m, graph.shape_y_m])[graph.segment_first + 1]
    for i, place in enumerate(places):
        t = np.clip(((place - a) * (b - a)).sum(1) / ((b - a) ** 2).sum(1), 0, 1)[:, None]
        assert snapped.access_m[i] == pytest.approx(np.hypot(*(a + t * (b - a) - place).T).min(), abs=1e-8)
    # The point, the offset and the distance tell the same story.
    assert np.hypot(snapped.snap_x_m - places[:, 0], snapped.snap_y_m - places[:, 1]) == pytest.approx(snapped.access_m)
    for i in range(len(places)):
        shape = slice(graph.shape_start[snapped.edge[i]], graph.shape_start[snapped.edge[i] + 1])
        assert np.interp(snapped.offset_m[i], graph.shape_at_m[shape], graph.shape_x_m[shape]) == pytest.approx(
            snapped.snap_x_m[i]
        )
