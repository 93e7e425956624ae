"""A folder for a test's cluster: in memory where there is room, because making clusters is mostly waiting for the disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4_000_000_000
_IN_USE = ".in-use"


def scratch_folder(prefix: str) -> Path:
    """Make an empty folder that the server's ordinary user can reach, unlike pytest's own; the caller removes it.

    Folders of test runs that were killed are removed: each is locked by its run as long as that lives.
    """
    in_memory = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    place = _MEMORY if in_memory else Path(tempfile.gettempdir())
    for left in place.glob(f"{prefix}*/{_IN_USE}"):
        with contextlib.suppress(OSError), left.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left.parent, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    made.chmod(0o755)
    locked = made / ".locked"
    lock = os.open(locked, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)  # held until this process ends
    locked.rename(made / _IN_USE)
    return made
