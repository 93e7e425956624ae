import numpy as np
import pytest

from gis.accessibility.check import check_streets
from tests.gis.accessibility.drawn import draw, random_town


def rounded(points):
    return sorted(map(tuple, np.round(points, 6).tolist()))


def test_a_small_network_by_hand():
    report = check_streets(
        draw(
            [(0, 0), (100, 0), (100, 0), (200, 0)],
            [(100, 0), (100, 60)],
            [(200, 0), (100, 0)],
            [(0, 500), (40, 500)],
            [(0, 900), (100, 900)],
            kind=["path", "path", "path", "path", "motorway"],
        )
    )
    assert (report.nodes, report.edges, report.components) == (6, 4, 2)
    assert report.length_m == pytest.approx(300)
    assert report.component_length_m == pytest.approx([260, 40])
    assert report.largest_share == pytest.approx(260 / 300)
    assert (report.notes.left_out, report.notes.zero_length, report.notes.duplicates) == (1, 1, 1)
    assert rounded(report.dead_ends) == [(0, 0), (0, 500), (40, 500), (100, 60), (200, 0)]
    assert len(report.near_miss_gap_m) == len(report.crossings) == len(report.overlaps) == 0


def test_a_dead_end_just_short_of_a_street():
    report = check_streets(draw([(0, 0), (100, 0)], [(50, 2), (50, 80)]))
    assert rounded(report.near_miss_from) == [(50, 2)]
    assert rounded(report.near_miss_to) == [(50, 0)]
    assert report.near_miss_gap_m == pytest.approx([2])
    assert len(check_streets(draw([(0, 0), (100, 0)], [(50, 2), (50, 80)]), near_miss_m=1.9).near_miss_gap_m) == 0


def test_two_ends_that_face_each_other_are_one_gap():
    report = check_streets(draw([(0, 0), (100, 0)], [(102, 0), (200, 0)]))
    assert report.near_miss_gap_m == pytest.approx([2])


def test_a_stub_beside_its_own_junction_is_no_gap():
    assert len(check_streets(draw([(0, 0), (50, 0), (100, 0)], [(50, 0), (50, 2)])).near_miss_gap_m) == 0


def test_a_crossing_without_a_vertex_counts_on_one_level_only():
    cross = ([(0, 0), (100, 0)], [(40, -50), (40, 50)])
    assert rounded(check_streets(draw(*cross)).crossings) == [(40, 0)]
    assert len(check_streets(draw(*cross, bridge=[True, False])).crossings) == 0
    assert len(check_streets(draw([(0, 0), (40, 0), (100, 0)], [(40, -50), (40, 0), (40, 50)])).crossings) == 0


def test_ways_upon_each_other_without_shared_vertices():
    report = check_streets(draw([(0, 0), (100, 0)], [(130, 0.01), (60, 0.01)], [(10, 5), (90, 5)]))
    assert report.overlap_m == pytest.approx([40])
    assert report.overlaps == pytest.approx(np.array([[80, 0]]), abs=0.02)
    assert len(report.crossings) == 0


def test_no_streets_at_all():
    report = check_streets(draw([(0, 0), (1, 0)], kind=["motorway"]))
    assert (report.edges, report.components, report.largest_share, report.length_m) == (0, 0, 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_it_adds_up_on_a_crooked_town(seed):
    ways, *_ = random_town(seed)
    report = check_streets(ways)
    assert report.component_length_m.sum() == pytest.approx(report.length_m)
    assert report.components >= 2
    assert report.notes.duplicates >= 1
