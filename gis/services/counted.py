"""What is counted of every grid's people, needs and visits, as the database keeps it (migrations/sql, the file named after counts)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.services.snapshots import Snapshots

TOPICS = ("grids", "households", "needs", "visits")
"""What changes the counts."""
DATED = ("open", "opened", "closed", "opened_on", "closed_on", "due", "met", "visited")
"""Measures of which there is one for each service, month or day, written ``open:meal``; ``met``: visits that fell due that day and were made then or later."""


@dataclass(frozen=True)
class Counted:
    """Counts by measure: int64 (grids + 1,), in the order of the grids' codes, the last of households in no grid; exact."""

    columns: dict[str, np.ndarray]
    n: int
    places: dict[int, int]
    """From a grid's id to its position."""
    texts: dict[int, str]
    """What the database said of each grid (0: none): who reads again takes in only what is said otherwise."""

    def column(self, measure: str) -> np.ndarray:
        """Return the counts of a measure; zeros where nobody has it."""
        found = self.columns.get(measure)
        return np.zeros(self.n, dtype=np.int64) if found is None else found

    def plain(self) -> dict[str, np.ndarray]:
        """Return the measures that are no series."""
        return {name: column for name, column in self.columns.items() if name.partition(":")[0] not in DATED}

    def series(self, kind: str) -> dict[str, np.ndarray]:
        """Return the measures of a kind of :data:`DATED` by what stands behind the colon, in its order."""
        begin = f"{kind}:"
        return {name.removeprefix(begin): self.columns[name] for name in sorted(self.columns) if name.startswith(begin)}

    def between(self, kind: str, first: date | None, last: date) -> np.ndarray:
        """Return the sum of a series of days over a span, both ends included."""
        span = ("" if first is None else first.isoformat(), last.isoformat())
        chosen = [column for day, column in self.series(kind).items() if span[0] <= day <= span[1]]
        return np.sum([np.zeros(self.n, dtype=np.int64), *chosen], axis=0)

    def table(self, kind: str) -> tuple[list[str], np.ndarray]:
        """Return a series as its months in order and int64 (grids + 1, months)."""
        series = self.series(kind)
        return list(series), np.column_stack([np.zeros((self.n, 0), dtype=np.int64), *series.values()])


def counted(session: Session, snapshots: Snapshots, today: date) -> Counted:
    """Return the counts as of a day."""
    key = ("counted", today)
    return snapshots.remember(
        session, key, TOPICS, lambda loading: _load(loading, snapshots, today, snapshots.former(key))
    )


def settle(session: Session, today: date) -> int:
    """Count what is due and keep it, so that readers need not; a transaction of its own. Return how many grids were counted, −1: another is at it."""
    return int(session.execute(text("SELECT linli_settle_counts(:today)"), {"today": today}).scalar_one())


def _load(session: Session, snapshots: Snapshots, today: date, former: Counted | None) -> Counted:
    places = snapshots.grids(session).position_of
    n = len(places) + 1
    texts = {
        row[0]: row[1]
        for row in session.execute(text("SELECT grid_id, counts::text FROM linli_counts(:today)"), {"today": today})
    }
    astray = {grid_id for grid_id in texts if grid_id not in places} | {0}
    if former is None or former.places != places:
        former = Counted({}, n, places, {})
    changed = {
        grid_id for grid_id in texts.keys() | former.texts.keys() if texts.get(grid_id) != former.texts.get(grid_id)
    }
    if not changed:
        return former
    if changed & (astray | former.texts.keys() - places.keys()):  # these share the last position
        changed |= astray
    columns = {measure: column.copy() for measure, column in former.columns.items()}
    for column in columns.values():
        column[[places.get(grid_id, n - 1) for grid_id in changed]] = 0
    for grid_id in changed & texts.keys():
        at = places.get(grid_id, n - 1)
        for measure, count in orjson.loads(texts[grid_id]).items():
            if measure not in columns:
                columns[measure] = np.zeros(n, dtype=np.int64)
            columns[measure][at] += count
    return Counted(columns, n, places, texts)
