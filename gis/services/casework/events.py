"""吹哨报到: report an event and take it step by step to its end; every step keeps who, when and what was noted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.flow import STEPS, check_step, label
from gis.casework.worktime import WorkCalendar
from gis.errors import Conflict, Fault, NotFound
from gis.services.casework.desks import due_of, limit_of
from gis.services.casework.transitions import changes_of, desk_for
from gis.services.features import check_version
from gis.services.snapshots import Snapshots

# A dispute is about people: whoever dispatches for the whole place reads of it only what he has reported himself.
SHOWN = """e.id, e.kind, e.severity, e.state, e.lon, e.lat, g.code AS grid, g.name AS grid_name, e.reported_at, e.assignee, e.warn_at, e.due_at,
e.dispatched_at, e.dispatched_in_time, e.resolved_at, e.resolved_in_time, e.reworks, e.outcome AS satisfaction, e.merged_into, e.follow_up_on,
e.followed_up_on, e.version, d.name AS assignee_name,
NOT (e.kind = 'dispute' AND linli_role() = 'planner' AND e.reported_by IS DISTINCT FROM linli_account()) AS readable,
e.reported_by IS NOT DISTINCT FROM linli_account() AS mine, e.title"""
FROM = "FROM events e LEFT JOIN grids g ON g.id = e.grid_id LEFT JOIN desks d ON d.code = e.assignee"
_INSERT = """
INSERT INTO events (id, kind, title, severity, geometry, lon, lat, grid_id, reported_by, reported_at, reported_on, warn_at, due_at)
VALUES (:id, :kind, :title, :severity, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :lon, :lat, :grid_id, linli_account(), :now, :today,
        :warn_at, :due_at)
ON CONFLICT (id) DO NOTHING
RETURNING id, kind, severity, state, lon, lat, reported_at, assignee, warn_at, due_at, dispatched_at, dispatched_in_time, resolved_at, resolved_in_time, reworks,
          outcome AS satisfaction, merged_into, follow_up_on, followed_up_on, version, NULL AS assignee_name, true AS readable, true AS mine, title
"""
_STANDING = """
SELECT e.kind, e.severity, e.state, e.assignee, e.due_at, e.dispatched_at, e.reworks, e.version, g.code AS grid
FROM events e LEFT JOIN grids g ON g.id = e.grid_id WHERE e.id = :id FOR UPDATE OF e
"""
_STEP = """
INSERT INTO event_steps (step_id, event_id, at, account, from_state, to_state, assignee, note)
VALUES (:step_id, :event, :now, linli_actor(), :from_state, :to_state, :assignee, :note)
ON CONFLICT (step_id) DO NOTHING RETURNING at, account, from_state, to_state, assignee, note
"""
_SAME = ("kind", "title", "severity", "lon", "lat")


def report(
    session: Session, snapshots: Snapshots, body: dict[str, Any], now: datetime, calendar: WorkCalendar
) -> tuple[dict[str, Any], bool]:
    """Report an event at a place.

    Args:
        session: a transaction of the reporter's account.
        snapshots: the caches.
        body: ``kind``, ``title``, ``severity``, ``lon``, ``lat`` (EPSG:4326), ``id`` (of the caller's choice: the same report again finds what it made).
        now: the present moment, with the place's zone.
        calendar: which hours count towards the limit.

    Returns:
        The event, and whether it was made just now.

    Raises:
        Conflict: another event has this id.
    """
    made = body.get("id") or uuid4()
    grids = snapshots.grids(session)
    found = grids.index.locate(body["lon"], body["lat"])
    first = due_of(
        limit_of(session, snapshots, body["kind"], body["severity"]), dispatching=True, start=now, calendar=calendar
    )
    values = {
        **{name: body[name] for name in _SAME},
        "id": made,
        "grid_id": int(grids.ids[found]) if found >= 0 else None,
        "now": now,
        "today": now.date(),
        "warn_at": first.warn_at,
        "due_at": first.due_at,
    }
    new = session.execute(text(_INSERT), values).mappings().one_or_none()
    if new is not None:  # nobody else has touched it yet: what was written is the whole answer
        step = _write_step(session, made, now, {"from_state": None, "to_state": "reported", "note": body.get("note")})
        grid = {
            "grid": grids.codes[found] if found >= 0 else None,
            "grid_name": grids.names[found] if found >= 0 else None,
        }
        return _whole({**new, **grid}, [step], []), True
    stored = session.execute(
        text("SELECT kind, title, severity, lon, lat FROM events WHERE id = :id"), {"id": made}
    ).mappings()
    before = stored.one_or_none()
    if before is None or any(before[name] != body[name] for name in _SAME):
        raise Conflict(
            "这个编号已用于另一事件 / this id belongs to another event",
            [Fault("body.id", "请换一个编号 / choose another id")],
        )
    return event(session, made), False


def event(session: Session, identity: UUID) -> dict[str, Any]:
    """Return an event with its steps, the states that may follow, and the desks that help.

    Raises:
        NotFound: there is none, or the account may not know of it.
    """
    row = session.execute(text(f"SELECT {SHOWN} {FROM} WHERE e.id = :id"), {"id": identity}).mappings().one_or_none()
    if row is None:
        raise _missing()
    steps = session.execute(
        text(
            "SELECT at, account, from_state, to_state, assignee, note FROM event_steps WHERE event_id = :id ORDER BY id"
        ),
        {"id": identity},
    ).mappings()
    joint = session.execute(
        text("SELECT desk, asked_at, done_at FROM event_desks WHERE event_id = :id ORDER BY asked_at, desk"),
        {"id": identity},
    ).mappings()
    return _whole(row, steps, joint)


def _whole(row: Any, steps: Iterable[Any], joint: Iterable[Any]) -> dict[str, Any]:
    """Return an event's row with its steps, the states that may follow, and the desks that help, as a caller sees them."""
    readable = row["readable"]
    return {
        **shown(row),
        "allowed": list(STEPS[row["state"]]),
        "steps": [{**step, "note": step["note"] if readable else None} for step in steps],
        "joint": [dict(desk) for desk in joint],
    }


def default_desks(session: Session, snapshots: Snapshots, identity: UUID) -> dict[str, str | None]:
    """Return the desks that a step takes an event to where none is named.

    ``dispatched``: the nearest, but not the one that has returned it; the one to which it was escalated. ``escalated``: the nearest above.

    Raises:
        NotFound: there is none, or the account may not know of it.
    """
    standing = text(
        "SELECT e.kind, e.state, e.assignee, g.code AS grid FROM events e LEFT JOIN grids g ON g.id = e.grid_id WHERE e.id = :id"
    )
    row = session.execute(standing, {"id": identity}).mappings().one_or_none()
    if row is None:
        raise _missing()
    return {
        state: desk_for(session, snapshots, row, above=state == "escalated") for state in ("dispatched", "escalated")
    }


def shown(row: Any) -> dict[str, Any]:
    """Return an event's row as a caller sees it."""
    values = {name: value for name, value in row.items() if name != "readable"}
    return {**values, "title": row["title"] if row["readable"] else None, "label": label(row["state"], row["kind"])}


def step(
    session: Session,
    snapshots: Snapshots,
    identity: UUID,
    body: dict[str, Any],
    version: int | None,
    now: datetime,
    calendar: WorkCalendar,
) -> dict[str, Any]:
    """Take an event to its next state.

    Args:
        session: a transaction of the account that acts.
        snapshots: the caches.
        identity: the event.
        body: ``to``; ``note``; ``assignee`` (a desk's code; where absent, see :func:`default_desks`); ``joint`` (desks that help);
            ``into`` (merged: into which event); ``satisfaction`` (evaluated); ``id`` (of the step: sent again, it is one step).
        version: the version that the caller has read; None: whatever is stored.
        now: the present moment, with the place's zone.
        calendar: which hours count towards a limit.

    Raises:
        NotFound, Stale: not visible; changed since it was read.
        Conflict: not a step that may follow (naming those that may), or desks that help are not done.
        Invalid: a merge into itself, or into what is not there.
    """
    row = _locked(session, identity, body.get("into"))
    if _done_before(session, identity, body):
        return event(session, identity)
    if version is not None:
        check_version(row["version"], version)
    check_step(row["state"], body["to"])
    changes = changes_of(session, snapshots, identity, row, body, now, calendar)
    assigned = ", ".join(f"{name} = :{name}" for name in changes)
    session.execute(text(f"UPDATE events SET {assigned} WHERE id = :id_"), {**changes, "id_": identity})
    _join(session, identity, body.get("joint") or (), now)
    told = {
        "from_state": row["state"],
        "to_state": body["to"],
        "note": body.get("note"),
        "assignee": changes.get("assignee"),
        "step_id": body.get("id"),
    }
    _write_step(session, identity, now, told)
    return event(session, identity)


def add_note(session: Session, identity: UUID, body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Note something without a step: what supervision asks, what was found on the way.

    Args:
        session: a transaction of the account that notes it.
        identity: the event.
        body: ``note``; ``id`` (of the caller's choice: sent again, it is one note).
        now: the present moment.

    Raises:
        NotFound, Conflict: not visible; the id belongs to something else.
    """
    state = session.scalar(text("SELECT state FROM events WHERE id = :id FOR UPDATE"), {"id": identity})
    if state is None:
        raise _missing()
    if not _done_before(session, identity, body):
        _write_step(
            session,
            identity,
            now,
            {"from_state": state, "to_state": state, "note": body["note"], "step_id": body.get("id")},
        )
    return event(session, identity)


def desk_done(session: Session, identity: UUID, desk: str, now: datetime) -> dict[str, Any]:
    """Have a desk that helps say that its part is done."""
    found = session.execute(
        text("UPDATE event_desks SET done_at = coalesce(done_at, :now) WHERE event_id = :id AND desk = :desk"),
        {"id": identity, "desk": desk, "now": now},
    )
    if found.rowcount == 0:  # type: ignore[attr-defined]
        raise NotFound("没有这个会办单位，或事件不在您的范围 / no such joint desk, or the event is not yours")
    return event(session, identity)


def follow_up(session: Session, identity: UUID, note: str | None, now: datetime) -> dict[str, Any]:
    """回访: record that somebody came by again after a dispute was closed.

    Raises:
        Conflict: none is waited for.
    """
    row = session.execute(
        text("SELECT state, follow_up_on, followed_up_on FROM events WHERE id = :id FOR UPDATE"), {"id": identity}
    ).one_or_none()
    if row is None:
        raise _missing()
    if row.follow_up_on is None:
        raise Conflict("这个事件没有待办的回访 / no follow-up visit is waited for")
    if row.followed_up_on is None:
        session.execute(
            text("UPDATE events SET followed_up_on = :day WHERE id = :id"), {"day": now.date(), "id": identity}
        )
        _write_step(
            session,
            identity,
            now,
            {"from_state": row.state, "to_state": row.state, "note": note or "回访 / followed up"},
        )
    return event(session, identity)


def _locked(session: Session, identity: UUID, into: UUID | None) -> Any:
    """Return how an event stands, and keep others from changing it, or the one it is merged into, until the transaction ends."""
    if (
        into
    ):  # both at once and in one order: two that are merged into each other at the same time must not both succeed
        both = {"ids": [identity, into]}
        session.execute(text("SELECT id FROM events WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE"), both)
    found = session.execute(text(_STANDING), {"id": identity}).mappings().one_or_none()
    if found is None:
        raise _missing()
    return found


def _join(session: Session, identity: UUID, desks: Any, now: datetime) -> None:
    for desk in desks:
        session.execute(
            text("INSERT INTO event_desks (event_id, desk, asked_at) VALUES (:id, :desk, :now) ON CONFLICT DO NOTHING"),
            {"id": identity, "desk": desk, "now": now},
        )


def _done_before(session: Session, identity: UUID, body: dict[str, Any]) -> bool:
    """Tell whether this step, by the id of the caller's choice, has been taken before.

    Raises:
        Conflict: another step has this id.
    """
    if not body.get("id"):
        return False
    row = session.execute(
        text("SELECT event_id, to_state, note, assignee FROM event_steps WHERE step_id = :id"), {"id": body["id"]}
    ).one_or_none()
    if row is None:
        return False
    same = (row.event_id, row.note) == (identity, body.get("note")) and body.get("to", row.to_state) == row.to_state
    if not same or body.get("assignee") not in (None, row.assignee):
        raise _taken()
    return True


def _write_step(session: Session, identity: UUID, now: datetime, told: dict[str, Any]) -> Any:
    written = (
        session.execute(text(_STEP), {"step_id": None, "assignee": None, **told, "event": identity, "now": now})
        .mappings()
        .one_or_none()
    )
    if written is None:  # by an event that this account may not know of
        raise _taken()
    return written


def _taken() -> Conflict:
    return Conflict(
        "这个编号已用于另一步 / this id belongs to another step", [Fault("body.id", "请换一个编号 / choose another id")]
    )


def _missing() -> NotFound:
    return NotFound("没有这个事件，或不在您的范围 / no such event, or it is not yours")
