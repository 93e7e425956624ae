"""Bulk rows between frames and tables, by COPY: a Python loop over rows is too slow."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
from psycopg import sql
from sqlalchemy import Connection

from gis.store.binary import SIGNATURE, TRAILER, as_binary

_READ_BLOCK = 1 << 22
_CSV = sql.SQL("(FORMAT csv, HEADER true, NULL '')")


def read_frame(connection: Connection, query: str, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Return the rows of ``query`` as a frame.

    Args:
        connection: an open connection on psycopg.
        query: SQL with ``%(name)s`` parameters; geometry columns are best asked for as ``ST_AsEWKB``.
        params: values of the parameters.

    Returns:
        A frame with the query's columns; NULL is NaN or None.
    """
    block = io.BytesIO()
    with cursor_of(connection) as cursor:
        statement = sql.SQL("COPY ({}) TO STDOUT {}").format(sql.SQL(query), _CSV)
        with cursor.copy(statement, params) as copy:
            for chunk in copy:
                block.write(chunk)
    block.seek(0)
    table = pacsv.read_csv(
        block,
        read_options=pacsv.ReadOptions(block_size=_READ_BLOCK),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    return table.to_pandas()


def copy_frame(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    """Append ``frame`` to ``table`` (the same column names) by COPY.

    Geometry columns are given as hexadecimal EWKB text. Missing values become NULL.
    """
    if frame.empty:
        return
    block = io.BytesIO()
    pacsv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), block)
    columns = sql.SQL(", ").join(sql.Identifier(str(name)) for name in frame.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN {}").format(sql.Identifier(table), columns, _CSV)
    with cursor_of(connection) as cursor, cursor.copy(statement) as copy:
        copy.write(block.getbuffer())


def copy_rows(connection: Connection, target: sql.Composable, rows: pa.Table) -> None:
    """Append rows to a table by COPY; their columns are named as the table's, see :func:`gis.store.binary.as_binary`."""
    if rows.num_rows == 0:
        return
    names = sql.SQL(", ").join(sql.Identifier(each) for each in rows.column_names)
    with cursor_of(connection) as cursor:
        cursor.execute(sql.SQL("SELECT {} FROM {} LIMIT 0").format(names, target))
        content = as_binary(rows, [each.type_code for each in cursor.description])
        with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(target, names)) as copy:
            for piece in (SIGNATURE, content, TRAILER):
                copy.write(piece)


def cursor_of(connection: Connection) -> Any:
    """Return a cursor of psycopg itself, which alone speaks COPY."""
    return connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
