"""The newest entries of the audit log as verifications have found them, noted outside the database.

Whoever owns the database can cut off the log's end and set its head back, or write all of it anew, and the chain is whole again. What was noted here
before says otherwise.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from gis.errors import Invalid
from gis.secrecy.chain import Link
from gis.services.audit import link_of

FILE = "audit-heads"


def noted(folder: Path) -> list[Link]:
    """Return what has been noted in a folder, the oldest first.

    Raises:
        Invalid: a line of the file is no entry; the fault names it.
    """
    try:
        lines = (folder / FILE).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(link_of(line))
        except Invalid as error:
            raise Invalid(f"{folder / FILE}:{number}：{error.detail}", error.faults) from error
    return found


def remember(folder: Path, head: Link) -> None:
    """Note the newest entry of a log that was found in order; on the disk before this returns, readable for its owner alone."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(f"{head.id}:{head.hash.hex()}\n".encode())
        file.flush()
        os.fsync(descriptor)


def set_aside(folder: Path) -> None:
    """Keep what was noted under another name: the log is another one from now on, for a backup has been restored."""
    if (folder / FILE).exists():
        (folder / FILE).rename(folder / f"{FILE}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
