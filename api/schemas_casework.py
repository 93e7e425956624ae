"""The shapes of casework: events and their steps, desks, time limits."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.schemas import Strict
from api.schemas_files import CodeText, Day, Words
from gis.models.vocabulary import SERVICES

_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=_TEXT)]
EventKind = Literal["environment", "facility", "safety", "dispute", "service", "emergency", "other"]
Severity = Literal["minor", "ordinary", "prominent", "major"]
State = Literal["reported", "dispatched", "handling", "returned", "escalated", "resolved", "evaluated", "merged"]
Outcome = Literal["satisfied", "neutral", "dissatisfied"]


def _service(word: str) -> str:
    if word not in SERVICES:
        choices = ", ".join(f"{key} {label}" for key, label in SERVICES.items())
        raise ValueError(f"没有这项服务，可用 / no such service; choose from: {choices}")
    return word


ServiceKind = Annotated[str, AfterValidator(_service)]
Minutes = Annotated[int, Field(ge=1, le=366 * 24 * 60)]


class EventIn(Strict):
    """What somebody reports. Names of people do not belong into the title."""

    id: UUID | None = None
    kind: EventKind
    title: Title = Field(examples=["路灯不亮"])
    severity: Severity = "ordinary"
    lon: float = Field(ge=-180, le=180, allow_inf_nan=False, examples=[102.7123])
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False, examples=[25.0401])
    note: Note | None = None


class StepIn(Strict):
    """A step of an event."""

    to: State
    note: Note | None = None
    assignee: Words | None = None
    joint: list[Words] = Field(default=[], max_length=20)
    into: UUID | None = None
    satisfaction: Outcome | None = None
    id: UUID | None = None


class NoteIn(Strict):
    """A note without a step."""

    note: Note
    id: UUID | None = None


class FollowUpIn(Strict):
    """A follow-up visit after a dispute."""

    note: Note | None = None


class Step(BaseModel):
    """A step that was taken."""

    at: datetime
    account: str
    from_state: str | None
    to_state: State
    assignee: str | None
    note: str | None


class Joint(BaseModel):
    """A desk that helps."""

    desk: str
    asked_at: datetime
    done_at: datetime | None


class EventRow(BaseModel):
    """An event in a list; the title is null where it is a dispute that the account may not read."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    kind: EventKind
    title: str | None
    severity: Severity
    state: State
    label: str
    lon: float
    lat: float
    grid: str | None
    grid_name: str | None
    reported_at: datetime
    mine: bool
    assignee: str | None
    assignee_name: str | None
    warn_at: datetime | None
    due_at: datetime | None
    dispatched_at: datetime | None
    dispatched_in_time: bool | None
    resolved_at: datetime | None
    resolved_in_time: bool | None
    reworks: int
    satisfaction: Outcome | None
    merged_into: UUID | None
    follow_up_on: date | None
    followed_up_on: date | None
    version: int


class EventOut(EventRow):
    """An event with its steps and the states that may follow."""

    allowed: list[State]
    steps: list[Step]
    joint: list[Joint]


class DefaultDesks(BaseModel):
    """The desk (its code) that a step takes an event to where none is named."""

    dispatched: str | None
    escalated: str | None


class EventPage(BaseModel):
    """A page of events."""

    items: list[EventRow]
    next: str | None


class DeskIn(Strict):
    """A desk to enter; its level is its area's."""

    code: CodeText = Field(examples=["LY-01"])
    name: Words = Field(examples=["示范街道办"])
    area: str = Field(pattern=r"^\d{12}$", examples=["539900001000"])
    kinds: list[EventKind] = Field(default=[])


class DeskPatch(Strict):
    """What may be changed of a desk; what is left out stays."""

    name: Words = Field(default="-")
    area: str = Field(default="0" * 12, pattern=r"^\d{12}$")
    kinds: list[EventKind] = Field(default=[])
    active: bool = True


class DeskOut(BaseModel):
    """A desk."""

    code: str
    name: str
    level: str
    area: str
    kinds: list[str]
    active: bool
    version: int


class DeskList(BaseModel):
    """All desks."""

    items: list[DeskOut]


class LimitOut(Strict):
    """The time limit of a kind and severity, in minutes of working time, or of any time where it runs round the clock."""

    kind: EventKind
    severity: Severity
    dispatch_min: Minutes
    handle_min: Minutes
    round_the_clock: bool = False


class LimitList(BaseModel):
    """All time limits in force."""

    items: list[LimitOut]


class NeedIn(Strict):
    """A need of a household; ``request``: the resident asked for it."""

    id: UUID | None = None
    household: CodeText
    service: ServiceKind
    note: Note | None = None
    origin: Literal["worker", "request"] = "worker"


class NeedClose(Strict):
    """How a need ended; the reply is public and names nobody."""

    result: Note | None = None
    public_reply: Title | None = None


class Offer(BaseModel):
    """A station (by code) or a resource (by id) that offers what is asked for; ``walk_m`` on foot, null where a place is not known; ``left`` places, null without limit."""

    source: Literal["station", "resource"]
    key: str
    name: str
    hours: str
    open: bool
    walk_m: int | None
    capacity: int | None
    left: int | None


class NeedRow(BaseModel):
    """A need in a list; ``repeats``: how many of the same kind the household had in the year before."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    household: str
    grid: str | None
    service: str
    label: str
    note: str | None
    origin: str
    opened_on: date
    closed_on: date | None
    state: Literal["open", "closed"]
    result: str | None
    public_reply: str | None
    replied_on: date | None
    repeats: int
    version: int


class NeedOut(NeedRow):
    """A need with who can offer it: with places left, open now, nearest on foot first."""

    offers: list[Offer]


class NeedPage(BaseModel):
    """A page of needs."""

    items: list[NeedRow]
    next: str | None


class Reply(BaseModel):
    """What was publicly replied to a resident's request."""

    service: str
    label: str
    public_reply: str
    replied_on: date


class Replies(BaseModel):
    """The public replies of late."""

    items: list[Reply]


class VisitIn(Strict):
    """A visit that was made. Outcomes: met, phoned, absent, declined, or the place's own word; the last two leave the household due."""

    id: UUID | None = None
    household: CodeText
    outcome: Words = Field(examples=["met"])
    unchanged: bool = False
    note: Note | None = None
    visited_on: Day | None = None


class VisitOut(BaseModel):
    """A visit."""

    id: UUID
    household: str
    visited_on: date
    outcome: str
    unchanged: bool
    note: str | None
    visited_by: str
    created_at: datetime


class Visits(BaseModel):
    """The last visits to a household."""

    items: list[VisitOut]


class DueRow(BaseModel):
    """A household that is due for a visit."""

    household: str
    colour: Literal["red", "yellow", "green"]
    colour_expired: bool | None
    building: str | None
    building_name: str | None
    compound_name: str | None
    unit: str | None
    room: str | None
    grid: str | None
    lon: float | None
    lat: float | None
    last_visit_on: date | None
    due_on: date
    overdue_days: int


class DueTotals(BaseModel):
    """Of a colour: households, those due, those past it."""

    colour: Literal["red", "yellow", "green"]
    households: int
    due: int
    overdue: int


class Due(BaseModel):
    """Who is due on a day."""

    on: date
    intervals: dict[str, int]
    totals: list[DueTotals]
    items: list[DueRow]
    truncated: bool


class RoundIn(Strict):
    """A round to walk; where to begin is used once and not kept."""

    grid: CodeText | None = None
    on: Day | None = None
    most: int = Field(default=12, ge=1, le=60)
    lon: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    lat: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)


class Stop(DueRow):
    """A stop of a round, with the metres from the stop before."""

    walk_m: int


class Round(BaseModel):
    """Stops in the order to walk them."""

    on: date
    stops: list[Stop]
    length_m: int


class Intervals(Strict):
    """Days between visits of each colour."""

    red: int = Field(default=7, ge=1, le=3660)
    yellow: int = Field(default=30, ge=1, le=3660)
    green: int = Field(default=90, ge=1, le=3660)
