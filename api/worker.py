"""The threads that bring in files, in the service or in a program of their own (``linli worker``)."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gis.services import import_queue
from gis.services.import_spool import Spool
from gis.store.session import Store

log = structlog.get_logger("linli.imports")
_LOOK_EVERY_S = 2.0
_AGAIN_AFTER_S = 0.5
"""Where the database did not answer; it does not grow, so that work goes on soon after it is back."""


class ImportWorker:
    """Runs queued imports as long as the program does, several at once where they do not cross."""

    def __init__(self, store: Store, data_dir: Path, threads: int) -> None:
        """Prepare to work.

        Args:
            store: where the queue is.
            data_dir: the folder in which this program keeps what belongs to it.
            threads: how many imports to run at once; none with 0.
        """
        self._store = store
        self._spool = Spool(data_dir)
        self._stopping = threading.Event()
        self._work = [threading.Event() for _ in range(threads)]
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; what a process that has died left half done is begun anew."""
        self._spool.open()
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=f"linli-imports-{n}", daemon=True)
            for n, work in enumerate(self._work)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop; imports that run go back into the queue, and nothing of them is kept."""
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            thread.join()
        self._spool.close()

    def folder(self) -> AbstractContextManager[Path]:
        """Give a private folder that no kill leaves behind for long, for a file that has come in."""
        return self._spool.folder()

    def wake(self) -> None:
        """Say that something has been queued."""
        for work in self._work:
            work.set()

    def _run(self, work: threading.Event) -> None:
        while not self._stopping.is_set():
            work.clear()
            pause_s = _LOOK_EVERY_S
            try:
                self._look()
            except SQLAlchemyError as error:
                log.warning("database", error=type(error).__name__)
                pause_s = _AGAIN_AFTER_S
            except Exception as error:  # a full disk, a key that is gone: the next look may find it mended
                log.error("imports", error=type(error).__name__)
            work.wait(pause_s)

    def _look(self) -> None:
        for import_id in import_queue.recover(self._store):
            log.warning("interrupted", import_id=str(import_id))
        self._spool.sweep()
        while not self._stopping.is_set() and import_queue.run_next(self._store, self._spool, self._stopping.is_set):
            self.wake()  # whoever had to wait for this one may begin
