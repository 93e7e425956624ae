"""What is counted of every grid's people, needs and visits, as the database keeps it (migrations/sql, the file named after counts)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import orjson
import pandas as pd
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.services.snapshots import Snapshots

TOPICS = ("grids", "households", "needs", "visits")
"""What changes the counts."""
DATED = ("open", "opened", "closed", "due", "visited")
"""Measures of which there is one for each service, month or day, written ``open:meal``."""


@dataclass(frozen=True)
class Counted:
    """Counts by measure: int64 (grids + 1,), in the order of the grids' codes, the last of households in no grid; exact."""

    columns: dict[str, np.ndarray]
    n: int

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

    def flow(self, kind: str) -> pd.DataFrame:
        """Return a series of months as rows grid (position), month (Period), needs; ordered, without zeros."""
        series = self.series(kind)
        table = np.column_stack(list(series.values())) if series else np.zeros((self.n, 0), dtype=np.int64)
        grid, month = np.nonzero(table)
        months = pd.PeriodIndex(list(series), freq="M")
        return pd.DataFrame({"grid": grid, "month": months[month], "needs": table[grid, month]})


def counted(session: Session, snapshots: Snapshots, today: date) -> Counted:
    """Return the counts as of a day."""
    return snapshots.remember(session, ("counted", today), TOPICS, lambda loading: _load(loading, snapshots, today))


def settle(session: Session, today: date) -> int:
    """Count what is due and keep it, so that readers need not; a transaction of its own. Return how many grids were counted, −1: another is at it."""
    return int(session.execute(text("SELECT linli_settle_counts(:today)"), {"today": today}).scalar_one())


def _load(session: Session, snapshots: Snapshots, today: date) -> Counted:
    position_of = snapshots.grids(session).position_of
    n = len(position_of) + 1
    found: dict[str, tuple[list[int], list[int]]] = {}
    rows = session.execute(text("SELECT grid_id, counts::text FROM linli_counts(:today)"), {"today": today})
    for grid_id, counts in rows:
        position = position_of.get(grid_id, n - 1)
        for measure, count in orjson.loads(counts).items():
            at, values = found.setdefault(measure, ([], []))
            at.append(position)
            values.append(count)
    return Counted({measure: _summed(at, values, n) for measure, (at, values) in found.items()}, n)


def _summed(at: list[int], values: list[int], n: int) -> np.ndarray:
    column: Any = np.zeros(n, dtype=np.int64)
    np.add.at(column, at, values)
    return np.asarray(column)
