from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from api.feed import Feed, changed, decode, encode
from gis.store.journal import FRESH_S
from gis.store.session import Store


def wait_for(condition: Callable[[], bool], limit_s: float = 1.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_ids_of_events_keep_every_topic() -> None:
    versions = {"needs": (812, 40), "station_services": (3, 2)}
    assert decode(encode(versions)) == versions
    assert encode({"b": (1, 1), "a": (2, 2)}) == "a.2.2-b.1.1"
    for foreign in ("", "12", "a.b.c", "a.1.1-", "a.1.1\n", "x" * 3000):
        assert decode(foreign) is None


def test_what_differs() -> None:
    before = {"needs": (5, 2), "grids": (1, 1)}
    assert changed(before, dict(before)) == []
    assert changed(before, {"needs": (5, 3), "grids": (1, 1)}) == ["needs"]
    assert changed(before, {"needs": (5, 2), "grids": (1, 1), "areas": (9, 1)}) == ["areas"]
    assert changed(before, {"grids": (1, 1)}) == ["needs"]


class Listening:
    def __init__(self, store: Store) -> None:
        self.ended = 0
        self.revived = 0
        self.loop = asyncio.new_event_loop()
        self.feed = Feed(store, self.end, self.revive)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def end(self) -> None:
        self.ended += 1

    def revive(self) -> None:
        self.revived += 1


@pytest.fixture
def listening(store: Store) -> Iterator[Listening]:
    listener = Listening(store)
    listener.thread.start()
    listener.feed.start(listener.loop)
    assert listener.feed.known.wait(10)
    yield listener
    listener.feed.stop()
    listener.loop.call_soon_threadsafe(listener.loop.stop)
    listener.thread.join()
    listener.loop.close()


def make_area(store: Store, code: str) -> None:
    with store.owner_session() as session:
        session.execute(text("INSERT INTO areas (code, name, level) VALUES (:code, 'x', 'county')"), {"code": code})


def test_a_commit_is_seen_within_a_second_and_wakes_who_waits(store: Store, listening: Listening) -> None:
    async def wait() -> None:
        with listening.feed.waiting() as event:
            ready.set()
            await asyncio.wait_for(event.wait(), 5)

    ready = threading.Event()
    before = dict(listening.feed.versions)
    waiting = asyncio.run_coroutine_threadsafe(wait(), listening.loop)
    assert ready.wait(5)
    make_area(store, "530102000000")
    wait_for(lambda: changed(before, listening.feed.versions) == ["areas"])
    waiting.result(5)
    assert not listening.feed._waiting


def test_what_is_rolled_back_is_not_seen(store: Store, listening: Listening) -> None:
    before = dict(listening.feed.versions)
    with pytest.raises(ZeroDivisionError), store.owner_session() as session:
        session.execute(text("INSERT INTO areas (code, name, level) VALUES ('1', 'x', 'county')"))
        raise ZeroDivisionError
    time.sleep(0.3)
    assert listening.feed.versions == before


def test_revocations_are_heard_of(store: Store, listening: Listening) -> None:
    heard = listening.ended
    with store.owner_session() as session:
        session.execute(text("SELECT pg_notify('linli', 'sessions')"))
    wait_for(lambda: listening.ended > heard)


def test_a_cut_connection_is_made_again_and_nothing_is_missed(store: Store, listening: Listening) -> None:
    before, heard = dict(listening.feed.versions), listening.ended
    with store.owner_session() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query LIKE 'SELECT topic%' AND pid <> pg_backend_pid()"
            )
        )
    make_area(store, "530102000000")
    wait_for(lambda: changed(before, listening.feed.versions) == ["areas"], 5)
    assert listening.ended > heard  # revocations may have been missed meanwhile
    assert listening.revived >= 1


def test_it_stops_at_once(store: Store) -> None:
    feed = Feed(store, lambda: None)
    loop = asyncio.new_event_loop()
    feed.start(loop)
    assert feed.known.wait(10)
    began = time.monotonic()
    feed.stop()
    assert time.monotonic() - began < 0.5
    loop.close()


def believed_changes(store: Store) -> tuple[int, int] | None:
    """Return the version of areas that the process believes now."""
    latest = store.journal.latest()
    return None if latest is None else latest.versions.get("areas")


def committed_changes(store: Store) -> tuple[int, int] | None:
    """Return the version of areas as the database has it."""
    with store.owner_session() as session:
        found = session.execute(
            text("SELECT newest, changes FROM linli_versions() WHERE topic = 'areas'")
        ).one_or_none()
    return None if found is None else (found[0], found[1])


def test_the_process_believes_its_reading_while_it_listens_and_follows_others(
    store: Store, listening: Listening, database_urls: tuple[str, str]
) -> None:
    time.sleep(2 * FRESH_S)
    assert store.journal.latest() is not None
    other = Store(*database_urls)  # another process
    for number in range(10):
        make_area(other, str(number))
        told = committed_changes(other)
        assert told is not None
        wait_for(lambda: told == believed_changes(store), 5)  # noqa: B023 - called before the next turn
    other.close()


def test_a_commit_of_its_own_is_known_again_at_once(store: Store, listening: Listening) -> None:
    make_area(store, "530102000000")
    told = committed_changes(store)
    assert told is not None
    wait_for(lambda: believed_changes(store) == told, 5)


def test_a_notice_that_never_comes_is_made_up_for(store: Store, listening: Listening) -> None:
    before = dict(listening.feed.versions)
    with store.owner_session() as session:
        session.execute(text("ALTER TABLE areas DISABLE TRIGGER changed"))
        session.execute(text("INSERT INTO changes (topic) VALUES ('areas')"))  # the line without the notice
    store.journal.on_doubt = lambda: None
    wait_for(lambda: changed(before, listening.feed.versions) == ["areas"], 5)


def test_who_is_cut_off_believes_nothing(store: Store, listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.feed._PAUSE_S", 2 * FRESH_S)
    with store.owner_session() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query LIKE 'SELECT topic%' AND pid <> pg_backend_pid()"
            )
        )
    wait_for(lambda: store.journal.latest() is None, 5)
    make_area(store, "530102000000")
    told = committed_changes(store)
    assert told is not None
    wait_for(lambda: believed_changes(store) == told, 10)
