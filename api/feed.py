"""Live changes: one listener a process follows the journal of changes and wakes every open stream."""

from __future__ import annotations

import asyncio
import contextlib
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gis.store.journal import FRESH_S, VERSIONS_SQL, Reading
from gis.store.session import Store

log = structlog.get_logger("linli.feed")
CHANNEL = "linli"
SESSIONS_ENDED = "sessions"
"""The notice that sessions have been revoked; it is no topic of the journal."""
BEAT_S = FRESH_S / 4
"""How often to ask without a notice: a busy process asks the database nothing else, as long as this goes well."""
_PAUSE_S = 0.5
"""Between two attempts to reach the database; it does not grow, so that all is back soon after it."""
_BEHIND_S = 2.0
"""Without a look at the journal for so long, the listener counts as cut off."""
_MARK = re.compile(r"([a-z_]{1,40})\.(\d{1,19})\.(\d{1,19})")

Versions = dict[str, tuple[int, int]]
"""Of each topic: the number of its newest change, and the sum over its lines. Both, since what began early may commit late."""


def encode(versions: Versions) -> str:
    """Return versions as the id of an event, from which a stream can be taken up again without losing a change."""
    return "-".join(f"{topic}.{newest}.{count}" for topic, (newest, count) in sorted(versions.items()))


def decode(event_id: str) -> Versions | None:
    """Return the versions of an event's id; None where it is none of ours."""
    versions: Versions = {}
    for part in event_id.split("-"):
        found = _MARK.fullmatch(part)
        if found is None:
            return None
        versions[found[1]] = (int(found[2]), int(found[3]))
    return versions


def changed(before: Versions, now: Versions) -> list[str]:
    """Return the topics that differ, by name."""
    return sorted(topic for topic in before.keys() | now.keys() if before.get(topic) != now.get(topic))


class Feed:
    """Follows the changes of the store in a thread of its own; connects again by itself."""

    def __init__(
        self, store: Store, sessions_ended: Callable[[], None], revive: Callable[[], None] = lambda: None
    ) -> None:
        """Prepare to follow.

        Args:
            store: whose changes.
            sessions_ended: called when sessions have been revoked, here or elsewhere.
            revive: called when the database does not answer; starts an embedded server again that was killed.
        """
        self._store = store
        self._sessions_ended = sessions_ended
        self._revive = revive
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._nudged_here, self._nudged_there = socket.socketpair()
        self._nudged_here.setblocking(False)
        self._nudged_there.setblocking(False)
        self._heard: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()
        self._asked_at = float("-inf")
        self.ending = False
        """Set when the process ends: streams end, and come back to another process or to the next."""
        self.on_notice: Callable[[str], None] = lambda _topic: None
        self.versions: Versions = {}
        self.known = threading.Event()
        """Set once the versions have been read."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen; streams are woken in ``loop``."""
        self._loop = loop
        self._store.journal.on_doubt = self._nudge
        self._thread = threading.Thread(target=self._run, name="linli-feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, at once."""
        self._stopping.set()
        self._nudge()
        if self._thread is not None:
            self._thread.join()
        self._store.journal.on_doubt = lambda: None
        self._nudged_here.close()
        self._nudged_there.close()

    @property
    def streams(self) -> int:
        """Return the number of open streams."""
        return len(self._waiting)

    def lag_s(self) -> float:
        """Return how long ago the listener has last read the journal, s; infinite before the first time."""
        return self._store.journal.clock() - self._asked_at

    @property
    def follows(self) -> bool:
        """Tell whether changes arrive."""
        return self.lag_s() < _BEHIND_S

    def wait_until_following(self, limit_s: float) -> bool:
        """Wait until changes arrive; False if they do not for so long."""
        end = time.monotonic() + limit_s
        while not self.follows:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def end_streams(self) -> None:
        """Have every stream come to its end; called in the loop."""
        self.ending = True
        self._wake()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[asyncio.Event]:
        """Give an event that is set, in the loop, whenever something may have changed."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except Exception as error:
                log.warning("not listening", error=type(error).__name__)
                self._stopping.wait(_PAUSE_S)
                with contextlib.suppress(Exception):  # a server that cannot be revived is tried again
                    self._revive()

    def _nudge(self) -> None:
        """Have the listener look at once."""
        with contextlib.suppress(OSError):  # full: it has been nudged enough; closed: it has ended
            self._nudged_there.send(b".")

    def _listen(self) -> None:
        """Listen on a connection of its own until it breaks; whatever happened in between shows in the versions."""
        borrowed = self._store.service_engine.raw_connection()
        connection: Any = borrowed.driver_connection
        borrowed.detach()
        try:
            connection.rollback()
            connection.autocommit = True
            connection.add_notify_handler(self._hear)
            connection.execute(f"LISTEN {CHANNEL}")
            self._sessions_ended()
            with selectors.DefaultSelector() as selector:
                selector.register(connection, selectors.EVENT_READ)
                selector.register(self._nudged_here, selectors.EVENT_READ)
                while not self._stopping.is_set():
                    self._ask(connection)
                    selector.select(BEAT_S)
                    with contextlib.suppress(BlockingIOError):
                        self._nudged_here.recv(4096)
        finally:
            with contextlib.suppress(SQLAlchemyError):
                connection.close()

    def _hear(self, notice: Any) -> None:
        self._heard.add(notice.payload)
        self.on_notice(notice.payload)

    def _ask(self, connection: Any) -> None:
        """Read the versions, and with them the notices that have come; offer them, and wake whoever waits for a change."""
        journal = self._store.journal
        while True:
            asked_at = journal.clock()
            rows = connection.execute(VERSIONS_SQL).fetchall()
            versions = {topic: (newest, count) for topic, newest, count in rows}
            # Refused where another thread has read at the same time: which is the later nobody knows, so it asks once more.
            if journal.offer(Reading(versions, asked_at, journal.clock())) or self._stopping.is_set():
                break
        self._asked_at = asked_at
        if SESSIONS_ENDED in self._heard:
            self._sessions_ended()
        self._heard.clear()
        if versions != self.versions or not self.known.is_set():
            self.versions = versions
            self.known.set()
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()
