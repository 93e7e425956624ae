"""Who waits for a database that is away asks again at least once a second, however long that lasts: all is back soon after it is."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any, Never

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from api import ready, runtime, warming
from api.feed import Feed
from api.settings import Settings
from api.worker import ImportWorker

LONGEST_S = 1.0
TRIES = 40


class Enough(Exception):
    """It has asked often enough."""


def away(*_: Any, **__: Any) -> Never:
    raise OperationalError("SELECT 1", {}, Exception("away"))


class Waits:
    """Takes down for how long somebody would wait, and lets nobody do so."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def is_set(self) -> bool:
        return len(self.asked) >= TRIES

    def wait(self, limit_s: float) -> bool:
        self.asked.append(limit_s)
        return self.is_set()

    def clear(self) -> None:
        """Stay as it is."""

    def sleep(self, pause_s: float) -> None:
        self.asked.append(pause_s)
        if self.is_set():
            raise Enough

    def never_long(self) -> bool:
        return len(self.asked) == TRIES and max(self.asked) <= LONGEST_S


def test_the_listener() -> None:
    waits = Waits()
    store: Any = SimpleNamespace(service_engine=SimpleNamespace(raw_connection=away))
    feed = Feed(store, lambda: None, revive=away)
    feed._stopping = waits  # type: ignore[assignment]
    feed._run()
    assert waits.never_long()


def test_the_imports(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    waits, store = Waits(), SimpleNamespace()
    worker = ImportWorker(store, tmp_path, 1)  # type: ignore[arg-type]
    worker._stopping = waits  # type: ignore[assignment]
    monkeypatch.setattr(worker, "_look", away)
    worker._run(waits)  # type: ignore[arg-type]
    assert waits.never_long()


def test_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is a database, and where it goes away while all is made ready."""
    for begin in (
        lambda: runtime._wait_for("postgresql+psycopg://nobody@127.0.0.1:1/linli", lambda _: None, float("inf")),
        lambda: runtime._prepared(
            SimpleNamespace(migrate=away), Settings.load(), True, float("inf"), away_quietly, lambda _: None
        ),  # type: ignore[arg-type]
    ):
        waits = Waits()
        monkeypatch.setattr(time, "sleep", waits.sleep)
        with pytest.raises(Enough):
            begin()
        assert waits.never_long()


def away_quietly() -> None:
    """An outside server is for others to start."""


def test_it_says_that_it_is_ready_when_the_place_is_loaded(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while the database is away, and by itself once it is back; the first look-up then finds all in memory."""
    monkeypatch.setattr(ready, "PATIENCE_S", 0.05)
    monkeypatch.setattr(warming, "_AGAIN_AFTER_S", 0.01)
    cut, tried, load = threading.Event(), threading.Event(), warming.finder

    def fragile(*given: Any) -> Any:
        if not cut.is_set():
            tried.set()
            away()
        return load(*given)

    monkeypatch.setattr(warming, "finder", fragile)
    with TestClient(app) as client:
        office = app.state.office
        assert tried.wait(30)
        answered = client.get("/api/ready")
        assert answered.status_code == 503
        assert answered.headers["retry-after"].isdigit()
        assert "载入" in answered.json()["detail"]
        cut.set()
        assert office.warm.wait(30)
        assert client.get("/api/ready").status_code == 200
        assert {"grids", "finder", "footprints", "stations"} <= office.snapshots.ages_s(
            office.store.journal.clock()
        ).keys()
