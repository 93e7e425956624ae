"""The ordinary user that the embedded server runs as, and a folder that this user can reach.

PostgreSQL refuses to run as root. Started by root, the program keeps its own rights and gives them up for the server alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

MOVED_TO = Path("/var/lib/linli")
FOLDER = "postgres"  # everything of the server's own, inside the data folder
_PREFERRED = ("postgres", "nobody")


class EmbeddedServerError(RuntimeError):
    """The embedded server cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class ServerUser:
    """Who runs the server: another user's ids when the program is root's, otherwise the program's own."""

    uid: int
    gid: int
    drops_root: bool

    def run(self, command: list[str], cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
        """Run a command as this user in a session of its own, so that Ctrl-C in the terminal does not reach it."""
        identity: dict[str, object] = (
            {"user": self.uid, "group": self.gid, "extra_groups": []} if self.drops_root else {}
        )
        return subprocess.run(  # type: ignore[call-overload]
            command, cwd=cwd, env=_plain_environment(), stdin=subprocess.DEVNULL, text=True,
            errors="replace", start_new_session=True, check=False, **{**identity, **options},
        )  # fmt: skip

    def can_enter(self, folder: Path) -> bool:
        """Tell whether this user can reach a folder, by trying."""
        return (
            self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], Path("/"), capture_output=True).returncode == 0
        )

    def own(self, path: Path) -> None:
        """Hand a file or folder that the program has just made over to this user."""
        if self.drops_root:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def settle(data_dir: Path, notice: Callable[[str], None]) -> tuple[Path, ServerUser]:
    """Return the folder to use for data, and the server's user, who can reach it.

    The folder is ``data_dir``, except where root's server user cannot enter it (such as under ``/root``): then it is a folder of the same
    name under ``/var/lib/linli``, and the notice says so. A cluster that is there already is found again in either place.
    """
    try:
        return _settle(Path(os.path.realpath(data_dir)), notice)
    except PermissionError as error:
        raise EmbeddedServerError(
            f"无权使用数据文件夹（由另一用户建立？） / no right to use the data folder (made by another user?): {error}"
        ) from error


def _settle(data_dir: Path, notice: Callable[[str], None]) -> tuple[Path, ServerUser]:
    elsewhere = MOVED_TO / _readable_name(data_dir)
    if not has_cluster(data_dir / FOLDER / "data") and has_cluster(elsewhere / FOLDER / "data"):
        notice(_moved(data_dir, elsewhere))
        return _own_folder(elsewhere, server_user(elsewhere))
    _make_folder(data_dir)
    user = server_user(data_dir)
    if not user.drops_root or user.can_enter(data_dir):
        return _own_folder(data_dir, user)
    _make_folder(elsewhere)
    if not user.can_enter(elsewhere):
        raise EmbeddedServerError(
            f"数据库用户无法进入 {data_dir} 或 {elsewhere}；请用 LINLI_DATA_DIR 指定别的文件夹 / "
            f"the database's user can enter neither {data_dir} nor {elsewhere}; name another folder in LINLI_DATA_DIR"
        )
    if has_cluster(data_dir / FOLDER / "data"):
        _move_cluster(data_dir / FOLDER, elsewhere / FOLDER)
    notice(_moved(data_dir, elsewhere))
    return _own_folder(elsewhere, user)


def has_cluster(data: Path) -> bool:
    """Tell whether a folder holds a whole cluster (one that ``initdb`` finished)."""
    return (data / "PG_VERSION").is_file() and (data / "global" / "pg_control").is_file()


def _own_folder(data_dir: Path, user: ServerUser) -> tuple[Path, ServerUser]:
    """Make the server's own folder, or mend its owner if a kill came between making it and handing it over."""
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid == 0:
        user.own(folder)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(f"{folder}: uid {folder.stat().st_uid}")
    return data_dir, user


def server_user(data_dir: Path) -> ServerUser:
    """Return the owner of existing data; for a new folder of root's, ``postgres`` or else ``nobody``."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), drops_root=False)
    for place in (data_dir / FOLDER / "data", data_dir / FOLDER, data_dir):
        if place.exists() and place.stat().st_uid != 0:
            with contextlib.suppress(KeyError):  # an id without an account, as in containers: PostgreSQL refuses it
                return _as(pwd.getpwuid(place.stat().st_uid))
    for name in _PREFERRED:
        with contextlib.suppress(KeyError):
            return _as(pwd.getpwnam(name))
    raise EmbeddedServerError(
        "数据库不能以 root 运行，而本机没有 postgres 或 nobody 用户；请用普通用户启动 / "
        "the database must not run as root, and there is no user postgres or nobody here; start as an ordinary user"
    )


def _as(account: pwd.struct_passwd) -> ServerUser:
    return ServerUser(account.pw_uid, account.pw_gid, drops_root=True)


def _make_folder(folder: Path) -> None:
    """Make a data folder that others may pass through but not list; everything personal lies deeper, in folders of 0700."""
    try:
        missing = [p for p in (folder, *folder.parents) if not p.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for made in missing:
            made.chmod(0o755)
    except PermissionError:
        raise  # who may not is told so in one place
    except OSError as error:
        raise EmbeddedServerError(f"无法建立数据文件夹 / cannot make the data folder: {error}") from error


def _move_cluster(old: Path, new: Path) -> None:
    """Move a cluster to a place its user can reach; across file systems it is copied and the first one kept aside."""
    lock = os.open(new.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if has_cluster(new / "data"):
            return  # another program was quicker
        if (old / "data" / "postmaster.pid").exists() and _is_busy(old):
            raise EmbeddedServerError(
                f"{old} 中的数据库仍在运行，请先停止 / the database in {old} still runs; stop it first"
            )
        if new.exists():
            new.rename(new.with_name(f"{new.name}.before-{time.time_ns()}"))
        try:
            old.rename(new)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            copying = new.with_name(new.name + ".copying")
            shutil.rmtree(copying, ignore_errors=True)
            subprocess.run(["cp", "-a", str(old), str(copying)], check=True)
            os.sync()
            copying.rename(new)
            old.rename(old.with_name(old.name + ".moved"))
    finally:
        os.close(lock)


def _is_busy(folder: Path) -> bool:
    """Tell whether a process works in the cluster of a folder."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if Path(process.cwd()).samefile(folder / "data"):
                return True
    return False


def _readable_name(data_dir: Path) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "-", str(data_dir)).strip("-")[-40:].strip("-")
    return f"{words}-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:8]}"


def _moved(data_dir: Path, elsewhere: Path) -> str:
    return (
        f"数据库的普通用户无法进入 {data_dir}，数据存放在 {elsewhere} / "
        f"the database's ordinary user cannot enter {data_dir}; the data are kept in {elsewhere}"
    )


def _plain_environment() -> dict[str, str]:
    """Return the environment for PostgreSQL's programs, free of the caller's ``PG…`` variables and language."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG", "LINLI_"))}
    return {**kept, "LC_ALL": "C"}
