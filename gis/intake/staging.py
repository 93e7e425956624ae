"""Rows on their way into a table: by COPY into a temporary one, then one statement that writes only what differs.

COPY straight into a table under row security is not allowed to the service's role, and cannot update.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
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
    text,
)
from sqlalchemy import update as sql_update
from sqlalchemy.dialects.postgresql import insert

from gis.intake.duplicates import digest_codes
from gis.models import Base

_CSV = sql.SQL("(FORMAT csv, NULL '')")
_MANY_ROWS = 20_000
"""From so many new rows on indexes are made last."""


class Staging:
    """A temporary table of rows to be written; gone at the end of the transaction."""

    def __init__(self, connection: Connection, name: str, columns: Mapping[str, str]) -> None:
        """Make the table ``name`` with ``columns`` (name → PostgreSQL type)."""
        self.connection = connection
        self.name = name
        self.rows = 0
        self.table = table(name, *[column(each) for each in columns])
        parts = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(each), sql.SQL(kind)) for each, kind in columns.items()
        )
        with cursor_of(connection) as cursor:
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS pg_temp.{}").format(sql.Identifier(name)))
            cursor.execute(
                sql.SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DROP").format(sql.Identifier(name), parts)
            )

    def append(self, rows: pa.Table) -> None:
        """Add rows, whose columns are named as the table's."""
        if rows.num_rows == 0:
            return
        block = io.BytesIO()
        pacsv.write_csv(rows, block, pacsv.WriteOptions(include_header=False))
        names = sql.SQL(", ").join(sql.Identifier(each) for each in rows.column_names)
        statement = sql.SQL("COPY {} ({}) FROM STDIN {}").format(
            sql.Identifier("pg_temp", self.name), names, _CSV
        )
        with cursor_of(self.connection) as cursor, cursor.copy(statement) as copy:
            copy.write(block.getbuffer())
        self.rows += rows.num_rows

    def analyse(self) -> None:
        """Let the planner know what is in it."""
        with cursor_of(self.connection) as cursor:
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier("pg_temp", self.name)))


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
) -> int:
    """Insert rows that are new and update those that differ; leave the others untouched, so that their versions stand.

    Args:
        connection: an open transaction.
        model: the table.
        source: what to read from; unique in the key.
        values: the expression of each column.
        new_rows: how many rows the source has, about.
        key: the column that tells rows apart.
        update: the columns to update in stored rows.

    Returns:
        Number of rows written.
    """
    target = cast(Table, model.__table__)
    stored = target.alias("stored")
    wanted = values(stored.c)
    rows = select(*[value.label(name) for name, value in wanted.items()]).select_from(
        source.outerjoin(stored, stored.c[key] == wanted[key])
    )
    changed = or_(false(), *[stored.c[name].is_distinct_from(wanted[name]) for name in update])
    if _may_rebuild(connection, target.name, new_rows):
        with _guards_made_last(connection, target.name):
            new = rows.where(stored.c[key].is_not(None), changed).subquery("new")
            rewrite = (
                sql_update(target)
                .values({name: new.c[name] for name in update})
                .where(target.c[key] == new.c[key])
            )
            fresh = insert(target).from_select(list(wanted), rows.where(stored.c[key].is_(None)))
            written = _count(connection, rewrite) if update else 0
            return written + _count(connection, fresh)
    rows = rows.where(or_(stored.c[key].is_(None), changed))
    statement = insert(target).from_select(list(wanted), rows)
    if update:
        newest = {name: statement.excluded[name] for name in update}
        statement = statement.on_conflict_do_update(index_elements=[key], set_=newest)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=[key])
    return _count(connection, statement)


def _count(connection: Connection, statement: Executable) -> int:
    """Execute a statement and return the number of rows it wrote, which SQLAlchemy forgets of an insert unless told."""
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def _may_rebuild(connection: Connection, target: str, new_rows: int) -> bool:
    """Tell whether a table's indexes may be made anew: the connection owns it and there are many more new rows than stored ones."""
    if new_rows < _MANY_ROWS:
        return False
    owns = connection.execute(
        text("SELECT pg_get_userbyid(relowner) = current_user FROM pg_class WHERE oid = to_regclass(:name)"),
        {"name": target},
    ).scalar_one()
    if not owns:
        return False
    counted = sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT {}) stored").format(
        sql.Identifier(target), sql.Literal(new_rows)
    )
    with cursor_of(connection) as cursor:
        return int(cursor.execute(counted).fetchone()[0]) < new_rows // 2


@contextmanager
def _guards_made_last(connection: Connection, target: str) -> Iterator[None]:
    """Drop a table's indexes and references while many rows are written, and make them again.

    Building an index, and checking references by one join, is several times faster than doing it row by row (1,000,000 households: 9 s
    instead of 34 s). The transaction has the table for itself meanwhile. The primary key stays.
    """
    drops: list[sql.Composable] = []
    makes: list[sql.Composable] = []
    table_name = sql.Identifier(target)
    for name, definition in connection.execute(text(_GUARDS), {"name": target}).all():
        drops.append(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table_name, sql.Identifier(name)))
        makes.append(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                table_name, sql.Identifier(name), sql.SQL(definition)
            )
        )
    for name, definition in connection.execute(text(_INDEXES), {"name": target}).all():
        drops.append(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        makes.append(sql.SQL(definition))
    referenced = connection.execute(text(_REFERENCED), {"name": target}).scalars().all()
    with cursor_of(connection) as cursor:
        # First what the table refers to, as everybody does who changes both, so that nobody waits in a ring.
        for other in referenced:
            cursor.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier(other)))
        cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table_name))
        for drop in drops:
            cursor.execute(drop)
    yield
    with cursor_of(connection) as cursor:
        for make in makes:
            cursor.execute(make)


# References of the table to others, and its unique columns, to which none refers.
_GUARDS = """
SELECT c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c
WHERE c.conrelid = to_regclass(:name) AND c.contype IN ('f', 'u')
AND NOT EXISTS (SELECT FROM pg_constraint r WHERE r.contype = 'f' AND r.conindid = c.conindid AND r.confrelid = c.conrelid
                AND c.contype = 'u')
ORDER BY 1"""

_REFERENCED = """
SELECT DISTINCT o.relname FROM pg_constraint c JOIN pg_class o ON o.oid = c.confrelid
WHERE c.conrelid = to_regclass(:name) AND c.contype = 'f' ORDER BY o.relname DESC"""

_INDEXES = """
SELECT i.relname, pg_get_indexdef(x.indexrelid) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
WHERE x.indrelid = to_regclass(:name) AND NOT x.indisunique AND NOT x.indisprimary ORDER BY 1"""


def read_columns(connection: Connection, query: str, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Return the rows of ``query`` as Arrow columns of these types: codes stay text, whatever digits they are of."""
    block = io.BytesIO()
    statement = sql.SQL("COPY ({}) TO STDOUT {}").format(sql.SQL(query), _CSV)
    with cursor_of(connection) as cursor, cursor.copy(statement) as copy:
        for chunk in copy:
            block.write(chunk)
    if block.tell() == 0:
        return pa.table({name: pa.array([], kind) for name, kind in types.items()})
    block.seek(0)
    return pacsv.read_csv(
        block,
        read_options=pacsv.ReadOptions(column_names=list(types)),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=dict(types), null_values=[""], strings_can_be_null=True
        ),
    ).combine_chunks()


class References:
    """The stored rows that a column of codes may refer to: code, id, and what else is asked for."""

    def __init__(self, rows: pa.Table) -> None:
        """Take rows with a column ``code``, unique."""
        self.rows = rows
        self._codes = rows["code"].combine_chunks() if rows.num_rows else pa.array([], pa.string())
        digests = digest_codes(self._codes)
        self._order = np.argsort(digests)
        self._digests = digests[self._order]

    def find(self, codes: pa.Array) -> np.ndarray:
        """Return the position of each code among the rows, int64 (n,), −1 where null or unknown."""
        if len(self._digests) == 0 or len(codes) == 0:
            return np.full(len(codes), -1, dtype=np.int64)
        digests = digest_codes(codes)
        at = self._order[np.minimum(np.searchsorted(self._digests, digests), len(self._digests) - 1)]
        same = pc.fill_null(pc.equal(self._codes.take(pa.array(at)), codes), False)
        return np.where(same.to_numpy(zero_copy_only=False), at, -1)

    def column(self, name: str, at: np.ndarray) -> pa.Array:
        """Return a column's values for positions found, null where −1."""
        values = self.rows[name].combine_chunks()
        return values.take(pa.array(at, mask=at < 0))


def cursor_of(connection: Connection) -> Any:
    """Return a cursor of psycopg itself, which alone speaks COPY."""
    return connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
