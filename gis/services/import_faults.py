"""What breaks an import off that is no fault of its file: the database away, a disk full, a fault of ours; and what is said of it."""

from __future__ import annotations

import errno
import traceback

import psycopg
from sqlalchemy.exc import DBAPIError

INTERRUPTED = (
    "导入被中断，未保留任何内容，请重新导入 / the import was interrupted and nothing was kept; import the file again"
)
FAILED = "导入出错，未保留任何内容 / the import failed and nothing was kept"
NO_ROOM = "磁盘已满或损坏（数据库或数据文件夹），未保留任何内容；请清理或检查磁盘后重新导入 / a disk is full or broken (the database's or the data folder's) and nothing was kept; make room or check the disk, and import the file again"
_NO_ROOM = (psycopg.errors.DiskFull, psycopg.errors.IoError, psycopg.errors.InternalError_)
"""What trying again at once would not mend."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def database_fault(error: BaseException) -> psycopg.Error | None:
    """Return what broke the import off where that was the database: away, full, a lock that two waited for. Rows go in by COPY, past SQLAlchemy."""
    fault = error.orig if isinstance(error, DBAPIError) else error
    ours = (psycopg.OperationalError, psycopg.InterfaceError, *_NO_ROOM)
    return fault if isinstance(fault, ours) else None


def lacks_room(error: BaseException) -> bool:
    """Tell whether a disk is full: the database's, or, at the bottom of what a reader took for a damaged file, that of the data folder."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return True
        cause = cause.__cause__
    return isinstance(database_fault(error), _NO_ROOM)


def frames(error: BaseException) -> list[str]:
    """Return where an error came from; its text could hold a value of a personal column and is left out."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-8:]]
