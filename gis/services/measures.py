"""What a map of grids may show: each measure of every grid, as of now or over a span of months, and two of them side by side.

People and needs come from the published tables (gis/services/indicators.py, gis/services/needs.py). Events are about places and are counted
one by one; a wall tells none of their numbers from 1 to 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid
from gis.needs.disclosure import BASE, THRESHOLD, small
from gis.services import indicators
from gis.services.casework.standing import load_events
from gis.services.needs import month_table
from gis.services.snapshots import Snapshots

EVENTS = {"events_open": ("在办事件", "件"), "events_overdue": ("超期事件", "件")}
MONTHLY = {
    "needs_opened": ("新增需求", "件"),
    "needs_closed": ("办结需求", "件"),
    "opened_rate": ("每百户新增需求", "件/百户"),
    "events_reported": ("上报事件", "件"),
}
"""Measures of a span of months. Of people and coverage only today's figures are kept, so these have no past to be compared with."""
GROUPS = {
    "people": "人口",
    "care": "特殊关怀",
    "needs": "需求",
    "events": "事件",
    "coverage": "15分钟服务覆盖",
}
_SPAN = 12
"""Months of a span that nobody has chosen."""
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Span:
    """Months from the first to the last, both included, ``YYYY-MM``."""

    first: str
    last: str

    @classmethod
    def asked(cls, first: str | None, last: str | None, today: date, field: str = "") -> Span:
        """Return the span asked for; one that is open ends with the present month and begins a year before its end.

        ``field`` is what stands before ``from`` and ``to`` in the names of the query's fields.

        Raises:
            Invalid: a month is not ``YYYY-MM``, or the last is before the first.
        """
        for where, month in (("from", first), ("to", last)):
            if month is not None and not _MONTH.fullmatch(month):
                message = f"月份应为 YYYY-MM：{month} / a month is written YYYY-MM: {month}"
                raise Invalid(message, [Fault(f"query.{field}{where}", message)])
        last = last or f"{today:%Y-%m}"
        months = int(last[:4]) * 12 + int(last[5:]) - _SPAN
        first = first or min(last, f"{months // 12:04d}-{months % 12 + 1:02d}")
        if first > last:
            message = f"起始月份 {first} 晚于截止月份 {last} / the first month {first} is after the last {last}"
            raise Invalid(message, [Fault(f"query.{field}from", message)])
        return cls(first, last)


@dataclass(frozen=True)
class Reader:
    """For whom figures are told: ``exact`` one by one, or in fives; a ``wall`` nothing small and nothing of the past."""

    exact: bool = False
    wall: bool = False


def measure_names(session: Session, snapshots: Snapshots, *, wall: bool = False) -> list[dict[str, Any]]:
    """Return the measures that a map of grids may show: key, 中文 label, unit, group (of :data:`GROUPS`), and whether they are of months."""
    known = [{**name, "group": _group(name["key"])} for name in indicators.measure_names(session, snapshots)]
    known += [{"key": key, "label": label, "unit": unit, "group": "events"} for key, (label, unit) in EVENTS.items()]
    monthly = () if wall else MONTHLY.items()
    return [
        *({**name, "monthly": False} for name in known),
        *(
            {"key": key, "label": label, "unit": unit, "group": _group(key), "monthly": True}
            for key, (label, unit) in monthly
        ),
    ]


def measure(
    session: Session, snapshots: Snapshots, key: str, now: datetime, reader: Reader, span: Span | None = None
) -> dict[str, Any]:
    """Return one measure of every grid: ``values`` by code (None: no data or suppressed) and ``suppressed``, the codes hidden as small.

    Args:
        session, snapshots: the store and the caches.
        key: of :func:`measure_names`.
        now: the moment on the place's clock.
        reader: for whom.
        span: for a measure of months; the last twelve where absent.

    Raises:
        NotFound: there is no such measure, or not for this reader.
    """
    if key in MONTHLY and not reader.wall:
        span = span or Span.asked(None, None, now.date())
        values, hidden = _of_months(session, snapshots, key, now.date(), reader, span)
        return _told(session, snapshots, (key, *MONTHLY[key]), values, hidden, now, reader) | {
            "from": span.first,
            "to": span.last,
        }
    if key in EVENTS:
        events = load_events(session, snapshots, now)
        values = (events.open if key == "events_open" else events.overdue)[:-1].astype(float)
        hidden = small(values) if reader.wall else np.zeros(len(values), dtype=bool)
        return _told(session, snapshots, (key, *EVENTS[key]), values, hidden, now, reader)
    return indicators.measure(session, snapshots, key, now.date(), exact=reader.exact)


def known_months(session: Session, snapshots: Snapshots, today: date) -> tuple[str, str] | None:
    """Return the first month of which needs are known, and the present one; None without any."""
    opened, _ = month_table(session, snapshots, today, exact=False)["opened_on"]
    return (min(opened[0], f"{today:%Y-%m}"), f"{today:%Y-%m}") if opened else None


def difference(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any] | None:
    """Return right minus left in every grid: ``values`` (None where either is not told), and how many rose, fell and stayed.

    None where the two are not in the same unit, so that a difference would say nothing.
    """
    if left["unit"] != right["unit"]:
        return None
    values: dict[str, float | None] = {}
    for code, before in left["values"].items():
        after = right["values"].get(code)
        values[code] = None if before is None or after is None else round(after - before, 2)
    known = [value for value in values.values() if value is not None]
    return {
        "unit": left["unit"],
        "values": values,
        "rose": sum(value > 0 for value in known),
        "fell": sum(value < 0 for value in known),
        "same": sum(value == 0 for value in known),
        "unknown": len(values) - len(known),
    }


def _group(key: str) -> str:
    kind = key.partition(":")[0]
    if kind in ("flag", "covered"):
        return {"flag": "care", "covered": "coverage"}[kind]
    if key.startswith("events"):
        return "events"
    return "needs" if key.startswith("need") or key == "opened_rate" else "people"


def _of_months(
    session: Session, snapshots: Snapshots, key: str, today: date, reader: Reader, span: Span
) -> tuple[np.ndarray, np.ndarray]:
    """Return a measure of months (NaN: no data) and which values are hidden, in the order of the grids."""
    if key == "events_reported":
        reported = _reported(session, snapshots, span)
        return reported.astype(float), np.zeros(len(reported), dtype=bool)
    months, counts = month_table(session, snapshots, today, exact=reader.exact)[
        "closed_on" if key == "needs_closed" else "opened_on"
    ]
    inside = [i for i, month in enumerate(months) if span.first <= month <= span.last]
    found = counts[:-1, inside].sum(axis=1)
    homes = indicators.grid_counts(session, snapshots, today, exact=reader.exact)["households"].to_numpy()[:-1]
    hidden = small(found) if reader.exact else (found == 0) & (homes > 0)
    if key != "opened_rate":
        return found.astype(float), hidden
    rates = np.divide(found * 100.0, homes, out=np.full(len(found), np.nan), where=homes > 0)
    return rates, hidden | small(homes)


def _reported(session: Session, snapshots: Snapshots, span: Span) -> np.ndarray:
    """Return how many events were reported in each grid within a span."""

    def load(loading: Session) -> np.ndarray:
        position_of = snapshots.grids(loading).position_of
        counts = np.zeros(len(position_of), dtype=np.int64)
        rows = loading.execute(
            text(
                "SELECT grid_id, sum(reported) FROM event_days "
                "WHERE day >= to_date(:first, 'YYYY-MM') AND day < to_date(:last, 'YYYY-MM') + interval '1 month' GROUP BY grid_id"
            ),
            {"first": span.first, "last": span.last},
        )
        for grid_id, count in rows:
            if grid_id in position_of:
                counts[position_of[grid_id]] = count
        return counts

    return snapshots.remember(session, ("events reported", span.first, span.last), ("events", "grids"), load)


def _told(
    session: Session,
    snapshots: Snapshots,
    name: tuple[str, str, str],
    values: np.ndarray,
    hidden: np.ndarray,
    now: datetime,
    reader: Reader,
) -> dict[str, Any]:
    codes = snapshots.grids(session).codes
    key, label, unit = name
    return {
        "key": key,
        "label": label,
        "unit": unit,
        "date": now.date().isoformat(),
        "values": {
            code: None if is_hidden or np.isnan(value) else round(float(value), 2)
            for code, value, is_hidden in zip(codes, values, hidden, strict=True)
        },
        "suppressed": [code for code, is_hidden in zip(codes, hidden, strict=True) if is_hidden],
        "threshold": THRESHOLD,
        "people_in": 1 if reader.exact else BASE,
    }
