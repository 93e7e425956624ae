"""承办单位 and 时限: which desk an event goes to, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.limits import DEFAULTS, Due, Limit, due
from gis.casework.worktime import WorkCalendar
from gis.errors import Conflict, Fault, Invalid, NotFound
from gis.services.features import PROFILE, check_version
from gis.services.snapshots import Snapshots

LEVELS = ("community", "township", "county", "city")
"""From near to far: 请办 goes to the right."""
_COLUMNS = "code, name, level, area, kinds, active, version"


@dataclass(frozen=True)
class DeskPlace:
    """A desk as the dispatcher needs it."""

    code: str
    name: str
    level: str
    area: str
    kinds: frozenset[str]

    def takes(self, kind: str) -> bool:
        """Tell whether events of a kind belong here."""
        return not self.kinds or kind in self.kinds


def limit_of(session: Session, snapshots: Snapshots, kind: str, severity: str) -> Limit:
    """Return the time limit of a kind and severity: the place's own, or what the program begins with."""
    return limits(session, snapshots)[kind, severity]


def limits(session: Session, snapshots: Snapshots) -> dict[tuple[str, str], Limit]:
    """Return all time limits in force, by kind and severity."""

    def load(loading: Session) -> dict[tuple[str, str], Limit]:
        rows = loading.execute(
            text("SELECT kind, severity, dispatch_min, handle_min, round_the_clock FROM event_limits")
        )
        return {**DEFAULTS, **{(kind, severity): Limit(*minutes) for kind, severity, *minutes in rows}}

    found: dict[tuple[str, str], Limit] = snapshots.remember(session, ("limits",), ("desks",), load)
    return found


def set_limit(session: Session, kind: str, severity: str, limit: Limit) -> None:
    """Set a place's own time limit; events that run already keep theirs."""
    session.execute(
        text(
            "INSERT INTO event_limits VALUES (:kind, :severity, :dispatch, :handle, :clock) ON CONFLICT (kind, severity) DO UPDATE "
            "SET dispatch_min = excluded.dispatch_min, handle_min = excluded.handle_min, round_the_clock = excluded.round_the_clock"
        ),
        {
            "kind": kind,
            "severity": severity,
            "dispatch": limit.dispatch_min,
            "handle": limit.handle_min,
            "clock": limit.round_the_clock,
        },
    )


def due_of(limit: Limit, *, dispatching: bool, start: datetime, calendar: WorkCalendar) -> Due:
    """Return when the limit for dispatching, or for handling, passes if it begins now."""
    minutes = limit.dispatch_min if dispatching else limit.handle_min
    return due(start, minutes, calendar, round_the_clock=limit.round_the_clock)


def active_desks(session: Session, snapshots: Snapshots) -> list[DeskPlace]:
    """Return the desks that take events, by code."""

    def load(loading: Session) -> list[DeskPlace]:
        rows = loading.execute(text("SELECT code, name, level, area, kinds FROM desks WHERE active ORDER BY code"))
        return [DeskPlace(code, name, level, area, frozenset(kinds)) for code, name, level, area, kinds in rows]

    found: list[DeskPlace] = snapshots.remember(session, ("desks",), ("desks",), load)
    return found


def nearest_desk(desks: list[DeskPlace], kind: str, grid: str | None, *, above: str | None = None) -> DeskPlace | None:
    """Return the desk that takes a kind of event in a grid, of the lowest level; above a level where one is named; None where none does.

    A desk that names the kind goes before one that takes all.
    """
    if grid is None:
        return None
    areas = dict(PROFILE.ancestors(PROFILE.community_of(grid)))
    levels = LEVELS if above is None else LEVELS[LEVELS.index(above) + 1 :]
    for level in levels:
        here = [desk for desk in desks if desk.level == level and desk.area == areas.get(level) and desk.takes(kind)]
        if here:
            return min(here, key=lambda desk: (not desk.kinds, desk.code))
    return None


def list_desks(session: Session) -> list[dict[str, Any]]:
    """Return all desks, those that are closed too."""
    rows = session.execute(text(f"SELECT {_COLUMNS} FROM desks ORDER BY code")).mappings()
    return [dict(row) for row in rows]


def add_desk(session: Session, snapshots: Snapshots, body: dict[str, Any]) -> dict[str, Any]:
    """Enter a desk.

    Raises:
        Conflict, Invalid: the code is taken; the area is not known.
    """
    if session.scalar(text("SELECT true FROM desks WHERE code = :code"), {"code": body["code"]}):
        raise Conflict(f"已有编码为 {body['code']} 的承办单位 / there is a desk with the code {body['code']}")
    values = {**body, "level": _level_of(session, snapshots, body["area"])}
    session.execute(
        text("INSERT INTO desks (code, name, level, area, kinds) VALUES (:code, :name, :level, :area, :kinds)"), values
    )
    return _desk(session, body["code"])


def change_desk(
    session: Session, snapshots: Snapshots, code: str, body: dict[str, Any], version: int
) -> dict[str, Any]:
    """Change a desk; one that is closed (``active`` false) keeps its events and gets no new ones.

    Raises:
        NotFound, Stale, Invalid: no such desk; it was changed since; the area is not known.
    """
    stored = session.scalar(text("SELECT version FROM desks WHERE code = :code FOR UPDATE"), {"code": code})
    if stored is None:
        raise _missing(code)
    check_version(stored, version)
    values = dict(body)
    if "area" in values:
        values["level"] = _level_of(session, snapshots, values["area"])
    if values:
        changes = ", ".join(f"{name} = :{name}" for name in values)
        session.execute(text(f"UPDATE desks SET {changes} WHERE code = :code_"), {**values, "code_": code})
    return _desk(session, code)


def _desk(session: Session, code: str) -> dict[str, Any]:
    return dict(
        session.execute(text(f"SELECT {_COLUMNS} FROM desks WHERE code = :code"), {"code": code}).mappings().one()
    )


def _level_of(session: Session, snapshots: Snapshots, area: str) -> str:
    found = snapshots.areas(session).get(area)
    if found is None:
        message = f"没有编码为 {area} 的区划 / no area has the code {area}"
        raise Invalid(message, [Fault("body.area", message)])
    return found.level


def _missing(code: str) -> NotFound:
    return NotFound(f"没有编码为 {code} 的承办单位 / no desk has the code {code}")
