"""How far an import has come at the moment of a kill, as the database itself sees it; and waiting for such a moment."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import psycopg

from tests.torture.programs import Programs

NONE, QUEUED, WAITING, READING, COPYING, WRITING, ENDING, LEFT, AWAY = (
    "no import", "queued", "waiting for another import", "reading and checking", "copying rows", "merging and assigning", "noting the end",
    "left by the kill before", "database away",
)  # fmt: skip
AIMED = (WAITING, READING, COPYING, WRITING, ENDING)
_LATEST = (ENDING, COPYING, WRITING, READING, WAITING, LEFT, QUEUED)
"""Of several imports the one that is at what is rarest decides."""
_RUNNING = """
SELECT i.state, a.pid, a.state, a.wait_event_type, a.query
FROM imports i LEFT JOIN pg_locks l ON l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND l.mode = 'ExclusiveLock'
  AND ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(i.id::text, 0)
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE i.state IN ('queued', 'running')
"""
_PATIENCE_S = 3.0


@dataclass(frozen=True)
class Moment:
    """What an import is at, and the number of the database's process that works for it."""

    phase: str
    pid: int | None = None


def now(connection: psycopg.Connection) -> Moment:
    """Return what the imports are at; of several the rarest."""
    found = [Moment(_phase(state, pid, *rest), pid) for state, pid, *rest in connection.execute(_RUNNING)]
    return min(found, key=lambda each: _LATEST.index(each.phase), default=Moment(NONE))


def before_a_kill(programs: Programs, chance: random.Random) -> Moment:
    """Return what the imports are at now, or, half of the time, wait for a moment of some phase."""
    aimed = chance.choice(AIMED) if chance.random() < 0.5 else None
    try:
        with psycopg.connect(programs.address, autocommit=True, connect_timeout=5) as connection:
            seen = now(connection)
            deadline = time.monotonic() + _PATIENCE_S
            while aimed is not None and seen.phase != aimed and time.monotonic() < deadline:
                time.sleep(0.001)
                seen = now(connection)
            return seen
    except psycopg.OperationalError:
        return Moment(AWAY)


def _phase(state: str, pid: int | None, doing: str | None, waits_for: str | None, query: str | None) -> str:
    if state == "queued":
        return QUEUED
    if pid is None:
        return LEFT
    words = (query or "").lstrip().upper()
    if waits_for == "Lock":
        return WAITING
    if words.startswith("COMMIT") or "IMPORT_PIECES" in words or "UPDATE IMPORTS" in words or "AUDIT" in words:
        return (
            ENDING if "SELECT" not in words or "AUDIT" in words else READING
        )  # the file itself is read from its pieces
    if words.startswith("COPY"):
        return COPYING
    return READING if doing != "active" else WRITING
