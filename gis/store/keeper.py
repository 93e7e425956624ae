"""The process that stops the embedded server when its last program ended without doing so, by a kill or a closed terminal.

It waits in the background until nobody holds ``alive.lock`` any more, which the operating system lets go with each program, however
that ended. (Not ``users.lock``: the keeper's own moment of holding it would look like another user's.) It imports what stopping takes only then: waiting costs next to nothing.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

ALIVE_LOCK = "alive.lock"
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
    """Wait until the server in ``folder`` has no users, and stop it; end when it is stopped."""
    alive = os.open(folder / ALIVE_LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    while True:
        fcntl.flock(alive, fcntl.LOCK_EX)
        fcntl.flock(alive, fcntl.LOCK_UN)
        from gis.store.embedded import stop_unused

        if stop_unused(folder):
            return


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
