"""The place's clock: all of China keeps one time (北京时间, UTC+8), so it is a constant and no setting.

SQL has the same as ``linli_zone()`` and ``linli_today()``, the pages' scripts as ``TIME_ZONE`` in common.js.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

TIME_ZONE = ZoneInfo("Asia/Shanghai")
"""Days begin and stations open by this clock."""


def now() -> datetime:
    """Return the present moment on the place's clock."""
    return datetime.now(TIME_ZONE)


def today() -> date:
    """Return the date on the place's clock."""
    return now().date()
