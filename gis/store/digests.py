"""Digests of tables: what a table holds, in one short word that does not depend on the order of its rows."""

from __future__ import annotations

import psycopg
from psycopg import sql
from pydantic import BaseModel

_MASK = 2**64 - 1
_TABLES = """
SELECT n.nspname, c.relname, array_agg(a.attname ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
GROUP BY 1, 2 ORDER BY 1, 2
"""
_WRITTEN_ALIKE = (
    "SET TimeZone = 'UTC'", "SET DateStyle = 'ISO, YMD'", "SET IntervalStyle = 'postgres'", "SET bytea_output = 'hex'",
    "SET extra_float_digits = 1",
)  # fmt: skip
"""What decides how a value is written as text."""

Table = tuple[str, str, list[str]]
"""Schema, name, and the columns that are stored and not computed."""


class TableDigest(BaseModel):
    """How many rows a table has, and the digest of what is in them."""

    rows: int
    digest: str


def tables(connection: psycopg.Connection) -> list[Table]:
    """Return every table of the database that is no extension's."""
    return [(schema, name, list(columns)) for schema, name, columns in connection.execute(_TABLES)]


def digest_tables(connection: psycopg.Connection) -> dict[str, TableDigest]:
    """Return the digest of every table, as the connection's transaction sees it.

    Of each row the SHA-256 of its values is taken, and of these, each cut to 60 bits, the sum: equal for equal rows in any order, whatever
    the machine, the time zone and the version of PostgreSQL. It finds damage and loss; it is no proof against somebody who forges rows on purpose.
    """
    for statement in _WRITTEN_ALIKE:
        connection.execute(statement)
    return {shown(table): _digest(connection, table) for table in tables(connection)}


def shown(table: Table) -> str:
    """Return a table's name for people."""
    return table[1] if table[0] == "public" else f"{table[0]}.{table[1]}"


def _digest(connection: psycopg.Connection, table: Table) -> TableDigest:
    schema, name, columns = table
    query = sql.SQL(
        "SELECT count(*), coalesce(sum(('x' || substr(encode(sha256(convert_to(ROW({columns})::text, 'UTF8')), 'hex'), 1, 15))"
        "::bit(60)::bigint), 0) FROM {table}"
    ).format(columns=sql.SQL(", ").join(map(sql.Identifier, columns)), table=sql.Identifier(schema, name))
    rows, total = connection.execute(query).fetchone() or (0, 0)
    return TableDigest(rows=rows, digest=f"{int(total) & _MASK:016x}")
