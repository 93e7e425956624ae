"""Imports as records: files sent in, how they stand, their rejected rows. gis/services/import_queue.py runs them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from gis.crs import SourceCRS, UnknownCRS
from gis.errors import Conflict, Fault, Invalid, NotFound
from gis.intake import check_head
from gis.models import Import
from gis.models.vocabulary import IMPORT_KINDS
from gis.services import import_spool as spool
from gis.store.auditing import note

KEPT_FAULTS = 200
_SHOWN = (
    "id", "kind", "file_name", "sha256", "crs", "dry_run", "state", "read", "loaded", "rejected", "progress", "errors", "notices",
    "attempts", "created_at", "started_at", "finished_at",
)  # fmt: skip


@dataclass(frozen=True)
class Upload:
    """A file that is sent in; ``content`` is read piece by piece, from where it stands."""

    kind: str
    file_name: str
    content: BinaryIO
    crs: str | None = None
    dry_run: bool = False


def submit(session: Session, upload: Upload, account_id: int | None, scratch: Path | None = None) -> UUID:
    """Queue a file: it waits in the database, sealed, where any process can take it up.

    Args:
        session: a transaction of an account that may import.
        upload: the file and how to read it.
        account_id: by whom.
        scratch: a private folder, cleared by its owner after a kill, where its head is looked into; the system's by default.

    Returns:
        The import's id.

    Raises:
        Invalid: an unknown kind or coordinate system, none where the file needs one, missing columns, or an empty file.
    """
    faults = [] if upload.kind in IMPORT_KINDS else [unknown_kind(upload.kind, "query.kind")]
    if upload.crs is not None:
        try:
            SourceCRS.parse(upload.crs)
        except UnknownCRS as error:
            faults.append(Fault("query.crs", str(error)))
    if faults:
        raise Invalid("无法导入 / cannot be imported", faults)
    _refuse_at_once(upload, scratch)
    import_id = uuid4()
    session.execute(
        insert(Import).values(
            id=import_id,
            kind=upload.kind,
            file_name=base_name(upload.file_name),
            sha256="",
            crs=upload.crs,
            dry_run=upload.dry_run,
            account_id=account_id,
        )
    )
    size_bytes, sha256 = spool.put(session, import_id, "content", upload.content)
    if not size_bytes:
        raise Invalid("无法导入 / cannot be imported", [Fault("body.file", "文件是空的 / the file is empty")])
    session.execute(update(Import).where(Import.id == import_id).values(size_bytes=size_bytes, sha256=sha256))
    note(session, "import.submit", f"import:{import_id}", detail={"kind": upload.kind, "dry_run": upload.dry_run})
    return import_id


def _refuse_at_once(upload: Upload, scratch: Path | None) -> None:
    """Refuse a file for what its head shows at once, rather than some minutes later."""
    try:
        check_head(upload.kind, base_name(upload.file_name), upload.content, upload.crs, scratch)
    except Invalid as refused:
        faults = [Fault("query.crs", each.message) if each.where == "crs" else each for each in refused.faults]
        raise Invalid(refused.detail, faults) from refused


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


def rejected_rows(session: Session, import_id: UUID) -> str:
    """Note that the rejected rows are read, and return the name of their file; :func:`rejected_piece` gives the content.

    Raises:
        NotFound: there is no such import, or nothing was rejected, or it was so long ago that the rows are gone.
    """
    name = session.scalar(select(Import.file_name).where(Import.id == import_id))
    if name is None:
        raise _missing(import_id)
    if spool.take(session, import_id, "rejected", 0) is None:
        raise NotFound("没有被拒绝的行，或已过保存期限 / no rows were rejected, or they are no longer kept")
    note(session, "import.read", f"import:{import_id}")
    return f"{name}.rejected.csv"


def rejected_piece(session: Session, import_id: UUID, number: int) -> bytes | None:
    """Return a piece, counted from 0, of the rejected rows: a CSV file to correct and import again; None after the last."""
    return spool.take(session, import_id, "rejected", number)


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
        raise Conflict(f"导入已结束（{state}），不能取消 / the import has ended ({state}) and cannot be cancelled")
    session.execute(
        update(Import)
        .where(Import.id == import_id)
        .values(state="cancelled", read=0, progress=0, finished_at=datetime.now(UTC))
    )
    spool.drop(session, import_id)


def unknown_kind(kind: str, where: str) -> Fault:
    """Return the fault of a kind that there is not, with those that there are."""
    choices = ", ".join(f"{kind} {label}" for kind, label in IMPORT_KINDS.items())
    return Fault(where, f"没有种类 {kind[:40]}，可用 / no such kind; choose from: {choices}")


def told(faults: list[Fault]) -> list[dict[str, str]]:
    """Return the faults that are kept, as they are kept."""
    return [asdict(fault) for fault in faults[:KEPT_FAULTS]]


def base_name(given: str) -> str:
    """Return the last part of a name as a browser sends it, without signs that a header or a terminal would take amiss."""
    name = re.split(r"[/\\]", given)[-1]
    return "".join(c for c in name if c.isprintable())[-200:] or "upload"


def _listed() -> Any:
    return select(*(getattr(Import, name) for name in _SHOWN))


def _missing(import_id: UUID) -> NotFound:
    return NotFound(f"没有编号为 {import_id} 的导入 / there is no import {import_id}")
