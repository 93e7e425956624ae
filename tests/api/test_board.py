"""Walls that ask in a burst of changes: one answer at a time, never an older one than the question, and no thread that only waits."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import anyio.to_thread
import pytest

from api.board import Answer, Board

KEY = (None, False)


def answer(number: int) -> Answer:
    return Answer((number,), datetime(2026, 11, 20, tzinfo=UTC), b"{}", None, str(number))


def test_all_who_ask_while_one_is_made_share_the_next() -> None:
    board, made, release = Board(), [], threading.Event()

    def make() -> Answer:
        made.append(len(made) + 1)
        release.wait(10)
        return answer(made[-1])

    async def ask() -> list[str]:
        first = asyncio.create_task(board.soon(KEY, make))
        while not made:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(board.soon(KEY, make)) for _ in range(200)]
        await asyncio.sleep(0.05)
        assert made == [1]
        assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 1
        release.set()
        return [each.tag for each in await asyncio.gather(first, *others)]

    assert asyncio.run(ask()) == ["1"] + ["2"] * 200
    assert made == [1, 2]


def test_a_failure_is_the_makers_own() -> None:
    board = Board()

    def fail() -> Answer:
        raise LookupError

    async def ask() -> list[object]:
        found = await asyncio.gather(
            board.soon(KEY, fail),
            board.soon(KEY, lambda: answer(1)),
            board.soon(KEY, lambda: answer(2)),
            return_exceptions=True,
        )
        return [each.tag if isinstance(each, Answer) else type(each) for each in found]

    assert asyncio.run(ask()) == [LookupError, "1", "1"]


def test_who_goes_away_takes_nobody_along() -> None:
    board, release = Board(), threading.Event()

    def make() -> Answer:
        release.wait(10)
        return answer(1)

    async def ask() -> str:
        leaving, staying = asyncio.create_task(board.soon(KEY, make)), asyncio.create_task(board.soon(KEY, make))
        await asyncio.sleep(0.05)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        release.set()
        return (await staying).tag

    assert asyncio.run(ask()) == "1"
