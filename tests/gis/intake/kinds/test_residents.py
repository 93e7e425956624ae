"""Residents: told apart, and never spoken of."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from gis.store.vault import vault_of
from tests.gis.intake.conftest import Importer

HEAD = "household,birth_date,birth_year,sex,name,phone,id_number,care_flags\n"
SHOWN = """SELECT h.code, r.birth_date, r.birth_year, r.sex, r.name, r.care_flags FROM residents r
JOIN households h ON h.id = r.household_id ORDER BY h.code, r.name, r.birth_year"""


@pytest.fixture
def homes(importer: Importer) -> Importer:
    importer.ok("households", "h.csv", "code\nH1\nH2\n")
    return importer


def test_people_are_read_in_either_language(homes: Importer) -> None:
    homes.ok(
        "residents",
        "r.csv",
        '户编码,出生日期,出生年份,性别,姓名,特殊关怀标识\nH1,1950/1/2,,男,甲,低收入；独居\nH1,,1980,F,乙,\nH2,19600229,1960,female,丙,"living_alone, 独居,空巢"\n'.replace(
            ",F,", ",女,"
        ),
    )
    assert homes.rows(SHOWN) == [
        ("H1", None, 1980, "female", "乙", []),
        ("H1", date(1950, 1, 2), 1950, "male", "甲", ["living_alone", "low_income"]),
        ("H2", date(1960, 2, 29), 1960, "female", "丙", ["living_alone", "empty_nest"]),
    ]


def test_bad_residents(homes: Importer) -> None:
    rows = [
        ("H9,1950-01-02,,,,,,", "household", "没有这一户"),
        (",1950-01-02,,,,,,", "household", "缺少值"),
        ("H1,,,,甲,,,", "birth_date", "缺少值"),
        ("H1,2026-01-02,,,,,,", "birth_date", "日期在将来"),
        ("H1,1899-12-31,,,,,,", "birth_date", "早于 1900 年"),
        ("H1,1950-02-30,,,,,,", "birth_date", "没有这一天"),
        ("H1,1950-01-02,1951,,,,,", "birth_year", "与出生日期不符"),
        ("H1,,1899,,,,,", "birth_year", "1900 到 2026"),
        ("H1,,1950,x,,,,", "sex", "未知的值"),
        ("H1,,1950,,,,,独居;孤独", "care_flags", "未知的关怀标识"),
        ("H1,,1950,,,1.38E+10,,", "phone", "末位已丢失"),
        ("H1,,1950,,,,5.3010219500102E+17,", "id_number", "末位已丢失"),
    ]
    report = homes.run("residents", "r.csv", HEAD + "\n".join(row for row, _, _ in rows) + "\n")
    assert report.loaded == 0
    assert [fault.where for fault in report.faults] == [
        f"r.csv:{i}:{column}" for i, (_, column, _) in enumerate(rows, 2)
    ]
    assert [words in fault.message for fault, (_, _, words) in zip(report.faults, rows, strict=True)] == [True] * len(
        rows
    )


def test_no_message_holds_anything_personal(homes: Importer) -> None:
    secrets = ("赵秘密", "13800001234", "530102195001021234", "1899-05-05")
    report = homes.run(
        "residents",
        "r.csv",
        HEAD + f"H1,{secrets[3]},,x,{secrets[0]},{secrets[1]},{secrets[2]},{secrets[0]}\n",
    )
    said = " ".join([*report.notices, *(fault.where + fault.message for fault in report.faults)])
    assert report.rejected == 1
    assert not [secret for secret in secrets if secret in said]


def test_the_same_people_come_again_as_themselves(homes: Importer) -> None:
    twins = HEAD + "H1,,1950,,,,,\nH1,,1950,,,,,\nH1,1980-01-01,,male,甲,,,\nH2,1980-01-01,,male,甲,,,\n"
    homes.ok("residents", "r.csv", twins)
    keys = homes.rows("SELECT key, version FROM residents ORDER BY key")
    assert len(keys) == 4
    assert all(len(key) == 64 for key, _ in keys)
    homes.ok("residents", "r.csv", twins)
    assert homes.rows("SELECT key, version FROM residents ORDER BY key") == keys


def test_an_id_number_tells_people_apart_and_does_not_repeat(homes: Importer) -> None:
    report = homes.run("residents", "r.csv", HEAD + "H1,,1950,,甲,1,53X,\nH1,,1951,,乙,2,53x,\nH2,,1950,,甲,,53X,\n")
    assert [(fault.where, fault.message.split(" /")[0]) for fault in report.faults] == [
        ("r.csv:3:id_number", "与第 2 行重复")
    ]
    homes.ok("residents", "r.csv", HEAD + "H1,,1952,,新名,3,53X,独居\n")
    assert homes.rows(SHOWN) == [
        ("H1", None, 1952, None, "新名", ["living_alone"]),
        ("H2", None, 1950, None, "甲", []),
    ]


def test_what_a_file_does_not_speak_of_stays(homes: Importer) -> None:
    homes.ok("residents", "r.csv", HEAD + "H1,,1950,男,甲,138,53X,独居\n")
    phone, number = homes.one("SELECT phone_hash, id_number_hash FROM residents")
    homes.ok("residents", "r.csv", "household,id_number,birth_year,phone\nH1,53X,1950,139\n")
    assert homes.one("SELECT name, sex, care_flags, id_number_hash FROM residents") == (
        "甲",
        "male",
        ["living_alone"],
        number,
    )
    assert homes.one("SELECT phone_hash FROM residents") not in {None, phone}


def test_a_corrected_id_number_makes_no_second_person(homes: Importer) -> None:
    homes.ok("residents", "r.csv", HEAD + "H1,1980-01-02,,男,甲,138,53X,\nH1,1981-01-02,,女,乙,,,\n")
    before = homes.rows("SELECT id, key FROM residents ORDER BY id")
    corrected = HEAD + "H1,1980-01-02,,,甲,138,54X,\nH1,1981-01-02,,女,乙,,55X,\n"
    for _ in range(2):
        report = homes.ok("residents", "r.csv", corrected)
        assert report.notices == []
        assert homes.rows("SELECT id, key FROM residents ORDER BY id") == before
    with homes.store.owner_engine.connect() as connection:
        vault = vault_of(connection)
        rows = connection.execute(
            text("SELECT key, phone_sealed, id_number_sealed, version FROM residents ORDER BY id")
        )
        opened = [
            (
                vault.open_one("residents.phone_sealed", row[0], row[1]),
                vault.open_one("residents.id_number_sealed", row[0], row[2]),
                row[3],
            )
            for row in rows
        ]
    assert opened == [("138", "54X", 2), (None, "55X", 2)]


def test_people_who_cannot_be_told_apart_stay_and_are_named(homes: Importer) -> None:
    homes.ok("residents", "r.csv", HEAD + "H1,1980-01-02,,,甲,,51X,\nH1,1980-01-02,,,甲,,52X,\n")
    report = homes.ok("residents", "r.csv", HEAD + "H2,1980-01-02,,,乙,,,\nH1,1980-01-02,,,甲,,53X,\n")
    assert [notice for notice in report.notices if "第 3 行" in notice]
    assert homes.one("SELECT count(*) FROM residents") == 4
    homes.ok("residents", "r.csv", HEAD + "H2,1980-01-02,,男,丙,,,\nH2,1980-01-02,,女,丙,,1X,\n")
    homes.ok("residents", "r.csv", HEAD + "H2,1980-01-02,,男,丙,,2X,\n")
    assert homes.one("SELECT count(*) FROM residents WHERE name = '丙'") == 2


GUARDED = "SELECT name, guardian_name, guardian_phone_sealed, key, version FROM residents ORDER BY name"


def test_guardians_come_with_their_children(homes: Importer) -> None:
    """Sealed, told again without a change, kept by a file that does not speak of them, and theirs under a corrected ID number."""
    head = "户编码,姓名,出生日期,性别,证件号码,监护人,监护人电话\n"
    child, elder = "H1,小明,2019-05-06,男,530102201905061234,王芳,138 0000 1234\n", "H1,老王,1950-01-02,男,,,\n"
    homes.ok("residents", "r.csv", head + child + elder)

    def opened() -> dict[str, tuple[str | None, str | None, int]]:
        with homes.store.owner_session() as session:
            vault = vault_of(session)
        return {
            name: (guardian, vault.open_one("residents.guardian_phone_sealed", key, sealed), version)
            for name, guardian, sealed, key, version in homes.rows(GUARDED)
        }

    first = opened()
    assert first == {"小明": ("王芳", "138 0000 1234", 1), "老王": (None, None, 1)}
    homes.ok("residents", "r.csv", head + child + elder)
    assert opened() == first, "the same file changes nothing"
    homes.ok("residents", "r.csv", "户编码,姓名,出生日期,性别,证件号码\nH1,小明,2019-05-06,男,530102201905061234\n")
    assert opened() == first, "what the file does not speak of stays"
    homes.ok(
        "residents",
        "r.csv",
        head + child.replace("1234,王", "1242,王").replace("王芳", "李强").replace("1234\n", "5678\n"),
    )
    assert opened()["小明"][:2] == ("李强", "138 0000 5678")
    assert len(homes.rows(GUARDED)) == 2
    report = homes.run("residents", "r.csv", head + "H1,小红,2020-01-01,女,,赵秘密,1.38E+10\n")
    assert [fault.where for fault in report.faults] == ["r.csv:2:监护人电话"]
    assert "赵秘密" not in " ".join([*report.notices, *(fault.message for fault in report.faults)])
