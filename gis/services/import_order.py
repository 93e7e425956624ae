"""Which imports may run side by side, and the locks that keep others away while one runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from gis.store.locking import lock_tables

_PATIENCE = text("SET LOCAL lock_timeout = '1s'")
_ENDLESS = text("SET LOCAL lock_timeout = 0")
_LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True)
class Use:
    """What an import writes as a whole, and what must stay as it is meanwhile."""

    writes: frozenset[str]
    reads: frozenset[str] = frozenset()

    def crosses(self, other: Use) -> bool:
        """Tell whether two imports must not run at the same time."""
        return bool(self.writes & (other.writes | other.reads) or other.writes & self.reads)


def _use(writes: str, reads: str = "") -> Use:
    return Use(frozenset(writes.split()), frozenset(reads.split()))


USES = {
    "areas": _use("areas"),
    "grids": _use("areas grids buildings households"),  # makes communities, assigns everything again
    "compounds": _use("compounds"),
    "buildings": _use("buildings households", "grids compounds"),  # households move with their building
    "households": _use("households", "grids buildings"),
    "residents": _use("residents", "households"),
    "needs": _use("needs", "households"),
    "stations": _use("stations"),
    "streets": _use("streets"),
    "backdrop": _use("backdrop"),
    "renovation": _use("renovations", "compounds"),
    "street_units": _use("street_units"),
    "merchants": _use("merchants"),
    "things": _use("things"),
    "chiefs": _use("building_chiefs", "buildings"),
    "contacts": _use("contacts", "households"),
}
"""What each kind of import touches."""


class Waiting(Protocol):
    """An import that has not ended, as the queue sees it."""

    @property
    def kind(self) -> str:
        """What the file holds."""

    @property
    def state(self) -> str:
        """``queued`` or ``running``."""


Each = TypeVar("Each", bound=Waiting)


def ready(unended: Iterable[Each]) -> list[Each]:
    """Return those that may begin: queued, and crossing none that runs or came before.

    Args:
        unended: all imports that have not ended, in the order they came.
    """
    in_order = list(unended)
    running = [USES[each.kind] for each in in_order if each.state == "running"]
    before: list[Use] = []
    found = []
    for each in in_order:
        use = USES[each.kind]
        if each.state == "queued" and not any(use.crosses(other) for other in (*running, *before)):
            found.append(each)
        before.append(use)
    return found


def keep_others_away(connection: Connection, kind: str, give_up: Callable[[], None]) -> None:
    """Wait until nobody works on what a kind of import touches, and keep it so until the transaction ends.

    Args:
        connection: an open transaction that has locked no row yet.
        kind: the kind of import.
        give_up: called every second of waiting; raises to end it.
    """
    use = USES[kind]
    while True:
        give_up()
        try:
            with connection.begin_nested():
                connection.execute(_PATIENCE)
                lock_tables(connection, writes=use.writes, reads=use.reads)
                connection.execute(_ENDLESS)
            return
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
