"""Row security of what belongs to household files: what a raw connection as the service's role sees and may write."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from gis.store.session import Store
from tests.gis.store.test_security import account, place  # noqa: F401 - a fixture

TABLES = (
    "building_chiefs",
    "contacts",
    "household_contacts",
    "residencies",
    "household_addresses",
    "history",
    "door_codes",
)
PEOPLED = """
INSERT INTO buildings (code, geometry, grid_id) SELECT 'B' || right(code, 1), ST_PointOnSurface(geometry), id FROM grids;
INSERT INTO building_chiefs (building_id, name, valid_from) SELECT id, '楼长' || code, '2026-01-01' FROM buildings;
INSERT INTO contacts (name, grid_id) SELECT '联系人' || right(code, 1), id FROM grids;
INSERT INTO contacts (name) VALUES ('联系人0');
INSERT INTO household_contacts (household_id, contact_id, valid_from)
SELECT h.id, c.id, '2026-01-01' FROM households h JOIN contacts c ON c.grid_id = h.grid_id;
INSERT INTO residencies (resident_id, household_id, until_on) SELECT id, household_id, '2026-01-01' FROM residents;
INSERT INTO household_addresses (household_id, until_on) SELECT id, '2026-01-01' FROM households;
INSERT INTO door_codes (household_id, code) SELECT id, rpad(translate(code, '123', 'ABC'), 26, 'Z') FROM households;
UPDATE residents SET name = name || '改';
"""


@pytest.fixture
def files(place: Store) -> Store:  # noqa: F811 - the fixture above
    with place.owner_session() as session:
        session.execute(text(PEOPLED))
    return place


def seen(store: Store, name: str | None) -> dict[str, int]:
    with store.session(account(store, name) if name else None) as session:
        return {table: session.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in TABLES}


@pytest.mark.parametrize("name", [None, "planner", "screen", "auditor"])
def test_nothing_of_a_file_is_seen_without_the_right_account(files: Store, name: str | None) -> None:
    assert seen(files, name) == dict.fromkeys(TABLES, 0)


def test_admin_sees_all(files: Store) -> None:
    assert seen(files, "admin") == {
        "building_chiefs": 2,
        "contacts": 3,
        "household_contacts": 2,
        "residencies": 3,
        "household_addresses": 3,
        "history": 3,
        "door_codes": 3,
    }


def test_a_worker_sees_own_grids_only(files: Store) -> None:
    assert seen(files, "worker") == dict.fromkeys(TABLES, 1)
    with files.session(account(files, "worker")) as session:
        assert session.scalars(text("SELECT name FROM building_chiefs")).all() == ["楼长B1"]
        assert session.scalars(text("SELECT name FROM contacts")).all() == ["联系人1"]
        assert session.scalar(text("SELECT changes->'name'->>'old' FROM history")) == "张三H1"


def test_a_worker_sees_nothing_after_the_last_day(files: Store) -> None:
    with files.owner_session() as session:
        session.execute(text("UPDATE account_grids SET valid_from = current_date - 9, valid_to = current_date - 1"))
    assert seen(files, "worker") == dict.fromkeys(TABLES, 0)


def test_a_contact_of_another_grid_is_seen_with_an_own_household(files: Store) -> None:
    with files.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO household_contacts (household_id, contact_id, valid_from) SELECT h.id, c.id, '2026-02-01' "
                "FROM households h, contacts c WHERE h.code = 'H1' AND c.name = '联系人2'"
            )
        )
    with files.session(account(files, "worker")) as session:
        assert set(session.scalars(text("SELECT name FROM contacts"))) == {"联系人1", "联系人2"}
        changed = session.execute(text("UPDATE contacts SET organisation = '某单位' WHERE name = '联系人2'"))
        assert changed.rowcount == 0


FOREIGN_WRITES = {
    "chief of a foreign building": "INSERT INTO building_chiefs (building_id, name, valid_from) SELECT id, 'x', '2026-01-01' FROM buildings WHERE code = 'B2'",
    "chief moved to a foreign building": "UPDATE building_chiefs SET building_id = (SELECT id FROM buildings WHERE code = 'B2')",
    "chief with a foreign file": "UPDATE building_chiefs SET resident_id = :resident",
    "contact of a foreign grid": "INSERT INTO contacts (name, grid_id) SELECT 'x', id FROM grids WHERE right(code, 1) = '2'",
    "contact of no grid": "INSERT INTO contacts (name) VALUES ('x')",
    "a foreign contact looked at by a link": "INSERT INTO household_contacts (household_id, contact_id, valid_from) SELECT id, :contact, '2026-01-01' FROM households",
    "a foreign household": "INSERT INTO household_contacts (household_id, contact_id, valid_from) SELECT :household, id, '2026-03-01' FROM contacts",
    "a link turned to another household": "UPDATE household_contacts SET household_id = :household",
    "a link turned to another contact": "UPDATE household_contacts SET contact_id = :contact",
    "a foreign residency": "INSERT INTO residencies (resident_id, household_id, until_on) VALUES (:resident, :household, '2026-01-01')",
    "a foreign address": "INSERT INTO household_addresses (household_id, until_on) VALUES (:household, '2026-01-01')",
    "a foreign code": "INSERT INTO door_codes (household_id, code) VALUES (:household, rpad('', 26, 'Q'))",
}


@pytest.mark.parametrize("statement", FOREIGN_WRITES.values(), ids=list(FOREIGN_WRITES))
def test_a_worker_cannot_write_into_another_grid(files: Store, statement: str) -> None:
    with files.owner_session() as session:
        params = {
            "resident": session.scalar(text("SELECT id FROM residents WHERE key = 'H2'")),
            "household": session.scalar(text("SELECT id FROM households WHERE code = 'H2'")),
            "contact": session.scalar(text("SELECT id FROM contacts WHERE name = '联系人2'")),
        }
    with (
        pytest.raises(ProgrammingError, match=r"row-level security|permission denied"),
        files.session(account(files, "worker")) as session,
    ):
        session.execute(text(statement), params)


@pytest.mark.parametrize("table", TABLES)
def test_what_has_been_cannot_be_deleted_by_the_service(files: Store, table: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        files.session(account(files, "admin")) as session,
    ):
        session.execute(text(f"DELETE FROM {table}"))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO history (account, household_id, subject, subject_id, changes) SELECT 'x', id, 'household', '1', '{}' FROM households",
        "UPDATE history SET account = 'x'",
        "UPDATE residencies SET until_on = '2020-01-01'",
        "UPDATE household_contacts SET valid_from = '2020-01-01'",
        "UPDATE door_codes SET code = rpad('', 26, 'Q')",
        "SELECT linli_remember()",
    ],
)
def test_history_is_not_rewritten(files: Store, statement: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"), files.session(account(files, "admin")) as session:
        session.execute(text(statement))


def test_who_is_erased_leaves_nothing(files: Store) -> None:
    with files.owner_session() as session:
        session.execute(text("UPDATE building_chiefs SET resident_id = (SELECT id FROM residents WHERE key = 'H1')"))
        session.execute(text("DELETE FROM residents WHERE key = 'H1'"))
        left = {
            table: session.scalar(text(f"SELECT count(*) FROM {table}"))
            for table in ("building_chiefs", "residencies", "history")
        }
    assert left == {"building_chiefs": 0, "residencies": 2, "history": 2}


def test_planners_learn_which_buildings_have_a_chief_and_nobody_without_an_account(files: Store) -> None:
    with files.session(account(files, "planner")) as session:
        assert session.scalar(text("SELECT count(*) FROM linli_buildings_with_chief('2026-06-01')")) == 2
        assert session.scalar(text("SELECT count(*) FROM linli_buildings_with_chief('2025-12-31')")) == 0
    for name in (None, "auditor"):
        with (
            pytest.raises(DBAPIError, match="aggregates"),
            files.session(account(files, name) if name else None) as session,
        ):
            session.execute(text("SELECT count(*) FROM linli_buildings_with_chief('2026-06-01')"))


def test_a_household_has_one_code_in_force(files: Store) -> None:
    with pytest.raises(IntegrityError, match="uq_door_codes_in_force"), files.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO door_codes (household_id, code) SELECT household_id, rpad('', 26, 'Q') FROM door_codes LIMIT 1"
            )
        )
