"""The protocol of what is kept in memory, with interleavings forced: nothing stale, nothing half, nothing twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from gis.services.memory import Memory, Overtaken, steady
from gis.store.journal import Reading, read_versions
from gis.store.session import Store

AREAS = ("areas",)


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """Collect every statement sent to the database as the service."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(store.service_engine, "before_cursor_execute", note)
    event.listen(store._moments_engine, "before_cursor_execute", note)
    yield sent
    event.remove(store.service_engine, "before_cursor_execute", note)
    event.remove(store._moments_engine, "before_cursor_execute", note)


def add_area(store: Store, code: str) -> None:
    with store.owner_session() as session:
        session.execute(text("INSERT INTO areas (code, name, level) VALUES (:code, 'x', 'county')"), {"code": code})


def set_place(store: Store) -> None:
    with store.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO place (id, metric_crs) VALUES (1, 'EPSG:4543') ON CONFLICT (id) DO UPDATE SET metric_crs = 'EPSG:4543'"
            )
        )


def read_journal(store: Store) -> None:
    """Do what the listener does at a notice."""
    with store.session(None) as session:
        assert store.journal.offer(read_versions(session, store.journal.clock))


def count(session: Session) -> int:
    return int(session.scalar(text("SELECT count(*) FROM areas")) or 0)


def areas(memory: Memory, session: Session) -> int:
    return int(memory.remember(session, ("areas",), AREAS, count))


def warm(store: Store, memory: Memory) -> None:
    with store.session(None) as session:
        areas(memory, session)
    assert memory.at_hand(store.journal, ("areas",), AREAS) is not None


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_what_is_here_and_current_asks_nothing_of_the_database(store: Store, memory: Memory) -> None:
    with store.session(None) as session:
        assert areas(memory, session) == 0
    with counted(store) as sent, store.session(None) as session:
        assert areas(memory, session) == 0
        assert memory.at_hand(store.journal, ("areas",), AREAS) == 0
    assert sent == []


def test_a_process_sees_its_own_commits_at_once(store: Store, memory: Memory) -> None:
    for number in range(5):
        with store.session(None) as session:
            assert areas(memory, session) == number
        with store.session(None) as session:
            session.execute(
                text("INSERT INTO areas (code, name, level) VALUES (:code, 'x', 'county')"),
                {"code": str(number)},
            )
        assert memory.at_hand(store.journal, ("areas",), AREAS) is None


def test_without_anybody_listening_a_reading_lapses(
    store: Store, memory: Memory, database_urls: tuple[str, str]
) -> None:
    with store.session(None) as session:
        assert areas(memory, session) == 0
    other = Store(*database_urls)
    add_area(other, "1")  # another process: nothing tells this one
    other.close()
    kept = store.journal._reading
    assert kept is not None
    store.journal._reading = Reading(kept.versions, kept.asked_at - 1, kept.heard_at - 1)  # a second later
    assert memory.at_hand(store.journal, ("areas",), AREAS) is None
    with store.session(None) as session:
        assert areas(memory, session) == 1


def test_what_a_transaction_has_written_is_its_own(store: Store, memory: Memory) -> None:
    with pytest.raises(ZeroDivisionError), store.session(None) as session:
        assert areas(memory, session) == 0
        session.execute(text("INSERT INTO areas (code, name, level) VALUES ('1', 'x', 'county')"))
        assert areas(memory, session) == 1
        with store.session(None) as other:
            assert areas(memory, other) == 0
        assert areas(memory, session) == 1
        raise ZeroDivisionError
    with store.session(None) as session:
        assert areas(memory, session) == 0


def test_a_transaction_keeps_to_what_it_has_pinned(store: Store, memory: Memory) -> None:
    with store.session(None) as session:
        assert areas(memory, session) == 0
        add_area(store, "1")
        read_journal(store)
        assert areas(memory, session) == 0
        session.execute(text("SELECT 1"))
        assert areas(memory, session) == 0
    with store.session(None) as session:
        assert areas(memory, session) == 1


def test_who_already_holds_what_has_changed_begins_again(store: Store, memory: Memory) -> None:
    def pair(loading: Session) -> tuple[int, int]:
        return areas(memory, loading), count(loading)

    warm(store, memory)
    with store.session(None) as session:
        held = areas(memory, session)
        add_area(store, "1")
        with pytest.raises(Overtaken):
            memory.remember(session, ("pair",), AREAS, pair)
    assert held == 0
    with store.session(None) as session:
        assert areas(memory, session) == 1
        assert memory.remember(session, ("pair",), AREAS, pair) == (1, 1)


def test_who_stands_still_from_the_start_is_never_overtaken(store: Store, memory: Memory) -> None:
    warm(store, memory)
    token = steady.set(True)
    try:
        with store.session(None) as session:
            assert areas(memory, session) == 0
            add_area(store, "1")
            assert memory.remember(session, ("again",), AREAS, count) == 0
    finally:
        steady.reset(token)


def test_after_the_first_load_all_is_of_one_moment(store: Store, memory: Memory) -> None:
    with store.session(None) as session:
        assert areas(memory, session) == 0
        add_area(store, "1")
        read_journal(store)
        assert memory.remember(session, ("again",), AREAS, count) == 0
    assert store._moments_engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    with store.session(None) as session:
        assert memory.remember(session, ("again",), AREAS, count) == 1


def test_what_changed_elsewhere_overtakes_nobody(store: Store, memory: Memory) -> None:
    warm(store, memory)
    with store.session(None) as session:
        assert areas(memory, session) == 0
        set_place(store)
        assert (
            memory.remember(
                session,
                ("place",),
                ("place",),
                lambda loading: loading.scalar(text("SELECT count(*) FROM place")),
            )
            == 1
        )


def test_a_load_sees_one_moment_through_all_it_needs(store: Store, memory: Memory) -> None:
    """A commit falls between the two queries of one load, and between a load and the one inside it."""

    def both(loading: Session) -> tuple[int, int, int]:
        first = count(loading)
        add_area(store, "1")
        read_journal(store)
        return first, count(loading), areas(memory, loading)

    with store.session(None) as session:
        assert memory.remember(session, ("both",), AREAS, both) == (0, 0, 0)
    assert memory.at_hand(store.journal, ("both",), AREAS) is None
    with store.session(None) as session:
        assert areas(memory, session) == 1


def test_one_loads_and_the_others_wait(store: Store, memory: Memory) -> None:
    loads, entered, go_on = [], threading.Event(), threading.Event()

    def slow(loading: Session) -> int:
        loads.append(1)
        entered.set()
        assert go_on.wait(10)
        return count(loading)

    def ask() -> int:
        with store.session(None) as session:
            return int(memory.remember(session, ("areas",), AREAS, slow))

    read_journal(store)
    with ThreadPoolExecutor(12) as threads:
        asked = [threads.submit(ask) for _ in range(12)]
        assert entered.wait(10)
        # Nobody holds a lock meanwhile: another value can be had.
        with store.session(None) as session:
            assert memory.remember(session, ("other",), AREAS, count) == 0
        go_on.set()
        assert [each.result(10) for each in asked] == [0] * 12
    assert len(loads) == 1


def test_who_comes_after_a_commit_does_not_take_what_was_begun_before_it(store: Store, memory: Memory) -> None:
    entered, go_on, loads = threading.Event(), threading.Event(), []

    def slow(loading: Session) -> int:
        found = count(loading)
        loads.append(found)
        entered.set()
        assert go_on.wait(10)
        return found

    def ask() -> int:
        with store.session(None) as session:
            return int(memory.remember(session, ("areas",), AREAS, slow))

    with ThreadPoolExecutor(2) as threads:
        early = threads.submit(ask)
        assert entered.wait(10)
        add_area(store, "1")
        late = threads.submit(ask)
        with pytest.raises(TimeoutError):
            late.result(0.3)
        go_on.set()
        assert (early.result(10), late.result(10)) == (0, 1)
    assert loads == [0, 1]


def test_a_failure_is_the_loaders_own(store: Store, memory: Memory) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def failing(_loading: Session) -> int:
        entered.set()
        assert go_on.wait(10)
        raise ZeroDivisionError

    def ask(load: object) -> int:
        with store.session(None) as session:
            return int(memory.remember(session, ("areas",), AREAS, load))  # type: ignore[arg-type]

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask, failing)
        assert entered.wait(10)
        second = threads.submit(ask, count)
        go_on.set()
        with pytest.raises(ZeroDivisionError):
            first.result(10)
        assert second.result(10) == 0


def remember(store: Store, memory: Memory, *key: object) -> None:
    """Ask for a value in a transaction of its own."""
    with store.session(None) as session:
        memory.remember(session, key, AREAS, lambda _loading: key[-1])


def is_kept(memory: Memory, *key: object) -> bool:
    return memory.former(key) is not None


def test_of_many_values_alike_the_last_asked_for_stay_and_others_are_left_alone(store: Store, memory: Memory) -> None:
    warm(store, memory)
    remember(store, memory, "graph", "adult")
    for minute in range(1, 50):
        remember(store, memory, "events by grid", minute)
        remember(store, memory, "sites", 1)
        remember(store, memory, "sites", minute)
    assert memory.at_hand(store.journal, ("areas",), AREAS) == 0
    assert is_kept(memory, "graph", "adult")  # however many minutes pass
    assert [day for day in range(1, 50) if is_kept(memory, "sites", day)] == [1, *range(43, 50)]
    assert [day for day in range(1, 50) if is_kept(memory, "events by grid", day)] == [*range(42, 50)]


def test_what_nobody_has_asked_for_since_yesterday_goes(
    store: Store, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm(store, memory)
    for key in (("counts", "yesterday"), ("graph", "adult")):
        remember(store, memory, *key)
    for hours in (7, 14):
        monkeypatch.setattr(store.journal, "clock", lambda hours=hours: time.monotonic() + hours * 3600)
        remember(store, memory, "graph", "adult")
        remember(store, memory, "counts", hours)
    assert not is_kept(memory, "counts", "yesterday")
    assert is_kept(memory, "graph", "adult") and is_kept(memory, "areas")


def test_writers_and_readers_at_once_never_see_halves(store: Store, memory: Memory) -> None:
    """Two topics change together, always by the same number; every reader asks for both, one by one."""
    with store.owner_session() as session:
        session.execute(text("INSERT INTO place (id, metric_crs) VALUES (1, 'EPSG:4543')"))
    stop, halves, answered = threading.Event(), [], []

    def write() -> None:
        for number in range(40):
            with store.owner_session() as session:
                session.execute(
                    text("INSERT INTO areas (code, name, level) VALUES (:code, 'x', 'county')"),
                    {"code": str(number)},
                )
                session.execute(text("UPDATE place SET metric_crs = :n"), {"n": str(number + 1)})
        stop.set()

    def read() -> None:
        while not stop.is_set():
            try:
                with store.session(None) as session:
                    first = areas(memory, session)
                    crs = memory.remember(
                        session,
                        ("crs",),
                        ("place",),
                        lambda loading: loading.scalar(text("SELECT metric_crs FROM place")),
                    )
            except Overtaken:
                continue
            answered.append(first)
            if str(first) != crs and first != 0:
                halves.append((first, crs))

    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(task) for task in (write, read, read, read)]
        for each in done:
            each.result(60)
    assert halves == []
    assert len(set(answered)) > 1
    with store.session(None) as session:
        assert areas(memory, session) == 40
