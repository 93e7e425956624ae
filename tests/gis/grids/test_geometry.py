"""Repair: shapes drawn by hand, with the changed share worked out on paper."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.grids.geometry import REPAIR_SHARE, Repaired, moved_strip, repair

SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10)]


def repaired(geometry: shapely.Geometry | None) -> Repaired:
    return repair(np.array([geometry], dtype=object))


@pytest.mark.parametrize(
    ("name", "geometry", "area", "share"),
    [
        ("a figure of eight", shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), 2, 2 / 2),
        ("the same the other way round", shapely.Polygon([(0, 0), (0, 2), (2, 0), (2, 2)]), 2, 2 / 2),
        ("a spike without width", shapely.Polygon([*SQUARE[:3], (10, 15), (10, 10), (0, 10)]), 100, 0),
        (
            "the spike clockwise",
            shapely.Polygon([(0, 10), (10, 10), (10, 15), (10, 10), (10, 0), (0, 0)]),
            100,
            0,
        ),
        (
            "a corner enclosed twice",
            shapely.Polygon([*SQUARE, (0, 0), (4, 0), (4, 4), (0, 4)]),
            100,
            16 / 100,
        ),
        ("a hole half outside", shapely.Polygon(SQUARE, [[(9, 4), (11, 4), (11, 6), (9, 6)]]), 98, 2 / 98),
        (
            "a hole in a hole",
            shapely.Polygon(SQUARE, [[(2, 2), (6, 2), (6, 6), (2, 6)], [(3, 3), (4, 3), (4, 4), (3, 4)]]),
            84,
            1 / 84,
        ),
        (
            "a hole drawn as part of the boundary",
            shapely.Polygon([(0, 0), (10, 0), (10, 10), (5, 5), (4, 6), (6, 6), (5, 5), (10, 10), (0, 10)]),
            99,
            0,
        ),
        (
            "parts that overlap",
            shapely.MultiPolygon([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)]),
            3,
            1 / 3,
        ),
        (
            "parts that share an edge",
            shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)]),
            2,
            0,
        ),
    ],
)
def test_a_fault_by_hand(name: str, geometry: shapely.Geometry, area: float, share: float) -> None:
    result = repaired(geometry)
    assert result.geometries[0].is_valid
    assert result.geometries[0].geom_type in ("Polygon", "MultiPolygon")
    assert result.reason[0]
    assert "一" <= result.reason_zh[0][0] <= "鿿"
    assert np.isfinite([result.lon[0], result.lat[0]]).all()
    assert result.geometries[0].area == pytest.approx(area)
    assert result.share[0] == pytest.approx(share, abs=1e-12)


def test_two_faults_do_not_hide_each_other() -> None:
    """A rectangle of 2 enclosed twice and a square of 1 that runs backwards: with signs, 100 + 2 − 1 is just the area left."""
    ring = [*SQUARE, (0, 0), (2, 0), (2, 1), (0, 1), (0, 0), (0, -1), (-1, -1), (-1, 0)]
    assert shapely.Polygon(ring).area == 101
    result = repaired(shapely.Polygon(ring))
    assert result.geometries[0].area == 101
    assert result.share[0] == pytest.approx((2 + 2 * 1) / 101)


def test_a_slip_of_the_hand_is_mended_and_a_lost_meaning_is_not() -> None:
    """At (10, 10) the boundary overshoots by 0.05 and comes back across itself: a backward triangle of 0.05 × 0.05 / 2."""
    slip = shapely.Polygon([(0, 0), (10, 0), (10, 10.05), (10.05, 10), (0, 10)])
    assert not slip.is_valid
    result = repaired(slip)
    assert result.share[0] == pytest.approx(2 * 0.05**2 / 2 / result.geometries[0].area)
    assert result.share[0] < REPAIR_SHARE
    assert (result.lon[0], result.lat[0]) == (10, 10)
    assert result.reason[0] == "Self-intersection"
    assert result.reason_zh[0] == "边界自相交"
    assert repaired(shapely.Polygon([(0, 0), (10, 0), (0, 10), (10, 10)])).share[0] > REPAIR_SHARE


def test_valid_polygons_are_passed_on() -> None:
    geometries = np.array([shapely.box(0, 0, 1, 1), shapely.MultiPolygon([shapely.box(3, 3, 4, 4)])], dtype=object)
    result = repair(geometries)
    assert (result.geometries == geometries).all()
    assert result.share.tolist() == [0, 0]
    assert result.reason.tolist() == result.reason_zh.tolist() == ["", ""]
    assert np.isnan(result.lon).all()


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_what_has_no_area_cannot_be_repaired() -> None:
    geometries = np.array(
        [
            shapely.Polygon([(0, 0), (1, 0), (2, 0)]),
            shapely.Polygon(SQUARE, [SQUARE]),
            shapely.Polygon([(0, 0), (1, 0), (np.nan, 1)]),
            shapely.Polygon([(0, 0), (1, 0), (np.inf, 1)]),
            None,
        ],
        dtype=object,
    )
    result = repair(geometries)
    assert np.isnan(result.share).all()
    assert all(reason for reason in result.reason)
    assert all(shape is None or shape.is_empty for shape in result.geometries)
    assert np.isnan(result.lon[3])
    assert geometries[0].area == 0
    assert not geometries[1].is_empty


def scribble(strokes: int) -> shapely.Polygon:
    """A star of an odd number of points, whose strokes nearly all cross each other."""
    turn = np.arange(strokes) * (strokes // 2) * 2 * np.pi / strokes
    return shapely.Polygon(np.column_stack([np.cos(turn), np.sin(turn)]))


def test_a_boundary_that_crosses_itself_thousands_of_times_is_not_repaired(monkeypatch: pytest.MonkeyPatch) -> None:
    # A star of n strokes crosses itself n(n - 3)/2 times: 61 strokes 1,769 times, 67 strokes 2,144 times.
    assert repaired(scribble(61)).share[0] > REPAIR_SHARE
    monkeypatch.setattr(shapely, "make_valid", lambda *_, **__: pytest.fail("it takes minutes and gigabytes"))
    for strokes in (67, 20_001):
        tangled = repaired(scribble(strokes))
        assert tangled.reason[0] == "Too many self-intersections" and np.isnan(tangled.share[0])
        assert tangled.geometries[0].is_empty


def test_nothing_gives_nothing() -> None:
    assert len(repair(np.array([], dtype=object)).share) == 0


@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_a_spike_that_is_not_quite_straight_counts_as_a_straight_one(scale: float) -> None:
    corners = [(0, 1), (3, 3), (4, 4), (2, 2), (0, 2)]
    result = repaired(shapely.Polygon([(102.7 + a * scale, 25.0 + b * scale) for a, b in corners]))
    assert result.share[0] == pytest.approx(0.5, abs=1e-6)  # a lobe of 0.25 backwards, of 1.0


def in_general_position(corners: list[tuple[int, int]]) -> bool:
    """Tell whether no corner lies on an edge that is not its own, and the drawing goes round one way more than the other.

    Elsewhere the last digit of a coordinate decides what is left or right, or which way round was meant.
    """
    edges = [shapely.LineString(pair) for pair in itertools.pairwise([*corners, corners[0]])]
    near = [sum(edge.distance(shapely.Point(corner)) < 1e-6 for edge in edges) for corner in corners]
    round_one_way = sum(a * d - b * c for (a, b), (c, d) in itertools.pairwise([*corners, corners[0]]))
    return all(edge.length > 0 for edge in edges) and max(near) == 2 and round_one_way != 0


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=4, max_size=9),
    st.sampled_from([(0.0, 0.0, 1.0), (102.7, 25.0, 1e-4)]),
)
def test_any_scribble_is_made_valid_and_the_share_does_not_depend_on_the_scale(
    corners: list[tuple[int, int]], place: tuple[float, float, float]
) -> None:
    x, y, scale = place
    result = repaired(shapely.Polygon(corners))
    moved = repaired(shapely.Polygon([(x + a * scale, y + b * scale) for a, b in corners]))
    for one in (result, moved):
        assert one.geometries[0].is_valid
        assert np.isnan(one.share[0]) == (one.geometries[0].area == 0) or not one.reason[0]
    if result.share[0] == 0 and not result.reason[0]:
        return
    drawn = shapely.Polygon(corners)
    if not np.isnan(result.share[0]):
        # Adding with signs can only hide changes, never make them.
        assert result.share[0] * result.geometries[0].area >= abs(drawn.area - result.geometries[0].area) - 1e-9
        if not np.isnan(moved.share[0]) and in_general_position(corners):
            assert moved.share[0] == pytest.approx(result.share[0], abs=1e-4)


@given(st.integers(0, 10_000))
def test_a_strip_holds_every_position_whose_answer_changes(seed: int) -> None:
    """Corners, middles of edges and positions anywhere, of polygons that share most of their edges."""
    rng, middle = np.random.default_rng(seed), np.array([102.0, 25.0])
    ring = np.column_stack([np.cos(np.linspace(0, 2 * np.pi, 13)[:-1]), np.sin(np.linspace(0, 2 * np.pi, 13)[:-1])])
    ring *= rng.uniform(0.5, 1.5, (12, 1))
    moved = ring.copy()
    place = rng.integers(0, 12)
    moved[place] *= rng.uniform(0.8, 1.2)
    before = shapely.Polygon(ring + middle)
    after = shapely.Polygon(np.insert(moved, place, (moved[place] + moved[place - 1]) / 2, axis=0) + middle)
    if not (before.is_valid and after.is_valid):
        return
    strip = moved_strip(before, after)
    corners = np.concatenate([shapely.get_coordinates(before), shapely.get_coordinates(after)])
    asked = np.concatenate([corners, (corners[1:] + corners[:-1]) / 2, rng.uniform(-1.6, 1.6, (500, 2)) + middle])
    was, now = (shapely.intersects_xy(shape, *asked.T) for shape in (before, after))
    assert shapely.intersects_xy(strip, *asked[was != now].T).all()
    assert shapely.is_empty(moved_strip(before, before.reverse()))
    both = shapely.union(shapely.box(*before.bounds), shapely.box(*after.bounds))
    assert both.buffer(1e-6).covers(strip)


@given(st.integers(0, 10_000))
def test_a_strip_between_places_far_apart_is_no_larger_than_both(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = (
        shapely.box(*(corner := rng.uniform(0, 1, 2)), *(corner + rng.uniform(0.01, 0.1, 2))) for _ in range(2)
    )
    after = shapely.transform(after, lambda at: at + rng.uniform(3, 9, 2))
    strip = moved_strip(before, after)
    assert strip.area < before.area + after.area + 1e-6
    asked = np.concatenate(
        [shapely.get_coordinates(strip), rng.uniform(0, 11, (500, 2)), shapely.get_coordinates([before, after])]
    )
    was, now = (shapely.intersects_xy(shape, *asked.T) for shape in (before, after))
    assert shapely.intersects_xy(strip, *asked[was != now].T).all()
