"""One private PostgreSQL cluster: made, started, mended after a kill, stopped. The caller holds the start lock."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg

from gis.store.binaries import Binaries, find_binaries
from gis.store.ordinary import EmbeddedServerError, ServerUser, has_cluster

SUPERUSER = "linli"
PORT = 5432  # only part of the socket's name: nothing listens on a network
_START_LIMIT_S = 900  # crash recovery after a large import takes its time
_SOCKET_PATH_LIMIT = 100  # bytes; Linux allows 107, macOS 103
_SAFE_PATH = re.compile(r"[A-Za-z0-9/._-]+")  # libpq splits host at commas, and reads % in an address
_LOG_LIMIT_BYTES = 10_000_000
_MAKING = "data.making-"
_MIB = 1 << 20
_RESERVE_BYTES = 48 * _MIB
"""Three segments of the write-ahead log: recovery on a full disk needs one, and the disk is full as long as nobody can sweep it."""
_LITTLE_BYTES = 32 * _MIB


class Cluster:
    """The cluster in ``folder``: ``data/`` with its settings, ``server.log``, and the socket where the path is short enough."""

    def __init__(self, folder: Path, user: ServerUser, notice: Callable[[str], None]) -> None:
        """Describe the cluster; nothing is touched yet."""
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.name = "linli-" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        self._user = user
        self._notice = notice
        self._found: Binaries | None = None

    @property
    def _binaries(self) -> Binaries:
        if self._found is None:
            version = self.data / "PG_VERSION"
            self._found = find_binaries(int(version.read_text()) if has_cluster(self.data) else None)
        return self._found

    # Making

    def make_if_missing(self, keep_open: tuple[int, ...]) -> None:
        """Make the cluster where there is none, under a temporary name first, so that ``data`` is whole or absent.

        Args:
            keep_open: the start lock's file; ``initdb`` inherits it, and so the lock lasts until an ``initdb`` has
                ended whose program was killed.
        """
        for leftover in self.folder.glob(_MAKING + "*"):
            shutil.rmtree(leftover)
        if has_cluster(self.data):
            return
        if self.data.exists():
            self._set_aside()
        making = Path(tempfile.mkdtemp(prefix=_MAKING, dir=self.folder))
        self._user.own(making)
        self._initdb(making, keep_open)
        making.rename(self.data)
        _sync_folder(self.folder)

    def _set_aside(self) -> None:
        """Keep what is no whole cluster under another name: it is not ours to throw away."""
        aside = self.data.with_name(f"data.incomplete-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
        self.data.rename(aside)
        self._notice(
            f"{self.data} 不是完整的数据库，已改名为 {aside.name}，重新建立 / "
            f"{self.data} was no whole cluster; it is kept as {aside.name} and a new one is made"
        )

    def _initdb(self, making: Path, keep_open: tuple[int, ...]) -> None:
        common = [
            self._binaries.program("initdb"), "-D", making.name, "--username", SUPERUSER, "--encoding", "UTF8",
            "--auth-local", "trust", "--auth-host", "reject", "--data-checksums", "--text-search-config", "simple",
        ]  # fmt: skip
        # macOS has no C.UTF-8 among its locales; from 17 on PostgreSQL brings its own.
        locales = [["--locale=C.UTF-8"], ["--locale=C"]]
        if self._binaries.major >= 17:
            locales.insert(0, ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"])
        for locale in locales:
            done = self._user.run([*common, *locale], self.folder, capture_output=True, pass_fds=keep_open)
            if done.returncode == 0:
                return
        raise EmbeddedServerError(f"initdb 失败 / initdb failed:\n{done.stdout}{done.stderr}")

    # Starting and stopping

    def bring_up(self) -> None:
        """Start the server, or wait for the one that runs; whatever a killed one left behind is cleared away first."""
        deadline = time.monotonic() + _START_LIMIT_S
        while not self.answers():
            if time.monotonic() > deadline:
                raise EmbeddedServerError(self._failure("数据库没有应答", "the database does not answer"))
            if self._postmaster() is None and not self._launching():
                self._clear_away()
                self._start()
            else:  # on its way up or down
                time.sleep(0.05)
        self._keep_reserve()

    def _start(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_name("server.log.1"))
        if shutil.disk_usage(self.folder).free < _LITTLE_BYTES:
            self._reserve.unlink(missing_ok=True)
        settings = {
            **SETTINGS,
            **_memory(),
            "cluster_name": self.name,
            "unix_socket_directories": str(self._new_socket_dir()),
        }
        options = " ".join(f"-c {shlex.quote(f'{key}={value}')}" for key, value in settings.items())
        done = self._user.run(
            [self._binaries.program("pg_ctl"), "start", "-s", "-w", "-t", str(_START_LIMIT_S), "-D", self.data.name, "-l", self.log.name, "-o", options],
            self.folder, capture_output=True,
        )  # fmt: skip
        # A start begun by a program that was killed may have come first: then that server is the one to use.
        if done.returncode != 0 and self._postmaster() is None:
            raise EmbeddedServerError(self._failure("数据库无法启动", "the database does not start"))

    @property
    def _reserve(self) -> Path:
        return self.folder / "reserve"

    def _keep_reserve(self) -> None:
        """Take a little of the disk while there is plenty, to be given up for a start after the disk was full."""
        if self._reserve.exists() or shutil.disk_usage(self.folder).free < 2 * _RESERVE_BYTES:
            return
        with contextlib.suppress(OSError), self._reserve.open("xb") as reserve:
            for _ in range(_RESERVE_BYTES // _MIB):
                reserve.write(bytes(_MIB))

    def stop(self) -> None:
        """Stop the server, ending whatever is still connected, and wait until it has."""
        if (running := self._postmaster()) is not None:
            pg_ctl = [self._binaries.program("pg_ctl"), "stop", "-s", "-w", "-D", self.data.name]
            for mode, limit_s in (("fast", "120"), ("immediate", "30")):
                if (
                    self._user.run([*pg_ctl, "-m", mode, "-t", limit_s], self.folder, capture_output=True).returncode
                    == 0
                ):
                    break
            self._left_of([running], limit_s=10)
        if (apart := self.socket_dir()) != self.folder:
            shutil.rmtree(apart, ignore_errors=True)

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, database: str) -> psycopg.Connection:
        """Connect as the superuser, committing each statement by itself."""
        return psycopg.connect(
            host=str(self.socket_dir()), port=PORT, user=SUPERUSER, dbname=database, autocommit=True, connect_timeout=10
        )

    def _failure(self, chinese: str, english: str) -> str:
        tail = ""
        with contextlib.suppress(OSError):
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return f"{chinese}，记录见 {self.log} / {english}; see {self.log}\n{tail}"

    # The socket

    def socket_dir(self) -> Path:
        """Return the folder of the socket: the cluster's own, or the private short one that the last start noted."""
        if self._fits(self.folder):
            return self.folder
        with contextlib.suppress(OSError):
            noted = Path(self._note.read_text())
            found = noted.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == self._user.uid and stat.S_IMODE(found.st_mode) == 0o700:
                return noted
        return self.folder

    def _new_socket_dir(self) -> Path:
        if self._fits(self.folder) or (noted := self.socket_dir()) != self.folder:
            return self.socket_dir()
        for parent in (tempfile.gettempdir(), "/tmp"):
            noted = Path(tempfile.mkdtemp(prefix="linli-", dir=parent))
            self._user.own(noted)
            if self._fits(noted) and self._user.can_enter(noted):
                break
            noted.rmdir()
        else:
            raise EmbeddedServerError(
                "找不到放置数据库套接字的短路径文件夹 / no folder with a short path for the database's socket: set TMPDIR"
            )
        self._note.unlink(missing_ok=True)
        with self._note.open("x") as note:  # "x" follows no link that somebody put there
            note.write(str(noted))
        return noted

    @property
    def _note(self) -> Path:
        return self.folder / "socket-directory"

    def _fits(self, folder: Path) -> bool:
        length = len(os.fsencode(folder / f".s.PGSQL.{PORT}"))
        return length <= _SOCKET_PATH_LIMIT and _SAFE_PATH.fullmatch(str(folder)) is not None

    # What a kill leaves behind

    def _postmaster(self) -> psutil.Process | None:
        """Return the running server, if ``postmaster.pid`` names one and it is this cluster's, not a stranger with the same number."""
        try:
            process = psutil.Process(int(self._pid_file.read_text().split("\n", 1)[0]))
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None
        return process if self._is_ours(process) else None

    @property
    def _pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def _is_ours(self, process: psutil.Process) -> bool:
        """Tell whether a process is one of this cluster's: all of them carry its name, and stay in its folder.

        Root in a container may not look at another user's folder, but sees the name; a cluster that was renamed while it
        ran is known by its folder.
        """
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("post"):
                return False
            return self.name in " ".join(process.cmdline()) or Path(process.cwd()).samefile(self.data)
        return False

    def _launching(self) -> bool:
        """Tell whether a start goes on whose program was killed; in its first moments no file in the folder shows it."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                command = process.cmdline()
                if self.name in " ".join(command) and not command[0].startswith("postgres: "):
                    return True
        return False

    def _clear_away(self) -> None:
        """End server processes whose postmaster is gone, and remove the locks it left.

        PostgreSQL itself recognises most stale locks, but takes the number in one for a running server where another process
        has got it since. What the dead server had not written to its tables it has in its log, and replays.
        """
        orphans = [p for p in psutil.process_iter() if self._is_ours(p)]
        for end, patience_s in ((None, 2), (psutil.Process.terminate, 3), (psutil.Process.kill, 30)):
            for process in orphans:
                with contextlib.suppress(psutil.Error):
                    if end is not None:
                        end(process)
            orphans = self._left_of(orphans, patience_s)
        if orphans:
            raise EmbeddedServerError(
                f"无法结束残留的数据库进程 / cannot end left-over database processes: {[p.pid for p in orphans]}"
            )
        self._pid_file.unlink(missing_ok=True)
        for left in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.socket_dir() / left).unlink(missing_ok=True)

    def _left_of(self, processes: list[psutil.Process], limit_s: float) -> list[psutil.Process]:
        """Wait for processes to end; return those that have not. Dead ones that nobody has buried yet count as ended."""
        deadline = time.monotonic() + limit_s
        while processes := [p for p in processes if self._is_ours(p)]:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        return processes


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Everything that keeps data safe (fsync, full_page_writes, synchronous_commit) stays as PostgreSQL has it.
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": 100,
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": 1.1,
    "jit": "off",  # compiling costs more than these short queries take
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_error_verbosity": "terse",  # details of an error would put people's rows into the log
}


def _memory() -> dict[str, str]:
    """Return settings for a server that shares the machine with the program itself."""
    total_mib = psutil.virtual_memory().total // _MIB
    return {
        "shared_buffers": f"{min(max(total_mib // 32, 64), 1024)}MB",
        "effective_cache_size": f"{max(total_mib // 2, 256)}MB",
        "maintenance_work_mem": f"{min(max(total_mib // 64, 64), 512)}MB",
        "work_mem": f"{min(max(total_mib // 512, 4), 32)}MB",
    }
