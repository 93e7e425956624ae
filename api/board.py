"""The walls' answers, made once for all who ask: bytes by area, kept as long as nothing that they are made of has changed.

However many screens a change wakes, the first computes, the others wait for its answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anyio.to_thread
from sqlalchemy.orm import Session

from api.answers import Json
from api.compression import packed
from gis.services.casework.figures import TOPICS
from gis.services.snapshots import Snapshots
from gis.store.journal import Journal

_MOST = 256
"""Areas kept; the longest unused goes first."""
Key = tuple[str | None, bool]
"""Area, and whether people are counted one by one."""


@dataclass(frozen=True)
class Answer:
    """An answer as sent: of which state of the data and which minute, and its tag."""

    versions: tuple[Any, ...]
    minute: datetime
    body: bytes
    packed: bytes | None
    """The body by gzip, where that is worth it."""
    tag: str


class Board:
    """What one process tells walls. All of its threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Answer] = OrderedDict()
        self._at_work: dict[Key, threading.Lock] = {}
        self._next: dict[Key, asyncio.Task[Answer]] = {}
        self._turns: dict[Key, asyncio.Lock] = {}
        self.computed = 0
        """How many answers have been made."""

    def at_hand(self, journal: Journal, key: Key, now: datetime) -> Answer | None:
        """Return the answer if it is known to be current without asking anybody."""
        reading, kept = journal.latest(), self._kept.get(key)
        if reading is None or kept is None or kept.minute != _minute(now) or kept.versions != reading.of(TOPICS):
            return None
        return kept

    async def soon(self, key: Key, make: Callable[[], Answer]) -> Answer:
        """Return an answer whose making began after this question: one is made at a time, and all who ask meanwhile share the next.

        In a burst of changes no answer stays current for as long as the next takes: if each of two hundred walls made one of its own, the last would wait
        for all of them, and every thread of the process with it. A failure is the maker's own, who may have been signed out: who waited tries again.

        Args:
            key: what is asked for.
            make: makes it, in a thread.
        """
        task = self._next.get(key)
        own = task is None or task.done()
        if task is None or own:
            task = self._next[key] = asyncio.create_task(self._in_turn(key, make))
        try:
            return await asyncio.shield(task)
        except Exception:
            if own:
                raise
        return await self.soon(key, make)

    async def _in_turn(self, key: Key, make: Callable[[], Answer]) -> Answer:
        turn = self._turns.setdefault(key, asyncio.Lock())
        try:
            async with turn:
                del self._next[key]  # who asks from now on may know of a later change
                return await anyio.to_thread.run_sync(make)
        finally:
            if not turn.locked() and key not in self._next:
                self._turns.pop(key, None)

    def make(
        self,
        journal: Journal,
        key: Key,
        now: datetime,
        compute: Callable[[Callable[[Session], tuple[Any, dict[str, Any]]]], tuple[Any, dict[str, Any]]],
        work: Callable[[Session], dict[str, Any]],
        snapshots: Snapshots,
    ) -> Answer:
        """Return the answer, made anew unless somebody else has just made it.

        Args:
            journal: what the process knows of changes.
            key: what is asked for.
            now: the present moment on the place's clock.
            compute: runs work in a transaction.
            work: makes the content.
            snapshots: whose state the content belongs to.
        """
        with self._lock:
            own = self._at_work.setdefault(key, threading.Lock())
        with own:
            found = self.at_hand(journal, key, now)
            if found is not None:
                return found

            def versioned(session: Session) -> tuple[Any, dict[str, Any]]:
                # The versions first: what is read after them is as new or newer, so an answer is never believed for too long.
                return snapshots.versions(session, TOPICS), work(session)

            versions, content = compute(versioned)
            body = bytes(Json(content).body)
            tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            answer = Answer(versions, _minute(now), body, packed(body), tag)
            with self._lock:
                self.computed += 1
                self._kept[key] = answer
                self._kept.move_to_end(key)
                while len(self._kept) > _MOST:
                    old, _ = self._kept.popitem(last=False)
                    self._at_work.pop(old, None)
            return answer


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)
