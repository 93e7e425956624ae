"""Streets as drawn."""

from __future__ import annotations

import pytest

from gis.intake.kinds.streets import CLASSES
from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import geojson, line, point

SHOWN = "SELECT code, name, kind, foot, bridge, tunnel, layer, ST_AsText(geometry) FROM streets ORDER BY code"
TWO_PARTS = {
    "type": "MultiLineString",
    "coordinates": [[[102, 25], [102.01, 25]], [[102, 25.01], [102.01, 25.01]]],
}


def test_columns(importer: Importer) -> None:
    properties = {
        "osm_id": "7",
        "name": "春华路",
        "fclass": "Footway",
        "bridge": "T",
        "tunnel": "F",
        "layer": 1,
        "oneway": "yes",
        "foot": "Yes",
    }
    report = importer.ok("streets", "s.geojson", geojson((properties, line([102, 25], [102.01, 25]))))
    assert importer.rows(SHOWN) == [("7", "春华路", "footway", "yes", True, False, 1, "LINESTRING(102 25,102.01 25)")]
    assert report.notices == ["未使用的列：oneway / columns not used: oneway"]


def test_parts_become_streets_and_are_replaced_as_a_whole(importer: Importer) -> None:
    importer.ok(
        "streets",
        "s.geojson",
        geojson(({"code": "R1"}, TWO_PARTS), ({"code": "R2"}, line([102, 25], [102, 25.01]))),
    )
    assert [row[0] for row in importer.rows(SHOWN)] == ["R1~part1", "R1~part2", "R2"]
    importer.ok("streets", "s.geojson", geojson(({"code": "R1"}, line([102, 25], [102.01, 25]))))
    assert [row[0] for row in importer.rows(SHOWN)] == ["R1", "R2"]
    importer.ok("streets", "s.geojson", geojson(({"code": "R1"}, TWO_PARTS)))
    assert [row[0] for row in importer.rows(SHOWN)] == ["R1~part1", "R1~part2", "R2"]


def test_a_street_without_code_is_known_by_its_line(importer: Importer) -> None:
    there, back = line([102, 25], [102.01, 25]), line([102.01, 25], [102, 25])
    report = importer.run("streets", "s.geojson", geojson(({}, there), ({}, back), ({}, line([102, 25], [102, 25.01]))))
    assert [fault.message.split(" /")[0] for fault in report.faults] == ["与第 1 行重复"]
    codes = [row[0] for row in importer.rows(SHOWN)]
    importer.ok("streets", "s.geojson", geojson(({}, back)))
    assert [row[0] for row in importer.rows(SHOWN)] == codes
    assert {row[2] for row in importer.rows(SHOWN)} == {"unclassified"}


@pytest.mark.parametrize(
    ("word", "kind"),
    [("主干路", "primary"), ("人行道", "footway"), ("台阶", "steps"), ("cycleway", "cycleway")],
)
def test_classes_in_either_language(importer: Importer, word: str, kind: str) -> None:
    importer.ok("streets", "s.geojson", geojson(({"道路等级": word}, line([102, 25], [102.01, 25]))))
    assert importer.rows(SHOWN)[0][2] == kind
    assert kind in {*CLASSES.values(), word}


def test_bad_streets(importer: Importer) -> None:
    good = line([102, 25], [102.01, 25])
    report = importer.run(
        "streets",
        "s.geojson",
        geojson(
            ({"highway": "construction"}, good),
            ({"highway": "proposed"}, good),
            ({"layer": 99}, good),
            ({}, point(102, 25)),
            ({}, line([102, 25], [102, 25])),
            ({}, None),
            ({}, line([25, 102], [25, 102.1])),
        ),
    )
    assert report.loaded == 0
    words = ["尚未建成", "尚未建成", "-20 到 20", "需要线", "长度为零", "缺少值", "颠倒"]
    assert [word in fault.message for word, fault in zip(words, report.faults, strict=True)] == [True] * 7


def test_a_code_that_looks_like_a_part_stops_nothing(importer: Importer) -> None:
    importer.ok(
        "streets",
        "s.geojson",
        geojson(({"code": "R1"}, TWO_PARTS), ({"code": "R1~part2"}, line([102, 25], [102, 25.01]))),
    )
    assert [row[0] for row in importer.rows(SHOWN)] == ["R1~part1", "R1~part2"]
