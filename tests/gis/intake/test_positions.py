"""Positions: what is read, what a wrong CRS looks like, what is repaired."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely
from shapely import LineString, MultiPolygon, Point, Polygon, box

from gis.crs import SourceCRS
from gis.intake.formats.source import Batch
from gis.intake.headings import Layout
from gis.intake.positions import LINES, POLYGONS, Positions, as_multi, as_wkb
from gis.intake.sheet import Sheet
from gis.shifts import wgs84_to_gcj02


def positions(crs: str = "EPSG:4326") -> Positions:
    return Positions(SourceCRS.parse(crs))


def table(lon: list[str | None], lat: list[str | None]) -> Sheet:
    columns = [pa.array(lon, pa.string()), pa.array(lat, pa.string())]
    return Sheet(Batch(np.arange(2, 2 + len(lon)), columns), Layout(["lon", "lat"], {"lon": 0, "lat": 1}))


def features(*shapes: shapely.Geometry | None) -> Sheet:
    geometry = np.empty(len(shapes), dtype=object)
    geometry[:] = shapes
    return Sheet(Batch(np.arange(1, 1 + len(shapes)), [], geometry), Layout([], {}))


def wkt(*texts: str | None) -> Sheet:
    return Sheet(Batch(np.arange(2, 2 + len(texts)), [pa.array(texts, pa.string())]), Layout(["WKT"], {"geometry": 0}))


@pytest.mark.parametrize(
    ("lon", "lat", "column", "words"),
    [
        ("25.04", "102.7", "lon", "经纬度可能颠倒"),
        ("40.0", "116.3", "lon", "经纬度可能颠倒"),
        ("0", "0", "lon", "0,0"),
        ("2.35", "48.85", "lon", "经度超出范围"),
        ("102.7", "62", "lat", "纬度超出范围"),
        ("102.7", "-25", "lat", "纬度超出范围"),
        ("500000", "2770000", "lon", "投影坐标"),
        ("nan", "25", "lon", "不是数字"),
        ("inf", "25", "lon", "不是数字"),
        ("102.7", "二十五", "lat", "不是数字"),
        ("102.7", None, "lat", "缺少值"),
        (None, "25", "lon", "缺少值"),
    ],
)
def test_a_bad_position_is_rejected_with_its_reason(lon: str | None, lat: str | None, column: str, words: str) -> None:
    sheet = table([lon, "102.7"], [lat, "25.04"])
    x, y = positions().points(sheet, required=False)
    assert np.isnan([x[0], y[0]]).all()
    assert (x[1], y[1]) == (102.7, 25.04)
    assert sheet.ok.tolist() == [False, True]
    assert column in sheet.columns[0].split("、")
    assert words in sheet.reasons[0]
    assert " / " in sheet.reasons[0]


def test_no_position_is_a_fault_only_where_one_is_needed() -> None:
    sheet = table([None, "102.7"], [None, "25"])
    lon, _ = positions().points(sheet, required=False)
    assert np.isnan(lon[0])
    assert sheet.ok.all()
    positions().points(sheet, required=True)
    assert sheet.ok.tolist() == [False, True]


def test_positions_come_out_in_wgs84() -> None:
    x, y = wgs84_to_gcj02(np.array([102.7]), np.array([25.04]))
    sheet = table([repr(float(x[0]))], [repr(float(y[0]))])
    lon, lat = positions("GCJ-02").points(sheet, required=True)
    np.testing.assert_allclose([lon[0], lat[0]], [102.7, 25.04], atol=1e-9)
    sheet = table(["500000"], ["2770000"])
    lon, lat = positions("EPSG:4543").points(sheet, required=True)
    assert sheet.ok.all()
    assert lon[0] == pytest.approx(102.0, abs=1e-9)
    assert 25.0 < lat[0] < 25.1


def test_metres_of_another_zone_fall_outside_china_and_are_rejected() -> None:
    sheet = table(["9.9e9"], ["2770000"])
    positions("EPSG:4543").points(sheet, required=True)
    assert not sheet.ok[0]


def test_geometry_of_another_type_is_named() -> None:
    square = box(102, 25, 102.1, 25.1)
    sheet = features(square, Point(102, 25), LineString([(102, 25), (102.1, 25)]), None)
    lon, _ = positions().points(sheet, required=False)
    assert np.isnan(lon[[0, 2, 3]]).all()
    assert lon[1] == 102
    assert sheet.reasons[0] == "需要点，得到 Polygon / a point is needed, not a Polygon"
    assert sheet.reasons[2] == "需要点，得到 LineString / a point is needed, not a LineString"
    assert sheet.ok.tolist() == [False, True, False, True]
    sheet = features(Point(102, 25), shapely.MultiPoint([(102, 25)]))
    positions().shapes(sheet, POLYGONS, required=True)
    assert sheet.reasons[0] == "需要面，得到 Point / a polygon is needed, not a Point"
    assert sheet.reasons[1] == "需要面，得到 Point / a polygon is needed, not a Point"


def test_height_and_measure_are_dropped_and_collections_of_one_opened() -> None:
    solid = Polygon([(102, 25, 5), (102.1, 25, 6), (102.1, 25.1, 7)])
    held = shapely.GeometryCollection([box(102, 25, 102.1, 25.1)])
    sheet = features(solid, shapely.from_wkt("POLYGON M ((102 25 1, 102.1 25 2, 102.1 25.1 3, 102 25 1))"), held)
    shapes = positions().shapes(sheet, POLYGONS, required=True)
    assert sheet.ok.all()
    assert not shapely.has_z(shapes).any()
    assert shapely.get_coordinate_dimension(shapes).tolist() == [2, 2, 2]
    assert shapes[2].equals(box(102, 25, 102.1, 25.1))


def test_empty_missing_and_infinite_geometries_are_rejected() -> None:
    sheet = features(Polygon(), None, LineString([(102, 25), (float("inf"), 25)]), LineString([(102, 25), (102, 25)]))
    shapes = positions().shapes(sheet, LINES | POLYGONS, required=True)
    assert shapely.is_missing(shapes).all()
    words = ["几何为空", "缺少值", "坐标不是有限数", "长度为零"]
    assert [word in reason for word, reason in zip(words, sheet.reasons, strict=True)] == [True] * 4


def test_one_corner_outside_is_enough() -> None:
    sheet = features(Polygon([(102, 25), (25, 102), (102.1, 25.1)]), box(102, 25, 102.1, 80))
    positions().shapes(sheet, POLYGONS, required=True)
    assert sheet.ok.tolist() == [False, False]
    assert "纬度超出范围" in sheet.reasons[1]


def test_a_swapped_polygon_says_so() -> None:
    sheet = features(box(25, 102, 25.1, 102.1))
    positions().shapes(sheet, POLYGONS, required=True)
    assert "经纬度可能颠倒" in sheet.reasons[0]


def test_a_spike_is_repaired_and_a_bow_tie_is_rejected_with_its_place() -> None:
    spike = Polygon([(102, 25), (102.1, 25), (102.1, 25.1), (102.15, 25.1), (102.1, 25.1), (102, 25.1)])
    bow_tie = Polygon([(102, 25), (102.1, 25.1), (102.1, 25), (102, 25.1)])
    flat = Polygon([(102, 25), (102.1, 25), (102.2, 25)])
    sheet = features(spike, bow_tie, flat)
    found = positions()
    shapes = found.shapes(sheet, POLYGONS, required=True)
    assert sheet.ok.tolist() == [True, False, False]
    assert found.repaired == 1
    assert shapes[0].is_valid
    assert shapes[0].area == pytest.approx(0.01)
    assert "102.050000,25.050000" in sheet.reasons[1]
    assert "面无效" in sheet.reasons[2]


def test_wkt_stands_in_for_geometry_in_tables() -> None:
    sheet = wkt("POINT (102.7 25.04)", "POINT (102.7", None, "POLYGON ((102 25, 102.1 25, 102.1 25.1))")
    lon, lat = positions().points(sheet, required=False)
    assert (lon[0], lat[0]) == (102.7, 25.04)
    assert sheet.ok.tolist() == [True, False, True, False]
    assert sheet.columns[1] == "WKT"
    assert "几何无法读取" in sheet.reasons[1]


def test_one_curve_does_not_spoil_the_others() -> None:
    curve = "CURVEPOLYGON (CIRCULARSTRING (102 25, 102.1 25.1, 102.2 25, 102.1 24.9, 102 25))"
    sheet = wkt(curve, "POLYGON ((102 25, 102.1 25, 102.1 25.1, 102 25))", None, "TIN EMPTY")
    shapes = positions().shapes(sheet, POLYGONS, required=True)
    assert sheet.ok.tolist() == [False, True, False, False]
    assert "曲线" in sheet.reasons[0]
    assert shapely.is_missing(shapes).tolist() == [True, False, True, True]


def test_the_median_longitude_is_remembered() -> None:
    found = positions()
    assert found.median_lon() is None
    found.remember(np.array([np.nan]))
    assert found.median_lon() is None
    found.remember(np.array([101.0, 102.0, np.nan, 110.0]))
    assert found.median_lon() == 102.0
    found.remember(np.linspace(103, 104, 1_000_000))
    assert sum(len(part) for part in found._lons) < 3000


def test_wkb_and_multi() -> None:
    shapes = np.array([box(0, 0, 1, 1), None, MultiPolygon([box(0, 0, 1, 1)])], dtype=object)
    multi = as_multi(shapes)
    assert [None if shape is None else shape.geom_type for shape in multi] == [
        "MultiPolygon",
        None,
        "MultiPolygon",
    ]
    written = as_wkb(shapes).to_pylist()
    assert written[1] is None
    assert shapely.from_wkb(written[0]) == shapes[0]
