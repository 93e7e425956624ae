"""Whole imports: every format to the same rows, twice the same, dry, rejected and corrected, cancelled, refused."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gis.crs import MetricCRS
from gis.errors import Invalid
from gis.intake import Cancelled, run_import
from gis.shifts import wgs84_to_bd09, wgs84_to_gcj02
from gis.store.session import Store
from tests.gis.intake.conftest import TODAY, Importer
from tests.gis.intake.files import (
    BUILDINGS,
    COMMUNITY,
    WEST,
    geojson,
    line,
    point,
    square,
    two_grids,
    workbook,
)

TABLES = (
    "areas",
    "grids",
    "compounds",
    "buildings",
    "households",
    "residents",
    "stations",
    "station_services",
    "streets",
    "needs",
    "backdrop",
)

EVERYTHING: list[tuple[str, str, str, str | None]] = [
    ("areas", "a.geojson", geojson(({"code": COMMUNITY, "name": "幸福社区"}, square(102, 25, 0.02))), None),
    ("grids", "g.geojson", two_grids(), None),
    ("compounds", "c.csv", "code,name,lon,lat\nC1,幸福里,102.005,25.005\n", "GCJ-02"),
    ("buildings", "b.csv", "code,name,compound,lon,lat,floors\nB1,一号,C1,102.005,25.005,6\nB2,二号,C2,102.015,25.005,\n", "BD-09"),
    ("households", "h.csv", "code,building,lon,lat,colour\nH1,B1,,,red\nH2,,102.015,25.005,\nH3,,,,green\n", "EPSG:4490"),
    ("residents", "r.csv", "household,birth_date,birth_year,sex,name,care_flags\nH1,1950-01-02,,男,甲,独居;低收入\nH1,,1980,,,\nH1,,1980,,,\n", None),
    ("stations", "s.csv", "code,name,kind,lon,lat,services\nS1,站,幸福食堂,102.005,25.005,meal#40@Mo-Fr 11:00-13:00; PH off;health\n", "EPSG:4326"),
    ("streets", "st.geojson", geojson(({"name": "路"}, line([102, 25], [102.01, 25])), ({"code": "R"}, {"type": "MultiLineString", "coordinates": [[[102, 25], [102, 25.1]], [[102, 25.2], [102, 25.3]]]})), None),
    ("needs", "n.csv", "household,service,opened_on,closed_on\nH1,meal,2025-01-02,\nH1,meal,2025-01-02,2025-02-01\n", None),
    ("backdrop", "bd.geojson", geojson(({"kind": "water"}, line([102, 25], [102.01, 25]))), None),
]  # fmt: skip


def whole(importer: Importer) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is stored, versions and times of change included."""
    return {table: importer.rows(f"SELECT to_jsonb(t) FROM {table} t ORDER BY to_jsonb(t)::text") for table in TABLES}


def changes(importer: Importer) -> int:
    return importer.one("SELECT sum(newest) FROM changes")


def test_every_kind_twice_changes_nothing(importer: Importer) -> None:
    for kind, name, content, crs in EVERYTHING:
        importer.ok(kind, name, content, crs=crs)
    before = whole(importer)
    assert all(before.values())
    for kind, name, content, crs in EVERYTHING:
        report = importer.ok(kind, name, content, crs=crs)
        assert report.loaded > 0
    assert whole(importer) == before


def test_a_dry_run_reports_the_same_and_changes_nothing(importer: Importer) -> None:
    for kind, name, content, crs in EVERYTHING:
        empty, told = whole(importer), changes(importer)
        dry = importer.run(kind, name, content, crs=crs, dry_run=True)
        assert whole(importer) == empty
        assert changes(importer) == told
        assert importer.run(kind, name, content, crs=crs) == dry


def test_the_service_may_import_for_an_admin(store: Store, importer: Importer) -> None:
    with store.owner_session() as session:
        admin = session.execute(
            text("INSERT INTO accounts (name, password_hash, role) VALUES ('a', 'x', 'admin') RETURNING id")
        ).scalar_one()
    for kind, name, content, crs in EVERYTHING:
        path = importer.folder / name
        path.write_text(content, encoding="utf-8")
        with store.session(admin) as session:
            report = run_import(session.connection(), kind, path, crs=crs, today=TODAY)
        assert report.rejected == 0
    assert all(whole(importer).values())


def test_one_import_is_the_callers_transaction(importer: Importer) -> None:
    importer.run("households", "h.csv", "code\nH1\n", keep=False)
    assert importer.rows("SELECT code FROM households") == []


@pytest.mark.parametrize(
    ("crs", "shift"),
    [
        ("EPSG:4326", lambda lon, lat: (lon, lat)),
        ("EPSG:4490", lambda lon, lat: (lon, lat)),
        ("GCJ-02", wgs84_to_gcj02),
        ("BD-09", wgs84_to_bd09),
        ("EPSG:4543", MetricCRS("EPSG:4543").to_m),
        ("+proj=tmerc +lat_0=0 +lon_0=102.5 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m", MetricCRS("+proj=tmerc +lat_0=0 +lon_0=102.5 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m").to_m),
    ],
)  # fmt: skip
def test_every_crs_leads_to_the_same_place(importer: Importer, crs: str, shift: Any) -> None:
    lon, lat = np.array([102.005, 102.7123456]), np.array([25.005, 24.9876543])
    x, y = shift(lon, lat)
    rows = "".join(f"B{i},{float(a)!r},{float(b)!r}\n" for i, (a, b) in enumerate(zip(x, y, strict=True)))
    report = importer.ok("buildings", "b.csv", "code,lon,lat\n" + rows, crs=crs)
    assert report.crs == crs
    stored = np.array(importer.rows("SELECT lon, lat FROM buildings ORDER BY code"))
    np.testing.assert_allclose(stored, np.column_stack([lon, lat]), atol=2e-8)


def test_every_format_leads_to_the_same_rows(importer: Importer) -> None:
    frame = gpd.GeoDataFrame(
        {"编码": ["B1", "B2"], "名称": ["一号", None], "层数": [6, 7]},
        geometry=[shapely.Point(102.005, 25.005), shapely.Point(102.015, 25.005)],
        crs="EPSG:4326",
    )
    table = frame.drop(columns="geometry").assign(经度=frame.geometry.x, 纬度=frame.geometry.y)
    folder = importer.folder
    frame.to_file(folder / "f.geojson")
    frame.to_file(folder / "f.gpkg")
    frame.to_file(folder / "f.shp", encoding="utf-8")
    table.to_csv(folder / "f.csv", index=False)
    table.to_csv(folder / "g.csv", index=False, encoding="gb18030")
    frame.to_csv(folder / "w.csv", index=False)
    (folder / "f.xlsx").write_bytes(
        workbook(list(table.columns), *table.astype(object).where(table.notna(), None).values.tolist())
    )
    seen = []
    for name in ("f.geojson", "f.gpkg", "f.shp", "f.csv", "g.csv", "w.csv", "f.xlsx"):
        report = importer.ok(
            "buildings",
            name,
            folder / name,
            crs=None if name[2:] in ("geojson", "gpkg", "shp") else "EPSG:4326",
        )
        seen.append(importer.rows("SELECT code, name, floors, lon, lat, version FROM buildings ORDER BY code"))
        assert report.crs == "EPSG:4326"
    assert all(rows == [("B1", "一号", 6, 102.005, 25.005, 1), ("B2", None, 7, 102.015, 25.005, 1)] for rows in seen)


def test_tables_with_positions_need_a_crs(importer: Importer) -> None:
    for name, content in (
        ("b.csv", BUILDINGS.encode()),
        ("b.xlsx", workbook(["code", "lon", "lat"], ["B1", 102, 25])),
    ):
        with pytest.raises(Invalid) as caught:
            importer.run("buildings", name, content)
        choices = " ".join(fault.message for fault in caught.value.faults)
        assert all(choice in choices for choice in ("EPSG:4326", "EPSG:4490", "GCJ-02", "BD-09", "EPSG:4543"))
        assert "不作猜测" in str(caught.value)
    with pytest.raises(Invalid):
        importer.run("households", "h.csv", "code,lon,lat\nH1,102,25\n")
    with pytest.raises(Invalid) as caught:
        importer.run("buildings", "b.csv", BUILDINGS, crs="火星2号")
    assert "无法识别坐标系" in str(caught.value)
    assert importer.ok("households", "h.csv", "code,building\nH1,\n").loaded == 1


def test_a_given_crs_goes_before_the_files_own_and_is_said(importer: Importer) -> None:
    x, y = wgs84_to_gcj02(np.array([102.005]), np.array([25.005]))
    report = importer.ok(
        "buildings", "b.geojson", geojson(({"code": "B1"}, point(float(x[0]), float(y[0])))), crs="gcj02"
    )
    assert report.crs == "GCJ-02"
    assert any("文件自带坐标系 EPSG:4326" in notice for notice in report.notices)
    np.testing.assert_allclose(importer.one("SELECT lon, lat FROM buildings"), (102.005, 25.005), atol=1e-8)


@pytest.mark.parametrize(
    ("kind", "content", "missing"),
    [
        ("buildings", "name,lon\nx,102\n", ["code", "lat"]),
        ("residents", "name\nx\n", ["household"]),
        ("stations", "code,lon,lat\nS,102,25\n", ["name", "kind", "services"]),
        ("grids", "code,lon,lat\nS,102,25\n", ["geometry"]),
        ("needs", "household\nH\n", ["service", "opened_on"]),
    ],
)
def test_missing_columns_are_named(importer: Importer, kind: str, content: str, missing: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        importer.run(kind, "f.csv", content, crs="EPSG:4326")
    assert [fault.where for fault in caught.value.faults] == [f"f.csv:{column}" for column in missing]


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("cats", "f.csv", "code\n1\n"),
        ("households", "f.doc", "code\n1\n"),
        ("households", "f", "code\n1\n"),
        ("households", "f.csv", ""),
        ("households", "f.zip", "code\n"),
    ],
)
def test_what_cannot_be_read_is_refused(importer: Importer, kind: str, name: str, content: str) -> None:
    with pytest.raises(Invalid) as caught:
        importer.run(kind, name, content)
    assert " / " in str(caught.value)
    assert caught.value.faults


def test_a_missing_file_is_refused(importer: Importer) -> None:
    with pytest.raises(Invalid, match="没有文件"):
        importer.run("households", "h.csv", importer.folder / "h.csv")


def test_rejected_rows_are_corrected_and_come_again(importer: Importer) -> None:
    importer.ok("buildings", "b.csv", BUILDINGS, crs="EPSG:4326")
    head = "户编码,楼栋,颜色,备用\n"
    report = importer.run("households", "h.csv", (head + "H1,B1,红,一\nH2,B9,红,二\nH3,B2,紫,三\n").encode("gb18030"))
    assert (report.read, report.loaded, report.rejected) == (3, 1, 2)
    assert report.rejected_csv is not None
    rejected = report.rejected_csv.read().decode("utf-8-sig")
    assert rejected.splitlines()[0] == "户编码,楼栋,颜色,备用,row,column,reason"
    again = importer.run("households", "h.csv.rejected.csv", rejected.encode("utf-8-sig"))
    assert (again.read, again.rejected) == (2, 2)
    corrected = rejected.replace("B9", "B2").replace("紫", "绿")
    report = importer.ok("households", "h.csv.rejected.csv", corrected)
    assert report.notices == ["未使用的列：备用 / columns not used: 备用"]
    assert importer.rows("SELECT code, colour FROM households ORDER BY code") == [
        ("H1", "red"),
        ("H2", "red"),
        ("H3", "green"),
    ]


def test_rejected_features_come_again_as_wkt_in_their_own_crs(importer: Importer) -> None:
    frame = gpd.GeoDataFrame({"code": [WEST, "53"], "name": ["西", "东"]}, geometry=[shapely.box(102, 25, 102.01, 25.01), shapely.box(102.01, 25, 102.02, 25.01)], crs="EPSG:4326")  # fmt: skip
    frame.to_crs("EPSG:4543").to_file(importer.folder / "g.gpkg")
    report = importer.run("grids", "g.gpkg", importer.folder / "g.gpkg")
    assert (report.crs, report.rejected) == ("EPSG:4543", 1)
    assert any("EPSG:4543" in notice and "--crs" in notice for notice in report.notices)
    assert report.rejected_csv is not None
    corrected = report.rejected_csv.read().decode("utf-8-sig").replace("53,东", COMMUNITY + "002,东")
    importer.ok("grids", "g.csv", corrected, crs="EPSG:4543")
    stored = importer.rows("SELECT code, ST_AsBinary(geometry) FROM grids ORDER BY code")
    assert [row[0] for row in stored] == [WEST, COMMUNITY + "002"]
    shapes = shapely.from_wkb([bytes(row[1]) for row in stored])
    assert shapely.equals_exact(
        shapely.normalize(shapely.get_geometry(shapes, 0)),
        shapely.normalize(frame.geometry.to_numpy()),
        tolerance=1e-9,
    ).all()


def test_the_report_says_which_file_it_was(importer: Importer) -> None:
    report = importer.run("households", "h.csv", "code\nH1\n")
    assert report.sha256 == hashlib.sha256(b"code\nH1\n").hexdigest()
    assert (report.kind, report.crs, report.rejected_csv, report.faults) == ("households", None, None, [])


def test_progress_is_told_and_cancelling_keeps_nothing(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gis.intake.formats.csv.BLOCK_BYTES", 1 << 12)
    content = "code\n" + "".join(f"H{i:06}\n" for i in range(3000))
    told: list[tuple[int, int | None]] = []
    importer.ok("households", "h.csv", content, progress=lambda read, total: told.append((read, total)), dry_run=True)
    assert len(told) > 3
    assert [read for read, _ in told] == sorted(read for read, _ in told)
    assert told[-1] == (3000, 3000)
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        importer.run("households", "h.csv", content, cancelled=lambda: next(asked))
    assert importer.rows("SELECT code FROM households") == []


def test_a_failed_import_leaves_the_transaction_usable(importer: Importer, store: Store) -> None:
    path = importer.folder / "h.osm"
    path.write_text("<osm", encoding="utf-8")
    with store.owner_engine.begin() as connection:
        with pytest.raises(Invalid):
            run_import(connection, "streets", path)
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_the_first_import_with_positions_sets_the_zone_and_later_ones_leave_it(importer: Importer) -> None:
    importer.ok("households", "h.csv", "code\nH1\n")
    assert importer.rows("SELECT metric_crs FROM place") in ([], [(None,)])
    importer.ok("buildings", "b.csv", "code,lon,lat\nB1,116.3,40\n", crs="EPSG:4326")
    assert importer.one("SELECT metric_crs FROM place") == "EPSG:4548"
    importer.ok("buildings", "b.csv", "code,lon,lat\nB2,102,25\n", crs="EPSG:4326")
    assert importer.one("SELECT metric_crs FROM place") == "EPSG:4548"


dirty_cells = st.one_of(
    st.sampled_from(["", "H1", "H2", "H3", "B1", "B9", "102.005", "25.005", "nan", "-1", "0", "1e9", "红", "紫", "green", "\0", '"', "１０２"]),
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=4),
)  # fmt: skip
dirty_files = st.lists(st.lists(dirty_cells, min_size=1, max_size=6), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dirty_files, st.booleans())
def test_every_row_is_loaded_or_rejected(importer: Importer, records: list[list[str]], quoted: bool) -> None:
    importer.run("buildings", "b.csv", BUILDINGS, crs="EPSG:4326")
    if quoted:
        target = io.StringIO(newline="")
        csv.writer(target).writerows([["code", "building", "lon", "lat", "colour"], *records])
        content = target.getvalue()
    else:
        content = "\n".join(["code,building,lon,lat,colour", *(",".join(record) for record in records)])
    path = Path(importer.folder / "dirty.csv")
    path.write_text(content, encoding="utf-8", newline="")
    with importer.store.owner_engine.connect() as connection, connection.begin() as transaction:
        try:
            report = run_import(connection, "households", path, crs="EPSG:4326", today=TODAY)
        except Invalid as error:  # nothing of the file can be read: an open quote, say
            assert " / " in str(error)
            return
        stored = connection.execute(text("SELECT count(*) FROM households")).scalar_one()
        transaction.rollback()
    assert report.read == report.loaded + report.rejected
    assert stored == report.loaded
    rejected = list(
        csv.DictReader(
            io.StringIO((report.rejected_csv.read() if report.rejected_csv else b"").decode("utf-8-sig"), newline="")
        )
    )
    assert len(rejected) == report.rejected == len(report.faults)
    assert all(row["reason"] and row["row"] for row in rejected)
    assert len({row["row"] for row in rejected}) == len(rejected)
    if quoted and all(len(record) == 5 for record in records):
        assert report.read == sum(any(cell for cell in record) for record in records)
