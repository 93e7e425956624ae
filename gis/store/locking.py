"""Locks on what tables mean to each other: who computes with grids must not be overtaken by one who changes them.

Advisory locks of the transaction, so that they go with it however it ends. They are taken in one order, that of :data:`TABLES`, before any
row is locked, so that no two wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

TABLES = (
    "areas", "grids", "compounds", "buildings", "households", "residents", "needs", "stations", "streets", "backdrop",
)  # fmt: skip
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_PATIENCE = text("SET LOCAL lock_timeout = '1s'")
_NO_LIMIT = text("SET LOCAL lock_timeout = 0")
_LOCK_NOT_AVAILABLE = "55P03"
_TOGETHER = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:name, 0))")


def lock_tables(connection: Connection, *, writes: Collection[str] = (), reads: Collection[str] = ()) -> None:
    """Wait until nobody else writes what is read, or reads or writes what is written, and keep it so until the transaction ends.

    Args:
        connection: an open transaction that has locked no row yet.
        writes: tables whose rows are about to change as a whole.
        reads: tables whose rows must stay as they are while something is computed from them.
    """
    for table in TABLES:
        if table in writes:
            connection.execute(_ALONE, {"name": f"linli {table}"})
        elif table in reads:
            connection.execute(_TOGETHER, {"name": f"linli {table}"})


def patiently(connection: Connection, lock: Callable[[], None], give_up: Callable[[], None]) -> None:
    """Take locks without standing in anybody's way meanwhile: who waits for one keeps all away who come later, so the wait ends each second.

    Args:
        connection: an open transaction.
        lock: takes the locks, all of them each time it is called.
        give_up: called before each time; raises to end the waiting.
    """
    while True:
        give_up()
        try:
            with connection.begin_nested():
                connection.execute(_PATIENCE)
                lock()
                connection.execute(_NO_LIMIT)
            return
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise


def hold_grids(connection: Connection) -> None:
    """Keep the grids as they are until the transaction ends: whoever is assigned to one now is assigned rightly at the commit."""
    lock_tables(connection, reads=("grids",))
