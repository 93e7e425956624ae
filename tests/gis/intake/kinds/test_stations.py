"""Stations and what they offer."""

from __future__ import annotations

from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import geojson, point, square

HEAD = "code,name,kind,lon,lat,services,capacity\n"
OFFERS = """SELECT s.code, o.kind, o.hours, o.capacity FROM station_services o JOIN stations s ON s.id = o.station_id
ORDER BY s.code, o.kind, o.hours"""


def station(services: str, code: str = "S1", capacity: str = "50") -> str:
    return HEAD + f'{code},邻里中心,党群服务中心,102.005,25.005,"{services}",{capacity}\n'


def test_services_with_hours_and_capacity(importer: Importer) -> None:
    importer.ok(
        "stations",
        "s.csv",
        station("meal#40@Mo-Fr 11:00-13:00; PH off;助餐@Sa 11:00-12:00;health"),
        crs="4326",
    )
    assert importer.rows("SELECT code, name, kind, capacity FROM stations") == [("S1", "邻里中心", "党群服务中心", 50)]
    assert importer.rows(OFFERS) == [
        ("S1", "health", "24/7", None),
        ("S1", "meal", "Mo-Fr 11:00-13:00; PH off", 40),
        ("S1", "meal", "Sa 11:00-12:00", None),
    ]


def test_services_are_replaced_as_a_set_and_only_where_they_differ(importer: Importer) -> None:
    importer.ok("stations", "s.csv", station("meal#40@Mo-Fr 11:00-13:00;health"), crs="4326")
    kept = importer.rows("SELECT id FROM station_services WHERE kind = 'health'")
    importer.ok("stations", "s.csv", station("meal#40@Mo-Fr 11:00-13:00;health"), crs="4326")
    assert importer.rows("SELECT version FROM stations") == [(1,)]
    importer.ok("stations", "s.csv", station("meal#60@Mo-Fr 11:00-13:00;health;rest"), crs="4326")
    assert [row[1:] for row in importer.rows(OFFERS)] == [
        ("health", "24/7", None),
        ("meal", "Mo-Fr 11:00-13:00", 60),
        ("rest", "24/7", None),
    ]
    assert importer.rows("SELECT id FROM station_services WHERE kind = 'health'") == kept
    assert importer.rows("SELECT version FROM stations") == [(2,)]


def test_a_place_may_add_a_kind_of_service(importer: Importer) -> None:
    report = importer.ok("stations", "s.csv", station("pet_clinic@Mo 09:00-10:00;meal"), crs="4326")
    assert any("pet_clinic" in notice for notice in report.notices)
    importer.ok("households", "h.csv", "code\nH1\n")
    importer.ok("needs", "n.csv", "household,service,opened_on\nH1,pet_clinic,2025-01-01\n")


def test_bad_stations(importer: Importer) -> None:
    rows = [
        ("S1,,k,102,25,meal,", "name", "缺少值"),
        ("S2,n,,102,25,meal,", "kind", "缺少值"),
        ("S3,n,k,102,25,,", "services", "缺少值"),
        ("S4,n,k,102,25,meal@whenever,", "services", "营业时间"),
        ("S5,n,k,102,25,吃饭,", "services", "未知的服务类别"),
        ("S6,n,k,102,25,meal;meal,", "services", "重复"),
        ("S7,n,k,,,meal,", "lon", "缺少值"),
        ("S8,n,k,102,25,meal,-1", "capacity", "0 到"),
        ("S9,n,k,102,25,meal,", "", ""),
        ("S9,n,k,102,25,meal,", "code", "与第 10 行重复"),
    ]
    report = importer.run("stations", "s.csv", HEAD + "\n".join(row for row, _, _ in rows) + "\n", crs="4326")
    assert report.loaded == 1
    bad = [(i, column, words) for i, (_, column, words) in enumerate(rows, 2) if column]
    for fault, (row, column, words) in zip(report.faults, bad, strict=True):
        assert fault.where.startswith(f"s.csv:{row}:{column}")
        assert words in fault.message


def test_a_footprint_is_no_station(importer: Importer) -> None:
    properties = {"code": "S1", "name": "n", "kind": "k", "services": "meal"}
    report = importer.run(
        "stations",
        "s.geojson",
        geojson((properties, square(102, 25, 0.01)), ({**properties, "code": "S2"}, point(102, 25))),
    )
    assert [fault.message.split(" /")[0] for fault in report.faults] == ["需要点，得到 Polygon"]
    assert importer.rows("SELECT code FROM stations") == [("S2",)]
