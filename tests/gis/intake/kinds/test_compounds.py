"""Compounds."""

from __future__ import annotations

from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import geojson, line, square

SHOWN = "SELECT code, name, property_arrangement, committee, renovation, geometry IS NULL FROM compounds ORDER BY code"


def test_compounds_need_no_position_and_then_no_crs(importer: Importer) -> None:
    importer.ok("compounds", "c.csv", "编码,名称,物业,业委会,改造\nC1,幸福里,自管,无,已完成\nC2,,,,\n")
    assert importer.rows(SHOWN) == [
        ("C1", "幸福里", "自管", "无", "已完成", True),
        ("C2", "C2", None, None, None, True),
    ]


def test_what_a_file_does_not_speak_of_stays(importer: Importer) -> None:
    importer.ok("compounds", "c.csv", "code,name,committee\nC1,幸福里,业委会\n")
    importer.ok("compounds", "c.geojson", geojson(({"code": "C1", "renovation": "started"}, square(102, 25, 0.01))))
    assert importer.rows(SHOWN) == [("C1", "幸福里", None, "业委会", "started", False)]
    importer.ok("compounds", "c.csv", "code,committee\nC1,\n")
    assert importer.rows(SHOWN) == [("C1", "幸福里", None, None, "started", False)]


def test_bad_compounds(importer: Importer) -> None:
    report = importer.run(
        "compounds",
        "c.geojson",
        geojson(({"code": "C1"}, line([102, 25], [102.1, 25])), ({"code": ""}, None)),
    )
    assert [fault.where for fault in report.faults] == ["c.geojson:1:geometry", "c.geojson:2:code"]
    report = importer.run("compounds", "c.csv", f"code,name\nC1,{'长' * 201}\n{'9' * 65},\n")
    assert [fault.where for fault in report.faults] == ["c.csv:2:name", "c.csv:3:code"]
