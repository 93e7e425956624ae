"""Assignment against an oracle in exact rational arithmetic, where a point on an edge is on it or is not."""

from __future__ import annotations

import itertools
import threading

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis.grids import assignment
from gis.grids.assignment import GridIndex

Ring = list[tuple[int, int]]


def exact(value: float) -> int:
    """Return a float as a whole number of 2⁻¹⁶⁰: exact arithmetic, much faster than with fractions."""
    numerator, denominator = float(value).as_integer_ratio()
    whole, rest = divmod(numerator << 160, denominator)
    assert rest == 0
    return whole


def exact_rings(geometry: shapely.Geometry) -> list[Ring]:
    rings = shapely.get_rings(shapely.get_parts(geometry))
    return [[(exact(x), exact(y)) for x, y in shapely.get_coordinates(ring)] for ring in rings]


def holds(rings: list[Ring], x: int, y: int) -> bool:
    """Tell whether the closed polygon holds the point: on a ring, or an odd number of crossings to the east."""
    odd = False
    for ring in rings:
        for (ax, ay), (bx, by) in itertools.pairwise(ring):
            if max(ay, by) < y or min(ay, by) > y:
                continue
            turn = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
            if turn == 0 and min(ax, bx) <= x <= max(ax, bx):
                return True
            if (ay > y) != (by > y) and (turn > 0) == (by > ay):
                odd = not odd
    return odd


def brute_force_assign(
    geometries: list[shapely.Geometry], codes: list[str], lon: np.ndarray, lat: np.ndarray
) -> list[int]:
    """Return what the rule says: of all grids that hold the point the one with the lowest code, −1 for none."""
    all_rings = [exact_rings(geometry) for geometry in geometries]
    order = sorted(range(len(codes)), key=codes.__getitem__)
    found = []
    for x, y in zip(lon, lat, strict=True):
        at = (exact(x), exact(y))
        found.append(next((i for i in order if holds(all_rings[i], *at)), -1))
    return found


def check(geometries: list[shapely.Geometry], codes: list[str], points: np.ndarray) -> None:
    index = GridIndex(np.array(geometries, dtype=object), codes)
    lon, lat = points[:, 0].copy(), points[:, 1].copy()
    expected = brute_force_assign(geometries, codes, lon, lat)
    assert index.assign(lon, lat).tolist() == expected
    assert [index.locate(float(x), float(y)) for x, y in points] == expected
    undrawn = GridIndex(np.array(geometries, dtype=object), codes, drawn=False)
    assert undrawn.assign(lon, lat).tolist() == expected
    assert undrawn.replaced({0: geometries[0]}).assign(lon, lat).tolist() == expected


def edges_of(geometry: shapely.Geometry) -> np.ndarray:
    """Return (k, 2, 2) the ends of all edges."""
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(geometry))]
    return np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings])


def telling_points(geometries: list[shapely.Geometry], random: np.random.Generator) -> np.ndarray:
    """Return vertices, points on (or a rounding error beside) edges, their neighbours in floating point, and some anywhere."""
    ends = np.concatenate([edges_of(geometry) for geometry in geometries])
    share = random.uniform(size=(len(ends), 1))
    on_edge = ends[:, 0] + share * (ends[:, 1] - ends[:, 0])
    middle = (ends[:, 0] + ends[:, 1]) / 2
    beside = np.nextafter(middle, middle + random.choice([-1.0, 1.0], middle.shape))
    low, high = ends.min(axis=(0, 1)), ends.max(axis=(0, 1))
    anywhere = random.uniform(low - 0.1 * (high - low), high + 0.1 * (high - low), (60, 2))
    return np.concatenate([ends[:, 0], on_edge, middle, beside, anywhere, [low, high]])


def tiling(
    random: np.random.Generator, rows: int, columns: int, corner: tuple[float, float], size: float
) -> list[shapely.Geometry]:
    """Return quadrilaterals with irregular coordinates that share their edges exactly."""
    y, x = np.mgrid[0 : rows + 1, 0 : columns + 1].astype(float)
    nodes = np.stack([x, y], axis=-1) + random.uniform(-0.3, 0.3, (rows + 1, columns + 1, 2))
    nodes = nodes * size + corner
    return [
        shapely.Polygon([nodes[r, c], nodes[r, c + 1], nodes[r + 1, c + 1], nodes[r + 1, c]])
        for r in range(rows)
        for c in range(columns)
    ]


def shuffled_codes(random: np.random.Generator, n: int) -> list[str]:
    return [f"530102001001{number:03d}" for number in random.permutation(n) + 1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([(102.7, 25.04), (0.0, 0.0), (-1.0, -1.0), (571_854.3, 2_770_674.1)]),
    st.sampled_from([0.003, 1.0, 1e-9]),
)
def test_a_tiling_with_irregular_coordinates(
    seed: int, rows: int, columns: int, corner: tuple[float, float], size: float
) -> None:
    random = np.random.default_rng(seed)
    cells = [cell for cell in tiling(random, rows, columns, corner, size) if cell.is_valid and cell.area > 0]
    if cells:
        check(cells, shuffled_codes(random, len(cells)), telling_points(cells, random))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1))
def test_gaps_overlaps_holes_and_parts(seed: int) -> None:
    """Some tiles are gone, two make one multipolygon, one has a hole with an island grid in it, and one lies over others."""
    random = np.random.default_rng(seed)
    cells = tiling(random, 4, 4, (102.7, 25.0), 0.01)
    middle = shapely.centroid(cells[5])
    island = shapely.transform(cells[5], lambda xy: (xy + shapely.get_coordinates(middle)) / 2)
    holed = shapely.Polygon(cells[5].exterior, [island.exterior])
    parts = shapely.MultiPolygon([cells[0], cells[10]])
    over = shapely.Point(102.715, 25.02).buffer(random.uniform(0.002, 0.02), quad_segs=5)
    grids = [holed, island, parts, over, *(cells[i] for i in (1, 2, 4, 6, 9, 14, 15))]
    grids = [grid for grid in grids if grid.is_valid]
    check(grids, shuffled_codes(random, len(grids)), telling_points(grids, random))


corner_points = st.tuples(st.integers(0, 6), st.integers(0, 6))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(corner_points, min_size=3, max_size=7), min_size=1, max_size=6), st.randoms())
def test_overlapping_shapes_on_whole_coordinates(outlines: list[list[tuple[int, int]]], shuffle: object) -> None:
    """On whole coordinates many points lie exactly on slanting edges of several grids at once."""
    hulls = [shapely.convex_hull(shapely.MultiPoint(outline)) for outline in outlines]
    grids = [hull for hull in hulls if hull.geom_type == "Polygon"]
    y, x = np.mgrid[-1:7.5:0.5, -1:7.5:0.5]
    if grids:
        codes = [f"{number:015d}" for number in range(len(grids))]
        shuffle.shuffle(codes)  # type: ignore[attr-defined]
        check(grids, codes, np.column_stack([x.ravel(), y.ravel()]))


def test_a_shared_edge_corner_and_overlap_by_hand() -> None:
    grids = [
        shapely.box(0, 0, 1, 1),
        shapely.box(1, 0, 2, 1),
        shapely.box(0, 1, 1, 2),
        shapely.box(0.5, 0.5, 1.5, 1.5),
    ]
    codes = ["d", "b", "c", "a"]
    index = GridIndex(np.array(grids, dtype=object), codes)
    said = {
        (0.2, 0.2): "d",
        (1.0, 0.2): "b",  # the edge of d and b
        (0.2, 1.0): "c",  # the edge of d and c
        (1.0, 1.0): "a",  # the corner of all, and inside a
        (0.5, 0.2): "d",
        (0.5, 0.5): "a",  # the corner of a inside d
        (0.0, 0.0): "d",
        (2.0, 1.0): "b",
        (1.8, 1.8): None,  # in no grid
        (2.0000001, 0.5): None,
    }
    x, y = np.array(list(said)).T
    found = index.assign(x, y)
    assert [codes[i] if i >= 0 else None for i in found] == list(said.values())


def test_codes_are_ordered_as_text_and_the_order_of_the_input_does_not_matter() -> None:
    square = shapely.box(0, 0, 1, 1)
    for codes in (["2", "10", "9"], ["9", "2", "10"]):
        index = GridIndex(np.array([square] * 3, dtype=object), codes)
        assert codes[index.assign(np.array([0.5]), np.array([0.5]))[0]] == "10"
        assert codes[index.locate(1.0, 1.0)] == "10"


def test_no_position_is_in_no_grid() -> None:
    index = GridIndex(np.array([shapely.box(-1, -1, 1, 1)], dtype=object), ["a"])
    lon = np.array([np.nan, 0.0, np.inf, -np.inf, 1e300, 0.0])
    lat = np.array([0.0, np.nan, 0.0, 0.0, 0.0, 0.0])
    assert index.assign(lon, lat).tolist() == [-1, -1, -1, -1, -1, 0]
    assert [index.locate(x, y) for x, y in zip(lon, lat, strict=True)] == [-1, -1, -1, -1, -1, 0]
    assert index.assign(lon, lat).dtype == np.int32


def test_a_place_without_grids_and_a_request_without_points() -> None:
    nothing = GridIndex(np.array([], dtype=object), [])
    assert nothing.assign(np.array([1.0]), np.array([2.0])).tolist() == [-1]
    assert nothing.locate(1.0, 2.0) == -1
    empty = GridIndex(np.array([shapely.Polygon()], dtype=object), ["a"])
    assert empty.assign(np.array([1.0, 0.0]), np.array([2.0, 0.0])).tolist() == [-1, -1]
    one = GridIndex(np.array([shapely.box(0, 0, 1, 1), shapely.MultiPolygon()], dtype=object), ["b", "a"])
    assert one.assign(np.array([]), np.array([])).tolist() == []
    assert one.assign(np.array([0.5, 3.0]), np.array([0.5, 3.0])).tolist() == [0, -1]


def test_a_polygon_without_area_holds_its_line() -> None:
    flat = GridIndex(np.array([shapely.Polygon([(0, 0), (2, 0), (1, 0)])], dtype=object), ["a"])
    assert flat.assign(np.array([0.5, 0.5]), np.array([0.0, 1.0])).tolist() == [0, -1]


@pytest.mark.parametrize(
    ("geometries", "codes"),
    [
        ([shapely.box(0, 0, 1, 1)], ["a", "b"]),
        ([shapely.box(0, 0, 1, 1)] * 2, ["a", "a"]),
        ([shapely.Point(0, 0)], ["a"]),
        ([None], ["a"]),
    ],
)
def test_what_is_no_set_of_grids_is_refused(geometries: list[shapely.Geometry], codes: list[str]) -> None:
    with pytest.raises(ValueError, match=" / "):
        GridIndex(np.array(geometries, dtype=object), codes)


def test_lengths_that_differ_are_refused() -> None:
    index = GridIndex(np.array([shapely.box(0, 0, 1, 1)], dtype=object), ["a"])
    with pytest.raises(ValueError, match="differ in length"):
        index.assign(np.array([1.0, 2.0]), np.array([1.0]))


def test_the_callers_geometries_are_left_alone() -> None:
    geometries = np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)], dtype=object)
    index = GridIndex(geometries, ["a", "b"])
    assert not shapely.is_prepared(geometries).any()
    geometries[:] = shapely.box(8, 8, 9, 9)
    assert index.assign(np.array([0.5, 1.5]), np.array([0.5, 0.5])).tolist() == [0, 1]


def test_many_grids_and_points_equal_a_spatial_join() -> None:
    random = np.random.default_rng(7)
    grids = tiling(random, 30, 30, (102.6, 24.9), 0.01)
    codes = shuffled_codes(random, len(grids))
    points = np.concatenate(
        [random.uniform([102.55, 24.85], [102.95, 25.25], (150_000, 2)), telling_points(grids, random)]
    )
    found = GridIndex(np.array(grids, dtype=object), codes).assign(points[:, 0], points[:, 1])
    joined = gpd.sjoin(
        gpd.GeoDataFrame(geometry=gpd.points_from_xy(points[:, 0], points[:, 1])),
        gpd.GeoDataFrame({"code": codes}, geometry=grids),
        predicate="intersects",
    )
    lowest = joined.groupby(level=0)["code"].min()
    expected = [lowest.get(i, "none") for i in range(len(points))]
    assert np.array([*codes, "none"])[found].tolist() == expected
    # The lattice has to answer for nearly all of them, or it is not worth its memory.
    index = GridIndex(np.array(grids, dtype=object), codes)
    asked = index._read_lattice(points[:150_000, 0], points[:150_000, 1]) == assignment._ASK
    assert asked.mean() < 0.2


def test_several_threads_may_ask_a_fresh_index() -> None:
    random = np.random.default_rng(3)
    grids = np.array(tiling(random, 12, 12, (102.6, 24.9), 0.01), dtype=object)
    codes = shuffled_codes(random, len(grids))
    points = random.uniform([102.6, 24.9], [102.72, 25.02], (20_000, 2))
    expected = GridIndex(grids, codes).assign(points[:, 0], points[:, 1])
    for _ in range(5):
        index = GridIndex(grids, codes)
        answers: list[np.ndarray] = []
        threads = [
            threading.Thread(target=lambda: answers.append(index.assign(points[:, 0], points[:, 1])))  # noqa: B023
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 4
        assert all(np.array_equal(answer, expected) for answer in answers)


def jiggled_tiling(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of a bent tiling, (side + 1, side + 1, 2), and its cells."""
    corners = np.stack(np.meshgrid(np.arange(side + 1.0), np.arange(side + 1.0)), axis=2)
    corners[1:-1, 1:-1] += rng.uniform(-0.3, 0.3, (side - 1, side - 1, 2))
    return corners, tiling_of(corners)


def tiling_of(corners: np.ndarray) -> np.ndarray:
    around = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]], axis=2)
    return shapely.polygons(around.reshape(-1, 4, 2))


def points_at(rng: np.random.Generator, *tilings: np.ndarray) -> np.ndarray:
    """Return corners, middles of edges, and positions anywhere, some outside."""
    corners = np.concatenate([shapely.get_coordinates(each) for each in tilings])
    return np.concatenate([corners, (corners[1:] + corners[:-1]) / 2, rng.uniform(-2, 9, (2000, 2))])


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_polygons_replaced_answer_as_an_index_prepared_anew(seed: int) -> None:
    rng = np.random.default_rng(seed)
    side = 6
    corners, before = jiggled_tiling(rng, side)
    codes = [f"{number:02d}" for number in rng.permutation(side * side)]
    index = GridIndex(before, codes)
    asked = points_at(rng, before)
    first = index.assign(*asked.T)
    for _ in range(3):
        row, column = rng.integers(1, side, 2)
        corners[row, column] += rng.uniform(-0.15, 0.15, 2)
        after = tiling_of(corners)
        moved = np.flatnonzero(~shapely.equals_identical(before, after))
        next_index = index.replaced({int(i): after[i] for i in moved})
        points = points_at(rng, before, after)
        anew = GridIndex(after, codes)
        np.testing.assert_array_equal(next_index.assign(*points.T), anew.assign(*points.T))
        assert [next_index.locate(x, y) for x, y in points[:200]] == anew.assign(*points[:200].T).tolist()
        before, index = after, next_index
    assert (GridIndex(jiggled_tiling(np.random.default_rng(seed), side)[1], codes).assign(*asked.T) == first).all()


def test_a_replaced_polygon_may_overlap_empty_itself_or_leave_the_lattice() -> None:
    boxes = np.array([shapely.box(x, 0, x + 1, 1) for x in range(4)], dtype=object)
    index = GridIndex(boxes, ["b", "a", "d", "c"])
    for polygon in (
        shapely.box(0.2, 0.2, 2.5, 0.8),
        shapely.Polygon(),
        shapely.box(0, 0, 9, 9),
        shapely.box(-5, -5, -4, -4),
        shapely.MultiPolygon([shapely.box(0, 0, 0.1, 0.1), shapely.box(3.5, 0.5, 3.7, 1)]),
        boxes[2],
    ):
        for place in range(4):
            after = boxes.copy()
            after[place] = polygon
            points = points_at(np.random.default_rng(place), boxes, after)
            np.testing.assert_array_equal(
                index.replaced({place: polygon}).assign(*points.T),
                GridIndex(after, ["b", "a", "d", "c"]).assign(*points.T),
            )
    assert index.replaced({}) is index
    with pytest.raises(ValueError, match="polygon"):
        index.replaced({0: shapely.Point(0, 0)})


def test_an_index_stays_as_it_was_when_another_is_made_from_it() -> None:
    boxes = np.array([shapely.box(x, 0, x + 1, 1) for x in range(4)], dtype=object)
    index = GridIndex(boxes, list("abcd"))
    index.replaced({1: shapely.box(1, 0, 1.5, 1)})
    assert index.assign([1.75], [0.5]).tolist() == [1]
