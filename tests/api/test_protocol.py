"""What goes by express is sent at once and whole, in turn with what does not, and each exchange ends as HTTP says."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator

import httptools
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from api.express import Answer, Application
from api.protocol import Protocol
from gis.services.sign_ins import Identity

SOMEBODY = Identity(1, "somebody", "worker", None)  # type: ignore[arg-type]
BIG = 400_000


class Counted:
    """Stands for the express way: knows the paths that begin with /quick, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ending = False

    def answer(self, scope: Scope) -> Answer | None:
        path = scope["path"]
        self.asked.append(path)
        if not path.startswith("/quick"):
            return None
        body = path.encode() * (BIG // len(path) if path == "/quick/big" else 1)
        if path == "/quick/304":
            return Answer(304, [(b"etag", b'"1"')], b"", path, time.perf_counter(), SOMEBODY, "1")
        headers = [(b"content-type", b"text/plain"), *([(b"connection", b"close")] if self.ending else [])]
        return Answer(200, headers, body, path, time.perf_counter(), SOMEBODY, "1")


class Slow(Application):
    """Answers everything itself, what is slow a little later."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/slow"):
            await asyncio.sleep(0.05)
        body = scope["path"].encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", b"%d" % len(body))],
            }
        )
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[int, Counted]]:
    app, express = Slow(), Counted()
    app.express = express  # type: ignore[assignment]
    server = uvicorn.Server(
        uvicorn.Config(app, http=Protocol, log_config=None, access_log=False, lifespan="off", proxy_headers=False)
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield listening.getsockname()[1], express
        server.should_exit = True
        thread.join()


def say(port: int, what: str, answers: int, *, closes: bool = False) -> tuple[list[tuple[int, bytes]], bool, bytes]:
    """Send bytes; return so many answers, whether the other end has then closed, and all that came."""
    found: list[tuple[int, bytes]] = []

    class Reader:
        body = b""

        def on_body(self, body: bytes) -> None:
            self.body += body

        def on_message_complete(self) -> None:
            found.append((parser.get_status_code(), self.body))
            self.body = b""

    parser, came, closed = httptools.HttpResponseParser(Reader()), b"", False
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(what.encode())
        while len(found) < answers:
            piece = connection.recv(65536)
            assert piece, came[-300:]
            came += piece
            parser.feed_data(piece)
        connection.settimeout(10 if closes else 0.2)
        try:
            closed = connection.recv(1) == b""
        except TimeoutError:
            closed = False
    return found, closed, came


def ask(path: str, *more: str, version: str = "1.1") -> str:
    return "\r\n".join([f"GET {path} HTTP/{version}", "Host: here", *more, "", ""])


def test_answers_come_in_the_order_of_the_questions(served: tuple[int, Counted]) -> None:
    paths = ["/quick/1", "/slow/1", "/quick/2", "/quick/3", "/slow/2", "/quick/4"]
    found, closed, came = say(served[0], "".join(map(ask, paths)), len(paths))
    assert found == [(200, path.encode()) for path in paths]
    assert not closed
    assert came.count(b"date: ") == len(paths)
    assert re.search(rb"content-length: 8\r\n(.+\r\n)*\r\n/quick/1HTTP/1.1 200 OK", came)


def test_a_long_queue_behind_a_slow_answer(served: tuple[int, Counted]) -> None:
    paths = ["/slow/1", *(f"/quick/{n}" for n in range(3000))]
    found, _, _ = say(served[0], "".join(map(ask, paths)), len(paths))
    assert [body.decode() for _, body in found] == paths


@pytest.mark.parametrize("path", ["/quick/1", "/slow/1"])
def test_a_connection_lasts_as_long_as_both_want(served: tuple[int, Counted], path: str) -> None:
    assert not say(served[0], ask(path), 1)[1]
    for question in (ask(path, "Connection: close"), ask(path, version="1.0")):
        _, closed, came = say(served[0], question, 1, closes=True)
        assert closed
        assert b"connection: close\r\n" in came


def test_a_process_that_ends_closes_after_its_answer(served: tuple[int, Counted]) -> None:
    served[1].ending = True
    try:
        found, closed, came = say(served[0], ask("/quick/1"), 1, closes=True)
    finally:
        served[1].ending = False
    assert found == [(200, b"/quick/1")]
    assert closed
    assert came.count(b"connection: close\r\n") == 1


def test_an_answer_without_a_body_has_no_length(served: tuple[int, Counted]) -> None:
    found, _, came = say(served[0], ask("/quick/304") + ask("/quick/1"), 2)
    assert found == [(304, b""), (200, b"/quick/1")]
    assert b"content-length" not in came.split(b"\r\n\r\n")[0]


def test_a_question_with_a_body_and_one_that_waits_to_send_it(served: tuple[int, Counted]) -> None:
    found, _, _ = say(served[0], ask("/quick/1", "Content-Length: 3") + "abc" + ask("/quick/2"), 2)
    assert found == [(200, b"/quick/1"), (200, b"/quick/2")]
    served[1].asked.clear()
    assert say(served[0], ask("/quick/1", "Content-Length: 3", "Expect: 100-continue") + "abc", 1)[0] == [
        (200, b"/quick/1")
    ]
    assert served[1].asked == []


def test_who_does_not_read_is_not_sent_ever_more(served: tuple[int, Counted]) -> None:
    many = 200
    served[1].asked.clear()
    with socket.create_connection(("127.0.0.1", served[0])) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(many):
            connection.sendall(ask("/quick/big").encode())
        time.sleep(0.3)
        assert len(served[1].asked) < many / 2


def test_every_answer_is_told_of(served: tuple[int, Counted], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(Answer, "tell", lambda self: told.append(self.route))
    say(served[0], "".join(map(ask, ["/quick/1", "/slow/1", "/quick/2", "/quick/3"])), 4)
    assert told == [
        "/quick/1",
        "/quick/3",
    ]  # the third had one behind it and went the other way, which tells by itself
