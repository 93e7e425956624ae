"""The command centre's wall: its figures, and what has changed, live."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread
from fastapi import APIRouter, Header, Query, Response
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.datastructures import Headers
from starlette.types import Scope

from api.board import Answer, Board, Key
from api.compression import takes_gzip
from api.desk import AtDesk, Desk, Office
from api.express import Ready, at_hand
from api.feed import Versions, changed, decode, encode
from api.openapi import problems
from api.schemas import ScreenSummary
from api.security import allow
from gis import clock
from gis.services.casework import figures
from gis.services.sign_ins import Identity
from gis.services.snapshots import Snapshots

router = APIRouter(tags=["大屏 / screen"])
_BOARDS: WeakKeyDictionary[Snapshots, Board] = WeakKeyDictionary()
Unit = Annotated[
    str | None,
    Query(
        pattern=r"^([0-9]{12}|[0-9]{15})$",
        description="区划编码（12 位）或网格编码（15 位）；不填为全域 / code of an area or a grid; absent: the whole place",
        examples=["530102000000"],
    ),
]
HEARTBEAT_S = 15
PAUSE_S = 0.1
"""How long a stream rests once it has told something: what changes meanwhile is told together."""
GRACE_S = 5.0
"""How long a stream may take to end by itself when the process does."""
_ASKED = re.compile(rb"(?:area=([0-9]{12}|[0-9]{15}))?")


def _from_memory(office: Office, account: Identity, scope: Scope) -> Ready | None:
    """Answer a wall with what lies ready for it."""
    asked = _ASKED.fullmatch(scope["query_string"])
    board = _BOARDS.get(office.snapshots)
    if asked is None or board is None:
        return None
    area = asked[1].decode() if asked[1] else None
    answer = board.at_hand(office.store.journal, (area, account.sees_exact), clock.now())
    if answer is None:
        return None
    given, tag = Headers(scope=scope), (b"etag", answer.tag.encode())
    if given.get("if-none-match") == answer.tag:
        return Ready(b"", (tag,), 304)
    small = answer.packed if takes_gzip(given) else None
    body = answer.body if small is None else small
    headers = [tag, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if small is not None:
        headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    return Ready(body, headers)


@router.get(
    "/api/screen/summary",
    summary="大屏数据 / all that a wall shows",
    response_model=ScreenSummary,
    responses={304: {"description": "没有变化 / unchanged"}, **problems(404)},
    dependencies=[allow("planner", "screen")],
)
@at_hand(_from_memory)
async def summary(
    desk: AtDesk, area: Unit = None, if_none_match: Annotated[str | None, Header(max_length=200)] = None
) -> Response:
    """Return what a wall shows of the place, an area (12 digits) or a grid (15): aggregates only, small numbers null.

    Figures of this moment; with ``If-None-Match`` 304 where nothing has changed.
    """
    key, now = (area, desk.account.sees_exact), desk.now()
    answer = _board(desk).at_hand(desk.office.store.journal, key, now)
    if answer is None:
        answer = await _board(desk).soon(key, lambda: _make(desk, key, now))
    headers = {"ETag": answer.tag}
    if if_none_match == answer.tag:
        return Response(status_code=304, headers=headers)
    return Response(answer.body, media_type="application/json", headers=headers)


def _make(desk: Desk, key: Key, now: datetime) -> Answer:
    def work(session: Session) -> dict[str, Any]:
        return figures.screen_summary(session, desk.snapshots, key[0], now, exact=key[1])

    return _board(desk).make(desk.office.store.journal, key, now, desk.compute, work, desk.snapshots)


def _board(desk: Desk) -> Board:
    """Return the board of this process's data."""
    board = _BOARDS.get(desk.snapshots)
    return board if board is not None else _BOARDS.setdefault(desk.snapshots, Board())


@router.get(
    "/api/screen/changes",
    summary="实时变化 / live changes (server-sent events)",
    response_class=EventSourceResponse,
    responses={
        200: {
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: needs.812.40\ndata: {"topic":"needs"}\n\n',
                }
            }
        }
    },
    dependencies=[allow("planner", "worker", "screen")],
)
async def changes(
    desk: AtDesk, last_event_id: Annotated[str | None, Header(max_length=2000)] = None
) -> EventSourceResponse:
    """Tell within a second which topics have changed; taken up again with ``Last-Event-ID`` without losing one."""
    return EventSourceResponse(
        _events(desk, decode(last_event_id) if last_event_id else None),
        ping=HEARTBEAT_S,
        shutdown_event=anyio.Event(),
        shutdown_grace_period=GRACE_S,  # the stream sees the end for itself, and ends whole
        headers={"Cache-Control": "private, no-store"},
    )


async def _events(desk: Desk, seen: Versions | None) -> AsyncIterator[ServerSentEvent]:
    """Yield one event for each topic that has changed since ``seen`` (None: since now), as long as the session lasts."""
    feed = desk.office.feed
    with feed.waiting() as woken:
        while not feed.known.is_set() and not feed.ending:
            await asyncio.sleep(0.05)
        if seen is None:
            seen = dict(feed.versions)
            yield ServerSentEvent(event="ready", id=encode(seen), data="{}", retry=2000)
        told = False
        while not feed.ending:
            for topic in changed(seen, feed.versions):
                if topic in feed.versions:
                    seen[topic] = feed.versions[topic]
                else:
                    del seen[topic]
                yield ServerSentEvent(id=encode(seen), data=f'{{"topic":"{topic}"}}')
                told = True
            woken.clear()
            if told:
                told = False
                await asyncio.sleep(PAUSE_S)
            if changed(seen, feed.versions):
                continue
            try:
                await asyncio.wait_for(woken.wait(), HEARTBEAT_S)
            except TimeoutError:
                if await anyio.to_thread.run_sync(_has_ended, desk):
                    return


def _has_ended(desk: Desk) -> bool:
    """Tell whether the session has ended; while the database is away nobody knows, and nothing is told either."""
    try:
        return desk.office.sessions.look_up(desk.token) is None
    except SQLAlchemyError:
        return False
