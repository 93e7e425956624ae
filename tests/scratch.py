"""A folder for a test's cluster: in memory where there is room, because making clusters is mostly waiting for the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4_000_000_000


def scratch_folder(prefix: str) -> Path:
    """Make an empty folder that the server's ordinary user can reach, unlike pytest's own; the caller removes it."""
    in_memory = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if in_memory else None))
    made.chmod(0o755)
    return made
