"""How much personal data one account may look at within an hour: enough for any honest day's work, too little to carry off a place."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import ceil

from gis.errors import TooMany

_HOUR_S = 3600.0
_MOST_SUBJECTS = 200_000
"""What is remembered at most, of all accounts together."""


class Pace:
    """Counts what each account has looked at within the last hour; the same thing again does not count again.

    It lives in the service's memory: a new start begins anew, and the audit log keeps all that was looked at in any case.
    """

    def __init__(self, most: int, wording: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow ``most`` different things an hour (0: any number); ``wording`` (中文 / English) says of what."""
        self._most = most
        self._wording = wording
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[int, OrderedDict[str, float]] = {}
        self._total = 0

    def check(self, account_id: int, subject: str) -> None:
        """Count one look.

        Raises:
            TooMany: the account has looked at too many others within the hour; with the seconds to wait.
        """
        if not self._most:
            return
        now = self._clock()
        with self._lock:
            if self._total >= _MOST_SUBJECTS:
                self._forget(now)
            seen = self._seen.setdefault(account_id, OrderedDict())
            while seen and next(iter(seen.values())) <= now - _HOUR_S:
                seen.popitem(last=False)
                self._total -= 1
            if subject in seen:
                return
            if len(seen) >= self._most:
                wait_s = next(iter(seen.values())) + _HOUR_S - now
                zh, _, en = self._wording.partition(" / ")
                raise TooMany(
                    f"一小时内查看的{zh}已达 {self._most}，请稍后再试，或联系管理员 / "
                    f"{self._most} {en} looked at within an hour: try again later, or ask your administrator",
                    retry_after_s=ceil(wait_s),
                )
            seen[subject] = now
            self._total += 1

    def _forget(self, now: float) -> None:
        """Let go of what no longer counts; where all counts, of the accounts that looked at least."""
        for seen in self._seen.values():
            while seen and next(iter(seen.values())) <= now - _HOUR_S:
                seen.popitem(last=False)
        self._seen = {account: seen for account, seen in self._seen.items() if seen}
        by_size = sorted(self._seen, key=lambda account: len(self._seen[account]))
        while sum(map(len, self._seen.values())) >= _MOST_SUBJECTS and by_size:
            del self._seen[by_size.pop(0)]
        self._total = sum(map(len, self._seen.values()))


class Seldom:
    """Tells whether something has not been said of late, so that whoever repeats it a thousand times fills no log with it."""

    def __init__(
        self, every_s: float = 60.0, clock: Callable[[], float] = time.monotonic, *, most: int = 10_000
    ) -> None:
        self._every_s = every_s
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._said: OrderedDict[Hashable, float] = OrderedDict()

    def due(self, what: Hashable) -> bool:
        """Tell whether to say it now."""
        now = self._clock()
        with self._lock:
            while self._said and (
                len(self._said) > self._most or next(iter(self._said.values())) <= now - self._every_s
            ):
                self._said.popitem(last=False)
            if what in self._said:
                return False
            self._said[what] = now
            return True
