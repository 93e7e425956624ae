"""Grids, and the households that they take in."""

from __future__ import annotations

import numpy as np
import shapely

from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import BUILDINGS, COMMUNITY, EAST, HOUSEHOLDS, WEST, geojson, square, two_grids

PLACED = "SELECT h.code, g.code, h.grid_reason FROM households h LEFT JOIN grids g ON g.id = h.grid_id ORDER BY h.code"


def test_an_unknown_community_is_made_from_the_code(importer: Importer) -> None:
    report = importer.ok("grids", "g.geojson", two_grids())
    assert importer.rows(
        "SELECT g.code, g.name, a.code FROM grids g JOIN areas a ON a.id = g.community_id ORDER BY 1"
    ) == [
        (WEST, "西", COMMUNITY),
        (EAST, "东", COMMUNITY),
    ]
    assert any(notice.startswith("按网格编码新建区划 4 个") for notice in report.notices)
    assert importer.one("SELECT metric_crs FROM place") == "EPSG:4543"


def test_grids_take_in_the_households_that_are_there(importer: Importer) -> None:
    importer.ok("buildings", "b.csv", BUILDINGS, crs="EPSG:4326")
    importer.ok("households", "h.csv", HOUSEHOLDS)
    assert {row[2] for row in importer.rows(PLACED)} == {"outside every grid"}
    report = importer.ok("grids", "g.geojson", two_grids())
    assert importer.rows(PLACED) == [("H1", WEST, None), ("H2", WEST, None), ("H3", EAST, None)]
    assert importer.rows("SELECT b.code, g.code FROM buildings b JOIN grids g ON g.id = b.grid_id ORDER BY 1") == [
        ("B1", WEST),
        ("B2", EAST),
    ]
    assert any("3 户中 3 户有网格" in notice for notice in report.notices)


def test_a_moved_boundary_moves_households(importer: Importer) -> None:
    importer.ok("grids", "g.geojson", two_grids())
    importer.ok("buildings", "b.csv", BUILDINGS, crs="EPSG:4326")
    importer.ok("households", "h.csv", HOUSEHOLDS)
    moved = geojson(({"code": WEST}, square(102.0, 25.0, 0.004)), ({"code": EAST}, square(102.004, 25.0, 0.016)))
    importer.ok("grids", "g.geojson", moved)
    assert [row[1] for row in importer.rows(PLACED)] == [EAST, EAST, EAST]
    assert importer.rows("SELECT name, version FROM grids ORDER BY code") == [("西", 2), ("东", 2)]


def test_bad_grids(importer: Importer) -> None:
    tie = {
        "type": "Polygon",
        "coordinates": [[[102, 25], [102.1, 25.1], [102.1, 25], [102, 25.1], [102, 25]]],
    }
    report = importer.run(
        "grids",
        "g.geojson",
        geojson(
            ({"code": WEST}, square(102, 25, 0.01)),
            ({"code": WEST}, square(102.01, 25, 0.01)),
            ({"code": "53010200100"}, square(102, 25, 0.01)),
            ({"code": "530102001000001"}, square(102, 25, 0.01)),
            ({"code": EAST}, tie),
            ({"code": EAST}, square(25, 102, 0.01)),
        ),
    )
    assert (report.read, report.loaded, report.rejected) == (6, 1, 5)
    words = ["与第 1 行重复", "15 位", "不是社区", "面无效", "经纬度可能颠倒"]
    assert [word in fault.message for word, fault in zip(words, report.faults, strict=True)] == [True] * 5
    assert [fault.where for fault in report.faults] == [
        f"g.geojson:{i}:{c}" for i, c in ((2, "code"), (3, "code"), (4, "code"), (5, "geometry"), (6, "geometry"))
    ]


def test_a_grid_with_a_spike_is_mended_and_said(importer: Importer) -> None:
    spike = {
        "type": "Polygon",
        "coordinates": [
            [
                [102, 25],
                [102.01, 25],
                [102.01, 25.01],
                [102.02, 25.01],
                [102.01, 25.01],
                [102, 25.01],
                [102, 25],
            ]
        ],
    }
    report = importer.ok("grids", "g.geojson", geojson(({"code": WEST}, spike)))
    assert any(notice.startswith("自动修复 1 个面") for notice in report.notices)
    stored = shapely.from_wkb(bytes(importer.one("SELECT ST_AsBinary(geometry) FROM grids")))
    assert stored.is_valid
    assert np.isclose(stored.area, 0.0001)
