"""Households: where they are, what changes them, what does not."""

from __future__ import annotations

import geopandas as gpd
import pytest

from fixtures.city import synthetic_city
from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import BUILDINGS, EAST, HOUSEHOLDS, WEST, two_grids

SHOWN = """SELECT h.code, b.code, h.own_position, h.lon, g.code, h.grid_reason, h.colour, h.version FROM households h
LEFT JOIN buildings b ON b.id = h.building_id LEFT JOIN grids g ON g.id = h.grid_id ORDER BY h.code"""


@pytest.fixture
def place(importer: Importer) -> Importer:
    importer.ok("grids", "g.geojson", two_grids())
    importer.ok("buildings", "b.csv", BUILDINGS, crs="EPSG:4326")
    return importer


def test_every_household_has_a_grid_or_a_reason(place: Importer) -> None:
    report = place.ok(
        "households",
        "h.csv",
        "户编码,楼栋,经度,纬度,颜色\nH1,B1,,,红\nH2,B1,102.012,25.005,yellow\nH3,,102.003,25.003,\nH4,,,,绿\nH5,,102.5,25.5,\nH6,,102.01,25.005,\n",
        crs="EPSG:4326",
    )
    assert place.rows(SHOWN) == [
        ("H1", "B1", False, 102.005, WEST, None, "red", 1),
        ("H2", "B1", True, 102.012, EAST, None, "yellow", 1),
        ("H3", None, True, 102.003, WEST, None, None, 1),
        ("H4", None, False, None, None, "no position", "green", 1),
        ("H5", None, True, 102.5, None, "outside every grid", None, 1),
        ("H6", None, True, 102.01, WEST, None, None, 1),  # on the shared edge: the lower code
    ]
    assert [notice[:8] for notice in report.notices] == ["1 户没有位置 ", "1 户不在任何网"]


def test_without_positions_no_crs_is_needed(place: Importer) -> None:
    place.ok("households", "h.csv", HOUSEHOLDS)
    assert [(row[1], row[4]) for row in place.rows(SHOWN)] == [("B1", WEST), ("B1", WEST), ("B2", EAST)]


def test_bad_households(place: Importer) -> None:
    report = place.run(
        "households",
        "h.csv",
        "code,building,lon,lat,colour\n,B1,,,\nH2,B9,,,\nH3,,102,,\nH4,,25,102,\nH5,,,,紫\nH6,B1,,,\nH6,B2,,,\nH7,,x,25,\n",
        crs="EPSG:4326",
    )
    assert (report.read, report.loaded) == (8, 1)
    found = [(fault.where.split(":", 1)[1], fault.message.split(" / ")[0]) for fault in report.faults]
    assert found[0] == ("2:code", "缺少值")
    assert found[1] == ("3:building", "没有这个楼栋，请先导入楼栋")
    assert found[2] == ("4:lat", "缺少值")
    assert found[3] == ("5:lon", "经纬度可能颠倒")
    assert found[4][0] == "6:colour"
    assert found[5] == ("8:code", "与第 7 行重复")
    assert found[6] == ("9:lon", "不是数字")
    assert [row[0] for row in place.rows(SHOWN)] == ["H6"]


def test_a_row_that_was_rejected_does_not_make_the_next_one_a_repeat(place: Importer) -> None:
    report = place.run("households", "h.csv", "code,colour\nH1,紫\nH1,红\n")
    assert [fault.where for fault in report.faults] == ["h.csv:2:colour"]
    assert [row[0] for row in place.rows(SHOWN)] == ["H1"]


def test_what_a_file_does_not_speak_of_stays(place: Importer) -> None:
    place.ok(
        "households",
        "h.csv",
        "code,building,lon,lat,colour\nH1,B1,,,red\nH2,B1,102.012,25.005,red\n",
        crs="4326",
    )
    place.ok("households", "colours.csv", "code,colour\nH1,green\nH2,\n")
    assert [(row[1], row[3], row[6], row[7]) for row in place.rows(SHOWN)] == [
        ("B1", 102.005, "green", 2),
        ("B1", 102.012, None, 2),
    ]
    # Only the building: who has a position of his own keeps it.
    place.ok("households", "buildings.csv", "code,building\nH1,B2\nH2,B2\n")
    assert [(row[1], row[2], row[3], row[4]) for row in place.rows(SHOWN)] == [
        ("B2", False, 102.015, EAST),
        ("B2", True, 102.012, EAST),
    ]
    # Only positions: where there is none, what is stored stays.
    place.ok("households", "positions.csv", "code,lon,lat\nH1,,\nH2,102.002,25.002\n", crs="4326")
    assert [(row[1], row[2], row[3], row[4]) for row in place.rows(SHOWN)] == [
        ("B2", False, 102.015, EAST),
        ("B2", True, 102.002, WEST),
    ]
    # Both: the row says all.
    place.ok("households", "all.csv", "code,building,lon,lat\nH1,,102.003,25.003\nH2,B2,,\n", crs="4326")
    assert [(row[1], row[2], row[3], row[4]) for row in place.rows(SHOWN)] == [
        (None, True, 102.003, WEST),
        ("B2", False, 102.015, EAST),
    ]


def test_bulk_assignment_equals_a_spatial_join(importer: Importer) -> None:
    city = synthetic_city(20_000, 60, seed=3)
    city.grids.to_file(importer.folder / "grids.gpkg")
    importer.ok("grids", "grids.gpkg", importer.folder / "grids.gpkg")
    importer.ok("households", "h.csv", city.households().to_csv(index=False), crs="EPSG:4326")
    points = gpd.GeoDataFrame({"code": city.codes}, geometry=gpd.points_from_xy(city.lon, city.lat), crs="EPSG:4326")
    joined = gpd.sjoin(points, city.grids, predicate="intersects", lsuffix="h", rsuffix="g")
    expected: dict[str, set[str]] = {}
    for household, grid in zip(joined["code_h"], joined["code_g"], strict=True):
        expected.setdefault(household, set()).add(grid)
    stored = {row[0]: (row[4], row[5]) for row in importer.rows(SHOWN)}
    assert len(stored) == 20_000
    for household, (grid, reason) in stored.items():
        grids = expected.get(household, set())
        assert grid == (min(grids) if grids else None)
        assert reason == (None if grids else "outside every grid")


def test_many_rows_leave_the_indexes_as_they_were(importer: Importer) -> None:
    definitions = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'households'::regclass ORDER BY 1"
    guards = "SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE conrelid = 'households'::regclass ORDER BY 1"
    before = importer.rows(definitions), importer.rows(guards)
    importer.ok("households", "few.csv", "code,colour\nH7,red\nH8,red\n")
    content = "code,colour\n" + "".join(f"H{i},green\n" for i in range(25_000))
    report = importer.ok("households", "many.csv", content)
    assert report.loaded == 25_000
    assert (importer.rows(definitions), importer.rows(guards)) == before
    assert importer.one("SELECT count(*), count(DISTINCT code), max(version) FROM households") == (
        25_000,
        25_000,
        2,
    )
    assert importer.rows("SELECT code FROM households WHERE version = 2 ORDER BY 1") == [("H7",), ("H8",)]
    assert importer.ok("households", "many.csv", content).loaded == 25_000
    assert importer.one("SELECT max(version) FROM households") == 2
