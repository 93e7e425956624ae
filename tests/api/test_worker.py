from __future__ import annotations

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from api import worker
from api.worker import ImportWorker
from gis.services import imports
from gis.store.session import Store
from tests.gis.services.test_imports import households, queue, state


def until(store: Store, import_id: object, wanted: str) -> None:
    deadline = time.monotonic() + 10
    while state(store, import_id)["state"] != wanted:  # type: ignore[arg-type]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_woken_it_runs_what_is_queued(place: Store) -> None:
    runner = ImportWorker(place)
    runner.start()
    try:
        import_id = queue(place, households("N1"))
        runner.wake()
        until(place, import_id, "done")
    finally:
        runner.stop()


def test_a_start_ends_what_a_dead_process_left_and_goes_on_with_the_queue(place: Store) -> None:
    dead = queue(place, households("N1"))
    with place.owner_session() as session:
        session.execute(text("UPDATE imports SET state = 'running'"))
    waiting = queue(place, households("N2"))
    runner = ImportWorker(place)
    runner.start()
    try:
        until(place, dead, "failed")
        until(place, waiting, "done")
    finally:
        runner.stop()


def test_it_outlives_a_database_that_is_away(place: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_LOOK_EVERY_S", 0.05)
    away = [True, True, True]
    run = imports.run_next

    def flaky(*given: object, **more: object) -> bool:
        if away and away.pop():
            raise OperationalError("x", {}, Exception())
        return run(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(imports, "run_next", flaky)
    import_id = queue(place, households("N1"))
    runner = ImportWorker(place)
    runner.start()
    try:
        until(place, import_id, "done")
    finally:
        runner.stop()
    assert away == []
