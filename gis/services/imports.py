"""Imports: the table as a queue of uploaded files; each is one transaction, and a half-done one leaves nothing behind."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.orm import Session

from gis.crs import SourceCRS, UnknownCRS
from gis.errors import Conflict, Fault, Invalid, LinliError, NotFound
from gis.intake import Cancelled, ImportReport, run_import
from gis.models import Import
from gis.models.vocabulary import IMPORT_KINDS
from gis.services.import_progress import Teller
from gis.store.auditing import Note, note, write_as_owner
from gis.store.session import Store
from gis.store.vault import about, vault_of

log = structlog.get_logger("linli.imports")
_KEPT_FAULTS = 200
NOTHING_KEPT = "导入被中断，未保留任何内容，请重新上传 / the import was interrupted and nothing was kept; upload the file again"
FAILED = "导入出错，未保留任何内容 / the import failed and nothing was kept"
_SHOWN = (
    "id", "kind", "file_name", "sha256", "crs", "dry_run", "state", "read", "loaded", "rejected", "progress", "errors", "notices",
    "created_at", "started_at", "finished_at",
)  # fmt: skip

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Upload:
    """A file that has been sent in."""

    kind: str
    file_name: str
    content: bytes
    crs: str | None = None
    dry_run: bool = False


def submit(session: Session, upload: Upload, account_id: int | None) -> UUID:
    """Queue a file.

    Args:
        session: a transaction of an account that may import.
        upload: the file and how to read it.
        account_id: by whom.

    Returns:
        The import's id.

    Raises:
        Invalid: an unknown kind or coordinate system, or an empty file.
    """
    faults = []
    if upload.kind not in IMPORT_KINDS:
        faults.append(Fault("query.kind", f"应为其中之一 / must be one of: {', '.join(IMPORT_KINDS)}"))
    if upload.crs is not None:
        try:
            SourceCRS.parse(upload.crs)
        except UnknownCRS as error:
            faults.append(Fault("query.crs", str(error)))
    if not upload.content:
        faults.append(Fault("body.file", "文件是空的 / the file is empty"))
    if faults:
        raise Invalid("无法导入 / cannot be imported", faults)
    import_id = uuid4()
    session.execute(
        insert(Import).values(
            id=import_id,
            kind=upload.kind,
            file_name=_base_name(upload.file_name),
            sha256=hashlib.sha256(upload.content).hexdigest(),
            crs=upload.crs,
            dry_run=upload.dry_run,
            content=vault_of(session).cipher.seal(upload.content, about("imports.content", str(import_id))),
            account_id=account_id,
        )
    )
    note(session, "import.submit", f"import:{import_id}", detail={"kind": upload.kind, "dry_run": upload.dry_run})
    return import_id


def get_import(session: Session, import_id: UUID) -> dict[str, Any]:
    """Return how an import stands; ``read``, ``loaded``, ``rejected`` are rows, ``progress`` goes from 0 to 1."""
    row = session.execute(_listed().where(Import.id == import_id)).mappings().one_or_none()
    if row is None:
        raise _missing(import_id)
    return dict(row)


def list_imports(session: Session, limit: int) -> list[dict[str, Any]]:
    """Return the newest imports, the files' faults left out."""
    rows = session.execute(_listed().order_by(Import.created_at.desc(), Import.id).limit(limit)).mappings()
    return [{key: value for key, value in row.items() if key not in ("errors", "notices")} for row in rows]


def rejected_rows(session: Session, import_id: UUID) -> tuple[str, bytes]:
    """Return the rejected rows as a CSV file to correct and import again: its name and content.

    Raises:
        NotFound: there is no such import, or nothing was rejected.
    """
    row = session.execute(
        select(Import.file_name, Import.rejected_csv).where(Import.id == import_id)
    ).one_or_none()
    if row is None:
        raise _missing(import_id)
    if row.rejected_csv is None:
        raise NotFound("没有被拒绝的行 / no rows were rejected")
    content = vault_of(session).cipher.open(row.rejected_csv, about("imports.rejected_csv", str(import_id)))
    note(session, "import.read", f"import:{import_id}")
    return f"{row.file_name}.rejected.csv", content


def cancel(session: Session, import_id: UUID) -> None:
    """Cancel an import that has not ended; nothing of it is kept. Cancelling twice is harmless.

    Raises:
        NotFound, Conflict: no such import; it has ended already.
    """
    state = session.scalar(select(Import.state).where(Import.id == import_id).with_for_update())
    if state is None:
        raise _missing(import_id)
    if state == "cancelled":
        return
    if state in ("done", "failed"):
        raise Conflict(
            f"导入已结束({state}),不能取消 / the import has ended ({state}) and cannot be cancelled"
        )
    session.execute(
        update(Import)
        .where(Import.id == import_id)
        .values(state="cancelled", content=None, read=0, progress=0, finished_at=datetime.now(UTC))
    )


def run_next(store: Store, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Run the oldest queued import to its end.

    Args:
        store: the store; an import runs as the owner, on behalf of the admin who submitted it.
        stopping: asked now and then; True abandons the import, which then counts as interrupted.

    Returns:
        Whether there was one.
    """
    with store.owner_engine.connect() as watch:
        job = _claim(watch)
        if job is None:
            return False
        try:
            _run(store, watch, job, stopping)
        finally:
            watch.rollback()
            watch.execute(text("SELECT pg_advisory_unlock_all()"))
            watch.commit()
    return True


def fail_interrupted(store: Store) -> list[UUID]:
    """Mark imports whose process has died as failed; their transactions have left nothing.

    A living process holds a lock for the import it runs, so another one starting beside it takes nothing away.
    """
    failed = []
    with store.owner_engine.begin() as connection:
        running = connection.execute(
            select(Import.id, Import.file_name).where(Import.state == "running")
        ).all()
        for import_id, file_name in running:
            if connection.scalar(
                text("SELECT pg_try_advisory_xact_lock(hashtextextended(:id, 0))"), {"id": str(import_id)}
            ):
                _end(connection, import_id, "failed", [Fault(file_name, NOTHING_KEPT)])
                failed.append(import_id)
    return failed


def import_file(
    connection: Connection,
    kind: str,
    path: Path,
    *,
    crs: str | None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file of this machine within the caller's transaction, as the command line does, and record it.

    Args:
        connection: an open transaction of the owner.
        kind: what the file holds.
        path: the file.
        crs: the system its positions are in, where the file does not say.
        dry_run: report and change nothing.
        progress: called with rows read so far, and how many there are if that is known.

    Raises:
        Invalid: nothing of the file can be read.
    """
    if kind not in IMPORT_KINDS:
        choices = ", ".join(f"{kind} {label}" for kind, label in IMPORT_KINDS.items())
        message = f"没有种类 {kind}，可用 / no such kind; choose from: {choices}"
        raise Invalid(message, [Fault("KIND", message)])
    started_at = datetime.now(UTC)
    _one_at_a_time(connection)
    report = run_import(
        connection,
        kind,
        path,
        crs=crs,
        dry_run=dry_run,
        file_name=path.name,
        progress=progress,
        cancelled=None,
    )
    if not dry_run:
        import_id = uuid4()
        connection.execute(
            insert(Import).values(
                id=import_id,
                kind=kind,
                file_name=_base_name(path.name),
                sha256=report.sha256,
                started_at=started_at,
                state="done",
                **_outcome(connection, import_id, report),
            )
        )
        _audit(connection, import_id, report)
    return report


def _claim(watch: Connection) -> Any:
    """Take the oldest queued import, and the lock that tells others that its runner lives."""
    with watch.begin():
        job = watch.execute(
            select(Import.id, Import.kind, Import.file_name, Import.crs, Import.dry_run, Import.content)
            .where(Import.state == "queued")
            .order_by(Import.created_at, Import.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if job is not None:
            watch.execute(text("SELECT pg_advisory_lock(hashtextextended(:id, 0))"), {"id": str(job.id)})
            watch.execute(
                update(Import)
                .where(Import.id == job.id)
                .values(state="running", started_at=datetime.now(UTC))
            )
    return job


def _run(store: Store, watch: Connection, job: Any, stopping: Callable[[], bool]) -> None:
    teller = Teller(watch, job.id, stopping)
    try:
        with _as_file(watch, job) as path, store.owner_engine.connect() as connection, connection.begin():
            _one_at_a_time(connection)
            report = run_import(
                connection,
                job.kind,
                path,
                crs=job.crs,
                dry_run=job.dry_run,
                file_name=job.file_name,
                progress=teller.tell,
                cancelled=teller.is_cancelled,
            )
            ended = connection.execute(
                update(Import)
                .where(Import.id == job.id, Import.state == "running")
                .values(state="done", content=None, **_outcome(connection, job.id, report))
            )
            if not ended.rowcount:  # cancelled in the last moment: the whole transaction goes
                raise Cancelled
            if not job.dry_run:
                _audit(connection, job.id, report)
    except Cancelled:
        if stopping():
            _end_now(watch, job.id, [Fault(job.file_name, NOTHING_KEPT)])
    except LinliError as error:
        _end_now(watch, job.id, [Fault(job.file_name, error.detail), *error.faults])
    except Exception as error:
        log.error("import failed", import_id=str(job.id), error=type(error).__name__)
        _end_now(watch, job.id, [Fault(job.file_name, FAILED)])


@contextmanager
def _as_file(watch: Connection, job: Any) -> Iterator[Path]:
    """Give the uploaded content as a file with the ending by which its format is known, and nothing else of its name."""
    with tempfile.TemporaryDirectory(prefix="linli-import-") as folder:
        endings = [
            ending
            for ending in Path(job.file_name).suffixes[-2:]
            if re.fullmatch(r"\.[A-Za-z0-9]{1,10}", ending)
        ]
        path = Path(folder) / ("upload" + "".join(endings))
        path.write_bytes(vault_of(watch).cipher.open(job.content, about("imports.content", str(job.id))))
        yield path


def _one_at_a_time(connection: Connection) -> None:
    """Wait for other imports: one that changes grids and one that assigns households must not cross."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('linli imports'))"))


def _audit(connection: Connection, import_id: UUID, report: ImportReport) -> None:
    """Write down that a file was imported, as the last act of its transaction."""
    detail = {"kind": report.kind, "read": report.read, "loaded": report.loaded, "sha256": report.sha256}
    write_as_owner(connection, Note("import.run", f"import:{import_id}", detail=detail))


def _outcome(connection: Connection, import_id: UUID, report: ImportReport) -> dict[str, Any]:
    rejected = report.rejected_csv
    if rejected is not None:  # whatever the file held, in clear
        rejected = vault_of(connection).cipher.seal(rejected, about("imports.rejected_csv", str(import_id)))
    return {
        "read": report.read,
        "loaded": report.loaded,
        "rejected": report.rejected,
        "progress": 1.0,
        "crs": report.crs,
        "errors": [asdict(fault) for fault in report.faults[:_KEPT_FAULTS]],
        "notices": report.notices,
        "rejected_csv": rejected,
        "finished_at": datetime.now(UTC),
    }


def _end_now(watch: Connection, import_id: UUID, faults: list[Fault]) -> None:
    with watch.begin():
        _end(watch, import_id, "failed", faults)


def _end(connection: Connection, import_id: UUID, state: str, faults: list[Fault]) -> None:
    connection.execute(
        update(Import)
        .where(Import.id == import_id, Import.state == "running")
        .values(
            state=state,
            content=None,
            finished_at=datetime.now(UTC),
            errors=[asdict(fault) for fault in faults[:_KEPT_FAULTS]],
            loaded=0,
        )
    )


def _listed() -> Any:
    return select(*(getattr(Import, name) for name in _SHOWN))


def _base_name(given: str) -> str:
    """Return the last part of a name as a browser sends it, without signs that a header or a terminal would take amiss."""
    name = re.split(r"[/\\]", given)[-1]
    return "".join(c for c in name if c.isprintable())[-200:] or "upload"


def _missing(import_id: UUID) -> NotFound:
    return NotFound(f"没有编号为 {import_id} 的导入 / there is no import {import_id}")
