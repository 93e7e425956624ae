"""吹哨报到 and 走访: events, their steps, the desks that deal with them, the day's counts of each grid, and visits to households.

An event is about a place, not about a person; who reported it and what was noted is seen by those who deal with it only
(migrations/sql, the file named after events).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.casework.flow import OPEN, OUTCOMES, STATES
from gis.casework.limits import KINDS, SEVERITIES
from gis.models.base import Base, Code, Key, Moment, Versioned, geometry, geometry_index
from gis.models.places import one_of
from gis.models.vocabulary import AREA_LEVELS, COLOURS

IS_OPEN = f"state IN ({', '.join(repr(state) for state in OPEN)})"
_MOMENT = DateTime(timezone=True)


class Desk(Base, Versioned):
    """承办单位: who deals with events of some kinds in an area; no person."""

    __tablename__ = "desks"
    __table_args__ = (one_of("level", AREA_LEVELS),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    area: Mapped[str] = mapped_column(Text)
    """Code of the area it serves."""
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """Kinds of events it takes; none named: all."""
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))


class EventLimit(Base):
    """A place's own time limit for a kind and severity; where there is none, gis/casework/limits.py has it."""

    __tablename__ = "event_limits"
    __table_args__ = (
        one_of("kind", KINDS),
        one_of("severity", SEVERITIES),
        CheckConstraint("dispatch_min > 0 AND handle_min > 0", name="minutes"),
    )

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    severity: Mapped[str] = mapped_column(Text, primary_key=True)
    dispatch_min: Mapped[int] = mapped_column(Integer)
    handle_min: Mapped[int] = mapped_column(Integer)
    round_the_clock: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class Event(Base, Versioned):
    """事件: something reported about a place or a dispute; its state follows gis/casework/flow.py."""

    __tablename__ = "events"
    __table_args__ = (
        one_of("kind", KINDS),
        one_of("severity", SEVERITIES),
        one_of("state", STATES),
        one_of("outcome", OUTCOMES),
        CheckConstraint("(merged_into IS NOT NULL) = (state = 'merged')", name="merged"),
        CheckConstraint("merged_into <> id", name="merged_into"),
        geometry_index("events"),
        Index("ix_events_reported_at", text("reported_at DESC"), text("id DESC")),
        Index("ix_events_grid_reported", "grid_id", text("reported_at DESC"), text("id DESC")),
        Index("ix_events_kind_state", "kind", "state", text("reported_at DESC"), text("id DESC")),
        Index("ix_events_grid_kind", "grid_id", "kind", text("reported_at DESC"), text("id DESC")),
        Index("ix_events_grid_state", "grid_id", "state", text("reported_at DESC"), text("id DESC")),
        Index("ix_events_reported_by", "reported_by", "state", text("reported_at DESC"), text("id DESC")),
        Index("ix_events_reported_by_open", "reported_by", "due_at", "id", postgresql_where=text(IS_OPEN)),
        Index("ix_events_grid_kind_state", "grid_id", "kind", "state", text("reported_at DESC"), text("id DESC")),
        Index("ix_events_due_at", "due_at", "id", postgresql_where=text(IS_OPEN)),
        Index(
            "ix_events_open",
            "grid_id",
            "due_at",
            "id",
            postgresql_where=text(IS_OPEN),
            postgresql_include=["state", "warn_at"],
        ),
        Index(
            "ix_events_grid_open", "grid_id", text("reported_at DESC"), text("id DESC"), postgresql_where=text(IS_OPEN)
        ),
        Index(
            "ix_events_follow_up_on",
            "follow_up_on",
            postgresql_where=text("follow_up_on IS NOT NULL AND followed_up_on IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    kind: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="reported")
    geometry: Mapped[Any] = geometry("POINT")
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)
    grid_id: Mapped[int | None] = mapped_column(ForeignKey("grids.id"))
    """The grid that held the place when it was reported; null: none did."""
    reported_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    reported_at: Mapped[datetime] = mapped_column(_MOMENT, server_default=func.now())
    reported_on: Mapped[date] = mapped_column(Date)
    """The place's date of it."""
    assignee: Mapped[str | None] = mapped_column(Text)
    """Code of the desk, or a name where the place keeps no desks."""
    warn_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    due_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    """When the limit that runs now passes; null once nothing is waited for."""
    dispatched_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    """The first time."""
    dispatched_in_time: Mapped[bool | None] = mapped_column(Boolean)
    resolved_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    """The last time."""
    resolved_in_time: Mapped[bool | None] = mapped_column(Boolean)
    reworks: Mapped[int] = mapped_column(Integer, server_default="0")
    outcome: Mapped[str | None] = mapped_column(Text)
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("events.id"), index=True)
    follow_up_on: Mapped[date | None] = mapped_column(Date)
    """回访: by when somebody comes by again after a dispute."""
    followed_up_on: Mapped[date | None] = mapped_column(Date)


class EventStep(Base):
    """One step of an event: who, when, from where to where, what was noted. Only added to."""

    __tablename__ = "event_steps"
    __table_args__ = (Index("ix_event_steps_event_id", "event_id", "id"), one_of("to_state", STATES))

    id: Mapped[Key]
    step_id: Mapped[UUID | None] = mapped_column(Uuid, unique=True)
    """Chosen by the caller, so that the same step sent twice is one."""
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    at: Mapped[Moment] = mapped_column(server_default=func.now())
    account: Mapped[str] = mapped_column(Text)
    """The account's name at that time."""
    from_state: Mapped[str | None] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    """The same as before: a note without a step."""
    assignee: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)


class JointDesk(Base):
    """会办: a desk that helps with an event beside the one that leads."""

    __tablename__ = "event_desks"

    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), primary_key=True)
    desk: Mapped[str] = mapped_column(Text, primary_key=True)
    asked_at: Mapped[Moment] = mapped_column(server_default=func.now())
    done_at: Mapped[datetime | None] = mapped_column(_MOMENT)


class Visit(Base):
    """走访: that a household was visited and how it went; not where the visitor was, nor for how long. Personal, under row security."""

    __tablename__ = "visits"
    __table_args__ = (
        Index("ix_visits_household_visited", "household_id", "visited_on"),
        Index("ix_visits_visited_on", "visited_on"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id", ondelete="CASCADE"))
    visited_on: Mapped[date] = mapped_column(Date)
    outcome: Mapped[str] = mapped_column(Text)
    missed: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """Tried, but nobody was met: the household stays due."""
    unchanged: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    note: Mapped[str | None] = mapped_column(Text)
    visited_by: Mapped[str] = mapped_column(Text)
    """The account's name at that time."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


class VisitPolicy(Base):
    """A place's own days between visits of a colour; where there is none, gis/casework/visiting.py has it."""

    __tablename__ = "visit_policy"
    __table_args__ = (
        one_of("colour", COLOURS),
        CheckConstraint("interval_days BETWEEN 1 AND 3660", name="interval_days"),
    )

    colour: Mapped[str] = mapped_column(Text, primary_key=True)
    interval_days: Mapped[int] = mapped_column(Integer)


class EventDay(Base):
    """What became of the events that a grid reported on a day; kept by triggers, so that a screen adds up days and not events."""

    __tablename__ = "event_days"
    __table_args__ = (
        Index(
            "ix_event_days_day",
            "day",
            "grid_id",
            postgresql_include=[
                "reported", "dispatched", "dispatched_in_time", "resolved", "reworked", "closed", "closed_in_time", "evaluated", "satisfied",
            ],
        ),
        Index("ix_event_days_touched_in", "touched_in"),
    )  # fmt: skip

    grid_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """0: in no grid."""
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    reported: Mapped[int] = mapped_column(Integer, server_default="0")
    dispatched: Mapped[int] = mapped_column(Integer, server_default="0")
    dispatched_in_time: Mapped[int] = mapped_column(Integer, server_default="0")
    resolved: Mapped[int] = mapped_column(Integer, server_default="0")
    reworked: Mapped[int] = mapped_column(Integer, server_default="0")
    closed: Mapped[int] = mapped_column(Integer, server_default="0")
    closed_in_time: Mapped[int] = mapped_column(Integer, server_default="0")
    evaluated: Mapped[int] = mapped_column(Integer, server_default="0")
    satisfied: Mapped[int] = mapped_column(Integer, server_default="0")
    touched_in: Mapped[int] = mapped_column(BigInteger, server_default=text("((pg_current_xact_id())::text)::bigint"))
    """Number of the transaction that last changed it (gis/services/casework/standing.py)."""


class GridCounts(Base):
    """What is counted of a grid's people, needs and visits, by measure; kept as told in migrations/sql, the file named after counts."""

    __tablename__ = "grid_counts"

    grid_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """0: in no grid."""
    counted_on: Mapped[date] = mapped_column(Date)
    """As of which day: ages depend on it."""
    counts: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")


class GridCountsDue(Base):
    """Whose counts are no longer those kept: a household's grid, a grid, or (both null) all. Only added to, so that writers never wait."""

    __tablename__ = "grid_counts_due"

    id: Mapped[Key]
    household_id: Mapped[int | None] = mapped_column(BigInteger)
    grid_id: Mapped[int | None] = mapped_column(BigInteger)


class NeedMark(Base):
    """A household (0: all) whose needs may read otherwise than before a transaction: what readers go on from (gis/services/need_rows.py)."""

    __tablename__ = "need_marks"

    touched_in: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("((pg_current_xact_id())::text)::bigint")
    )
    household_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
