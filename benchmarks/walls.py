"""Many walls at once: each holds a stream of changes open, and asks for its figures when told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from api.feed import decode

LIMIT_S = 60.0
AGAIN_S = 0.2
SETTLE_S = 0.12
"""How long a page waits for more changes before it asks (api/pages/static/js/screen.js)."""


@dataclass
class Wall:
    """One open stream: every notice of events as seconds of the clock, and the topic's version: its newest change, and the sum over its lines."""

    heard: list[tuple[float, int, int]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    """The last figures, asked for after the last notice."""
    shown_at: float = float("inf")


@dataclass(frozen=True)
class Told:
    """What some walls were told of some changes."""

    walls: list[Wall]

    def delays_s(self, committed: dict[int, float], sums: dict[int, int]) -> list[float]:
        """Return how long each change took to reach each wall, seconds, infinite where it never came.

        A wall has a change at the first notice that surely holds it: which is as new, and of a version that lacks no change up to there.

        Args:
            committed: when each change was known to be committed, by its number, seconds of the clock.
            sums: by the number of each change, the sum over the lines when all up to it are there, and no other.
        """
        delays: list[float] = []
        for wall in self.walls:
            whole = [(at, newest) for at, newest, total in wall.heard if total == sums.get(newest)]
            for number, at in committed.items():
                first = next((heard for heard, newest in whole if newest >= number), float("inf"))
                delays.append(max(0.0, first - at))
        return delays


async def watch(
    address: str,
    token: str,
    summary: str,
    many: int,
    work: Callable[[], Awaitable[tuple[int, int]]],
    shows_all: Callable[[dict[str, Any]], bool],
) -> Told:
    """Open ``many`` streams, do the work (which returns the version after it), and wait until every wall has all and shows all."""
    walls = [Wall() for _ in range(many)]
    ready, woken = asyncio.Semaphore(0), [asyncio.Event() for _ in walls]
    listening = [
        asyncio.create_task(_listen(address, token, wall, ready, event))
        for wall, event in zip(walls, woken, strict=True)
    ]
    try:
        async with asyncio.timeout(LIMIT_S):
            for _ in walls:
                await ready.acquire()
        showing = [
            asyncio.create_task(_show(address, token, summary, wall, event, shows_all))
            for wall, event in zip(walls, woken, strict=True)
        ]
        made = await work()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LIMIT_S):
                while any(wall.heard[-1][1:] < made for wall in walls):
                    await asyncio.sleep(0.01)
                await asyncio.gather(*showing)
        for task in showing:
            task.cancel()
    finally:
        for task in listening:
            task.cancel()
    return Told(walls)


async def _listen(address: str, token: str, wall: Wall, ready: asyncio.Semaphore, woken: asyncio.Event) -> None:
    """Read a stream line by line; the lines that tell how long a piece is are none of its own."""
    reader, writer = await _ask(address, token, "GET", "/api/screen/changes")
    try:
        while line := await reader.readline():
            if not line.startswith(b"id: "):
                continue
            versions = decode(line[4:].strip().decode()) or {}
            version = versions.get("events", (0, 0))
            if not wall.heard:
                ready.release()
            elif wall.heard[-1][1:] == version:
                continue  # of another topic
            wall.heard.append((time.perf_counter(), *version))
            woken.set()
    finally:
        writer.close()


async def _show(
    address: str,
    token: str,
    summary: str,
    wall: Wall,
    woken: asyncio.Event,
    shows_all: Callable[[dict[str, Any]], bool],
) -> None:
    """Ask for the figures after a notice as the page does, one question at a time, until they are whole."""
    while not shows_all(wall.figures):
        await woken.wait()
        await asyncio.sleep(SETTLE_S)
        woken.clear()
        answer = await _answer(address, token, "GET", summary)
        wall.figures, wall.shown_at = _read(answer.partition(b"\r\n\r\n")[2]), time.perf_counter()


async def report(address: str, token: str, bodies: list[dict[str, Any]], every_s: float) -> dict[str, float]:
    """Report events at a steady pace, whether or not those before have been answered; return when each was, by its id, seconds of the clock.

    Who is told to come again (503) does so with the same id.
    """
    begun = time.perf_counter()

    async def one(number: int, body: dict[str, Any]) -> tuple[str, float]:
        await asyncio.sleep(begun + number * every_s - time.perf_counter())
        while (answer := await _answer(address, token, "POST", "/api/events", json.dumps(body).encode())).startswith(
            b"HTTP/1.1 503"
        ):
            await asyncio.sleep(AGAIN_S)
        if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise RuntimeError(answer.decode(errors="replace"))
        return str(json.loads(answer.partition(b"\r\n\r\n")[2])["id"]), time.perf_counter()

    return dict(await asyncio.gather(*(one(number, body) for number, body in enumerate(bodies))))


@lru_cache(maxsize=8)
def _read(body: bytes) -> dict[str, Any]:
    """Return what an answer holds; two hundred walls that are told the same need not all read it on this machine."""
    figures: dict[str, Any] = json.loads(body)
    return figures


async def _answer(address: str, token: str, method: str, path: str, body: bytes = b"") -> bytes:
    """Ask on a connection of its own, which ends with the answer; return all of that."""
    reader, writer = await _ask(address, token, method, path, body)
    answer = await reader.read()
    writer.close()
    return answer


async def _ask(
    address: str, token: str, method: str, path: str, body: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request on a connection of its own."""
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    end = "" if path.endswith("changes") else "Connection: close\r\n"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n{kind}{end}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return reader, writer
