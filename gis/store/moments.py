"""What a reading of the database has seen, so that a later one can tell what is new to it: also what began before it and was committed after."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

_SEEN = """
SELECT pg_current_snapshot()::text,
       (SELECT oid FROM pg_database WHERE datname = current_database()) || '/' || pg_relation_filenode(CAST(:table AS regclass))
"""


@dataclass(frozen=True)
class Moment:
    """A snapshot (``pg_snapshot``), and the era of the table that keeps numbers of transactions.

    The era tells a table from one that was restored in its place or emptied. A transaction sees what it has written itself, but its own snapshot
    does not say so.
    """

    snapshot: str
    era: str


def moment(session: Session, table: str) -> Moment:
    """Return the moment of a transaction; what is asked after it is as new, or newer."""
    return Moment(*session.execute(text(_SEEN), {"table": table}).one())
