"""Models and migrations say the same, up and down."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from gis.models import Base
from gis.store.session import Store


def difference(store: Store) -> list[object]:
    with store.owner_engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _parents: kind != "table" or name in Base.metadata.tables,
            },
        )
        return compare_metadata(context, Base.metadata)


def test_models_and_migrations_do_not_differ(store: Store) -> None:
    assert difference(store) == []
    assert store.is_current()


def test_the_comparison_would_see_a_difference(store: Store) -> None:
    with store.owner_engine.begin() as connection:
        connection.execute(text("ALTER TABLE stations DROP COLUMN capacity"))
    assert difference(store)


def test_migrations_go_down_to_nothing_and_up_again(store: Store) -> None:
    store.migrate("base")
    tables = set(inspect(store.owner_engine).get_table_names()) & set(Base.metadata.tables)
    assert tables == set()
    with store.owner_engine.connect() as connection:
        left = connection.scalar(text("SELECT count(*) FROM pg_proc WHERE proname LIKE 'linli%'"))
    assert left == 0
    assert not store.is_current()
    store.migrate()
    assert difference(store) == []


def test_every_geometry_that_is_searched_has_exactly_one_spatial_index(store: Store) -> None:
    with store.owner_engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT c.f_table_name, count(i.indexname) FROM geometry_columns c LEFT JOIN pg_indexes i "
                "ON i.tablename = c.f_table_name AND i.indexdef LIKE '%USING gist (' || c.f_geometry_column || ')%' "
                "WHERE c.f_table_schema = 'public' GROUP BY 1"
            )
        ).all()
    assert len(rows) == 12
    # Households are searched by longitude and latitude.
    assert {table for table, count in rows if count != 1} == {"households"}


def test_every_moment_carries_its_zone() -> None:
    naive = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.type.__class__.__name__ == "DateTime" and not column.type.timezone  # type: ignore[attr-defined]
    ]
    assert naive == []
