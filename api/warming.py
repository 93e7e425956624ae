"""Before a process says that it is ready: what the first requests of everybody need is counted and loaded, so that none of them waits for it."""

from __future__ import annotations

import asyncio
import time

import anyio.to_thread
import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.desk import Office
from gis.clock import today
from gis.errors import LinliError
from gis.services.counted import settle
from gis.services.locating import finder

log = structlog.get_logger("linli.warming")
_AGAIN_AFTER_S = 0.5
_SETTLING = -1
"""Another process is counting."""


async def warm_up(office: Office) -> None:
    """Load the place, and say so; again from the start where the database goes away meanwhile."""
    while True:
        try:
            await anyio.to_thread.run_sync(_load, office, abandon_on_cancel=True)
        except (SQLAlchemyError, LinliError) as error:
            log.warning("not loaded", error=type(error).__name__)
            await asyncio.sleep(_AGAIN_AFTER_S)
        else:
            office.warm.set()
            return


def _load(office: Office) -> None:
    with office.store.session(None) as session:
        finder(session, office.snapshots)
        office.snapshots.stations(session)
    try:
        while _settle(office) == _SETTLING:
            time.sleep(_AGAIN_AFTER_S)
    except (
        SQLAlchemyError
    ) as error:  # in a place so large that it takes too long, who asks first counts as well as it can
        log.warning("counts not settled", error=type(error).__name__)


def _settle(office: Office) -> int:
    with office.store.session(None) as session:
        return settle(session, today())
