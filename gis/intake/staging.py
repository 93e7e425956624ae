"""Rows on their way into a table: by COPY into a temporary one, then one statement that writes only what differs.

COPY straight into a table under row security is not allowed to the service's role, and cannot update.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pyarrow as pa
from psycopg import sql
from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Table,
    column,
    false,
    or_,
    select,
    table,
)
from sqlalchemy import update as sql_update
from sqlalchemy.dialects.postgresql import insert

from gis.intake.guards import guards_made_last, is_empty, may_rebuild
from gis.models import Base
from gis.store.bulk import copy_rows, cursor_of

_GEOMETRY = "geometry(Geometry, 4326)"
"""Rows come without the SRID, which would have to be put into each; the column's type gives it to them."""


class Staging:
    """A temporary table of rows to be written; gone at the end of the transaction."""

    def __init__(self, connection: Connection, name: str, columns: Mapping[str, str]) -> None:
        """Make the table ``name`` with ``columns`` (name → PostgreSQL type)."""
        self.connection = connection
        self.name = name
        self.rows = 0
        self._plain = [each for each, kind in columns.items() if kind != "geometry"]
        columns = {each: _GEOMETRY if kind == "geometry" else kind for each, kind in columns.items()}
        self.table = table(name, *[column(each) for each in columns])
        parts = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(each), sql.SQL(kind)) for each, kind in columns.items()
        )
        with cursor_of(connection) as cursor:
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS pg_temp.{}").format(sql.Identifier(name)))
            cursor.execute(sql.SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DROP").format(sql.Identifier(name), parts))

    def append(self, rows: pa.Table) -> None:
        """Add rows, whose columns are named as the table's."""
        copy_rows(self.connection, sql.Identifier("pg_temp", self.name), rows)
        self.rows += rows.num_rows

    def analyse(self) -> None:
        """Let the planner know what is in it; of shapes it needs to know nothing, and they take long."""
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in self._plain)
        with cursor_of(self.connection) as cursor:
            cursor.execute(sql.SQL("ANALYZE {} ({})").format(sql.Identifier("pg_temp", self.name), columns))


Values = Callable[[Any], Mapping[str, ColumnElement[Any]]]
"""Given the columns of the stored row (all null for a new one), the expression of each column."""


def upsert(
    connection: Connection,
    model: type[Base],
    source: FromClause,
    values: Values,
    *,
    new_rows: int,
    key: str = "code",
    update: Sequence[str],
    beside: Sequence[str] = (),
) -> int:
    """Insert rows that are new and update those that differ; leave the others untouched, so that their versions stand.

    Args:
        connection: an open transaction.
        model: the table.
        source: what to read from; unique in the key.
        values: the expression of each column.
        new_rows: how many rows the source has, about.
        key: the column that tells rows apart.
        update: the columns to update in stored rows where one of them differs.
        beside: columns that are written with them.

    Returns:
        Number of rows written.
    """
    target = cast(Table, model.__table__)
    stored = target.alias("stored")
    wanted = values(stored.c)
    rows = select(*[value.label(name) for name, value in wanted.items()]).select_from(
        source.outerjoin(stored, stored.c[key] == wanted[key])
    )
    if may_rebuild(connection, target.name, new_rows) and is_empty(connection, target.name):
        # Not joined with itself while it fills: the planner believes it empty, and would look through all of it for each row.
        fresh = select(*rows.selected_columns).select_from(source.outerjoin(stored, false()))
        with guards_made_last(connection, target.name):
            return _count(connection, insert(target).from_select(list(wanted), fresh))
    changed = or_(false(), *[stored.c[name].is_distinct_from(wanted[name]) for name in update])
    if may_rebuild(connection, target.name, new_rows):
        with guards_made_last(connection, target.name):
            new = rows.where(stored.c[key].is_not(None), changed).subquery("new")
            rewrite = (
                sql_update(target)
                .values({name: new.c[name] for name in (*update, *beside)})
                .where(target.c[key] == new.c[key])
            )
            written = _count(connection, rewrite) if update else 0
            return written + _count(
                connection, insert(target).from_select(list(wanted), rows.where(stored.c[key].is_(None)))
            )
    rows = rows.where(or_(stored.c[key].is_(None), changed))
    statement = insert(target).from_select(list(wanted), rows)
    if update:
        newest = {name: statement.excluded[name] for name in (*update, *beside)}
        statement = statement.on_conflict_do_update(index_elements=[key], set_=newest)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=[key])
    return _count(connection, statement)


def _count(connection: Connection, statement: Executable) -> int:
    """Execute a statement and return the number of rows it wrote, which SQLAlchemy forgets of an insert unless told."""
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount
