"""Beside the requests: counts that are due are counted and kept, so that readers find them ready (gis/services/counted.py)."""

from __future__ import annotations

import asyncio

import anyio.to_thread
import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.desk import Office
from gis.clock import today
from gis.services.counted import TOPICS, settle

log = structlog.get_logger("linli.upkeep")
PAUSE_S = 2.0


async def keep_counts(office: Office) -> None:
    """Settle whenever something that is counted has changed, and on a new day; of several processes one does it."""
    settled: object = None
    while True:
        await asyncio.sleep(PAUSE_S)
        seen = (today(), *map(office.feed.versions.get, TOPICS))
        if seen == settled or not office.feed.known.is_set():
            continue
        try:
            if await anyio.to_thread.run_sync(_settle, office) >= 0:
                settled = seen
        except SQLAlchemyError as error:  # readers count for themselves meanwhile
            log.warning("counts not settled", error=type(error).__name__)


def _settle(office: Office) -> int:
    with office.store.session(None) as session:
        return settle(session, today())
