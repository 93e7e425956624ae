"""Row security: what a raw connection as the service's role sees, whatever the query forgot."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from gis.store.session import Store

PERSONAL = ("households", "residents", "needs", "imports")


@pytest.fixture
def place(store: Store) -> Store:
    """Two grids with a household each, a resident and a need in each, an account of every role; the worker looks after the first."""
    with store.owner_session() as session:
        session.execute(
            text(
                """
                INSERT INTO areas (code, name, level) VALUES ('539901001001', '甲社区', 'community');
                INSERT INTO grids (code, name, community_id, geometry)
                SELECT '53990100100100' || n, '网格' || n, a.id, ST_Multi(ST_MakeEnvelope(102 + n, 25, 103 + n, 26, 4326))
                FROM areas a, generate_series(1, 2) n;
                INSERT INTO households (code, grid_id) SELECT 'H' || right(code, 1), id FROM grids;
                INSERT INTO households (code, grid_reason) VALUES ('H3', 'no position');
                INSERT INTO residents (key, household_id, birth_year, name) SELECT code, id, 1950, '张三' || code FROM households;
                INSERT INTO needs (household_id, service, opened_on) SELECT id, 'meal', '2026-01-01' FROM households;
                INSERT INTO imports (kind, file_name, sha256) VALUES ('grids', 'a.geojson', '');
                INSERT INTO accounts (name, password_hash, role)
                SELECT r, '', r FROM unnest(ARRAY['admin', 'planner', 'worker', 'screen', 'auditor']) r;
                INSERT INTO account_grids (account_id, grid_id)
                SELECT a.id, g.id FROM accounts a, grids g WHERE a.name = 'worker' AND g.code = '539901001001001';
                """
            )
        )
    return store


def account(store: Store, name: str) -> int:
    with store.owner_session() as session:
        return session.execute(text("SELECT id FROM accounts WHERE name = :name"), {"name": name}).scalar_one()


def seen(store: Store, name: str | None) -> dict[str, int]:
    with store.session(account(store, name) if name else None) as session:
        return {table: session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in PERSONAL}


@pytest.mark.parametrize("name", [None, "planner", "screen", "auditor"])
def test_people_are_invisible_without_the_right_account(place: Store, name: str | None) -> None:
    assert seen(place, name) == {"households": 0, "residents": 0, "needs": 0, "imports": 0}


def test_admin_sees_all(place: Store) -> None:
    assert seen(place, "admin") == {"households": 3, "residents": 3, "needs": 3, "imports": 1}


def test_a_worker_sees_own_grids_only(place: Store) -> None:
    assert seen(place, "worker") == {"households": 1, "residents": 1, "needs": 1, "imports": 0}
    with place.session(account(place, "worker")) as session:
        assert session.scalars(text("SELECT code FROM households")).all() == ["H1"]


def test_a_worker_sees_nothing_after_the_last_day(place: Store) -> None:
    with place.owner_session() as session:
        session.execute(text("UPDATE account_grids SET valid_from = current_date - 9, valid_to = current_date - 1"))
    assert seen(place, "worker")["households"] == 0


def test_a_disabled_account_sees_nothing(place: Store) -> None:
    number = account(place, "admin")
    with place.owner_session() as session:  # another one, for the last admin stays
        session.execute(text("INSERT INTO accounts (name, password_hash, role) VALUES ('boss', '', 'admin')"))
        session.execute(text("UPDATE accounts SET disabled = true WHERE name = 'admin'"))
    with place.session(number) as session:
        assert session.execute(text("SELECT count(*) FROM households")).scalar_one() == 0


def test_a_worker_cannot_write_into_another_grid(place: Store) -> None:
    number = account(place, "worker")
    with place.session(number) as session:
        changed = session.execute(text("UPDATE households SET colour = 'red' WHERE code = 'H2'"))
        assert changed.rowcount == 0
    with pytest.raises(ProgrammingError, match="row-level security"), place.session(number) as session:
        session.execute(text("UPDATE households SET grid_id = (SELECT id FROM grids WHERE code = '539901001001002')"))


def test_a_pooled_connection_forgets_the_account(place: Store) -> None:
    engine = create_engine(place.service_url, pool_size=1, max_overflow=0)
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('linli.account', :a, true)"), {"a": str(account(place, "admin"))})
        assert connection.execute(text("SELECT count(*) FROM households")).scalar_one() == 3
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM households")).scalar_one() == 0
    engine.dispose()


def test_the_service_owns_nothing_and_cannot_lift_the_policies(place: Store) -> None:
    with place.session(None) as session:
        owned = session.execute(
            text("SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = current_user")
        ).scalar_one()
        rights = session.execute(text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")).one()
    assert owned == 0
    assert tuple(rights) == (False, False)
    for statement in (
        "ALTER TABLE households DISABLE ROW LEVEL SECURITY",
        "INSERT INTO changes (topic) VALUES ('x')",
        "RESET ROLE; SELECT * FROM pg_authid",
    ):
        with pytest.raises(DBAPIError), place.session(account(place, "admin")) as session:
            session.execute(text(statement))


def test_aggregates_need_an_account(place: Store) -> None:
    for function in (
        "linli_demand_sites(current_date)",
        "linli_grid_counts(current_date)",
        "linli_need_sites()",
    ):
        for name in (None, "auditor"):
            with (
                pytest.raises(DBAPIError, match="aggregates"),
                place.session(account(place, name) if name else None) as session,
            ):
                session.execute(text(f"SELECT count(*) FROM {function}"))
        with place.session(account(place, "screen")) as session:
            assert session.execute(text(f"SELECT count(*) FROM {function}")).scalar_one() > 0


def test_every_change_of_a_topic_is_told(place: Store) -> None:
    with place.session(None) as session:
        before = dict(session.execute(text("SELECT topic, changes FROM linli_versions()")).all())
    with place.owner_session() as session:
        session.execute(text("UPDATE residents SET name = '李四'"))
    with place.session(None) as session:
        after = dict(session.execute(text("SELECT topic, changes FROM linli_versions()")).all())
    assert {topic for topic in after if after[topic] != before.get(topic)} == {"households"}


def versions(store: Store) -> dict[str, tuple[int, int]]:
    with store.session(None) as session:
        rows = session.execute(text("SELECT topic, newest, changes FROM linli_versions()"))
        return {topic: (newest, changes) for topic, newest, changes in rows}


def change(connection: Connection) -> None:
    connection.execute(text("UPDATE stations SET name = name"))  # no row, and yet a statement


def test_a_late_commit_is_no_return_to_an_old_version(place: Store) -> None:
    with place.owner_engine.begin() as other:
        change(other)
    seen = [versions(place)["stations"]]
    with place.owner_engine.connect() as early, place.owner_engine.connect() as later:
        first, second = early.begin(), later.begin()
        change(early)
        change(later)
        with place.owner_engine.begin() as other:
            other.execute(text("SET LOCAL lock_timeout = '2s'"))
            change(other)  # waits for neither
        seen.append(versions(place)["stations"])
        change(later)
        second.commit()
        seen.append(versions(place)["stations"])
        first.commit()
    seen.append(versions(place)["stations"])
    assert len({changes for _, changes in seen}) == 4
    assert sorted(seen) == seen  # numbers only grow


def test_within_a_transaction_each_change_is_a_version_too(place: Store) -> None:
    seen = []

    def changed(connection: Connection) -> None:
        change(connection)
        found = connection.execute(text("SELECT newest, changes FROM linli_versions() WHERE topic = 'stations'"))
        seen.append(tuple(found.one()))

    with place.owner_engine.begin() as connection:
        changed(connection)
        for _ in range(2):
            inner = connection.begin_nested()
            changed(connection)
            changed(connection)
            inner.rollback()
        changed(connection)
    with place.owner_engine.connect().execution_options(isolation_level="REPEATABLE READ") as still, still.begin():
        still.execute(text("SELECT 1 FROM changes"))
        with place.owner_engine.begin() as connection:
            changed(connection)
        change(still)  # of a line that was written since it would be told that it cannot
    seen.append(versions(place)["stations"])
    assert len(set(seen)) == len(seen) == 8


def test_what_is_read_of_the_journal_does_not_grow_with_what_is_written(place: Store) -> None:
    """Counted in rows and blocks, which no load changes: a process asks eight times a second."""

    def read() -> tuple[int, int]:
        with place.owner_engine.begin() as connection:
            plan = connection.scalar(text("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) SELECT * FROM changes"))[
                0
            ]["Plan"]
        with place.session(None) as session:
            asked = session.scalar(
                text("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) SELECT * FROM linli_versions()")
            )[0]["Plan"]
        return plan["Actual Rows"], max(
            each["Shared Hit Blocks"] + each["Shared Read Blocks"] for each in (plan, asked)
        )

    def write(times: int) -> None:
        with place.owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(
                text(
                    "CREATE OR REPLACE PROCEDURE pg_temp.write(times integer) LANGUAGE plpgsql AS $$ "
                    "BEGIN FOR i IN 1..times LOOP UPDATE streets SET name = name; COMMIT; END LOOP; END $$"
                )
            )
            connection.execute(text("CALL pg_temp.write(:times)"), {"times": times})

    write(50)
    rows, _ = read()
    write(3000)
    now_rows, blocks = read()
    assert now_rows == rows
    assert blocks < 30
