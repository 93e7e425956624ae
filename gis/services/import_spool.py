"""Where a file waits and is worked on: sealed pieces in the database until its import ends, a private folder of this process meanwhile.

In the database, any process on any machine can take the import, and the pieces go in the same transaction in which it ends: no crash can leave
personal data behind. The folder holds readable copies; what a killed process leaves there is removed by the next one to look.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.orm import Session

from gis.models import ImportPiece
from gis.store.vault import about, vault_of

PIECE_BYTES = 1 << 20
FOLDER = "spool"
_IN_USE = ".in-use"
_MAKING_TAKES_AT_MOST_S = 60
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}")


def put(database: Session | Connection, import_id: UUID, part: str, file: IO[bytes]) -> tuple[int, str]:
    """Store a file piece by piece, sealed.

    Args:
        database: an open transaction.
        import_id: whose file it is.
        part: ``content`` or ``rejected``.
        file: read from where it stands to its end.

    Returns:
        Its length in bytes and its SHA-256.
    """
    cipher, digest, length, number = vault_of(database).cipher, hashlib.sha256(), 0, 0
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
        length += len(piece)
        sealed = cipher.seal(piece, _about(import_id, part, number))
        database.execute(insert(ImportPiece).values(import_id=import_id, part=part, number=number, sealed=sealed))
        number += 1
    return length, digest.hexdigest()


def take(database: Session | Connection, import_id: UUID, part: str, number: int) -> bytes | None:
    """Return a piece of a file, None after the last."""
    sealed = database.scalar(
        select(ImportPiece.sealed).where(
            ImportPiece.import_id == import_id, ImportPiece.part == part, ImportPiece.number == number
        )
    )
    return None if sealed is None else vault_of(database).cipher.open(sealed, _about(import_id, part, number))


def drop(database: Session | Connection, import_id: UUID) -> None:
    """Remove the file that was sent in; it has been read, or will not be."""
    database.execute(delete(ImportPiece).where(ImportPiece.import_id == import_id, ImportPiece.part == "content"))


def fetch(connection: Connection, import_id: UUID, file_name: str, folder: Path) -> tuple[Path, str]:
    """Write a file that was sent in into a folder, readable to this user alone.

    Args:
        connection: an open connection.
        import_id: whose file it is.
        file_name: its name; only the ending is used, by which its format is known.
        folder: a private folder.

    Returns:
        The path, and the SHA-256 of what was written.
    """
    endings = [ending for ending in Path(file_name).suffixes[-2:] if _ENDING.fullmatch(ending)]
    path = folder / ("upload" + "".join(endings))
    digest, number = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while (piece := take(connection, import_id, "content", number)) is not None:
            digest.update(piece)
            file.write(piece)
            number += 1
    return path, digest.hexdigest()


def _about(import_id: UUID, part: str, number: int) -> bytes:
    return about("import_pieces.sealed", f"{import_id}/{part}/{number}")


class Spool:
    """This process's private folder for files that are being imported."""

    def __init__(self, data_dir: Path) -> None:
        """Name the place; nothing is made yet.

        Args:
            data_dir: the folder in which this program keeps what belongs to it.
        """
        self._root = data_dir / FOLDER
        self._mine: Path | None = None
        self._lock = -1

    def open(self) -> Self:
        """Make the folder, locked for as long as this process lives, and remove those of processes that have died."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.sweep()
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=self._root))
        self._lock = os.open(making / _IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._mine = making.rename(self._root / f"process-{making.name.removeprefix('.making-')}")
        return self

    def sweep(self) -> None:
        """Remove what dead processes have left."""
        for left in self._root.glob("process-*"):
            with contextlib.suppress(OSError):
                lock = os.open(left / _IN_USE, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left)
                finally:
                    os.close(lock)
        for half in self._root.glob(".making-*"):
            with contextlib.suppress(OSError):
                if time.time() - half.stat().st_mtime > _MAKING_TAKES_AT_MOST_S:
                    shutil.rmtree(half)

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Give an empty folder for one import, removed at the end."""
        if self._mine is None:
            raise RuntimeError("the spool is not open")
        with tempfile.TemporaryDirectory(prefix="import-", dir=self._mine) as made:
            yield Path(made)

    def close(self) -> None:
        """Remove the folder."""
        if self._mine is not None:
            shutil.rmtree(self._mine, ignore_errors=True)
            os.close(self._lock)
            self._mine = None

    def __enter__(self) -> Self:
        """Open it as a context."""
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()
