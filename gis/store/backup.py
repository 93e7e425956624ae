"""A backup: one consistent picture of the database, taken while others go on writing."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import psycopg
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from gis.errors import Unavailable
from gis.store.archive import Manifest, Progress, refuse_existing, writing
from gis.store.auditing import Note, write_as_owner
from gis.store.binaries import PostgresNotFound, find_client
from gis.store.digests import digest_tables
from gis.store.session import Store


def back_up(
    store: Store, file: Path, *, force: bool = False, progress: Progress = lambda _done, _all: None
) -> Manifest:
    """Write the whole database to a file, and with it the ids of its keys and a digest of every table of the same moment.

    Args:
        store: opened as the owner; it need not be at the program's migration.
        file: appears when it is whole, readable for its owner alone. It holds people's names in clear; sealed fields stay sealed.
        force: overwrite an existing file.
        progress: called with bytes written.

    Returns:
        What the backup holds.

    Raises:
        Conflict, Invalid: the file exists; its folder does not.
        Unavailable: there is nothing to back up, no pg_dump of the server's version, or the dump failed.
    """
    refuse_existing(file, force)
    with _told(), psycopg.connect(libpq(store.owner_url), autocommit=True) as connection:
        # No migration meanwhile: pg_dump reads the catalogue as it is now, not as the picture has it.
        connection.execute("SELECT pg_advisory_lock_shared(hashtext('linli migrations'))")
        if connection.execute("SELECT to_regclass('public.audit_log')").fetchone() == (None,):
            raise Unavailable(
                "数据库还是空的，没有可备份的内容 / the database is still empty; there is nothing to back up"
            )
        with store.owner_engine.begin() as noting:
            write_as_owner(noting, Note("backup.write", detail={"file": file.name}))
        major = connection.info.server_version // 10_000
        program = client("pg_dump", major)
        with writing(file, force=force) as target, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            [picture] = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
            command = [program, "--format=custom", "--compress=1", f"--snapshot={picture}", "--no-password"]
            with (
                ThreadPoolExecutor(1) as beside,
                running([*command, "--dbname", libpq(store.owner_url, secret=False)], store.owner_url) as dumping,
            ):
                described = beside.submit(_describe, connection)
                length, digest = target.dump(_of(dumping.stdout), progress)
                revision, keys, tables = described.result()
            manifest = Manifest(
                made_at=datetime.now(UTC), revision=revision, postgres=major, keys=keys, tables=tables,
                dump_bytes=length, dump_sha256=digest,
            )  # fmt: skip
            target.manifest(manifest)
    return manifest


@contextmanager
def _told() -> Iterator[None]:
    """Say what a person can do when the server fails meanwhile."""
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        name = type(error.orig if isinstance(error, DBAPIError) else error).__name__
        raise Unavailable(
            f"备份时数据库出错，没有写出文件，请稍后再备份一次 / the database failed during the backup and no file was written; back up once more: {name}"
        ) from error


def _describe(connection: psycopg.Connection) -> tuple[str, list[str], dict]:
    revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    keys = connection.execute("SELECT id FROM field_keys WHERE retired_at IS NULL ORDER BY created_at, id")
    return revision[0] if revision else "", [key for (key,) in keys.fetchall()], digest_tables(connection)


def libpq(url: str, *, database: str | None = None, secret: bool = True) -> str:
    """Return SQLAlchemy's address as libpq reads it, for another database where one is named, without the password unless ``secret``."""
    address = make_url(url).set(drivername="postgresql")
    if database is not None:
        address = address.set(database=database)
    if not secret:
        address = address._replace(password=None)
    return address.render_as_string(hide_password=False)


def client(name: str, major: int) -> str:
    """Return the path of ``pg_dump`` or ``pg_restore``.

    Raises:
        Unavailable: there is none of the server's version; the detail says what to install.
    """
    try:
        return find_client(name, major)
    except PostgresNotFound as error:
        raise Unavailable(str(error)) from error


@contextmanager
def running(command: list[str], url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a client program with pipes; the password goes by its environment, where other users cannot see it.

    Raises:
        Unavailable: it failed; the detail is its first complaint, without the lines that could quote a row.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LINLI_"))}
    password = make_url(url).password
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, env=environment | {"LC_ALL": "C"},
        )  # fmt: skip
        try:
            yield process
            process.communicate()
        except BaseException:
            process.kill()
            process.communicate()
            raise
        if process.returncode != 0:
            complaints.seek(0)
            lines = complaints.read().decode(errors="replace").splitlines()
            said = next((line for line in lines if "error:" in line), "")
            name = Path(command[0]).name
            raise Unavailable(f"{name} 失败 / {name} failed ({process.returncode}): {said}")


def _of(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # it was asked for as a pipe
    return stream
