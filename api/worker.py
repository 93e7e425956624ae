"""The thread that brings in uploaded files, one after the other."""

from __future__ import annotations

import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gis.services import imports
from gis.store.session import Store

log = structlog.get_logger("linli.imports")
_LOOK_EVERY_S = 2.0


class ImportWorker:
    """Runs queued imports as long as the service does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stopping = threading.Event()
        self._work = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; what a process that has died left half done is marked as failed first."""
        self._thread = threading.Thread(target=self._run, name="linli-imports", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; a running import is abandoned and nothing of it is kept."""
        self._stopping.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """Say that something has been queued."""
        self._work.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._work.clear()
            try:
                for import_id in imports.fail_interrupted(self._store):
                    log.warning("interrupted", import_id=str(import_id))
                while not self._stopping.is_set() and imports.run_next(
                    self._store, stopping=self._stopping.is_set
                ):
                    pass
            except SQLAlchemyError as error:
                log.warning("database", error=type(error).__name__)
            self._work.wait(_LOOK_EVERY_S)
