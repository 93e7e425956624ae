"""The embedded PostGIS: a private server that programs share and that stops with the last of them."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from sqlalchemy import URL

from gis.store import keeper
from gis.store.cluster import PORT, SUPERUSER, Cluster
from gis.store.keeper import ALIVE_LOCK
from gis.store.ordinary import FOLDER, EmbeddedServerError, ServerUser, server_user, settle

DATABASE = "linli"
_USERS_LOCK = "users.lock"
_LOCK_LIMIT_S = 1200
_SAY_AFTER_S = 3

__all__ = ["EmbeddedServer", "EmbeddedServerError"]


def _log(message: str) -> None:
    logging.getLogger(__name__).info(message)


class EmbeddedServer:
    """One program's share in the private server of a data folder.

    Locks in the folder order everything. ``start.lock`` is held while the server is made, started, mended or stopped.
    ``users.lock`` is held in common by every program that uses the server: who can take it alone while leaving is the last one, and
    stops the server. So is ``alive.lock``, for the keeper to wait on. The operating system drops all of them with their program,
    however that ends.
    """

    def __init__(self, data_dir: Path, cluster: Cluster, user: ServerUser, locks: tuple[int, int]) -> None:
        """Keep what ``start`` has prepared."""
        self.data_dir = data_dir
        self._cluster = cluster
        self._user = user
        self._locks: tuple[int, int] | None = locks
        self._pid = os.getpid()
        self._socket_dir = cluster.socket_dir()
        atexit.register(self.stop)

    @classmethod
    def start(cls, data_dir: Path, *, notice: Callable[[str], None] = _log) -> Self:
        """Take a share in the server of ``data_dir``, making the cluster, mending it and starting it as needed.

        Args:
            data_dir: the data folder; made if missing. Where root's server user cannot enter it, another is used (see ``data_dir``).
            notice: called with one line (Chinese / English) for what a person should know.

        Returns:
            The share; the database ``linli`` exists and takes connections.

        Raises:
            PostgresNotFound: no PostgreSQL with PostGIS is installed.
            EmbeddedServerError: the server cannot be made or started.
        """
        data_dir, user = settle(data_dir, notice)
        folder = data_dir / FOLDER
        cluster = Cluster(folder, user, notice)
        locks = _open_lock(folder / _USERS_LOCK, user), _open_lock(folder / ALIVE_LOCK, user)
        try:
            with _start_lock(folder, user, notice) as start_lock:
                for lock in locks:
                    fcntl.flock(lock, fcntl.LOCK_SH)
                keeper.watch(folder)
                cluster.make_if_missing((start_lock,))
                cluster.bring_up()
                _make_database(cluster)
        except BaseException:
            _close(locks)
            raise
        return cls(data_dir, cluster, user, locks)

    def url(self, user: str = SUPERUSER, database: str = DATABASE) -> str:
        """Return SQLAlchemy's address of a database on the local socket, signed in as ``user``."""
        address = URL.create(
            "postgresql+psycopg", user, database=database, query={"host": str(self._socket_dir), "port": str(PORT)}
        )
        return address.render_as_string(hide_password=False)

    def ensure_running(self) -> None:
        """Start the server again if it was killed under the running program; costs one connection if not."""
        if not self._cluster.answers():
            with _start_lock(self._cluster.folder, self._user, _log):
                keeper.watch(self._cluster.folder)  # it may have been killed with the server
                self._cluster.bring_up()
            self._socket_dir = self._cluster.socket_dir()

    def stop(self) -> None:
        """Give the share back; the last program's leaving stops the server. Safe to call twice."""
        if self._locks is None or os.getpid() != self._pid:  # a forked child has no share of its own
            return
        atexit.unregister(self.stop)
        locks, self._locks = self._locks, None
        try:
            with (
                contextlib.suppress(FileNotFoundError),  # deleted by hand; the server notices that itself and ends
                _start_lock(self._cluster.folder, self._user, _log, make=False),
            ):
                fcntl.flock(locks[0], fcntl.LOCK_UN)
                _stop_if_alone(self._cluster, self._user)
        finally:
            _close(locks)

    close = stop

    def __enter__(self) -> Self:
        """Use the share as a context."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the share back."""
        self.stop()


def stop_unused(folder: Path) -> bool:
    """Stop the server in ``folder`` unless a program uses it; tell whether none does. For the keeper."""
    try:
        user = server_user(folder.parent)
        with _start_lock(folder, user, _log, make=False):
            return _stop_if_alone(Cluster(folder, user, _log), user)
    except FileNotFoundError:  # the folder was deleted; its server notices that itself and ends
        return True


def start_again(folder: Path) -> None:
    """Start the server in ``folder`` if programs use it and it is not there. For the keeper, which tries again if it fails."""
    with contextlib.suppress(OSError, EmbeddedServerError):
        user = server_user(folder.parent)
        with _start_lock(folder, user, _log, make=False):
            if not _is_alone(folder, user):
                Cluster(folder, user, _log).bring_up()


def _stop_if_alone(cluster: Cluster, user: ServerUser) -> bool:
    """Stop the server if nobody holds the users' lock; the caller holds the start lock, so nobody can come meanwhile."""
    if not _is_alone(cluster.folder, user):
        return False
    cluster.stop()
    return True


def _is_alone(folder: Path, user: ServerUser) -> bool:
    """Tell whether nobody holds the users' lock; the caller holds the start lock, so nobody can come meanwhile."""
    alone = _open_lock(folder / _USERS_LOCK, user, make=False)
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(alone)
    return True


def _open_lock(path: Path, user: ServerUser, *, make: bool = True) -> int:
    """Open a lock's file, making it the server user's, so that this user's own programs can share it."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if make else 0)
    descriptor = os.open(path, flags, 0o600)
    if user.drops_root and os.fstat(descriptor).st_uid == 0:
        os.fchown(descriptor, user.uid, user.gid)
    return descriptor


def _close(locks: tuple[int, int]) -> None:
    for lock in locks:
        os.close(lock)


@contextlib.contextmanager
def _start_lock(folder: Path, user: ServerUser, notice: Callable[[str], None], *, make: bool = True) -> Iterator[int]:
    """Hold the start lock; yields its descriptor. Says so when another program keeps it for a while."""
    descriptor = _open_lock(folder / "start.lock", user, make=make)
    began, said = time.monotonic(), False
    try:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            waited_s = time.monotonic() - began
            if waited_s > _LOCK_LIMIT_S:
                raise EmbeddedServerError(f"{folder} 一直被另一程序占用 / another program keeps {folder} locked")
            if waited_s > _SAY_AFTER_S and not said:
                said = True
                notice("等待另一程序启动数据库 / waiting for another program to start the database")
            time.sleep(0.02)
        yield descriptor
    finally:
        os.close(descriptor)


def _make_database(cluster: Cluster) -> None:
    with cluster.connect("postgres") as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if known is None:
            with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(DATABASE)))
