"""Division along streets: towns drawn by hand in metres, random towns, and the real places beside the repository."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.crs import MetricCRS
from gis.grids.division import divide
from gis.grids.zoning import check_zoning

METRIC = MetricCRS("EPSG:4543")
EAST_M, NORTH_M = 571_000.0, 2_770_000.0
COMMUNITY = "530102001001"
DATA = Path(__file__).parents[4] / "shared" / "data"


def at(*shapes: shapely.Geometry) -> np.ndarray:
    """Return shapes drawn in metres from a corner in EPSG:4326."""
    moved = shapely.transform(np.array(shapes, dtype=object), lambda xy: xy + np.array([EAST_M, NORTH_M]))
    return METRIC.geometry_to_lonlat(moved)


def area_of(*shapes: shapely.Geometry) -> shapely.Geometry:
    return at(*shapes)[0]


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(points)


def drawn(grids: gpd.GeoDataFrame) -> list[list[float]]:
    """Return the boxes of the grids in metres from the corner, rounded."""
    bounds = shapely.bounds(METRIC.geometry_to_m(grids.geometry.to_numpy())) - [
        EAST_M,
        NORTH_M,
        EAST_M,
        NORTH_M,
    ]
    return (np.round(bounds) + 0.0).tolist()


def assert_divides(grids: gpd.GeoDataFrame, boundary: shapely.Geometry, metric: MetricCRS = METRIC) -> None:
    assert grids["number"].tolist() == list(range(1, len(grids) + 1))
    assert grids.is_valid.all()
    coded = grids.assign(code=[f"{COMMUNITY}{number:03d}" for number in grids["number"]])
    known = gpd.GeoDataFrame({"code": [COMMUNITY]}, geometry=[boundary], crs="EPSG:4326")
    assert check_zoning(coded, known, metric, tolerance_m2=0.01).is_proper


def test_every_block_of_the_wanted_size_is_a_grid_numbered_like_a_page() -> None:
    town = area_of(shapely.box(0, 0, 300, 200))
    # One crosses the boundary, one ends on it but for rounding, one stops a metre short of it.
    streets = at(line((100, -20), (100, 220)), line((200, 0), (200, 200)), line((1, 100), (299, 100)))
    grids = divide(town, streets, METRIC, target_area_m2=10_000)
    assert drawn(grids) == [
        [0, 100, 100, 200],
        [100, 100, 200, 200],
        [200, 100, 300, 200],
        [0, 0, 100, 100],
        [100, 0, 200, 100],
        [200, 0, 300, 100],
    ]
    assert grids["area_m2"].to_numpy() == pytest.approx(10_000, rel=1e-3)
    assert_divides(grids, town)


@pytest.mark.parametrize(
    ("river", "halves"),
    [
        (line((100, 0), (100, 200)), [[0, 0, 100, 200], [100, 0, 200, 200]]),
        (line((0, 100), (200, 100)), [[0, 100, 200, 200], [0, 0, 200, 100]]),
    ],
)
def test_small_blocks_merge_across_the_weaker_line(river: shapely.LineString, halves: list[list[float]]) -> None:
    town = area_of(shapely.box(0, 0, 200, 200))
    cross = [line((100, 0), (100, 200)), line((0, 100), (200, 100))]
    weights = np.array([5.0 if street.equals(river) else 1.0 for street in cross])
    grids = divide(town, at(*cross), METRIC, target_area_m2=20_000, weights=weights)
    assert drawn(grids) == halves
    assert_divides(grids, town)


def test_a_small_block_goes_where_its_border_is_longest() -> None:
    """The corner block of 50 m × 100 m shares 100 m with the east and 50 m with the north."""
    town = area_of(shapely.box(0, 0, 150, 250))
    streets = at(line((0, 100), (150, 100)), line((50, 0), (50, 100)))
    grids = divide(town, streets, METRIC, target_area_m2=15_000)
    assert drawn(grids) == [[0, 100, 150, 250], [0, 0, 150, 100]]


def test_what_lies_between_two_carriageways_is_no_grid() -> None:
    town = area_of(shapely.box(0, 0, 1000, 400))
    streets = at(line((0, 190), (1000, 190)), line((0, 210), (1000, 210)), line((500, 0), (500, 400)))
    grids = divide(town, streets, METRIC, target_area_m2=40_000, weights=np.array([3.0, 3.0, 1.0]))
    assert len(grids) == 4
    assert grids["area_m2"].min() > 90_000
    assert_divides(grids, town)


def test_a_dead_end_cuts_nothing_and_a_large_block_stays() -> None:
    town = area_of(shapely.box(0, 0, 500, 500))
    grids = divide(town, at(line((0, 250), (400, 250)), line((800, 0), (800, 10))), METRIC, target_area_m2=10_000)
    assert drawn(grids) == [[0, 0, 500, 500]]
    assert_divides(grids, town)


def test_no_streets_at_all() -> None:
    town = area_of(shapely.box(0, 0, 500, 500))
    for streets in (np.array([], dtype=object), at(line((900, 0), (900, 10)))):
        grids = divide(town, streets, METRIC)
        assert len(grids) == 1
        assert grids.geometry[0].equals(town)


def test_a_lake_in_the_boundary_and_an_island_stay_what_they_are() -> None:
    land = shapely.Polygon(shapely.box(0, 0, 400, 400).exterior, [shapely.box(150, 150, 250, 250).exterior.coords])
    boundary = area_of(shapely.MultiPolygon([land, shapely.box(500, 0, 520, 20)]))
    streets = at(line((200, -10), (200, 410)), line((-10, 200), (600, 200)))
    grids = divide(boundary, streets, METRIC, target_area_m2=37_500)
    assert drawn(grids)[-1] == [500, 0, 520, 20]  # too small, but without any neighbour
    assert len(grids) == 5
    assert grids["area_m2"].sum() == pytest.approx(400 * 400 - 100 * 100 + 400, rel=1e-3)
    assert_divides(grids, boundary)


def test_wrong_input_is_refused() -> None:
    town = area_of(shapely.box(0, 0, 500, 500))
    streets = at(line((0, 250), (500, 250)))
    with pytest.raises(ValueError, match="has no area"):
        divide(streets[0], streets, METRIC)
    with pytest.raises(ValueError, match="above zero"):
        divide(town, streets, METRIC, target_area_m2=0)
    for weights in ([1.0, 2.0], [0.0], [float("nan")]):
        with pytest.raises(ValueError, match="weight"):
            divide(town, streets, METRIC, weights=np.array(weights))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.sampled_from([5_000.0, 60_000.0, 1e6]))
def test_any_town_is_divided_properly_and_only_along_lines(seed: int, count: int, target_area_m2: float) -> None:
    random = np.random.default_rng(seed)
    town = area_of(shapely.Point(400, 400).buffer(450, quad_segs=4))
    ends = random.uniform(-200, 1000, (count, 3, 2))
    streets = at(*(shapely.LineString(points) for points in ends)) if count else np.array([], dtype=object)
    grids = divide(town, streets, METRIC, target_area_m2=target_area_m2, weights=random.uniform(0.5, 5, count))
    assert_divides(grids, town)
    lines = shapely.multilinestrings([shapely.boundary(town), *streets])
    borders = [shapely.get_coordinates(part) for part in shapely.get_parts(shapely.boundary(grids.geometry.to_numpy()))]
    middles = shapely.points(np.concatenate([(border[1:] + border[:-1]) / 2 for border in borders]))
    # A street may be taken on by as much as 2 m, to the boundary.
    off = METRIC.geometry_to_m(middles[~shapely.dwithin(middles, lines, 1e-8)])
    tips = METRIC.geometry_to_m(shapely.boundary(streets)) if count else np.array([shapely.MultiPoint()])
    assert (shapely.distance(off, shapely.union_all(tips)) < 2.1).all()
    small = grids["area_m2"] < target_area_m2 / 2
    assert not small.any() or len(grids) == 1


@pytest.mark.skipif(not DATA.is_dir(), reason="the real places are not beside the repository")
@pytest.mark.parametrize("name", ["haidian/beijing_tsinghua", "haidian/beijing_xueqing", "guixi/guixi"])
def test_a_real_place(name: str) -> None:
    streets = np.array(
        [
            shapely.LineString([(node.lon, node.lat) for node in way.nodes])
            for way in osmium.FileProcessor(str(DATA / f"{name}.osm.pbf")).with_locations()
            if way.is_way() and "highway" in way.tags and len(way.nodes) > 1
        ],
        dtype=object,
    )
    boundary = shapely.convex_hull(shapely.union_all(streets))
    metric = MetricCRS.for_lon(boundary.centroid.x)
    grids = divide(boundary, streets, metric)
    assert len(grids) > 20
    assert grids["area_m2"].min() >= 30_000
    assert_divides(grids, boundary, metric)
