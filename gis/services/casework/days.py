"""What each of the last days brought, by grid: needs opened and closed, visits that fell due and visits made.

Unless ``exact``, each count of a grid on a day is rounded once, by an offset of that grid and day alone (gis/needs/disclosure.py): what is entered, corrected
or let go later on another day, or in another grid, changes nothing of it, so whoever writes all days down for weeks sees no count through several roundings.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from sqlalchemy.orm import Session

from gis.needs.disclosure import offsets, rounded
from gis.services.counted import TOPICS, Counted, counted
from gis.services.snapshots import Snapshots
from gis.store.vault import vault_of

DAYS = 30
"""How far trends look back."""
MEASURES = {
    "needs_opened": ("opened_on",),
    "needs_closed": ("closed_on",),
    "visits_due": ("due", "met"),
    "visits_done": ("visited",),
}
"""What is told of days, and the counts that it is the sum of: a visit fell due on a day whether it still is or was made meanwhile."""


def last_days(today: date) -> list[date]:
    """Return the days of a trend, the last of them ``today``."""
    return [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]


def by_day(session: Session, snapshots: Snapshots, today: date, *, exact: bool = False) -> dict[str, np.ndarray]:
    """Return each of :data:`MEASURES` as int64 (days, grids + 1), in the order of the grids' codes, the last of households in no grid."""
    return snapshots.remember(
        session, ("days", today, exact), TOPICS, lambda loading: _load(loading, snapshots, today, exact)
    )


def _load(session: Session, snapshots: Snapshots, today: date, exact: bool) -> dict[str, np.ndarray]:
    if exact:
        found = counted(session, snapshots, today)
        return {
            name: np.stack([_on(found, kinds, day) for day in last_days(today)]) for name, kinds in MEASURES.items()
        }
    own = _offsets(session, snapshots, today)
    return {name: rounded(counts, own[name]) for name, counts in by_day(session, snapshots, today, exact=True).items()}


def _on(found: Counted, kinds: tuple[str, ...], day: date) -> np.ndarray:
    return np.sum([found.column(f"{kind}:{day.isoformat()}") for kind in kinds], axis=0)


def _offsets(session: Session, snapshots: Snapshots, today: date) -> dict[str, np.ndarray]:
    """Return the offset of each grid on each day; those of a day are made once."""
    units, key = [*snapshots.grids(session).codes, ""], vault_of(session).rounding
    made: dict[tuple[str, date], np.ndarray] = snapshots.remember(
        session, ("offsets of days",), ("grids",), lambda _: {}
    )
    days = last_days(today)
    for gone in [each for each in list(made) if each[1] < days[0]]:
        made.pop(gone, None)

    def of(name: str, day: date) -> np.ndarray:
        found = made.get((name, day))
        if found is None:
            made[name, day] = found = offsets(key, f"{name} on {day.isoformat()}", units).astype(np.int8)
        return found

    return {name: np.stack([of(name, day) for day in days]).astype(np.int64) for name in MEASURES}
