"""Are the counts that are kept those of the rows? A full recount beside them; and putting them right, should they ever not be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

_EVENTS = (
    "reported",
    "dispatched",
    "dispatched_in_time",
    "resolved",
    "reworked",
    "closed",
    "closed_in_time",
    "evaluated",
    "satisfied",
)
# What readers are given, and what is kept of grids that are not due: a wrong figure would be seen in either.
_PEOPLE = """
SELECT coalesce(k.grid_id, c.grid_id), coalesce(k.counts, '{}'), coalesce(c.counts, '{}')
FROM linli_present_counts(:today) k FULL JOIN linli_count_grids(:today, NULL) c ON c.grid_id = k.grid_id
WHERE coalesce(k.counts, '{}') <> coalesce(c.counts, '{}')
"""
_DAYS = f"""
SELECT coalesce(k.grid_id, c.grid_id), coalesce(k.day, c.day), to_jsonb(k), to_jsonb(c)
FROM event_days k FULL JOIN linli_recount_event_days() c ON c.grid_id = k.grid_id AND c.day = k.day
WHERE ({", ".join(f"k.{name}" for name in _EVENTS)}) IS DISTINCT FROM ({", ".join(f"c.{name}" for name in _EVENTS)})
"""


@dataclass(frozen=True)
class Difference:
    """A count that is kept otherwise than the rows have it."""

    counts: str
    grid: str
    measure: str
    kept: int
    counted: int


def differences(session: Session, today: date) -> tuple[int, list[Difference]]:
    """Compare all counts with a full recount in one moment.

    Args:
        session: a transaction of the owner that has asked nothing yet.
        today: the place's date.

    Returns:
        How many rows of counts were compared, and what differs.
    """
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    grids = {row[0]: row[1] for row in session.execute(text("SELECT id, code FROM grids"))}
    found: list[Difference] = []

    def compare(what: str, grid: int, kept: dict[str, Any], counted: dict[str, Any], when: str = "") -> None:
        code = grids.get(grid, "—")
        for measure in sorted(kept.keys() | counted.keys()):
            ours, theirs = int(kept.get(measure) or 0), int(counted.get(measure) or 0)
            if ours != theirs:
                found.append(Difference(what, code, f"{measure}{when}", ours, theirs))

    for grid, kept, counted in session.execute(text(_PEOPLE), {"today": today}):
        compare("grid_counts", grid, kept, counted)
    for grid, day, kept, counted in session.execute(text(_DAYS)):
        days = [{name: (row or {}).get(name) for name in _EVENTS} for row in (kept, counted)]
        compare("event_days", grid, days[0], days[1], f" {day}")
    compared = session.execute(
        text("SELECT (SELECT count(*) FROM grid_counts) + (SELECT count(*) FROM event_days)")
    ).scalar_one()
    return int(compared), found


def repair(session: Session, today: date) -> None:
    """Count everything anew and keep that; writers of events wait meanwhile."""
    session.execute(text("SELECT linli_repair_event_days()"))
    session.execute(text("DELETE FROM grid_counts"))
    session.execute(text("INSERT INTO grid_counts_due DEFAULT VALUES"))
    session.execute(text("SELECT linli_settle_counts(:today)"), {"today": today})
