"""The queue of imports: the table itself, run by any number of processes.

The rows that an import writes and the word that it is done are one transaction, and that transaction holds the import's lock: as long as the lock
is held somebody works on it; once it is free, either ``done`` is there with all rows, or nothing is, however process or database ended. No clock
and no heartbeat decides. (A job library such as procrastinate notes the end in a transaction after the job's own, so that a kill between the two
runs a finished file again, and finds a dead worker by a heartbeat of half a minute.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from gis.errors import Fault, Invalid, LinliError, Unavailable
from gis.intake import Cancelled, ImportReport, check_head, run_import
from gis.models import Import
from gis.models.vocabulary import IMPORT_KINDS
from gis.services import import_spool as spool
from gis.services.import_faults import FAILED, INTERRUPTED, NO_ROOM, database_fault, frames, lacks_room
from gis.services.import_order import ready
from gis.services.import_progress import Progress, Teller
from gis.services.import_spool import Spool
from gis.services.imports import base_name, told, unknown_kind
from gis.store.auditing import Note, write_as_owner
from gis.store.session import Store

log = structlog.get_logger("linli.imports")
MOST_ATTEMPTS = 3
_TURN_EVERY_S = 0.2
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))")
_SUBMITTER = text("SELECT a.name FROM accounts a JOIN imports i ON i.account_id = a.id WHERE i.id = :id")
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:id, 0))")
_ONE_CLAIMS = text("SELECT pg_advisory_xact_lock(hashtextextended('linli import claims', 0))")


@dataclass(frozen=True)
class Job:
    """An import that has been begun."""

    id: UUID
    kind: str
    file_name: str
    sha256: str
    crs: str | None
    dry_run: bool
    attempt: int


def run_next(store: Store, folders: Spool, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Run the first import in the queue that may begin, to its end.

    Args:
        store: the store; an import runs as the owner, on behalf of the admin who submitted it.
        folders: where the file is unpacked.
        stopping: asked now and then; True puts the import back into the queue, for the next process.

    Returns:
        Whether there was one.
    """
    with store.owner_engine.connect() as watch, _transaction(store) as work:
        job = _claim(watch, work)
        if job is None:
            return False
        try:
            with folders.folder() as folder:
                path, sha256 = spool.fetch(work, job.id, job.file_name, folder)
                if sha256 == job.sha256:  # else it was cancelled in this moment
                    _run(watch, work, job, path, folder, stopping, None)
        except Cancelled:
            work.rollback()
            if stopping():
                _put_back(watch, job)
        except LinliError:
            pass  # noted where the import is listed
        except Exception as error:
            full, fault = lacks_room(error), database_fault(error)
            if not full and fault is None:
                raise
            log.warning("import interrupted", import_id=str(job.id), error=type(fault or error).__name__)
            work.invalidate()
            if full:
                with suppress(SQLAlchemyError), watch.begin():
                    _end(watch, job.id, "failed", [Fault(job.file_name, NO_ROOM)])
    return True


def run_local(
    store: Store,
    kind: str,
    path: Path,
    folders: Spool,
    *,
    crs: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    waiting: Callable[[], None] = lambda: None,
) -> ImportReport:
    """Import a file of this machine, as the command line does: it stands in the queue like any other and can be cancelled on the page.

    Args:
        store: the store.
        kind: what the file holds.
        path: the file.
        folders: where it is unpacked.
        crs: the system its positions are in, where the file does not say.
        dry_run: report and change nothing.
        progress: called with rows read so far, and how many there are if that is known.
        waiting: called once if other imports have to end first.

    Raises:
        Invalid: nothing of the file can be read.
        Cancelled: somebody cancelled it.
    """
    if kind not in IMPORT_KINDS:
        wrong = unknown_kind(kind, "KIND")
        raise Invalid(wrong.message, [wrong])
    if path.is_file():
        with path.open("rb") as file, folders.folder() as folder:
            check_head(kind, path.name, file, crs, folder)
    import_id = uuid4()
    with store.owner_engine.connect() as watch, _transaction(store) as work:
        work.execute(_LOCK, {"id": str(import_id)})  # from now on whoever looks knows that we live
        row = {
            "id": import_id,
            "kind": kind,
            "file_name": base_name(path.name),
            "sha256": "",
            "crs": crs,
            "dry_run": dry_run,
        }
        with watch.begin():
            watch.execute(insert(Import).values(**row))
        try:
            job = _wait_for_turn(watch, work, import_id, waiting)
            with folders.folder() as folder:
                return _run(watch, work, job, path, folder, lambda: False, progress)
        except LinliError:
            raise
        except BaseException as error:  # Ctrl-C too
            work.invalidate()
            full, fault = lacks_room(error), database_fault(error)
            message = NO_ROOM if full else INTERRUPTED
            state = "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"
            with suppress(SQLAlchemyError), watch.begin():
                _end(watch, import_id, state, [Fault(path.name, message)])
            if not full and fault is None:
                raise
            raise Unavailable(message) from error


def import_file(
    connection: Connection, kind: str, path: Path, *, crs: str | None, progress: Progress | None = None
) -> ImportReport:
    """Import a file within the caller's transaction, and record it there: what a place is first filled with comes whole or not at all.

    Args:
        connection: an open transaction of the owner.
        kind: what the file holds.
        path: the file.
        crs: the system its positions are in, where the file does not say.
        progress: called with rows read so far, and how many there are if that is known.

    Raises:
        Invalid: nothing of the file can be read.
    """
    import_id, started_at = uuid4(), datetime.now(UTC)
    report = run_import(connection, kind, path, crs=crs, file_name=path.name, progress=progress)
    name = base_name(path.name)
    row = {"id": import_id, "kind": kind, "file_name": name, "sha256": report.sha256, "started_at": started_at}
    connection.execute(insert(Import).values(**row, state="done", **_outcome(report)))
    _keep_rejected(connection, import_id, report)
    _audit(connection, import_id, report)
    return report


def recover(store: Store) -> list[UUID]:
    """Look after imports that nobody works on any more: into the queue again, or, after some attempts, failed. Nothing of them was kept.

    Returns:
        The imports that were interrupted.
    """
    found = []
    with store.owner_engine.begin() as connection:
        rows = connection.execute(
            select(Import.id, Import.file_name, Import.size_bytes, Import.attempts)
            .where((Import.state == "running") | ((Import.state == "queued") & Import.size_bytes.is_(None)))
            .order_by(Import.id)
        ).all()
        for row in rows:
            if not connection.scalar(_TRY_LOCK, {"id": str(row.id)}):
                continue
            if row.size_bytes is not None and row.attempts < MOST_ATTEMPTS:
                ended = _queue_again(connection, row.id, row.attempts)
            else:
                ended = _end(connection, row.id, "failed", [Fault(row.file_name, INTERRUPTED)])
            if ended:
                found.append(row.id)
    return found


def _claim(watch: Connection, work: Connection, only: UUID | None = None) -> Job | None:
    """Begin the first import that may begin (or ``only`` that one); from then on ``work`` holds its lock."""
    with watch.begin():
        watch.execute(_ONE_CLAIMS)
        unended = watch.execute(
            select(Import.id, Import.kind, Import.state, Import.size_bytes)
            .where(Import.state.in_(("queued", "running")))
            .order_by(Import.created_at, Import.id)
        ).all()
        for each in ready(unended):
            mine = each.id == only if only else each.size_bytes is not None
            if not mine or not (only or work.scalar(_TRY_LOCK, {"id": str(each.id)})):
                continue
            row = watch.execute(
                update(Import)
                .where(Import.id == each.id, Import.state == "queued")
                .values(state="running", started_at=datetime.now(UTC), attempts=Import.attempts + 1)
                .returning(Import.file_name, Import.sha256, Import.crs, Import.dry_run, Import.attempts)
            ).one_or_none()
            if row is not None:
                return Job(each.id, each.kind, *row)
    return None


def _wait_for_turn(watch: Connection, work: Connection, import_id: UUID, waiting: Callable[[], None]) -> Job:
    said = False
    while (job := _claim(watch, work, only=import_id)) is None:
        with watch.begin():
            if watch.scalar(select(Import.state).where(Import.id == import_id)) != "queued":
                raise Cancelled
        if not said:
            waiting()
            said = True
        time.sleep(_TURN_EVERY_S)
    return job


def _run(
    watch: Connection,
    work: Connection,
    job: Job,
    path: Path,
    folder: Path,
    stopping: Callable[[], bool],
    progress: Progress | None,
) -> ImportReport:
    """Bring the file in and note the outcome, all in the transaction of ``work``, which is committed.

    Raises:
        Cancelled: it was cancelled, or the program stops; the caller rolls back.
        LinliError: nothing can be read; that is noted and committed.
    """
    try:
        with Teller(watch, work, job.id, stopping, progress) as teller, work.begin_nested():
            report = _import(work, job, path, folder, teller)
    except Cancelled:
        raise
    except LinliError as error:
        if lacks_room(error):
            _fail(work, job, [Fault(job.file_name, NO_ROOM)])
            raise Unavailable(NO_ROOM) from error
        _fail(work, job, [Fault(job.file_name, error.detail), *error.faults])
        raise
    except Exception as error:
        if lacks_room(error) or database_fault(error) is not None:
            if teller.is_cancelled():
                work.invalidate()  # what broke the statement off may still be on its way
                raise Cancelled from error
            raise
        log.error("import failed", import_id=str(job.id), error=type(error).__name__, frames=frames(error))
        _fail(work, job, [Fault(job.file_name, FAILED)])
        raise LinliError(FAILED) from error
    _keep_rejected(work, job.id, report)
    spool.drop(work, job.id)
    ended = work.execute(update(Import).where(*_is(job)).values(state="done", sha256=report.sha256, **_outcome(report)))
    if not ended.rowcount:  # cancelled in the last moment: the whole transaction goes
        raise Cancelled
    if not job.dry_run:
        _audit(work, job.id, report)
    work.commit()
    return report


def _import(work: Connection, job: Job, path: Path, folder: Path, teller: Teller) -> ImportReport:
    submitter = work.scalar(_SUBMITTER, {"id": job.id})
    return run_import(
        work,
        job.kind,
        path,
        crs=job.crs,
        dry_run=job.dry_run,
        file_name=job.file_name,
        progress=teller.tell,
        cancelled=teller.is_cancelled,
        scratch=folder,
        actor=submitter,
    )


def _is(job: Job) -> tuple[Any, ...]:
    """Return the condition that this very attempt is still the one that counts."""
    return Import.id == job.id, Import.state == "running", Import.attempts == job.attempt


def _fail(work: Connection, job: Job, faults: list[Fault]) -> None:
    """Note, in the transaction that holds the lock, that nothing came of it; what the import wrote has been rolled back."""
    _end(work, job.id, "failed", faults)
    work.commit()


def _put_back(watch: Connection, job: Job) -> None:
    """Let the next process begin anew: this one stops, which is nobody's fault and counts as no attempt."""
    with suppress(SQLAlchemyError), watch.begin():
        _queue_again(watch, job.id, job.attempt, job.attempt - 1)


def _queue_again(connection: Connection, import_id: UUID, seen: int, attempts: int | None = None) -> bool:
    values = {"state": "queued", "started_at": None, "read": 0, "progress": 0}
    if attempts is not None:
        values["attempts"] = attempts
    return bool(
        connection.execute(
            update(Import)
            .where(Import.id == import_id, Import.state == "running", Import.attempts == seen)
            .values(**values)
        ).rowcount
    )


def _end(connection: Connection, import_id: UUID, state: str, faults: list[Fault]) -> bool:
    """End an import that has not ended, without any row of it."""
    spool.drop(connection, import_id)
    ended = connection.execute(
        update(Import)
        .where(Import.id == import_id, Import.state.in_(("queued", "running")))
        .values(state=state, finished_at=datetime.now(UTC), errors=told(faults), loaded=0)
    )
    return bool(ended.rowcount)


def _audit(connection: Connection, import_id: UUID, report: ImportReport) -> None:
    """Write down that a file was imported, as the last act of its transaction."""
    detail = {"kind": report.kind, "read": report.read, "loaded": report.loaded, "sha256": report.sha256}
    write_as_owner(connection, Note("import.run", f"import:{import_id}", detail=detail))


def _keep_rejected(connection: Connection, import_id: UUID, report: ImportReport) -> None:
    if report.rejected_csv is not None:  # whatever the file held
        spool.put(connection, import_id, "rejected", report.rejected_csv)
        report.rejected_csv.seek(0)


def _outcome(report: ImportReport) -> dict[str, Any]:
    return {
        "read": report.read,
        "loaded": report.loaded,
        "rejected": report.rejected,
        "progress": 1.0,
        "crs": report.crs,
        "errors": told(report.faults),
        "notices": report.notices,
        "finished_at": datetime.now(UTC),
    }


@contextmanager
def _transaction(store: Store) -> Iterator[Connection]:
    """Give a connection on which a transaction has begun; rolled back unless it was committed."""
    with store.owner_engine.connect() as connection:
        connection.begin()
        try:
            yield connection
        finally:
            with suppress(SQLAlchemyError):
                connection.rollback()
