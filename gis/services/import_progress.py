"""An import seen from beside its transaction: its progress is written there, and there it learns that it has been cancelled."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import psycopg
from sqlalchemy import Connection, update
from sqlalchemy.exc import SQLAlchemyError

from gis.models import Import

Progress = Callable[[int, int | None], None]
_LOOK_EVERY_S = 0.3


class Teller:
    """A thread beside an import. When the import is cancelled, or the program stops, the statement that runs is broken off too."""

    def __init__(
        self,
        watch: Connection,
        work: Connection,
        import_id: UUID,
        stopping: Callable[[], bool],
        progress: Progress | None,
    ) -> None:
        """Prepare to watch.

        Args:
            watch: a connection of its own, used by nobody else meanwhile.
            work: the connection of the import's transaction.
            import_id: which import.
            stopping: asked now and then; True gives the import up.
            progress: told rows read, and how many there are, as well.
        """
        self._watch = watch
        self._running: Any = work.connection.driver_connection
        self._import_id = import_id
        self._stopping = stopping
        self._progress = progress
        self._done: tuple[int, int | None] = (0, None)
        self._over = threading.Event()
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="linli-import-teller", daemon=True)

    def tell(self, done: int, total: int | None) -> None:
        """Take note of rows read so far, and of how many there are if that is known."""
        self._done = (done, total)
        if self._progress is not None:
            self._progress(done, total)

    def is_cancelled(self) -> bool:
        """Tell whether to give up."""
        return self._given_up.is_set() or self._stopping()

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching; nothing is broken off any more."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            try:
                wanted = self._exchange()
            except SQLAlchemyError:  # cannot see any more; the end of the transaction decides
                return
            if not wanted or self._stopping():
                self._given_up.set()
                with contextlib.suppress(psycopg.Error):
                    self._running.cancel_safe(timeout=5)

    def _exchange(self) -> bool:
        """Write the progress; tell whether the import is still wanted."""
        done, total = self._done
        with self._watch.begin():
            state = self._watch.scalar(
                update(Import)
                .where(Import.id == self._import_id, Import.state == "running")
                .values(read=done, progress=min(0.99, done / total) if total else 0.0)
                .returning(Import.state)
            )
        return bool(state == "running")
