"""Restoring a backup: into a database beside the present one, proven there, and put in its place in one transaction.

Until that last step the present database is not touched; a kill at any moment leaves either the old state or the new. What a killed attempt
leaves beside it is dropped by the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from gis.errors import Conflict, Fault, Invalid, Unavailable
from gis.store.archive import Archive, Manifest, Progress
from gis.store.auditing import Note, write_as_owner
from gis.store.backup import client, libpq, running
from gis.store.digests import digest_tables, shown, tables
from gis.store.session import Store, migration_config
from gis.store.vault import KeySource

_STARTS_WITH = frozenset(
    {
        "alembic_version", "field_keys", "field_secrets", "changes", "audit_log", "audit_head", "sessions", "place", "accounts",
        "grid_counts", "grid_counts_due", "need_marks", "shape_marks",
    }
)  # fmt: skip
"""Tables that a place has filled before anybody brought in data (of accounts, one)."""
_MAINTENANCE = ("postgres", "template1")
_NAME_BYTES = 50
"""Of a database's name, so that an ending fits behind it."""
_TURNS = 6
_CHANGES_MEANWHILE = 2**32
"""More than can be written while a backup is restored."""


@dataclass(frozen=True)
class Names:
    """The database's name, and those beside it."""

    present: str
    coming: str
    going: str

    @classmethod
    def of(cls, url: str) -> Names:
        """Return the names for the database of an address."""
        name = str(make_url(url).database)
        short = name.encode()[:_NAME_BYTES].decode(errors="ignore")
        return cls(name, f"{short}_restoring", f"{short}_replaced")


def restore(
    url: str,
    archive: Archive,
    keys: KeySource,
    *,
    overwrite: bool = False,
    check: Callable[[Store], None] = lambda _store: None,
    progress: Progress = lambda _done, _all: None,
) -> None:
    """Put a backup in the place of a database.

    Args:
        url: the owner's address; the database need not exist, and its owner must be allowed to make databases.
        archive: a backup that has been proven whole.
        keys: where this place's field keys are; none is made.
        overwrite: replace data; otherwise only an empty place is filled.
        check: called with the restored and migrated database before it takes its place; an error leaves the old state.
        progress: called with bytes restored, and bytes in all.

    Raises:
        Invalid: the backup is of a newer linli or PostgreSQL, or what was restored differs from what was backed up.
        Conflict: there is data, or another restore is running.
        Unavailable: a key is missing, or the server refuses; the detail says what to do.
    """
    manifest, names = archive.manifest, Names.of(url)
    _require_known(manifest)
    _require_keys(manifest, keys)
    with _maintenance(url) as connection:
        _require_server(connection, manifest)
        if not connection.execute(
            "SELECT pg_try_advisory_lock(hashtext(%s))", [f"linli restore {names.present}"]
        ).fetchone()[0]:  # type: ignore[index]
            raise Conflict("另一个恢复正在进行 / another restore is running")
        exists = _exists(connection, names.present)
        found = _data_in(url) if exists and not overwrite else []
        if found:
            raise Conflict(
                f"数据库中已有数据（{', '.join(found[:5])}），未改动；要用备份替换全部数据请加 --overwrite / "
                f"the database holds data ({', '.join(found[:5])}) and was not touched; to replace all of it add --overwrite"
            )
        _drop(connection, names.coming, names.going)
        newest = _newest_change(url) if exists else 0
        with _beside(connection, names):
            _fill(connection, url, names, archive, progress)
            _prove(url, names, manifest, keys, check, newest + _CHANGES_MEANWHILE)
        _change_places(connection, names, exists)


@contextmanager
def _beside(connection: psycopg.Connection, names: Names) -> Iterator[None]:
    """Drop the coming database where it does not become whole, and say that the present one was not touched.

    Raises:
        Unavailable: the server failed or is out of room.
    """
    untouched = Fault(
        "FILE", "原有数据未改动，排除原因后再恢复 / the old data was not touched; mend the cause and restore again"
    )
    try:
        yield
    except BaseException as error:
        with suppress(psycopg.OperationalError):  # else the next restore drops it
            _drop(connection, names.coming)
        if isinstance(error, Unavailable):
            raise Unavailable(error.detail, [*error.faults, untouched]) from error
        if isinstance(error, psycopg.Error | DBAPIError):
            name = type(error.orig if isinstance(error, DBAPIError) else error).__name__
            raise Unavailable(f"恢复时数据库出错 / the database failed while restoring: {name}", [untouched]) from error
        raise


def _change_places(connection: psycopg.Connection, names: Names, exists: bool) -> None:
    try:
        _swap(connection, names, exists)
        _drop(connection, names.going)
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"替换时数据库出错，现在的数据或者全是旧的，或者全是备份中的，请再恢复一次 / "
            f"the database failed while the backup took its place: the data is either all old or all the backup's; restore once more: {type(error).__name__}"
        ) from error
    finally:
        with suppress(psycopg.OperationalError):
            _drop(connection, names.coming)


def _require_known(manifest: Manifest) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(migration_config()).walk_revisions()}
    if manifest.revision not in known:
        message = (
            f"备份来自更新版本的 linli（{manifest.revision}），请先升级程序 / "
            f"the backup was made by a newer linli ({manifest.revision}); upgrade the program first"
        )
        raise Invalid(message, [Fault("FILE", message)])


def _require_keys(manifest: Manifest, keys: KeySource) -> None:
    keyring = keys.load()
    here = {key.name for key in keyring.keys} if keyring else set()
    missing = [name for name in manifest.keys if name not in here]
    if missing:
        wanted, have = ", ".join(missing), ", ".join(sorted(here))
        raise Unavailable(
            f"字段密钥不符：备份中的数据用密钥 {wanted} 加密，而 {keys.where()} 中{f'是 {have}' if have else '没有密钥'}。请先把当时的密钥放到 {keys.where()}"
            "（或设置 LINLI_FIELD_KEY），再恢复；什么也没有改动 / "
            f"wrong field key: the backup is sealed with {wanted}, but {keys.where()} holds {have or 'none'}. Bring that key back to {keys.where()} "
            "(or set LINLI_FIELD_KEY), then restore; nothing was changed"
        )


@contextmanager
def _maintenance(url: str) -> Iterator[psycopg.Connection]:
    """Connect to the server beside the database itself."""
    failure: Exception | None = None
    for database in _MAINTENANCE:
        try:
            opened = psycopg.connect(libpq(url, database=database), autocommit=True)
        except psycopg.OperationalError as error:
            failure = error
            continue
        with opened:
            yield opened
        return
    raise Unavailable(
        "连接不上数据库服务器 / the database server does not answer, or does not let its owner into the database postgres"
    ) from failure


def _require_server(connection: psycopg.Connection, manifest: Manifest) -> None:
    major = connection.info.server_version // 10_000
    if major < manifest.postgres:
        raise Unavailable(
            f"备份来自 PostgreSQL {manifest.postgres}，本服务器是 {major}，请用相同或更新的版本 / "
            f"the backup was made by PostgreSQL {manifest.postgres}, this server is {major}; use the same or a newer one"
        )
    may = connection.execute("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user").fetchone()
    if may != (True,):
        user = connection.info.user
        raise Unavailable(
            f"账号 {user} 不能新建数据库，请由管理员执行 ALTER ROLE {user} CREATEDB / "
            f"{user} may not make databases; have the administrator run: ALTER ROLE {user} CREATEDB"
        )


def _exists(connection: psycopg.Connection, name: str) -> bool:
    return connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _data_in(url: str) -> list[str]:
    """Return the tables that hold what somebody brought in."""
    found = []
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        for table in tables(connection):
            least = 0 if shown(table) not in _STARTS_WITH else 1 if table[1] == "accounts" else None
            if least is not None:
                query = sql.SQL("SELECT FROM {} OFFSET {} LIMIT 1").format(sql.Identifier(*table[:2]), least)
                if connection.execute(query).fetchone() is not None:
                    found.append(shown(table))
    return found


def _newest_change(url: str) -> int:
    """Return the number of the last change so far: numbers that caches know, or will know before the swap, must not be given out again."""
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        if connection.execute("SELECT to_regclass('public.changes')").fetchone() == (None,):
            return 0
        row = connection.execute("SELECT pg_sequence_last_value(pg_get_serial_sequence('changes', 'id'))").fetchone()
    return (row[0] if row else 0) or 0


def _drop(connection: psycopg.Connection, *names: str) -> None:
    for name in names:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _fill(connection: psycopg.Connection, url: str, names: Names, archive: Archive, progress: Progress) -> None:
    """Make the coming database and restore into it."""
    program = client("pg_restore", connection.info.server_version // 10_000)
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(names.coming))
    )
    connection.execute(
        "DO $$ BEGIN CREATE ROLE linli_service LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS; "
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    target = libpq(url, database=names.coming, secret=False)
    with running([program, "--no-owner", "--exit-on-error", "--no-password", "--dbname", target], url) as restoring:
        assert restoring.stdin is not None
        done = 0
        try:
            for block in archive.blocks():
                restoring.stdin.write(block)
                done += len(block)
                progress(done, archive.manifest.dump_bytes)
        except BrokenPipeError:  # it has given up; `running` says why
            pass


def _prove(
    url: str,
    names: Names,
    manifest: Manifest,
    keys: KeySource,
    check: Callable[[Store], None],
    newest: int,
) -> None:
    """Compare every table with the backup, migrate, try the keys, let the caller check, and number the changes on from ``newest``."""
    with psycopg.connect(libpq(url, database=names.coming), autocommit=True) as connection:
        found = digest_tables(connection)
        different = sorted(
            name for name in manifest.tables.keys() | found.keys() if manifest.tables.get(name) != found.get(name)
        )
        if different:
            message = (
                f"恢复出的表与备份不符：{', '.join(different)}，未改动原有数据 / "
                f"what was restored differs from the backup in: {', '.join(different)}; the old data was not touched"
            )
            raise Invalid(message, [Fault(name, message) for name in different])
        connection.execute("ANALYZE")
    address = make_url(url).set(database=names.coming).render_as_string(hide_password=False)
    store = Store(address, pool_size=1, keys=keys)
    try:
        store.migrate()
        store.open_vault()
        check(store)
        with store.owner_engine.begin() as owner:
            owner.exec_driver_sql(
                "SELECT setval('changes_id_seq', greatest(%s, nextval('changes_id_seq')))",
                (newest,),
            )
            owner.exec_driver_sql("UPDATE changes SET newest = nextval('changes_id_seq')")
            detail = {"made_at": manifest.made_at.isoformat(), "sha256": manifest.dump_sha256}
            write_as_owner(owner, Note("backup.restore", detail=detail))
    finally:
        store.close()


def _swap(connection: psycopg.Connection, names: Names, exists: bool) -> None:
    """Give the coming database the present one's name, in one transaction; whoever is connected to the present one is cut off."""
    for turn in range(_TURNS):
        stop = threading.Event()
        cutting = threading.Thread(
            target=_cut_off, args=(connection.info.dsn, connection.info.password, names.present, stop)
        )
        cutting.start()
        try:
            with connection.transaction():
                if exists:
                    connection.execute(_renamed(names.present, names.going))
                connection.execute(_renamed(names.coming, names.present))
            return
        except psycopg.errors.ObjectInUse as error:
            if turn == _TURNS - 1:
                raise Unavailable(
                    "数据库一直有人使用，请先停止服务再恢复 / the database is in use all the time; stop the service and restore again"
                ) from error
        finally:
            stop.set()
            cutting.join()


def _cut_off(dsn: str, password: str, name: str, stop: threading.Event) -> None:
    """End the sessions in a database until told to stop: the rename waits for them, and lets no new one in meanwhile."""
    with psycopg.connect(dsn, password=password or None, autocommit=True) as connection:
        while not stop.wait(0.1):
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def _renamed(old: str, new: str) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
