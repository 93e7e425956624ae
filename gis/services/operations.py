"""How the place stands, for whoever runs it: counts, and no content."""

from __future__ import annotations

from sqlalchemy import func, select

from gis.models import Import
from gis.store.session import Store

STATES = ("queued", "running", "done", "failed", "cancelled")


def jobs_by_state(store: Store) -> dict[str, int]:
    """Return the number of imports in each state; 0 where there are none."""
    with store.owner_engine.connect() as connection:
        found = connection.execute(select(Import.state, func.count()).group_by(Import.state))
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in found}
