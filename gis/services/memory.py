"""What was loaded from the store, kept in memory, and never wrong: the protocol behind gis/services/snapshots.py.

Every value is kept with the versions of the topics that it was made from (gis/store/journal.py), and used only for a transaction that
sees exactly these versions:

- Each transaction pins one reading of the journal at its first question: the process's own where that may be believed, so that no database
  is asked at all; else what the transaction itself reads. All it is given belongs to that reading, so grids and households always fit together.
- What is missing is loaded in a second transaction, which sees one moment (REPEATABLE READ), has read the versions of that very moment,
  and stays open as long as the first: all that the asker needs further is of that moment too. If something that it already held has changed
  by then, :class:`Overtaken` is raised, and the request is made again from the start (api/errors.py), this time standing still from the
  start (:data:`steady`), which cannot fail so. What cannot be made again, because its body has been read, stands still at once.
- One loads, the others wait for it without holding a lock or a connection, and take what it has loaded if that is not older than what they
  pinned; else one of them loads again. A failure is the loader's own: who waited tries for itself.
- A transaction that has itself written sees what nobody else may: it asks the database each time, and keeps for itself what it loads.

A load may need other values: these come from the same moment. Which value needs which must be free of circles.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sqlalchemy.orm import Session

from gis.errors import Unavailable
from gis.store.journal import Journal, Reading, read_own_versions
from gis.store.session import Store, has_begun, store_of

Key = tuple[Any, ...]
Topics = tuple[str, ...]
Load = Callable[[Session], Any]
"""Makes the value from what the given transaction sees."""
_VIEW, _PRIVATE = "linli_view", "linli_private"
steady: ContextVar[bool] = ContextVar("steady", default=False)
"""Whether the transactions of this request stand still at one moment from their first question on, though memory might do."""
_MOST_ALIKE = 8
"""How many values of one name are kept, for other dates, times or parameters: those that were asked for last. What changes its key every minute pushes
out nothing but its own former values."""
_UNUSED_S = 12 * 3600.0
"""After so long without a question a value with a parameter goes, too: yesterday's counts."""


class Overtaken(Unavailable):
    """What a request has begun to work with changed before it had all; it has to begin again."""

    def __init__(self) -> None:
        super().__init__("数据刚刚改变，请重试 / the data changed just now; try again")


class _Kept:
    """A value, the versions it was made from, when these were asked for, and for when it was last used, by the journal's clock."""

    __slots__ = ("asked_at", "used_at", "value", "versions")

    def __init__(self, versions: tuple[Any, ...], value: Any, asked_at: float) -> None:
        self.versions, self.value, self.asked_at, self.used_at = versions, value, asked_at, asked_at


class _Flight:
    """A load under way."""

    __slots__ = ("landed", "reading")

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.reading: Reading | None = None


class _View:
    """What one transaction has pinned, and what it already holds."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.moment: Session | None = None
        """The transaction that stands still at that reading, once one is needed."""
        self._held: dict[Key, Any] = {}
        self._used: dict[str, tuple[int, int] | None] = {}

    def held(self, key: Key) -> Any:
        """Return what has been given for a key; None where nothing has."""
        return self._held.get(key)

    def hold(self, key: Key, topics: Topics, value: Any) -> Any:
        """Give a value that belongs to the reading."""
        self._held[key] = value
        self._used.update(zip(topics, self.reading.of(topics), strict=True))
        return value

    def move_to(self, reading: Reading) -> None:
        """Pin a later reading.

        Raises:
            Overtaken: something held has changed in between.
        """
        if any(reading.versions.get(topic) != version for topic, version in self._used.items()):
            raise Overtaken
        self.reading = reading

    def stand_still(self, session: Session, store: Store) -> None:
        """Open a moment for the rest of the transaction and move there.

        Raises:
            Overtaken: something held has changed.
        """
        moment, reading = store.moment(session)
        store.journal.offer(reading)
        self.move_to(reading)
        self.moment = moment
        moment.info[_VIEW] = self


class Memory:
    """Values by key, shared by all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Key, _Kept] = {}
        self._flights: dict[Key, _Flight] = {}

    def remember(self, session: Session, key: Key, topics: Topics, load: Load) -> Any:
        """Return what ``load`` gives, or gave when the topics had the versions that this transaction sees.

        Args:
            session: who asks.
            key: names the value, followed by its parameters, if it has any: of many, those least lately asked for are let go.
            topics: all that the value depends on, also through other values.
            load: makes the value; it must ask only the transaction that it is given, and never return None.

        Raises:
            Overtaken: see above.
        """
        store = store_of(session)
        view = _view_of(session, store)
        if store is None or view is None:
            return self._for_itself(session, key, topics, load)
        held = view.held(key)
        if held is not None:
            return held
        while True:
            kept = self._matching(key, view.reading, topics)
            if kept is not None:
                return view.hold(key, topics, kept.value)
            flight = self._flights.get(key)
            if flight is None:
                if view.moment is None:
                    view.stand_still(session, store)
                    continue
                flight, first = self._board(key)
                if first:
                    return self._lead(flight, view, view.moment, key, topics, load)
            flight.landed.wait()
            later = flight.reading
            if view.moment is None and later is not None and later.asked_at >= view.reading.heard_at:
                view.move_to(later)

    def version(self, session: Session, topics: Topics) -> str:
        """Return a text that changes with any of the topics: what a tag may be made of. What is read next is as new, or newer."""
        return "-".join("0" if each is None else f"{each[0]}.{each[1]}" for each in self.versions(session, topics))

    def versions(self, session: Session, topics: Topics) -> tuple[tuple[int, int] | None, ...]:
        """Return the versions of topics that a transaction sees, as a reading of the journal gives them."""
        view = _view_of(session, store_of(session))
        reading = view.reading if view is not None else read_own_versions(session, _no_clock)[0]
        return reading.of(topics)

    def at_hand(self, journal: Journal, key: Key, topics: Topics) -> Any:
        """Return a value if it is here and known to be current without asking anybody; else None."""
        reading = journal.latest()
        kept = None if reading is None else self._matching(key, reading, topics)
        return None if kept is None else kept.value

    def ages_s(self, now: float) -> dict[str, float]:
        """Return by name how long ago the newest value kept was asked for, s.

        Args:
            now: by the journal's clock.
        """
        with self._lock:
            newest: dict[str, float] = {}
            for key, kept in self._kept.items():
                newest[key[0]] = max(kept.asked_at, newest.get(key[0], kept.asked_at))
        return {name: now - asked_at for name, asked_at in newest.items()}

    def former(self, key: Key) -> Any:
        """Return the newest value kept, current or not, for a load that can go on from it; None where there is none."""
        kept = self._kept.get(key)
        return None if kept is None else kept.value

    def _matching(self, key: Key, reading: Reading, topics: Topics) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None or kept.versions != reading.of(topics):
            return None
        kept.used_at = max(kept.used_at, reading.asked_at)
        return kept

    def _board(self, key: Key) -> tuple[_Flight, bool]:
        """Return the load of a key that is under way, or a new one and True."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            flight = self._flights[key] = _Flight()
            return flight, True

    def _lead(self, flight: _Flight, view: _View, moment: Session, key: Key, topics: Topics, load: Load) -> Any:
        flight.reading = view.reading
        try:
            kept = self._matching(key, view.reading, topics)  # it may have landed between the look and the boarding
            value = kept.value if kept is not None else load(moment)
            if kept is None:
                self._keep(key, _Kept(view.reading.of(topics), value, view.reading.asked_at))
            return view.hold(key, topics, value)
        finally:
            with self._lock:
                del self._flights[key]
            flight.landed.set()

    def _keep(self, key: Key, new: _Kept) -> None:
        with self._lock:
            newest = self._kept.get(key)
            if newest is None or newest.asked_at <= new.asked_at:
                self._kept.pop(key, None)
                self._kept[key] = new
            with_parameters = [each for each in reversed(self._kept.items()) if len(each[0]) > 1]
            alike: Counter[str] = Counter()
            for other, kept in sorted(with_parameters, key=lambda each: -each[1].used_at):
                alike[other[0]] += 1
                if alike[other[0]] > _MOST_ALIKE or kept.used_at < new.asked_at - _UNUSED_S:
                    del self._kept[other]

    def _for_itself(self, session: Session, key: Key, topics: Topics, load: Load) -> Any:
        reading, _ = read_own_versions(session, _no_clock)
        versions = reading.of(topics)
        kept = self._matching(key, reading, topics)
        if kept is not None:
            return kept.value
        private: dict[Key, tuple[Any, Any]] = session.info.setdefault(_PRIVATE, {})
        if key not in private or private[key][0] != versions:
            private[key] = (versions, load(session))
        return private[key][1]


def _no_clock() -> float:
    return 0.0


def _view_of(session: Session, store: Store | None) -> _View | None:
    """Return what the transaction has pinned, pinning it now at its first question; None for one that has itself written."""
    view: _View | None = session.info.get(_VIEW)
    if store is None or (view is not None and view.moment is session):
        return view
    reading = None
    if has_begun(session):
        reading, wrote = read_own_versions(session, store.journal.clock)
        if wrote:
            return None
        store.journal.offer(reading)
    if view is None:
        reading = reading or store.journal.latest()
        if reading is None:
            reading, _ = read_own_versions(session, store.journal.clock)
            store.journal.offer(reading)
        view = session.info[_VIEW] = _View(reading)
        if steady.get():
            view.stand_still(session, store)
    return view
