"""The process that looks after the embedded server: starts it again when it died under its programs, stops it when they did.

Every second it looks whether anybody holds ``alive.lock``, which the operating system lets go with each program, however that ended
(not ``users.lock``: the keeper's own moment of holding it would look like another user's), and whether the server's process is there.
It imports what starting and stopping take only then: looking costs next to nothing.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

ALIVE_LOCK = "alive.lock"
LOOK_EVERY_S = 1.0
_PROC = Path("/proc/self")
_KEEPER_LOCK = "keeper.lock"


def watch(folder: Path) -> None:
    """Let a keeper watch over the server in ``folder``, if none does yet. The caller holds the start lock."""
    lock = os.open(folder / _KEEPER_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        owner = folder.stat()
        if os.geteuid() == 0:
            os.fchown(lock, owner.st_uid, owner.st_gid)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Through a shell that leaves at once, so that the keeper is no child of the program: nothing to wait for.
        keeper = [sys.executable, "-m", "gis.store.keeper", str(folder)]
        subprocess.run(
            ["/bin/sh", "-c", '"$@" >/dev/null 2>&1 &', "sh", *keeper], check=True, stdin=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2], start_new_session=True, pass_fds=(lock,),
        )  # fmt: skip
    except BlockingIOError:
        pass  # one watches already
    finally:
        os.close(lock)


def keep(folder: Path) -> None:
    """Keep the server in ``folder`` running while it has users; end when it is stopped."""
    alive = os.open(folder / ALIVE_LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    missed = 0
    while True:
        time.sleep(LOOK_EVERY_S)
        if _is_unused(alive):
            from gis.store.embedded import stop_unused

            if stop_unused(folder):
                return
        missed = 0 if _is_running(folder) else missed + 1
        if missed > 1:  # whoever is just starting or stopping it needs no help
            from gis.store.embedded import start_again

            start_again(folder)


def _is_unused(alive: int) -> bool:
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(alive, fcntl.LOCK_UN)
    return True


def _is_running(folder: Path) -> bool:
    """Tell whether the server's process seems to be there; a stranger that has its number now is found out by who connects."""
    try:
        number = int((folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        if _PROC.exists():  # where nobody buries orphans, a dead server can still be signalled
            return (_PROC.parent / str(number) / "stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
        os.kill(number, 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
