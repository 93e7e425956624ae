"""The wall, over a real connection: a stream cannot be tried without one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def lines_of(answer: httpx.Response) -> Iterator[str]:
    return (line for line in answer.iter_lines() if line)


def change(store: Store) -> None:
    with store.owner_session() as session:
        session.execute(text("UPDATE stations SET name = name || '!'"))


def next_topic(lines: Iterator[str]) -> tuple[str, str]:
    event_id = ""
    for line in lines:
        if line.startswith("id: "):
            event_id = line.removeprefix("id: ")
        if line.startswith("data: ") and "topic" in line:
            return event_id, line.removeprefix("data: ")
    raise AssertionError("the stream has ended")


def test_a_change_is_told_within_a_second(address: str, as_: SignIn, peopled: Store) -> None:
    with httpx.stream("GET", f"{address}/api/screen/changes", headers=as_("screen"), timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "private, no-store"
        lines = lines_of(answer)
        for line in lines:
            if line == "event: ready":
                break
        began = time.monotonic()
        change(peopled)
        _, data = next_topic(lines)
        assert time.monotonic() - began < 1
        assert data == '{"topic":"stations"}'


def test_a_stream_is_taken_up_where_it_broke_off(address: str, as_: SignIn, peopled: Store) -> None:
    def stream(last: str | None) -> tuple[str, str]:
        headers = {**as_("screen"), **({"Last-Event-ID": last} if last else {})}
        with httpx.stream("GET", f"{address}/api/screen/changes", headers=headers, timeout=10) as answer:
            lines = lines_of(answer)
            if last is None:
                found = ""
                for line in lines:
                    if line.startswith("id: "):
                        found = line.removeprefix("id: ")
                    if found and line.startswith("data:"):
                        return found, ""
            return next_topic(lines)

    last, _ = stream(None)
    change(peopled)
    last, data = stream(last)
    assert data == '{"topic":"stations"}'
    with peopled.owner_session() as session:
        session.execute(text("UPDATE place SET name = 'x'"))
    assert stream(last)[1] == '{"topic":"place"}'


def test_a_revoked_session_ends_its_stream(
    address: str, as_: SignIn, peopled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.routes import screen

    monkeypatch.setattr(screen, "HEARTBEAT_S", 0.2)
    with httpx.stream("GET", f"{address}/api/screen/changes", headers=as_("screen"), timeout=10) as answer:
        lines = lines_of(answer)
        next(lines)
        with peopled.owner_session() as session:
            session.execute(text("UPDATE sessions SET revoked_at = now()"))
        assert "topic" not in "".join(lines)


def test_the_summary_is_aggregates_only(client: TestClient, as_: SignIn) -> None:
    found = client.get("/api/screen/summary?area=539901001001", headers=as_("screen"))
    assert found.status_code == 200
    body = found.json()
    assert body["totals"]["households"] == 21
    assert body["totals"]["grids"] == 2
    for secret in ("某人", "1990000", "green", "H001"):
        assert secret not in found.text
    assert client.get("/api/screen/summary?area=zzz", headers=as_("screen")).status_code == 422
