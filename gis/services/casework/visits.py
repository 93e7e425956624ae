"""三色管理: who is due for a visit, the round to walk, and a visit recorded in two taps."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.visiting import INTERVALS_DAYS, MISSED, length_m, round_order
from gis.clock import TIME_ZONE
from gis.errors import Conflict, Fault, NotFound
from gis.services.casework.ways import walks_m
from gis.services.confirmations import confirm_visited
from gis.services.households import DOOR
from gis.services.snapshots import Snapshots
from gis.store.auditing import note

# Due since the day of the last visit and the interval; who was never visited, since the file was opened. Later visits than the day asked for
# are not looked at, so that a past day's list can be seen again.
_DUE = f"""
SELECT h.code AS household, h.colour, h.colour_expires_on < :on AS colour_expired, b.code AS building, b.name AS building_name,
       c.name AS compound_name, h.unit, h.room, g.code AS grid, h.lon, h.lat, v.last AS last_visit_on,
       coalesce(v.last + p.interval_days, CAST(h.created_at AT TIME ZONE :zone AS date)) AS due_on, ROW({DOOR}) AS door
FROM households h
JOIN (SELECT * FROM unnest(CAST(:colours AS text[]), CAST(:days AS integer[])) AS t(colour, interval_days)) p ON p.colour = h.colour
LEFT JOIN grids g ON g.id = h.grid_id LEFT JOIN buildings b ON b.id = h.building_id LEFT JOIN compounds c ON c.id = b.compound_id
LEFT JOIN LATERAL (SELECT max(w.visited_on) AS last FROM visits w
                   WHERE w.household_id = h.id AND w.visited_on <= :on AND NOT w.missed) v ON true
WHERE (CAST(:grid AS text) IS NULL OR g.code = :grid)
"""
_PAGE = f"""
SELECT d.household, d.colour, d.colour_expired, d.building, d.building_name, d.compound_name, d.unit, d.room, d.grid, d.lon, d.lat, d.last_visit_on, d.due_on,
       CAST(:on AS date) - d.due_on AS overdue_days FROM ({_DUE}) d WHERE d.due_on <= :until
ORDER BY d.due_on, array_position(ARRAY['red', 'yellow', 'green'], d.colour), d.door LIMIT :limit
"""
_TOTALS = f"""
SELECT d.colour, count(*) AS households, count(*) FILTER (WHERE d.due_on <= :on) AS due, count(*) FILTER (WHERE d.due_on < :on) AS overdue
FROM ({_DUE}) d GROUP BY 1
"""
_SAME = ("household", "outcome", "note", "unchanged")


def intervals(session: Session) -> dict[str, int]:
    """Return the days between visits of each colour in this place."""
    rows = session.execute(text("SELECT colour, interval_days FROM visit_policy"))
    return {**INTERVALS_DAYS, **{row.colour: row.interval_days for row in rows}}


def set_intervals(session: Session, days: dict[str, int]) -> dict[str, int]:
    """Set the place's days between visits, of the colours that are given."""
    for colour, interval in days.items():
        session.execute(
            text(
                "INSERT INTO visit_policy VALUES (:colour, :days) ON CONFLICT (colour) DO UPDATE SET interval_days = excluded.interval_days"
            ),
            {"colour": colour, "days": interval},
        )
    return intervals(session)


def due(
    session: Session, grid: str | None, on: date, limit: int, *, ahead_days: int = 0, audited: bool = True
) -> dict[str, Any]:
    """Return the households that are due for a visit on a day, as far as the account may see them: most overdue first, then by colour and door.

    Args:
        session: a transaction of the account.
        grid: only of this grid.
        on: the day.
        limit: the most items.
        ahead_days: also those that become due so many days later.
        audited: whether this look is noted; who looks again soon need not be.

    Returns:
        ``items`` (household, colour, address, ``last_visit_on``, ``due_on``, ``overdue_days``), ``totals`` by colour (households, due,
        overdue), ``truncated``, and the ``intervals`` in force.
    """
    days = intervals(session)
    params = {"grid": grid, "on": on, "zone": TIME_ZONE.key, "colours": list(days), "days": list(days.values())}
    until = on + timedelta(days=ahead_days)
    rows = session.execute(text(_PAGE), {**params, "until": until, "limit": limit + 1}).mappings().all()
    totals = {row["colour"]: dict(row) for row in session.execute(text(_TOTALS), params).mappings()}
    if audited:
        note(session, "visit.list", detail={"grid": grid, "found": len(rows[:limit])})
    return {
        "on": on.isoformat(),
        "intervals": days,
        "totals": [
            {"households": 0, "due": 0, "overdue": 0, **totals.get(colour, {}), "colour": colour} for colour in days
        ],
        "items": [dict(row) for row in rows[:limit]],
        "truncated": len(rows) > limit,
    }


def walk_round(
    session: Session, snapshots: Snapshots, grid: str | None, on: date, most: int, start: tuple[float, float] | None
) -> dict[str, Any]:
    """Return the households that are most overdue, in an order that makes a short walk; the position given is not kept.

    Args:
        session: a transaction of the account.
        snapshots: the caches.
        grid: only of this grid.
        on: the day.
        most: how many stops.
        start: lon and lat of where to begin; None: anywhere.
    """
    chosen = [item for item in due(session, grid, on, most)["items"] if item["lon"] is not None]
    places = np.array([[item["lon"], item["lat"]] for item in chosen], dtype=float).reshape(-1, 2)
    if start is not None:
        places = np.vstack([np.array([start]), places])
    apart_m = walks_m(session, snapshots, places, places)
    order = round_order(np.minimum(apart_m, apart_m.T), 0 if start is not None else None)
    first = 1 if start is not None else 0
    stops = [
        {**chosen[stop - first], "walk_m": round(float(apart_m[before, stop])) if before is not None else 0}
        for before, stop in zip([None, *order], order, strict=False)
        if stop >= first
    ]
    return {"on": on.isoformat(), "stops": stops, "length_m": round(length_m(order, apart_m))}


def record(session: Session, body: dict[str, Any], now: datetime) -> tuple[dict[str, Any], bool]:
    """Record a visit; with ``unchanged`` the file was also found true.

    Args:
        session: a transaction of the account that visited.
        body: ``household``, ``outcome`` (see :data:`gis.casework.visiting.OUTCOMES`, or the place's own word), ``unchanged``, ``note``,
            ``visited_on`` (not later than today), ``id`` (of the caller's choice: the same visit again finds what it made).
        now: the present moment, with the place's zone.

    Returns:
        The visit, and whether it was made just now.

    Raises:
        NotFound, Conflict: no such household for this account; the id belongs to another visit.
    """
    household = session.scalar(
        text("SELECT id FROM households WHERE code = :code FOR UPDATE"), {"code": body["household"]}
    )
    if household is None:
        raise NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
    made = body.get("id") or uuid4()
    values = {
        "id": made,
        "household": household,
        "on": body.get("visited_on") or now.date(),
        "outcome": body["outcome"],
        "missed": body["outcome"] in MISSED,
        "unchanged": bool(body.get("unchanged")),
        "note": body.get("note"),
    }
    new = session.scalar(
        text(
            "INSERT INTO visits (id, household_id, visited_on, outcome, missed, unchanged, note, visited_by) VALUES "
            "(:id, :household, :on, :outcome, :missed, :unchanged, :note, linli_actor()) ON CONFLICT (id) DO NOTHING RETURNING true"
        ),
        values,
    )
    if new:
        if values["unchanged"]:
            confirm_visited(session, household)
        note(session, "visit.record", f"household:{body['household']}")
    visit = _visit(session, made)
    asked = {**{name: body.get(name) for name in _SAME}, "unchanged": values["unchanged"]}
    if body.get("visited_on"):  # without one it is the day of the first try
        asked["visited_on"] = values["on"]
    if visit is None or any(visit[name] != value for name, value in asked.items()):
        raise Conflict(
            "这个编号已用于另一次走访 / this id belongs to another visit",
            [Fault("body.id", "请换一个编号 / choose another id")],
        )
    return visit, bool(new)


def of_household(session: Session, household: str, limit: int) -> list[dict[str, Any]]:
    """Return the last visits to a household, the newest first.

    Raises:
        NotFound: not visible.
    """
    found = session.scalar(text("SELECT id FROM households WHERE code = :code"), {"code": household})
    if found is None:
        raise NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
    rows = session.execute(
        text(f"{_SELECT} WHERE v.household_id = :household ORDER BY v.visited_on DESC, v.created_at DESC LIMIT :limit"),
        {"household": found, "limit": limit},
    ).mappings()
    note(session, "household.read", f"household:{household}", detail={"part": "visits"})
    return [dict(row) for row in rows]


_SELECT = """SELECT v.id, h.code AS household, v.visited_on, v.outcome, v.unchanged, v.note, v.visited_by, v.created_at
FROM visits v JOIN households h ON h.id = v.household_id"""


def _visit(session: Session, identity: UUID) -> dict[str, Any] | None:
    row = session.execute(text(f"{_SELECT} WHERE v.id = :id"), {"id": identity}).mappings().one_or_none()
    return None if row is None else dict(row)
