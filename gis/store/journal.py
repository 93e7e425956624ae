"""The journal of changes as this process knows it: which version every topic had, and since when that is known.

For every statement that changes a topic the database gives a line of ``changes`` the next number, in the same transaction (see
migrations/sql); a topic has as many lines as ever wrote it at once, however much is written. :class:`Reading` is what one query of that journal gave; whatever was committed before ``asked_at`` is in it.
:class:`Journal` keeps the newest reading, and answers with it as long as

- it was asked for less than :data:`FRESH_S` ago: a process never trusts a reading longer, whether notices arrive or not;
- it was asked for after the last commit of this very process: who is answered "done" sees it done from then on.

Otherwise there is no answer, and whoever needs one asks the database. The listener (api/feed.py) offers a new reading at every
notice, several times within :data:`FRESH_S` without one, and at once when this process has committed something; every other
reading is offered too. Readings never go back: one that may have been made before the kept one is refused.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

FRESH_S = 0.5
"""For how long a reading is believed: half of what other processes are promised."""
VERSIONS_SQL = "SELECT topic, newest, changes FROM linli_versions()"
_VERSIONS = text(VERSIONS_SQL)
_VERSIONS_AND_WROTE = text(
    "SELECT v.topic, v.newest, v.changes, pg_current_xact_id_if_assigned() IS NOT NULL "
    "FROM (SELECT 1) always LEFT JOIN linli_versions() v ON true"
)

Versions = Mapping[str, tuple[int, int]]
"""Of each topic: the number of its newest change, and the sum over its lines. Both, since what began early may commit late."""


@dataclass(frozen=True, eq=False)
class Reading:
    """The versions of all topics at one moment between ``asked_at`` and ``heard_at``, seconds of the process's clock."""

    versions: Versions
    asked_at: float
    heard_at: float

    def of(self, topics: tuple[str, ...]) -> tuple[tuple[int, int] | None, ...]:
        """Return the versions of some topics; None for one that has never changed."""
        return tuple(map(self.versions.get, topics))


def _nobody() -> None:
    """Nobody listens in a program that only asks."""


class Journal:
    """The newest reading of a process. All of its threads may use it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.on_doubt: Callable[[], None] = _nobody
        """Called when this process has committed: the listener asks again at once."""
        self._lock = threading.Lock()
        self._reading: Reading | None = None
        self._not_before = float("-inf")

    def latest(self) -> Reading | None:
        """Return the newest reading if it may still be believed."""
        reading = self._reading
        if reading is None or reading.asked_at < self._not_before or self.age_s(reading) > FRESH_S:
            return None
        return reading

    def age_s(self, reading: Reading | None = None) -> float:
        """Return how long ago a reading (the newest) was asked for, s; infinite where there is none."""
        reading = reading or self._reading
        return float("inf") if reading is None else self.clock() - reading.asked_at

    def offer(self, reading: Reading) -> bool:
        """Keep a reading if it is surely later than the kept one, or says the same; tell whether."""
        with self._lock:
            kept = self._reading
            if kept is None:
                self._reading = reading
            elif kept.versions == reading.versions:
                # The same mapping again: to know that nothing has changed, callers need compare no more than its identity.
                self._reading = Reading(
                    kept.versions, max(kept.asked_at, reading.asked_at), max(kept.heard_at, reading.heard_at)
                )
            elif reading.asked_at >= kept.heard_at:
                self._reading = reading
            else:
                return False
            return True

    def committed(self) -> None:
        """Say that this process may have changed something: only readings asked for from now on are believed."""
        self._not_before = self.clock()
        self.on_doubt()


def read_versions(session: Session, clock: Callable[[], float]) -> Reading:
    """Return the versions as a transaction sees them."""
    asked_at = clock()
    rows = session.execute(_VERSIONS)
    versions = {topic: (newest, changes) for topic, newest, changes in rows}
    return Reading(versions, asked_at, clock())


def read_own_versions(session: Session, clock: Callable[[], float]) -> tuple[Reading, bool]:
    """Return the versions as a transaction sees them, and whether it has written: then nobody else sees them so."""
    asked_at = clock()
    rows = session.execute(_VERSIONS_AND_WROTE).all()
    versions = {row[0]: (row[1], row[2]) for row in rows if row[0] is not None}
    return Reading(versions, asked_at, clock()), bool(rows[0][3])
