"""Progress of an import, told beside its transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from sqlalchemy import Connection, update

from gis.models import Import

_TELL_EVERY_S = 0.3


class Teller:
    """Writes an import's progress beside its transaction, and learns there that it has been cancelled."""

    def __init__(self, watch: Connection, import_id: UUID, stopping: Callable[[], bool]) -> None:
        self._watch = watch
        self._import_id = import_id
        self._stopping = stopping
        self._told_at = 0.0
        self._done: tuple[int, int | None] = (0, None)
        self._cancelled = False

    def tell(self, done: int, total: int | None) -> None:
        """Take note of rows read so far, and of how many there are if that is known."""
        self._done = (done, total)
        self._exchange()

    def is_cancelled(self) -> bool:
        """Tell whether to give up."""
        self._exchange()
        return self._cancelled or self._stopping()

    def _exchange(self) -> None:
        if time.monotonic() - self._told_at < _TELL_EVERY_S:
            return
        self._told_at = time.monotonic()
        done, total = self._done
        with self._watch.begin():
            state = self._watch.scalar(
                update(Import)
                .where(Import.id == self._import_id, Import.state == "running")
                .values(read=done, progress=min(0.99, done / total) if total else 0.0)
                .returning(Import.state)
            )
        self._cancelled = state != "running"
