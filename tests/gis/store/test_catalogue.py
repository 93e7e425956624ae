"""What the database itself says of every table, view and function: whatever is added later must be as closed as what is there."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gis.models import Base
from gis.models.purposes import NOT_PERSONAL, PURPOSES
from gis.store.session import Store
from tests.gis.store.test_security import account, place  # noqa: F401 - a fixture

TO_SIGN_IN = {"accounts", "account_grids", "role_policies"}
"""Whoever signs in is nobody yet: these are read (never written) without an account."""
UNSEEN = {
    "field_keys",
    "field_secrets",
    "audit_head",
    "grid_counts",
    "grid_counts_due",
    "changes",
    "event_days",
    "need_marks",
    "shape_marks",
}
"""Tables of the program's own, or of sums, which hold no row about anybody."""
CALLED_BY_SERVICE = {
    "linli_actor", "linli_audit", "linli_buildings_with_chief", "linli_counts", "linli_demand_sites", "linli_dwellings", "linli_open_events",
    "linli_grid_counts", "linli_grids", "linli_households_in", "linli_need_homes", "linli_need_sites", "linli_newest_events", "linli_own_contact",
    "linli_places_taken", "linli_project_needs", "linli_public_replies", "linli_role", "linli_settle_counts", "linli_shapes_marked", "linli_today",
}  # fmt: skip
"""Functions that look past the policies. Who adds one says so here, and what it gives to whom."""
_EXTENSIONS = "NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = {0}.oid AND d.deptype = 'e')"
OPEN_VIEWS = text(
    "SELECT relname FROM pg_class c WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace AND "
    + _EXTENSIONS.format("c")
    + " AND NOT coalesce(reloptions && ARRAY['security_invoker=true', 'security_invoker=on'], false)"
)
DEFINERS = text(
    "SELECT proname, proconfig, has_function_privilege('linli_service', oid, 'EXECUTE') AS callable, "
    "EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0) AS public "
    "FROM pg_proc p WHERE prosecdef AND pronamespace = 'public'::regnamespace AND " + _EXTENSIONS.format("p")
)


def asked(store: Store, query: Any) -> list[Any]:
    with store.owner_engine.connect() as connection:
        return list(connection.execute(query))


def test_every_personal_table_is_under_row_security(store: Store) -> None:
    rows = asked(
        store,
        text(
            "SELECT relname, relrowsecurity, has_table_privilege('linli_service', oid, 'SELECT') AS read, "
            "(SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) AS policies FROM pg_class c "
            "WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        ),
    )
    guarded = {row.relname: row for row in rows if row.relname in Base.metadata.tables}
    assert set(guarded) == set(Base.metadata.tables) == set(PURPOSES) | NOT_PERSONAL
    open_ones = {
        name
        for name in PURPOSES
        if guarded[name].read and not (guarded[name].relrowsecurity and guarded[name].policies)
    }
    assert open_ones - UNSEEN == set()


def test_without_an_account_no_row_about_anybody(place: Store) -> None:  # noqa: F811 - the fixture above
    """Every personal table that the service may read, asked by nobody, by a planner and by a wall."""
    for name, only_own in (
        (None, {"sessions", "account_identities", "screen_keys"}),
        ("planner", set()),
        ("screen", set()),
    ):
        with place.session(account(place, name) if name else None) as session:
            for table in set(PURPOSES) - TO_SIGN_IN - UNSEEN - only_own:
                readable = session.scalar(text("SELECT has_table_privilege(:table, 'SELECT')"), {"table": table})
                if readable and table not in (
                    "events",
                    "event_steps",
                    "event_desks",
                    "projects",
                    "project_duties",
                    "project_feedback",
                    "resources",
                ):
                    assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0, (name, table)


def test_views_ask_as_whoever_asks(store: Store) -> None:
    assert asked(store, OPEN_VIEWS) == []
    with store.owner_engine.connect() as connection, connection.begin() as begun:
        connection.execute(text("CREATE VIEW everybody AS SELECT * FROM residents"))
        connection.execute(text("CREATE VIEW mine WITH (security_invoker = true) AS SELECT * FROM residents"))
        assert connection.scalars(OPEN_VIEWS).all() == ["everybody"]
        begun.rollback()


def test_functions_that_look_past_the_policies(store: Store) -> None:
    """No other's table or function can be put in the place of what they name, and nobody but the service may call them."""
    found = asked(store, DEFINERS)
    assert {row.proname for row in found if row.proconfig != ["search_path=public, pg_temp"]} == set()
    assert {row.proname for row in found if row.public} == set()
    assert {row.proname for row in found if row.callable} == CALLED_BY_SERVICE


def test_the_service_makes_and_empties_nothing(store: Store) -> None:
    rights = asked(
        store,
        text(
            "SELECT has_schema_privilege('linli_service', 'public', 'CREATE') AS makes, "
            "(SELECT array_agg(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
            " AND has_table_privilege('linli_service', oid, 'TRUNCATE, REFERENCES, TRIGGER')) AS empties"
        ),
    )[0]
    assert tuple(rights) == (False, None)


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE {owner}",
        "SET SESSION AUTHORIZATION {owner}",
        "CREATE TABLE public.linli_role (role text)",
        "CREATE FUNCTION public.linli_account() RETURNS text LANGUAGE sql AS $$ SELECT '1' $$",
        "CREATE TEMP TABLE trap (id int); CREATE TRIGGER t AFTER INSERT ON trap EXECUTE FUNCTION linli_changed('stations')",
        "CREATE TEMP TABLE trap (id int); CREATE TRIGGER t AFTER INSERT ON trap FOR EACH ROW EXECUTE FUNCTION linli_remember('household', '')",
        "SET row_security = off; SELECT * FROM residents",
        "ALTER TABLE residents NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY admin_all ON residents",
        "SELECT * FROM linli_present_counts(current_date)",
        "SELECT * FROM linli_count_grids(current_date, NULL)",
        "SELECT * FROM grid_counts",
        "SELECT * FROM need_marks",
        "SELECT * FROM shape_marks",
        "SELECT linli_mark_shapes('grids', '{1}')",
        "SELECT linli_mark_needs('{1}')",
        "SELECT linli_audit_append(1, 'admin', 'admin', 'household.read', NULL, NULL, NULL)",
        "SELECT setval(pg_get_serial_sequence('residents', 'id'), 1)",
        "SELECT last_value FROM residents_id_seq",
        "COPY residents TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT lo_import('/etc/hostname')",
    ],
)
def test_ways_round_the_policies_are_shut(place: Store, statement: str) -> None:  # noqa: F811 - the fixture above
    with place.owner_session() as session:
        owner = session.scalar(text("SELECT quote_ident(current_user)"))
    with pytest.raises(DBAPIError) as caught, place.session(account(place, "worker")) as session:
        for each in statement.replace("{owner}", str(owner)).split("; "):
            session.execute(text(each))
    assert getattr(caught.value.orig, "sqlstate", None) == "42501", "insufficient privilege"


def test_a_temporary_table_stands_in_for_nothing(place: Store) -> None:  # noqa: F811 - the fixture above
    """A worker's own ``accounts`` says that he is an admin; the policies do not look there."""
    number = account(place, "worker")
    with place.session(number) as session:
        session.execute(
            text("CREATE TEMP TABLE accounts AS SELECT CAST(:id AS bigint) AS id, 'admin' AS role, false AS disabled"),
            {"id": number},
        )
        session.execute(
            text(
                "CREATE TEMP TABLE account_grids AS SELECT CAST(:id AS bigint) AS account_id, id AS grid_id, current_date AS valid_from, NULL::date AS valid_to FROM grids"
            ),
            {"id": number},
        )
        assert session.scalar(text("SELECT role FROM accounts")) == "admin"
        assert session.scalar(text("SELECT linli_role()")) == "worker"
        assert session.scalars(text("SELECT code FROM households")).all() == ["H1"]
        session.rollback()


def test_a_plan_tells_nothing_of_rows_behind_the_policies(place: Store) -> None:  # noqa: F811 - the fixture above
    """A function of the asker's own, as cheap as can be, is not run on rows that the policies hide; an error shows no hidden value."""
    with place.session(account(place, "worker")) as session:
        session.execute(
            text(
                "CREATE FUNCTION pg_temp.tell(said text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS "
                "$$ BEGIN PERFORM set_config('spy.seen', current_setting('spy.seen', true) || said, true); RETURN true; END $$"
            )
        )
        session.execute(text("SELECT set_config('spy.seen', '', true)"))
        assert session.scalar(text("SELECT count(*) FROM residents WHERE pg_temp.tell(name)")) == 1
        assert session.scalar(text("SELECT current_setting('spy.seen')")) == "张三H1"
        plan = "\n".join(
            session.scalars(text("EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM residents WHERE name LIKE '张三H2%'"))
        )
        assert "rows=1 " not in plan.split("\n", 1)[0].split("actual", 1)[1]
        session.rollback()
