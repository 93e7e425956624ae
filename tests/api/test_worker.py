from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from api import worker
from api.worker import ImportWorker
from gis.services import import_queue
from gis.store.session import Store
from tests.gis.services.importing import abandon, households, queue, state


def until(store: Store, import_id: object, wanted: str) -> None:
    deadline = time.monotonic() + 10
    while state(store, import_id)["state"] != wanted:  # type: ignore[arg-type]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_woken_it_runs_what_is_queued(place: Store, tmp_path: Path) -> None:
    runner = ImportWorker(place, tmp_path, 2)
    runner.start()
    try:
        import_id = queue(place, households("N1"))
        runner.wake()
        until(place, import_id, "done")
    finally:
        runner.stop()


def test_a_start_begins_anew_what_a_dead_process_left_and_goes_on_with_the_queue(place: Store, tmp_path: Path) -> None:
    dead = queue(place, households("N1"))
    abandon(place, dead)
    waiting = queue(place, households("N2"))
    runner = ImportWorker(place, tmp_path, 2)
    runner.start()
    try:
        until(place, dead, "done")
        until(place, waiting, "done")
    finally:
        runner.stop()


def test_it_outlives_a_database_that_is_away(place: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(worker, "_LOOK_EVERY_S", 0.05)
    away = [True, True, True]
    run = import_queue.run_next

    def flaky(*given: object, **more: object) -> bool:
        if away and away.pop():
            raise OperationalError("x", {}, Exception())
        return run(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(import_queue, "run_next", flaky)
    import_id = queue(place, households("N1"))
    runner = ImportWorker(place, tmp_path, 2)
    runner.start()
    try:
        until(place, import_id, "done")
    finally:
        runner.stop()
    assert away == []


def test_a_process_without_workers_leaves_the_queue_to_others(place: Store, tmp_path: Path) -> None:
    runner = ImportWorker(place, tmp_path / "data", 0)
    runner.start()
    import_id = queue(place, households("N1"))
    runner.wake()
    time.sleep(0.2)
    runner.stop()
    assert state(place, import_id)["state"] == "queued"
    assert list((tmp_path / "data" / "spool").iterdir()) == []
