"""The command centre's wall: its figures, and what has changed, live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import anyio
import anyio.to_thread
from fastapi import APIRouter, Header
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.answers import Json
from api.desk import AtDesk, Desk
from api.feed import Versions, changed, decode, encode
from api.parameters import Area
from api.schemas import ScreenSummary
from api.security import allow
from gis.services import indicators

router = APIRouter(tags=["大屏 / screen"])
HEARTBEAT_S = 15
GRACE_S = 5.0
"""How long a stream may take to end by itself when the process does."""


@router.get(
    "/api/screen/summary",
    summary="大屏数据 / all that a wall shows",
    response_model=ScreenSummary,
    dependencies=[allow("planner", "screen")],
)
def summary(desk: AtDesk, area: Area = None) -> Json:
    """Return totals, coverage now, rankings, needs and their course: aggregates only, small numbers null."""
    with desk.session() as session:
        return Json(
            indicators.screen_summary(
                session, desk.snapshots, area, desk.now(), exact=desk.account.sees_exact
            )
        )


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
        while not feed.ending:
            for topic in changed(seen, feed.versions):
                if topic in feed.versions:
                    seen[topic] = feed.versions[topic]
                else:
                    del seen[topic]
                yield ServerSentEvent(id=encode(seen), data=f'{{"topic":"{topic}"}}')
            woken.clear()
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
