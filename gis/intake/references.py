"""Stored rows that the rows of a file refer to, asked of the database batch by batch: nothing of the place is held in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql
from sqlalchemy import Connection

from gis.intake.writer import Writer
from gis.store.bulk import cursor_of

# OFFSET makes it one look into the index for each code, whatever the planner believes of the table's size.
_FIND = """
SELECT w.n, {columns} FROM unnest(%(codes)s::text[]) WITH ORDINALITY AS w (code, n)
CROSS JOIN LATERAL (SELECT * FROM {table} t WHERE t.code = w.code OFFSET 0) t"""


class References:
    """The rows of a table that a column of codes refers to.

    While a batch is checked the next one's are asked for, behind what is being written, so that nobody waits.
    """

    def __init__(self, connection: Connection, writer: Writer, table: str, types: Mapping[str, pa.DataType]) -> None:
        """Ask nothing yet.

        Args:
            connection: an open transaction, which ``writer`` uses.
            writer: whose thread asks.
            table: a table with a column ``code``, unique.
            types: the columns to return, and how.
        """
        self._connection, self._writer, self._types = connection, writer, types
        columns = sql.SQL(", ").join(sql.Identifier("t", name) for name in types)
        self._query = sql.SQL(_FIND).format(columns=columns, table=sql.Identifier(table))
        self._asked: deque[tuple[pa.Array, pa.Array, Future[list[tuple[object, ...]]]]] = deque()

    def ask(self, codes: pa.Array) -> None:
        """Ask for the rows of some codes, text (n,), which :meth:`of` will be given next."""
        wanted = pc.unique(codes).drop_null()
        self._asked.append((codes, wanted, self._writer.ask(self._look_up, wanted)))

    def of(self, codes: pa.Array) -> pa.Table:
        """Return the row of each code (n,), nulls where the code is null or unknown."""
        if not self._asked or self._asked[0][0] is not codes:
            self._asked.clear()
            self.ask(codes)
        _, wanted, answer = self._asked.popleft()
        found = answer.result()
        columns = list(zip(*found, strict=True)) or [()] * (len(self._types) + 1)
        row = np.full(len(wanted), -1, dtype=np.int64)
        row[np.array(columns[0], dtype=np.int64) - 1] = np.arange(len(found))
        at = pc.fill_null(pc.index_in(codes, wanted), -1).to_numpy(zero_copy_only=False)
        place = np.where(at >= 0, row[at], -1) if len(row) else at.astype(np.int64)
        taken = pa.array(place, pa.int64(), mask=place < 0)
        pairs = zip(self._types.items(), columns[1:], strict=True)
        return pa.table({name: pa.array(values, kind).take(taken) for (name, kind), values in pairs})

    def _look_up(self, wanted: pa.Array) -> list[tuple[object, ...]]:
        if not len(wanted):
            return []
        with cursor_of(self._connection) as cursor:
            return list(cursor.execute(self._query, {"codes": wanted.to_pylist()}, binary=True).fetchall())
