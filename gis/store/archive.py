"""The file of a backup: a zip that holds pg_dump's custom format (``linli.dump``) and, written last, what it should be (``manifest.json``).

Nothing is packed twice: the dump is compressed, the zip is not. ``unzip`` and ``pg_restore`` open both without linli.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import hashlib
import os
import secrets
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ValidationError

from gis.errors import Conflict, Fault, Invalid, Unavailable
from gis.store.digests import TableDigest

DUMP, MANIFEST = "linli.dump", "manifest.json"
_BLOCK = 1 << 20
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)

Progress = Callable[[int, int | None], None]
"""Called with bytes done, and bytes in all where that is known."""


class Manifest(BaseModel):
    """What a backup holds and what it takes to use it; no key and no value is in it."""

    linli_backup: Literal[1] = 1
    made_at: datetime
    revision: str
    """Of the tables."""
    postgres: int
    """Major version of the server."""
    keys: list[str]
    """Ids (fingerprints) of the field keys that values are sealed with."""
    tables: dict[str, TableDigest]
    dump_bytes: int
    dump_sha256: str


class Writing:
    """A backup that is being written: blocks of the dump first, then the manifest."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def dump(self, source: IO[bytes], progress: Progress) -> tuple[int, str]:
        """Copy the dump; returns its length in bytes and its SHA-256."""
        digest, length = hashlib.sha256(), 0
        with self._archive.open(DUMP, "w", force_zip64=True) as target:
            while block := source.read(_BLOCK):
                target.write(block)
                digest.update(block)
                length += len(block)
                progress(length, None)
        return length, digest.hexdigest()

    def manifest(self, manifest: Manifest) -> None:
        """Write what the backup should be."""
        self._archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))


class Archive:
    """A backup that has been proven whole."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive = archive
        self.manifest = manifest

    def blocks(self) -> Iterator[bytes]:
        """Give the dump."""
        with self._archive.open(DUMP) as source:
            while block := source.read(_BLOCK):
                yield block


def refuse_existing(file: Path, force: bool) -> None:
    """Refuse a file that is there, or a folder that is not, before any work.

    Raises:
        Conflict, Invalid: it exists; its folder does not.
    """
    if not file.parent.is_dir():
        raise Invalid(f"没有这个文件夹 / there is no such folder: {file.parent}", [Fault("FILE", str(file.parent))])
    if file.is_dir() or (file.exists() and not force):
        raise Conflict(
            f"文件已存在，未覆盖；要覆盖请加 --force / the file exists and is kept; to overwrite it add --force: {file}"
        )


@contextmanager
def writing(file: Path, *, force: bool) -> Iterator[Writing]:
    """Give what to write into; the file appears under its name, readable for its owner alone, when it is whole and on the disk.

    Raises:
        Conflict, Invalid, Unavailable: it exists; its folder does not; it cannot be written.
    """
    refuse_existing(file, force)
    _sweep(file)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w+b") as stream:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(stream, fcntl.LOCK_EX)  # until this process ends, however it does
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
                yield Writing(archive)
            stream.flush()
            os.fsync(stream.fileno())
        _name(draft, file, force)
        folder = os.open(file.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except FileExistsError:
        refuse_existing(file, force)
        raise
    except OSError as error:
        raise Unavailable(
            f"无法写入备份文件 / the backup cannot be written: {file}: {error.strerror or error}"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _name(draft: Path, file: Path, force: bool) -> None:
    """Give the draft its name; where the file system knows no second names (FAT, many shares) two at once could overwrite each other."""
    if not force:
        try:
            os.link(draft, file)
            return
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            refuse_existing(file, force)
    draft.replace(file)


def _sweep(file: Path) -> None:
    """Remove the drafts that killed backups of this name have left: there are people's names in them."""
    for left in file.parent.glob(f".{glob.escape(file.name)}.*.part"):
        with suppress(OSError), left.open("rb") as draft:
            fcntl.flock(draft, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


@contextmanager
def reading(file: Path, progress: Progress = lambda _done, _all: None) -> Iterator[Archive]:
    """Give a backup after reading all of it once, to be sure that nothing is missing or damaged.

    Raises:
        Invalid: it is no backup, or not whole.
        Unavailable: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            try:
                opened = _proven(stream, progress)
            except (
                zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValidationError, NotImplementedError, RuntimeError, ValueError,
            ) as error:  # fmt: skip
                raise _damaged(file) from error
            if opened is None:
                raise _damaged(file)
            yield opened
    except OSError as error:
        raise Unavailable(f"无法读取备份文件 / the backup cannot be read: {file}: {error.strerror or error}") from error


def _proven(stream: IO[bytes], progress: Progress) -> Archive | None:
    archive = zipfile.ZipFile(stream)
    if archive.getinfo(MANIFEST).file_size > 16 * _BLOCK:
        return None
    manifest = Manifest.model_validate_json(archive.read(MANIFEST))
    digest, length = hashlib.sha256(), 0
    with archive.open(DUMP) as source:
        while block := source.read(_BLOCK):
            digest.update(block)
            length += len(block)
            progress(length, manifest.dump_bytes)
    whole = length == manifest.dump_bytes and digest.hexdigest() == manifest.dump_sha256
    return Archive(archive, manifest) if whole else None


def _damaged(file: Path) -> Invalid:
    message = (
        "不是完整的 linli 备份：文件被截断、损坏，或不是 linli backup 所写；什么也没有改动，请换一份备份 / "
        "this is no whole backup: it is cut, damaged, or was not written by linli backup; nothing was changed, take another copy"
    )
    return Invalid(f"{file}: {message}", [Fault(file.name, message)])
