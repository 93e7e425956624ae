"""Residents: masked, revealed one by one for a reason, corrected; children more strictly."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy import text

from gis.errors import Denied, Invalid, NotFound, Stale
from gis.services import households, residents
from gis.store.session import Store
from gis.store.vault import vault_of
from tests.gis.services.conftest import G1, account

TODAY = date(2026, 11, 20)
ELDER, CHILD, FOREIGN = "H001/0", "H001/2", "H010/0"
ID_NUMBER = "53990119500101123X"


@pytest.fixture
def staffed(place: Store) -> Store:
    with place.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO account_grids (account_id, grid_id) SELECT a.id, g.id FROM accounts a, grids g WHERE a.name = 'worker' AND g.code = :g"
            ),
            {"g": G1},
        )
        vault = vault_of(session)
        for key in (ELDER, CHILD, FOREIGN):
            session.execute(
                text("UPDATE residents SET id_number_sealed = :sealed, id_number_hash = :hash WHERE key = :key"),
                {
                    "key": key,
                    "sealed": vault.seal_one("residents.id_number_sealed", key, ID_NUMBER),
                    "hash": vault.search.id_number(ID_NUMBER),
                },
            )
        session.execute(
            text(
                "UPDATE residents SET birth_date = '2020-05-05', name = '小明', guardian_name = '张妈妈', guardian_phone_sealed = :p WHERE key = :key"
            ),
            {"key": CHILD, "p": vault.seal_one("residents.guardian_phone_sealed", CHILD, "15488887777")},
        )
    return place


def number_of(store: Store, key: str) -> int:
    with store.owner_session() as session:
        return session.execute(text("SELECT id FROM residents WHERE key = :key"), {"key": key}).scalar_one()


def noted(store: Store) -> list[tuple]:
    with store.owner_session() as session:
        rows = session.execute(text("SELECT account, action, subject, detail, reason FROM audit_log ORDER BY id")).all()
    return [(row.account, row.action, row.subject, json.loads(row.detail), row.reason) for row in rows]


def ask(
    store: Store,
    key: str,
    field: str,
    *,
    role: str = "worker",
    household: str = "H001",
    reason: str = "电话回访",
    purpose: str | None = None,
) -> str:
    with store.session(account(store, role)) as session:
        return residents.reveal(session, household, number_of(store, key), field, reason, purpose, TODAY)["value"]


def test_a_file_shows_no_number_whole(staffed: Store) -> None:
    with staffed.session(account(staffed, "worker")) as session:
        file = households.get_household(session, "H001", TODAY)
    elder, child = file["residents"][0], file["residents"][3]
    assert (elder["phone"], elder["id_number"], elder["name"], elder["child"]) == (
        "199****1234",
        "539*************3X",
        "某人",
        False,
    )
    assert (child["name"], child["birth_date"], child["age"], child["child"]) == ("小*", None, 6, True)
    assert child["phone"] == "*" * 11 and child["id_number"] == "*" * 18
    assert child["guardian"] == {"resident": None, "name": "张妈妈", "phone": "154****7777"}
    shown = repr(file)
    for secret in ("19900001234", ID_NUMBER, "15488887777", "小明", "2020"):
        assert secret not in shown
    assert noted(staffed) == [("worker", "household.read", "household:H001", {}, None)]


def test_one_field_is_shown_for_a_reason(staffed: Store) -> None:
    assert ask(staffed, ELDER, "phone") == "19900001234"
    assert ask(staffed, ELDER, "id_number") == ID_NUMBER
    number = number_of(staffed, ELDER)
    assert noted(staffed)[0] == (
        "worker", "resident.reveal", f"resident:{number}", {"child": False, "field": "phone", "household": "H001"}, "电话回访",
    )  # fmt: skip
    for wrong in ({"field": "key"}, {"reason": " "}, {"reason": "x" * 201}, {"purpose": "because"}):
        with pytest.raises(Invalid):
            ask(staffed, ELDER, **{"field": "phone", **wrong})
    assert len(noted(staffed)) == 2, "what was not shown is not noted as shown"


def test_a_childs_fields_need_a_purpose(staffed: Store) -> None:
    with pytest.raises(Invalid) as refused:
        ask(staffed, CHILD, "name")
    assert [fault.where for fault in refused.value.faults] == ["body.purpose"]
    assert ask(staffed, CHILD, "name", purpose="care_visit") == "小明"
    assert ask(staffed, CHILD, "guardian_phone", purpose="emergency") == "15488887777"
    with pytest.raises(Denied):
        ask(staffed, CHILD, "id_number", purpose="legal_duty")
    assert ask(staffed, CHILD, "id_number", role="admin", purpose="legal_duty") == ID_NUMBER
    assert noted(staffed)[-1][3]["purpose"] == "legal_duty"


def test_foreign_people_do_not_exist(staffed: Store) -> None:
    for household in ("H010", "H001"):
        with pytest.raises(NotFound):
            ask(staffed, FOREIGN, "phone", household=household)
    with pytest.raises(NotFound):
        ask(staffed, ELDER, "phone", household="H002")
    for role in ("planner", "screen"):
        with pytest.raises(NotFound):
            ask(staffed, ELDER, "phone", role=role)


def found(store: Store, words: str, role: str = "worker") -> list[str]:
    with store.session(account(store, role)) as session:
        return [each["code"] for each in households.list_households(session, None, words, 100, None, TODAY)["items"]]


def test_search_by_whole_phone_or_id_number(staffed: Store) -> None:
    assert found(staffed, "539901 19500101 123x") == ["H001"]
    assert found(staffed, ID_NUMBER, "admin") == ["H001", "H010"]
    assert len(found(staffed, "+86 199 0000 1234")) == 6, "everybody in the hand-drawn place has that phone"
    for part in ("1990000123", "9900001234", "539901195001"):
        assert found(staffed, part) == []
    assert found(staffed, "小明") == [], "no search by name finds a child"
    assert noted(staffed)[0][1] == "household.search"
    assert ID_NUMBER not in repr(noted(staffed))


def test_a_correction(staffed: Store) -> None:
    number = number_of(staffed, ELDER)
    with staffed.session(account(staffed, "worker")) as session:
        before = residents.get_resident(session, number, TODAY)
        body = {
            "phone": "154 0000 1111",
            "name": " 张三 ",
            "birth_date": "1951-03-04",
            "care_flags": ["disability", "living_alone"],
            "id_number": "",
        }
        after = residents.correct(session, number, body, before["version"], TODAY)
        assert (after["name"], after["birth_date"], after["age"], after["phone"]) == (
            "张三",
            "1951-03-04",
            75,
            "154******1111",
        )
        assert (after["id_number"], after["care_flags"], after["version"]) == (
            None,
            ["living_alone", "disability"],
            before["version"] + 1,
        )
        with pytest.raises(Stale):
            residents.correct(session, number, {"name": "x"}, before["version"], TODAY)
        same = residents.correct(session, number, {}, after["version"], TODAY)
        assert same["version"] == after["version"]
    assert found(staffed, "15400001111") == ["H001"]
    with staffed.owner_session() as session:
        assert (
            session.execute(text("SELECT id_number_hash FROM residents WHERE key = :key"), {"key": ELDER}).scalar_one()
            is None
        )
    changes = [each for each in noted(staffed) if each[1] == "resident.change"]
    assert [each[3]["fields"] for each in changes] == [["birth_date", "care_flags", "id_number", "name", "phone"]]
    assert "1111" not in repr(changes)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"sex": "x"}, "sex"),
        ({"phone": "12"}, "phone"),
        ({"id_number": "一二三四五六"}, "id_number"),
        ({"name": "x" * 101}, "name"),
        ({"name": "\x00"}, "name"),
        ({"care_flags": ["x"]}, "care_flags"),
        ({"care_flags": None}, "care_flags"),
        ({"birth_date": "2027-01-01"}, "birth_date"),
        ({"birth_date": "1950-02-30"}, "birth_date"),
        ({"birth_date": "1950-02-03", "birth_year": 1951}, "birth_year"),
        ({"birth_year": 2027}, "birth_year"),
        ({"birth_year": True}, "birth_year"),
        ({"guardian_id": 10**12}, "guardian_id"),
        ({"guardian_id": "x"}, "guardian_id"),
        ({"key": "x"}, "key"),
        ({"household_id": 1}, "household_id"),
        ({"phone_sealed": "x"}, "phone_sealed"),
    ],
)
def test_a_wrong_correction_names_its_field(staffed: Store, body: dict, where: str) -> None:
    number = number_of(staffed, ELDER)
    with staffed.session(account(staffed, "worker")) as session, pytest.raises(Invalid) as refused:
        residents.correct(session, number, body, residents.get_resident(session, number, TODAY)["version"], TODAY)
    assert [fault.where for fault in refused.value.faults] == [f"body.{where}"]


def test_a_guardian_who_lives_here(staffed: Store) -> None:
    child, elder = number_of(staffed, CHILD), number_of(staffed, ELDER)
    with staffed.session(account(staffed, "worker")) as session:
        version = residents.get_resident(session, child, TODAY)["version"]
        after = residents.correct(session, child, {"guardian_id": elder}, version, TODAY)
        assert after["guardian"]["resident"] == elder and after["guardian"]["name"] == "某人"
        for wrong in (child, number_of(staffed, FOREIGN)):
            with pytest.raises(Invalid):
                residents.correct(session, child, {"guardian_id": wrong}, after["version"], TODAY)


def test_who_has_moved_out_is_shown_and_counted_no_more(staffed: Store) -> None:
    with staffed.owner_session() as session:
        session.execute(text("UPDATE residents SET moved_out_on = :day WHERE key = :key"), {"day": TODAY, "key": ELDER})
    with staffed.session(account(staffed, "worker")) as session:
        assert len(households.get_household(session, "H001", TODAY)["residents"]) == 3
        assert len(households.get_household(session, "H001", date(2026, 11, 19))["residents"]) == 4
        listed = households.list_households(session, None, "H001", 9, None, TODAY)["items"]
        assert listed[0]["residents"] == 3
    with staffed.session(account(staffed, "planner")) as session:
        elders = text("SELECT sum(elders_60) FROM linli_demand_sites(:day)")
        assert session.scalar(elders, {"day": TODAY}) == session.scalar(elders, {"day": date(2026, 11, 19)}) - 1
        by_grid = text("SELECT sum(n) FROM linli_grid_counts(:day) WHERE measure = 'residents'")
        assert session.scalar(by_grid, {"day": TODAY}) == session.scalar(by_grid, {"day": date(2026, 11, 19)}) - 1
