"""Buildings, their compounds, and the households that move with them."""

from __future__ import annotations

from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import BUILDINGS, EAST, HOUSEHOLDS, WEST, geojson, point, square, two_grids

GRIDS = "SELECT b.code, g.code FROM buildings b LEFT JOIN grids g ON g.id = b.grid_id ORDER BY b.code"


def test_footprints_and_points_are_assigned(importer: Importer) -> None:
    importer.ok("grids", "g.geojson", two_grids())
    importer.ok(
        "buildings",
        "b.geojson",
        geojson(
            ({"code": "B1", "name": "一号", "floors": 6, "units": 3}, square(102.004, 25.004, 0.001)),
            ({"code": "B2"}, point(102.015, 25.005)),
            ({"code": "B3"}, point(103, 25)),
        ),
    )
    assert importer.rows(GRIDS) == [("B1", WEST), ("B2", EAST), ("B3", None)]
    assert importer.rows("SELECT name, floors, units, round(lon::numeric, 4) FROM buildings WHERE code = 'B1'")[0][
        :3
    ] == ("一号", 6, 3)


def test_an_unknown_compound_is_made(importer: Importer) -> None:
    report = importer.ok(
        "buildings", "b.csv", "code,lon,lat,compound\nB1,102,25,C1\nB2,102,25,C1\nB3,102,25,\n", crs="4326"
    )
    assert importer.rows(
        "SELECT b.code, c.code, c.name FROM buildings b LEFT JOIN compounds c ON c.id = b.compound_id ORDER BY 1"
    ) == [
        ("B1", "C1", "C1"),
        ("B2", "C1", "C1"),
        ("B3", None, None),
    ]
    assert any(notice.startswith("新建小区 1 个：C1") for notice in report.notices)


def test_households_move_with_their_building(importer: Importer) -> None:
    importer.ok("grids", "g.geojson", two_grids())
    importer.ok("buildings", "b.csv", BUILDINGS, crs="EPSG:4326")
    importer.ok(
        "households",
        "h.csv",
        "code,building,lon,lat\nH1,B1,,\nH2,B1,102.006,25.006\nH3,B2,,\n",
        crs="EPSG:4326",
    )
    report = importer.ok("buildings", "b.csv", "code,lon,lat\nB1,102.016,25.006\nB2,102.015,25.005\n", crs="EPSG:4326")
    assert importer.rows(
        "SELECT h.code, g.code, h.lon, h.version FROM households h JOIN grids g ON g.id = h.grid_id ORDER BY 1"
    ) == [
        ("H1", EAST, 102.016, 3),
        ("H2", WEST, 102.006, 1),
        ("H3", EAST, 102.015, 1),
    ]
    assert importer.rows(GRIDS) == [("B1", EAST), ("B2", EAST)]
    assert any(notice.startswith("1 户随楼栋移动") for notice in report.notices)


def test_what_a_file_does_not_speak_of_stays(importer: Importer) -> None:
    importer.ok("buildings", "b.csv", "code,name,compound,floors,lon,lat\nB1,一号,C1,6,102,25\n", crs="4326")
    importer.ok("buildings", "b.csv", "code,floors,lon,lat\nB1,7,102,25\n", crs="4326")
    shown = "SELECT b.name, b.floors, c.code, b.version FROM buildings b JOIN compounds c ON c.id = b.compound_id"
    assert importer.rows(shown) == [("一号", 7, "C1", 2)]


def test_bad_buildings(importer: Importer) -> None:
    importer.ok("households", "h.csv", HOUSEHOLDS.replace("B1", "").replace("B2", ""))
    report = importer.run(
        "buildings",
        "b.csv",
        "编码,经度,纬度,层数\nB1,102.0,25.0,六\nB2,102.0,,6\nB3,25,102,6\nB4,102,25,201\nB5,102,25,1\nB5,102,25,1\n5.3E+16,102,25,1\n",
        crs="EPSG:4326",
    )
    assert [fault.where.split(":", 1)[1] for fault in report.faults] == [
        "2:层数",
        "3:纬度",
        "4:经度",
        "5:层数",
        "7:编码",
        "8:编码",
    ]
    assert importer.rows("SELECT code FROM buildings") == [("B5",)]
