"""What a step changes in an event: its state, whose desk it is on, the limit that runs, and what is told of how promptly it went."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.flow import WAITING, WORKING
from gis.casework.limits import FOLLOW_UP_DAYS
from gis.casework.worktime import WorkCalendar
from gis.errors import Conflict, Fault, Invalid
from gis.services.casework.desks import active_desks, due_of, limit_of, nearest_desk
from gis.services.snapshots import Snapshots


def changes_of(
    session: Session,
    snapshots: Snapshots,
    identity: UUID,
    row: Any,
    body: dict[str, Any],
    now: datetime,
    calendar: WorkCalendar,
) -> dict[str, Any]:
    """Return the columns that a step sets, with their values.

    Args:
        session: a transaction of the account that acts, which holds the lock on the event.
        snapshots: the caches.
        identity: the event.
        row: how it stands: ``kind``, ``severity``, ``state``, ``assignee``, ``due_at``, ``dispatched_at``, ``reworks``, ``grid`` (a code).
        body: see :func:`gis.services.casework.events.step`; ``to`` may follow.
        now: the present moment, with the place's zone.
        calendar: which hours count towards a limit.

    Raises:
        Conflict: desks that help are not done.
        Invalid: a merge into itself, or into what is not there.
    """
    wanted: str = body["to"]
    changes: dict[str, Any] = {"state": wanted}
    if wanted in ("dispatched", "escalated"):
        changes["assignee"] = body.get("assignee") or desk_for(session, snapshots, row, above=wanted == "escalated")
    if wanted in WAITING or wanted in WORKING:
        changes |= _running(session, snapshots, row, wanted, now, calendar)
    else:
        changes |= {"due_at": None, "warn_at": None}
    if wanted == "dispatched" and row["dispatched_at"] is None:
        changes |= {"dispatched_at": now, "dispatched_in_time": row["due_at"] is None or now <= row["due_at"]}
    elif wanted == "handling" and row["state"] == "resolved":
        changes["reworks"] = row["reworks"] + 1
    elif wanted == "resolved":
        _refuse_unfinished(session, identity)
        changes |= {"resolved_at": now, "resolved_in_time": row["due_at"] is None or now <= row["due_at"]}
    elif wanted == "evaluated":
        changes["outcome"] = body.get("satisfaction")
        if row["kind"] == "dispute":
            changes["follow_up_on"] = now.date() + timedelta(days=FOLLOW_UP_DAYS)
    elif wanted == "merged":
        changes["merged_into"] = _other(session, identity, body.get("into"))
    return changes


def _running(
    session: Session, snapshots: Snapshots, row: Any, wanted: str, now: datetime, calendar: WorkCalendar
) -> dict[str, Any]:
    """Return the limit that runs in a state: taking up what was dispatched does not start it anew, coming back to it does."""
    if wanted == "handling" and row["state"] == "dispatched":
        return {}
    limit = limit_of(session, snapshots, row["kind"], row["severity"])
    fresh = due_of(limit, dispatching=wanted in WAITING, start=now, calendar=calendar)
    return {"warn_at": fresh.warn_at, "due_at": fresh.due_at}


def desk_for(session: Session, snapshots: Snapshots, row: Any, *, above: bool) -> str | None:
    """Return the desk that an event goes to where none is named; ``above``: the nearest above the one it is at. None: no desk takes it."""
    desks = active_desks(session, snapshots)
    now_at = next((desk for desk in desks if desk.code == row["assignee"]), None)
    if now_at and not above and row["state"] == "escalated":
        return now_at.code
    if row["state"] == "returned":
        desks = [desk for desk in desks if desk != now_at]
    level = (now_at.level if now_at else "community") if above else None
    found = nearest_desk(desks, row["kind"], row["grid"], above=level)
    return found.code if found else None


def _refuse_unfinished(session: Session, identity: UUID) -> None:
    waiting = session.scalars(
        text("SELECT desk FROM event_desks WHERE event_id = :id AND done_at IS NULL ORDER BY desk"), {"id": identity}
    ).all()
    if waiting:
        names = "、".join(waiting)
        raise Conflict(f"会办单位尚未办完：{names} / desks that help are not done yet: {', '.join(waiting)}")


def _other(session: Session, identity: UUID, into: UUID | None) -> UUID:
    if into is None or into == identity:
        message = "请写明并入的另一事件 / name the other event into which it goes"
        raise Invalid(message, [Fault("body.into", message)])
    state = session.scalar(text("SELECT state FROM events WHERE id = :id"), {"id": into})
    if state is None or state == "merged":
        message = "没有这个事件，或它自己也已并案 / no such event, or it has itself been merged"
        raise Invalid(message, [Fault("body.into", message)])
    return into
