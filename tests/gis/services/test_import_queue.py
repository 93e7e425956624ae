"""The queue of imports, with real files on a real PostGIS: order, progress, cancelling, and every way to be interrupted."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest
from sqlalchemy import text

from gis.services import import_queue
from gis.services.import_queue import INTERRUPTED, MOST_ATTEMPTS, NO_ROOM, recover
from gis.services.imports import cancel
from gis.store.session import Store
from tests.gis.services.conftest import account
from tests.gis.services.importing import Slow, abandon, count, households, in_thread, pieces, queue, state


def test_imports_run_in_the_order_they_came(place: Store, run) -> None:
    ids = [queue(place, households(f"N{n}")) for n in range(3)]
    for position in range(3):
        run(place)
        assert [state(place, i)["state"] for i in ids] == ["done"] * (position + 1) + ["queued"] * (2 - position)


def test_cancelling_while_it_runs_keeps_nothing(place: Store, run, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    assert slow.writing.wait(10)
    with place.session(account(place, "admin")) as session:
        cancel(session, import_id)
    thread.join(10)
    assert not thread.is_alive()
    assert state(place, import_id)["state"] == "cancelled"
    assert count(place, "SLOW") == 0


def test_cancelling_in_the_last_moment_keeps_nothing(
    place: Store, run, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last question and the commit: the whole transaction goes."""
    monkeypatch.setattr(import_queue.Teller, "is_cancelled", lambda self: False)
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    assert slow.writing.wait(10)
    with place.owner_session() as session:
        cancel(session, import_id)
    slow.let_go.set()
    thread.join(10)
    assert state(place, import_id)["state"] == "cancelled"
    assert count(place, "SLOW") == 0


def test_progress_is_seen_while_it_runs(place: Store, run, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    deadline = time.monotonic() + 10
    while not (found := state(place, import_id))["read"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert found["state"] == "running"
    assert 0 < found["progress"] < 1  # type: ignore[operator]
    slow.let_go.set()
    thread.join(10)
    assert state(place, import_id)["state"] == "done"
    assert count(place, "SLOW") == 1


def test_a_running_import_of_another_process_is_left_alone(place: Store, run, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    assert slow.writing.wait(10)
    assert recover(place) == []
    assert not run(place)
    slow.let_go.set()
    thread.join(10)
    assert state(place, import_id)["state"] == "done"


def test_what_a_dead_process_was_running_is_begun_anew(place: Store, run) -> None:
    import_id = queue(place, households("N1"))
    abandon(place, import_id)
    assert recover(place) == [import_id]
    assert recover(place) == []
    assert state(place, import_id)["state"] == "queued"
    assert run(place)
    found = state(place, import_id)
    assert (found["state"], found["attempts"]) == ("done", 2)


def test_what_dies_again_and_again_has_failed(place: Store, run) -> None:
    import_id = queue(place, households("N1"))
    for _ in range(MOST_ATTEMPTS):
        assert state(place, import_id)["state"] == "queued"
        abandon(place, import_id)
        assert recover(place) == [import_id]
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert INTERRUPTED in str(found["errors"])
    assert pieces(place, "content") == 0
    assert not run(place)


def test_a_connection_that_is_cut_makes_it_begin_anew(place: Store, run, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    assert slow.writing.wait(10)
    with place.owner_session() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    slow.let_go.set()
    thread.join(10)
    assert recover(place) == [import_id]
    assert count(place, "SLOW") == 0
    assert run(place)
    assert state(place, import_id)["state"] == "done"
    assert count(place, "SLOW") == 1


def test_a_service_that_stops_puts_its_import_back(place: Store, run, slow: Slow) -> None:
    stopping = threading.Event()
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place, stopping=stopping.is_set)
    assert slow.writing.wait(10)
    stopping.set()
    thread.join(10)
    found = state(place, import_id)
    assert (found["state"], found["attempts"]) == ("queued", 0)
    assert count(place, "SLOW") == 0


def test_cancelling_breaks_a_long_statement_off(place: Store, run, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeping = threading.Event()

    def sleep(connection, kind, path, **_):
        sleeping.set()
        connection.execute(text("SELECT pg_sleep(60)"))

    monkeypatch.setattr(import_queue, "run_import", sleep)
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    assert sleeping.wait(10)
    with place.owner_session() as session:
        cancel(session, import_id)
    thread.join(20)
    assert not thread.is_alive()
    assert state(place, import_id)["state"] == "cancelled"


def test_a_full_disk_is_said(place: Store, run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise psycopg.errors.DiskFull("could not extend file")

    monkeypatch.setattr(import_queue, "run_import", full)
    import_id = queue(place, households("N1"))
    assert run(place)
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert NO_ROOM in str(found["errors"])
    assert pieces(place, "content") == 0


def test_a_fault_of_ours_is_opaque(place: Store, run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("张三 13800001234")

    monkeypatch.setattr(import_queue, "run_import", broken)
    import_id = queue(place, households("N1"))
    assert run(place)
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert "13800001234" not in str(found)


def test_the_same_kind_twice_at_once_waits_in_the_queue(place: Store, run, slow: Slow) -> None:
    first, second = queue(place, households("N1")), queue(place, households("N1"))
    one = in_thread(run, place)
    assert slow.writing.wait(10)
    assert not run(place)
    assert [state(place, each)["state"] for each in (first, second)] == ["running", "queued"]
    slow.let_go.set()
    one.join(10)
    assert state(place, first)["state"] == "done"


def test_kinds_that_do_not_cross_run_at_once(place: Store, run, slow: Slow) -> None:
    homes, shops = queue(place, households("N1")), queue(place, b"code,name,kind,services,lon,lat\n", kind="stations")
    one = in_thread(run, place)
    assert slow.writing.wait(10)
    other = in_thread(run, place)
    deadline = time.monotonic() + 10
    while state(place, shops)["state"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert state(place, homes)["state"] == "running"
    slow.let_go.set()
    one.join(10)
    other.join(10)
