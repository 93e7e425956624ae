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

    def follows(self, former: Moment) -> bool:
        """Tell whether all that the former moment has seen is seen here, too; only then can one go on from what was read there.

        Of two readings that go on beside each other the one that began later may be kept before the other asks for it.
        """
        if self.era != former.era:
            return False
        (_, end, open_here), (_, former_end, open_there) = _parts(self.snapshot), _parts(former.snapshot)
        return former_end <= end and all(number in open_there for number in open_here if number < former_end)


def _parts(snapshot: str) -> tuple[int, int, set[int]]:
    """Return of a snapshot the first number that may be open, the first that is not given out yet, and those open between."""
    begin, end, between = snapshot.split(":")
    return int(begin), int(end), set(map(int, between.split(","))) if between else set()


def moment(session: Session, table: str) -> Moment:
    """Return the moment of a transaction; what is asked after it is as new, or newer."""
    return Moment(*session.execute(text(_SEEN), {"table": table}).one())
