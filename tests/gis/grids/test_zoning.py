"""Divisions with faults drawn by hand in metres, and generated ones against a raster of points."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.crs import MetricCRS
from gis.grids.codes import CodeProfile
from gis.grids.zoning import ZoningReport, check_zoning

METRIC = MetricCRS("EPSG:4543")
EAST_M, NORTH_M = 571_000.0, 2_770_000.0
A, B = "530102001001", "530102001002"


def box(x: float, y: float, width: float, height: float) -> shapely.Polygon:
    """Return a box in EPSG:4326 that was drawn in metres."""
    (shape,) = METRIC.geometry_to_lonlat(
        np.array([shapely.box(EAST_M + x, NORTH_M + y, EAST_M + x + width, NORTH_M + y + height)], dtype=object)
    )
    return shape


def frame(shapes: dict[str, shapely.Geometry]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"code": list(shapes)}, geometry=list(shapes.values()), crs="EPSG:4326")


def check(
    grids: dict[str, shapely.Geometry],
    communities: dict[str, shapely.Geometry] | None = None,
    tolerance_m2: float = 1.0,
) -> ZoningReport:
    known = frame(communities) if communities is not None else None
    return check_zoning(frame(grids), known, METRIC, tolerance_m2)


def four(size: float = 100) -> dict[str, shapely.Geometry]:
    """Return four squares that tile a square of community A."""
    return {
        f"{A}{1 + 2 * row + column:03d}": box(column * size, row * size, size, size)
        for row in (0, 1)
        for column in (0, 1)
    }


def test_a_proper_division() -> None:
    report = check(four(), {A: box(0, 0, 200, 200)})
    assert report.is_proper
    assert check(four()).is_proper
    assert report.overlaps.crs == report.gaps.crs == report.beyond.crs == "EPSG:4326"


def test_an_overlap_of_10_by_100_m() -> None:
    report = check({f"{A}002": box(90, 0, 100, 100), f"{A}001": box(0, 0, 100, 100)})
    assert report.overlaps["codes"].tolist() == [f"{A}001,{A}002"]
    assert report.overlaps["area_m2"].tolist() == pytest.approx([1000], abs=0.5)
    where = report.overlaps.geometry[0].symmetric_difference(box(90, 0, 10, 100))
    assert shapely.area(METRIC.geometry_to_m(np.array([where], dtype=object)))[0] < 0.1
    assert not report.is_proper


def test_a_grid_inside_another_and_one_drawn_twice() -> None:
    report = check({f"{A}001": box(0, 0, 100, 100), f"{A}002": box(20, 20, 10, 10), f"{A}003": box(0, 0, 100, 100)})
    assert dict(zip(report.overlaps["codes"], report.overlaps["area_m2"].round(), strict=True)) == {
        f"{A}001,{A}002": 100,
        f"{A}001,{A}003": 10_000,
        f"{A}002,{A}003": 100,
    }


def test_a_gap_inside_the_boundary() -> None:
    grids = four()
    del grids[f"{A}004"]
    report = check(grids, {A: box(0, 0, 200, 200)})
    assert report.gaps["community"].tolist() == [A]
    assert report.gaps["area_m2"].tolist() == pytest.approx([10_000], rel=1e-3)
    assert report.overlaps.empty
    # Without the boundary nobody can know that the corner belongs to the community.
    assert check(grids).is_proper


def test_a_community_without_any_grid_is_one_gap() -> None:
    report = check(four(), {A: box(0, 0, 200, 200), B: box(200, 0, 100, 100)})
    assert report.gaps["community"].tolist() == [B]
    assert check({}, {A: box(0, 0, 200, 200)}).gaps["community"].tolist() == [A]
    assert check({}).is_proper


def frame_of_four_strips(owner: list[str]) -> dict[str, shapely.Geometry]:
    """Return four strips round a hole of 100 m × 100 m."""
    strips = [box(0, 0, 300, 100), box(0, 100, 100, 100), box(200, 100, 100, 100), box(0, 200, 300, 100)]
    return {f"{code}{i:03d}": strip for i, (code, strip) in enumerate(zip(owner, strips, strict=True), start=1)}


def test_a_hole_without_a_boundary() -> None:
    report = check(frame_of_four_strips([A] * 4))
    assert report.gaps["community"].tolist() == [A]
    assert report.gaps["area_m2"].tolist() == pytest.approx([10_000], rel=1e-3)


def test_a_hole_that_two_communities_enclose() -> None:
    report = check(frame_of_four_strips([A, A, B, B]))
    assert report.gaps["community"].tolist() == [""]
    assert report.gaps["area_m2"].tolist() == pytest.approx([10_000], rel=1e-3)
    # One of them is known to end there: then nothing says that the hole belongs to anybody but the other.
    assert check(
        frame_of_four_strips([A, A, B, B]), {A: shapely.union(box(0, 0, 300, 100), box(0, 100, 100, 100))}
    ).gaps["community"].tolist() == [""]


def test_a_lake_that_the_boundary_leaves_out_is_no_gap() -> None:
    grids = frame_of_four_strips([A] * 4)
    assert check(grids, {A: shapely.difference(box(0, 0, 300, 300), box(100, 100, 100, 100))}).is_proper


def test_an_enclave_of_another_community_is_no_gap() -> None:
    grids = frame_of_four_strips([A] * 4) | {f"{B}001": box(100, 100, 100, 100)}
    assert check(grids).is_proper
    report = check(grids, {A: box(0, 0, 300, 300)})
    assert report.gaps.empty
    half = frame_of_four_strips([A] * 4) | {f"{B}001": box(100, 100, 100, 50)}
    assert check(half).gaps["area_m2"].tolist() == pytest.approx([5_000], rel=1e-3)


def test_a_grid_beyond_its_community() -> None:
    grids = four() | {f"{A}004": box(100, 100, 130, 100)}
    report = check(grids, {A: box(0, 0, 200, 200)})
    assert report.beyond[["code", "community"]].to_numpy().tolist() == [[f"{A}004", A]]
    assert report.beyond["area_m2"].tolist() == pytest.approx([3_000], rel=1e-3)
    assert report.overlaps.empty
    assert report.gaps.empty


def test_slivers_and_threads_are_let_pass() -> None:
    sliver = {f"{A}001": box(0, 0, 100, 100), f"{A}002": box(99.995, 0, 100, 100)}  # 5 mm × 100 m = 0.5 m²
    assert check(sliver).is_proper
    thread = {f"{A}001": box(0, 0, 100, 5000), f"{A}002": box(99.99, 0, 100, 5000)}  # 1 cm × 5 km = 50 m²
    assert check(thread, tolerance_m2=0.1).is_proper
    wedge = {f"{A}001": box(0, 0, 100, 100), f"{A}002": box(99.95, 0, 100, 100)}  # 5 cm × 100 m = 5 m²
    assert len(check(wedge).overlaps) == 1
    assert check(wedge, tolerance_m2=6).is_proper


def test_a_long_straight_border_shared_with_two_is_no_fault() -> None:
    """In metres the vertex in the middle of 40 km lies metres beside the straight line between the ends."""
    long = shapely.box(102.0, 25.0, 102.4, 25.1)
    north = [shapely.box(102.0, 25.1, 102.2, 25.2), shapely.box(102.2, 25.1, 102.4, 25.2)]
    grids = {f"{A}001": long, f"{A}002": north[0], f"{A}003": north[1]}
    assert check(grids, {A: shapely.box(102.0, 25.0, 102.4, 25.2)}).is_proper


def test_another_code_profile() -> None:
    profile = CodeProfile(parts=(2, 2, 2, 3, 2), grid_digits=4)
    grids = frame({"530102001010001": box(0, 0, 9, 9), "530102001020001": box(9, 0, 9, 9)})
    communities = frame({"53010200101": box(0, 0, 9, 9), "53010200102": box(9, 0, 9, 20)})
    report = check_zoning(grids, communities, METRIC, profile=profile)
    assert report.gaps["community"].tolist() == ["53010200102"]
    assert report.gaps["area_m2"].tolist() == pytest.approx([99], rel=1e-3)


def test_nothing_is_changed() -> None:
    grids, communities = frame(four()), frame({A: box(0, 0, 200, 210)})
    before = grids.copy(deep=True), communities.copy(deep=True)
    check_zoning(grids, communities, METRIC)
    assert grids.equals(before[0])
    assert communities.equals(before[1])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 4), st.integers(1, 4)),
        min_size=1,
        max_size=6,
    )
)
def test_boxes_on_a_raster(boxes: list[tuple[int, int, int, int]]) -> None:
    """Boxes of whole tens of metres inside a boundary: the faults are counted cell by cell."""
    count = np.zeros((10, 10), dtype=int)
    own = np.zeros((len(boxes), 10, 10), dtype=int)
    for i, (x, y, width, height) in enumerate(boxes):
        own[i, y : y + height, x : x + width] = 1
        count += own[i]
    grids = {f"{A}{i + 1:03d}": box(10 * x, 10 * y, 10 * w, 10 * h) for i, (x, y, w, h) in enumerate(boxes)}
    report = check(grids, {A: box(0, 0, 80, 80)})
    assert report.gaps["area_m2"].sum() == pytest.approx(100 * (count[:8, :8] == 0).sum(), rel=1e-3, abs=1)
    outside = count.sum() - count[:8, :8].sum()
    assert report.beyond["area_m2"].sum() == pytest.approx(100 * outside, rel=1e-3, abs=1)
    expected = {
        f"{A}{i + 1:03d},{A}{j + 1:03d}": 100 * int((own[i] * own[j]).sum())
        for i in range(len(boxes))
        for j in range(i + 1, len(boxes))
        if (own[i] * own[j]).any()
    }
    found = dict(zip(report.overlaps["codes"], report.overlaps["area_m2"], strict=True))
    assert found == pytest.approx(expected, rel=1e-3, abs=1)
    assert list(found) == sorted(found)
