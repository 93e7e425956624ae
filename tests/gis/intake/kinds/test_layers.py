"""Renovation, street units, merchants and things."""

from __future__ import annotations

from datetime import date

from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import geojson, point, square, workbook

COMPOUNDS = "code,name\nC1,一小区\nC2,二小区\nC3,三小区\n"


def test_merchants_in_chinese_and_only_what_differs(importer: Importer) -> None:
    file = "商户编号,店名,业态,沿街,经营状态,经度,纬度\nM1,老张面馆,餐饮,人民路,营业,102.7,25.0\nM2,好邻居超市,零售,,停业,102.71,25.0\n"
    importer.ok("merchants", "m.csv", file, crs="4326")
    assert importer.rows(
        "SELECT code, name, kind, street, state, round(ST_X(geometry)::numeric, 2)::text FROM merchants ORDER BY code"
    ) == [
        ("M1", "老张面馆", "餐饮", "人民路", "营业", "102.70"),
        ("M2", "好邻居超市", "零售", None, "停业", "102.71"),
    ]
    importer.ok("merchants", "m.csv", file.replace("停业", "营业"), crs="4326")
    assert importer.rows("SELECT code, version FROM merchants ORDER BY code") == [("M1", 1), ("M2", 2)]
    importer.ok("merchants", "m.csv", "code,name,kind,lon,lat\nM1,老张面馆,餐饮,102.7,25.0\n", crs="4326")
    assert importer.one("SELECT street FROM merchants WHERE code = 'M1'") == "人民路"  # the file does not speak of it


def test_bad_merchants_name_row_column_and_cause(importer: Importer) -> None:
    rows = [
        ("M1,,餐饮,102.7,25.0", "name", "缺少值"),
        ("M2,店,,102.7,25.0", "kind", "缺少值"),
        (",店,餐饮,102.7,25.0", "code", "缺少值"),
        ("M4,店,餐饮,,25.0", "lon", "缺少值"),
        ("M5,店,餐饮,25.0,102.7", "lon", "颠倒"),
        ('M6,"=HYPERLINK(""x"")",餐饮,102.7,25.0', "name", "公式"),
    ]
    report = importer.run(
        "merchants",
        "m.csv",
        "code,name,kind,lon,lat\n" + "\n".join(row for row, _, _ in rows) + "\nM9,店,餐饮,102.7,25.0\n",
        crs="4326",
    )
    assert (report.loaded, report.rejected) == (1, len(rows))
    for number, (_, column, words) in enumerate(rows, start=2):
        (fault,) = [f for f in report.faults if f.where.startswith(f"m.csv:{number}:")]
        assert column in fault.where and words in fault.message


def test_things_from_a_workbook_and_from_geojson(importer: Importer) -> None:
    file = workbook(
        ("设施编号", "设施类型", "经度", "纬度"), ("T1", "摄像头", 102.7, 25.0), ("T2", "消火栓", 102.71, 25.0)
    )
    importer.ok("things", "t.xlsx", file, crs="4326")
    importer.ok("things", "t.geojson", geojson(({"code": "T3", "kind": "井盖", "state": "完好"}, point(102.72, 25.0))))
    assert importer.rows("SELECT code, kind, state FROM things ORDER BY code") == [
        ("T1", "摄像头", None),
        ("T2", "消火栓", None),
        ("T3", "井盖", "完好"),
    ]


def test_street_units_are_polygons(importer: Importer) -> None:
    importer.ok("street_units", "u.geojson", geojson(({"街区": "U1", "街区名称": "老街"}, square(102.7, 25.0, 0.01))))
    assert importer.rows("SELECT code, name, ST_GeometryType(geometry) FROM street_units") == [
        ("U1", "老街", "ST_MultiPolygon")
    ]
    report = importer.run("street_units", "u.geojson", geojson(({"code": "U2"}, point(102.7, 25.0))))
    assert report.rejected == 1 and "面" in report.faults[0].message


def test_renovation_of_compounds(importer: Importer) -> None:
    importer.ok("compounds", "c.csv", COMPOUNDS)
    file = "小区,改造进度,开工日期,完工日期\nC1,未开工,,\nC2,已开工,2025-03-01,\nC3,finished,2024-03-01,2025-06-30\n"
    importer.ok("renovation", "r.csv", file)
    stored = "SELECT c.code, r.state, r.started_on, r.finished_on, r.version FROM renovations r JOIN compounds c ON c.id = r.compound_id ORDER BY 1"
    first = [
        ("C1", "not_started", None, None, 1),
        ("C2", "started", date(2025, 3, 1), None, 1),
        ("C3", "finished", date(2024, 3, 1), date(2025, 6, 30), 1),
    ]
    assert importer.rows(stored) == first
    importer.ok("renovation", "r.csv", file.replace("C1,未开工,,", "C1,已开工,2025-12-01,"))
    assert (
        importer.rows(stored)[0] == ("C1", "started", date(2025, 12, 1), None, 2)
        and importer.rows(stored)[1:] == first[1:]
    )


def test_bad_renovations(importer: Importer) -> None:
    importer.ok("compounds", "c.csv", COMPOUNDS)
    rows = [
        ("C9,started,,", "compound", "没有这个小区"),
        ("C1,拆除,,", "state", "未知的值"),
        ("C1,not_started,2025-01-01,", "started_on", "未开工"),
        ("C1,started,2025-01-01,2025-02-01", "finished_on", "未完工"),
        ("C1,finished,2025-02-01,2025-01-01", "finished_on", "早于开工日期"),
        ("C1,started,2027-01-01,", "started_on", "将来"),
        ("C1,,,", "state", "缺少值"),
    ]
    report = importer.run(
        "renovation",
        "r.csv",
        "compound,state,started_on,finished_on\n"
        + "\n".join(row for row, _, _ in rows)
        + "\nC2,started,,\nC2,finished,,\n",
    )
    assert (report.loaded, report.rejected) == (1, len(rows) + 1)
    for number, (_, column, words) in enumerate(rows, start=2):
        assert any(
            f.where.startswith(f"r.csv:{number}:") and column in f.where and words in f.message for f in report.faults
        ), (number, report.faults)
