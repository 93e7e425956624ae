"""Building chiefs and contacts."""

from __future__ import annotations

from datetime import date

import pytest

from gis.store.session import Store
from gis.store.vault import vault_of
from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import BUILDINGS

CHIEFS = """SELECT b.code, c.name, c.valid_from, c.valid_to, c.version FROM building_chiefs c JOIN buildings b ON b.id = c.building_id
ORDER BY b.code, c.name, c.valid_from"""
LINKS = """SELECT h.code, c.name, c.organisation, l.valid_from, l.valid_to FROM household_contacts l JOIN households h ON h.id = l.household_id
JOIN contacts c ON c.id = l.contact_id ORDER BY h.code, c.name, l.valid_from"""


@pytest.fixture
def homes(importer: Importer) -> Importer:
    importer.ok("buildings", "b.csv", BUILDINGS, crs="EPSG:4326")
    importer.ok("households", "h.csv", "code\nH1\nH2\nH3\n")
    return importer


def phones(store: Store, table: str) -> dict[str, str | None]:
    with store.owner_engine.connect() as connection:
        vault = vault_of(connection)
        rows = connection.exec_driver_sql(f"SELECT id, name, phone_sealed FROM {table}").all()
        return {name: vault.open_one(f"{table}.phone_sealed", str(key), sealed) for key, name, sealed in rows}


def test_chiefs_come_come_again_and_step_down(homes: Importer, store: Store) -> None:
    head = "楼栋,姓名,电话,任职日期,卸任日期\n"
    homes.ok(
        "chiefs", "c.csv", head + "B1,甲,15400000001,2024-01-01,\nB1,乙,,2025-01-01,\nB2,甲,15400000001,2024年1月1日,\n"
    )
    first = (date(2024, 1, 1), None, 1)
    assert homes.rows(CHIEFS) == [("B1", "乙", date(2025, 1, 1), None, 1), ("B1", "甲", *first), ("B2", "甲", *first)]
    assert phones(store, "building_chiefs") == {"甲": "15400000001", "乙": None}
    homes.ok("chiefs", "c.csv", head + "B1,甲,15400000001,2024-01-01,\nB2,甲,15400000002,2024-01-01,2024-12-31\n")
    assert [row[-2:] for row in homes.rows(CHIEFS)] == [(None, 1), (None, 1), (date(2024, 12, 31), 2)]
    homes.ok("chiefs", "c.csv", "building,name,from\nB2,甲,2024-01-01\n")  # says nothing of phone and last day
    assert [row[-2:] for row in homes.rows(CHIEFS)] == [(None, 1), (None, 1), (date(2024, 12, 31), 2)]


def test_a_chief_entered_by_hand_is_the_same_in_a_file(homes: Importer, store: Store) -> None:
    with store.owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO building_chiefs (building_id, name, valid_from) SELECT id, '甲', '2024-01-01' FROM buildings WHERE code = 'B1'"
        )
    homes.ok("chiefs", "c.csv", "building,name,phone,from\nB1,甲,15400000001,2024-01-01\n")
    assert homes.rows(CHIEFS) == [("B1", "甲", date(2024, 1, 1), None, 2)]
    assert phones(store, "building_chiefs") == {"甲": "15400000001"}


def test_chiefs_that_cannot_be(homes: Importer) -> None:
    report = homes.run(
        "chiefs", "c.csv", "building,name,from,to\nB9,甲,2024-01-01,\nB1,,2024-01-01,\nB1,甲,,\nB1,甲,2024-02-01,2024-01-01\n"
        "B1,丙,2024-01-01,\nB1,丙,2024-01-01,2025-01-01\n",
    )  # fmt: skip
    assert [(fault.where, fault.message.split(" / ")[0]) for fault in report.faults] == [
        ("c.csv:2:building", "没有这个楼栋，请先导入楼栋"),
        ("c.csv:3:name", "缺少值"),
        ("c.csv:4:from", "缺少值"),
        ("c.csv:5:to", "早于开始日期"),
        ("c.csv:7:name", "与第 6 行重复"),
    ]
    assert report.loaded == 1


def test_contacts_and_their_households(homes: Importer, store: Store) -> None:
    head = "户编码,联系人,单位,电话,开始日期,结束日期\n"
    rows = "H1,甲,财政局,15400000001,2025-01-01,\nH2,甲,财政局,,2025-01-01,\nH3,甲,税务局,15400000002,2025-01-01,\nH1,乙,,,2024-01-01,2024-12-31\n"
    homes.ok("contacts", "c.csv", head + rows)
    stored = homes.rows(LINKS)
    assert stored == [
        ("H1", "乙", None, date(2024, 1, 1), date(2024, 12, 31)),
        ("H1", "甲", "财政局", date(2025, 1, 1), None),
        ("H2", "甲", "财政局", date(2025, 1, 1), None),
        ("H3", "甲", "税务局", date(2025, 1, 1), None),
    ]
    before = homes.rows("SELECT id, version, phone_sealed FROM contacts ORDER BY id")
    assert len(before) == 3
    homes.ok("contacts", "c.csv", head + rows)
    assert homes.rows("SELECT id, version, phone_sealed FROM contacts ORDER BY id") == before
    homes.ok("contacts", "c.csv", "household,name,organisation,from,to\nH2,甲,财政局,2025-01-01,2025-06-30\n")
    assert homes.rows("SELECT id, version, phone_sealed FROM contacts ORDER BY id") == before
    assert homes.rows(LINKS)[2] == ("H2", "甲", "财政局", date(2025, 1, 1), date(2025, 6, 30))


def test_contacts_that_cannot_be_told_apart(homes: Importer, store: Store) -> None:
    head = "household,name,organisation,phone,from\n"
    report = homes.run(
        "contacts", "c.csv", head + "H1,甲,,15400000001,2025-01-01\nH2,甲,,15400000002,2025-01-01\nH9,甲,,,2025-01-01\n"
    )
    assert [(fault.where, fault.message[:8]) for fault in report.faults] == [
        ("c.csv:3:phone", "同名同单位的联系"),
        ("c.csv:4:household", "没有这一户，请先"),
    ]
    with store.owner_engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO contacts (name) VALUES ('丁'), ('丁')")
    report = homes.run("contacts", "c.csv", "household,name,from\nH1,丁,2025-01-01\n")
    assert report.loaded == 0 and "多位同名同单位" in report.faults[0].message
