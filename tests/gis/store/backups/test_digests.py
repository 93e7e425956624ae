"""Digests of tables see every column and every change, and no order."""

from __future__ import annotations

import psycopg
from sqlalchemy import text

from gis.store.backup import libpq
from gis.store.digests import digest_tables, tables
from gis.store.session import Store


def test_every_column_of_every_table_is_in_the_digests(place: Store) -> None:
    with place.owner_engine.connect() as connection:
        columns = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns NATURAL JOIN information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER' AND table_name <> 'spatial_ref_sys'"
            )
        ).all()
    with psycopg.connect(libpq(place.owner_url)) as connection:
        found = tables(connection)
        assert digest_tables(connection).keys() == {name for name, _ in columns}
    assert sorted((name, column) for _, name, each in found for column in each) == sorted(map(tuple, columns))


def test_digests_do_not_depend_on_order_and_see_every_change(store: Store) -> None:
    with psycopg.connect(libpq(store.owner_url), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE one (a text, b double precision, c timestamptz, d bytea, twice double precision GENERATED ALWAYS AS (b * 2) STORED)"
        )
        connection.execute("CREATE TABLE two (LIKE one INCLUDING GENERATED)")
        rows = [
            ("甲", 0.1, "2026-01-01 00:00+08", b"\x00"),
            (None, -0.0, None, None),
            ("", 1e300, "2026-01-01 00:00+00", b""),
        ]
        for table, order in (("one", rows), ("two", rows[::-1])):
            for row in order:
                connection.execute(f"INSERT INTO {table} (a, b, c, d) VALUES (%s, %s, %s, %s)", row)
        first = digest_tables(connection)
        assert first["one"] == first["two"]
        connection.execute("SET TimeZone = 'Asia/Shanghai'")
        assert digest_tables(connection) == first
        for change in (
            "UPDATE one SET a = '' WHERE a IS NULL",
            "UPDATE one SET a = '乙' WHERE a = '甲'",
            "INSERT INTO one (a) VALUES (NULL)",
        ):
            before = digest_tables(connection)["one"]
            connection.execute(change)
            assert digest_tables(connection)["one"] != before
        assert "spatial_ref_sys" not in first
