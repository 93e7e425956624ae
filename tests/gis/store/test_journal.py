"""What a process knows of the changes, by a clock of its own."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gis.store.journal import FRESH_S, Journal, Reading, read_own_versions, read_versions
from gis.store.session import Store


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(clock: Clock) -> Journal:
    return Journal(clock)


def reading(number: int, asked_at: float, heard_at: float | None = None) -> Reading:
    return Reading({"grids": (number, number)}, asked_at, asked_at if heard_at is None else heard_at)


def test_a_reading_is_believed_for_a_moment(journal: Journal, clock: Clock) -> None:
    assert journal.latest() is None
    assert journal.age_s() == float("inf")
    first = reading(1, clock.now)
    assert journal.offer(first)
    clock.now += FRESH_S
    assert journal.latest() is first
    clock.now += 0.001
    assert journal.latest() is None
    assert journal.age_s() == pytest.approx(FRESH_S + 0.001)


def test_after_a_commit_of_this_process_only_what_was_asked_later_is_believed(journal: Journal, clock: Clock) -> None:
    doubts = []
    journal.on_doubt = lambda: doubts.append(clock.now)
    before = reading(1, clock.now)
    journal.offer(before)
    clock.now += 0.1
    journal.committed()
    assert doubts == [clock.now]
    assert journal.latest() is None
    # Asked before the commit, answered after it: it may have missed it.
    assert journal.offer(reading(1, clock.now - 0.05, clock.now + 0.05))
    assert journal.latest() is None
    clock.now += 0.1
    later = reading(2, clock.now)
    journal.offer(later)
    assert journal.latest() is later


def test_readings_never_go_back(journal: Journal, clock: Clock) -> None:
    newer = reading(2, clock.now, clock.now + 0.02)
    assert journal.offer(newer)
    assert not journal.offer(reading(1, clock.now - 0.1, clock.now + 0.1))
    assert not journal.offer(reading(3, clock.now + 0.01, clock.now + 0.1))  # nobody knows which was first
    assert journal.latest() is newer
    assert journal.offer(reading(3, clock.now + 0.02, clock.now + 0.03))


def test_the_same_versions_are_confirmed_by_the_same_mapping(journal: Journal, clock: Clock) -> None:
    first = reading(1, clock.now)
    journal.offer(first)
    clock.now += 0.4
    journal.offer(reading(1, clock.now))
    journal.offer(reading(1, clock.now - 0.2))  # late, and says the same: takes nothing back
    clock.now += 0.3
    latest = journal.latest()
    assert latest is not None
    assert latest.versions is first.versions


def test_a_transaction_tells_whether_it_has_written(store: Store) -> None:
    with store.session(None) as session:
        reading, wrote = read_own_versions(session, store.journal.clock)
        assert (dict(reading.versions), wrote) == ({}, False)
        session.execute(text("INSERT INTO areas (code, name, level) VALUES ('1', 'x', 'county')"))
        reading, wrote = read_own_versions(session, store.journal.clock)
        assert wrote
        assert set(reading.versions) == {"areas"}
        assert reading.asked_at <= reading.heard_at
        assert read_versions(session, store.journal.clock).versions == reading.versions


def test_every_commit_of_a_store_casts_doubt_and_no_read_does(store: Store) -> None:
    doubts = []
    store.journal.on_doubt = lambda: doubts.append(1)
    with store.session(None) as session:
        session.execute(text("SELECT count(*) FROM areas"))
    with store.session(None):
        pass
    assert doubts == []
    with store.session(None) as session:
        session.execute(text("INSERT INTO areas (code, name, level) VALUES ('1', 'x', 'county')"))
    assert len(doubts) == 1
    with pytest.raises(ZeroDivisionError), store.session(None) as session:
        session.execute(text("DELETE FROM areas"))
        raise ZeroDivisionError
    assert len(doubts) == 1
    with store.owner_engine.begin() as connection:
        connection.execute(text("DELETE FROM areas"))
    assert len(doubts) == 2


def test_a_moment_stands_still_and_cannot_write(store: Store) -> None:
    with store.session(None) as asking:
        session, reading = store.moment(asking)
        with store.owner_session() as other:
            other.execute(text("INSERT INTO areas (code, name, level) VALUES ('1', 'x', 'county')"))
        assert session.scalar(text("SELECT count(*) FROM areas")) == 0
        assert read_versions(session, store.journal.clock).versions == reading.versions == {}
        with pytest.raises(Exception, match="read-only"):
            session.execute(text("DELETE FROM areas"))
