"""The shapes of the five lists and of layers."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import Strict
from api.schemas_casework import Offer, Outcome, ServiceKind, Title
from api.schemas_files import CodeText, Day, Words

ProjectState = Literal["planned", "running", "done", "closed"]
_AREA = r"^\d{4,20}$"
Lon = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
Lat = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
Capacity = Field(default=None, ge=0, le=1_000_000)


class ResourceIn(Strict):
    """What an organisation can offer; ``area``: code of the area or grid it serves; no capacity: without limit."""

    id: UUID | None = None
    organisation: Words = Field(examples=["社区卫生服务站"])
    service: ServiceKind
    area: str = Field(pattern=_AREA, examples=["539900001001"])
    hours: str | None = Field(default=None, max_length=500, examples=["Mo-Fr 09:00-17:00"])
    capacity: int | None = Capacity
    lon: float | None = Lon
    lat: float | None = Lat


class ResourcePatch(Strict):
    """What may be changed of a resource; what is left out stays."""

    organisation: Words = Field(default="-")
    service: ServiceKind = Field(default="meal")
    area: str = Field(default="0" * 12, pattern=_AREA)
    hours: str | None = Field(default=None, max_length=500)
    capacity: int | None = Capacity
    lon: float | None = Lon
    lat: float | None = Lat
    active: bool = True


class ResourceOut(BaseModel):
    """A resource; ``left``: places that no project has taken, null without limit."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    organisation: str
    service: str
    label: str
    area: str
    hours: str
    capacity: int | None
    taken: int
    left: int | None
    lon: float | None
    lat: float | None
    active: bool
    version: int


class ResourcePage(BaseModel):
    """A page of resources."""

    items: list[ResourceOut]
    next: str | None


class ProjectIn(Strict):
    """A project to open. Names of people do not belong into the title."""

    id: UUID | None = None
    title: Title = Field(examples=["三单元加装扶手"])
    service: ServiceKind
    area: str = Field(pattern=_AREA, examples=["539900001001"])
    lon: float | None = Lon
    lat: float | None = Lat
    starts_on: Day | None = None
    ends_on: Day | None = None


class ProjectPatch(Strict):
    """What may be changed of a project; what is left out stays."""

    title: Title = Field(default="-")
    service: ServiceKind = Field(default="meal")
    area: str = Field(default="0" * 12, pattern=_AREA)
    lon: float | None = Lon
    lat: float | None = Lat
    starts_on: Day | None = None
    ends_on: Day | None = None


class ProjectStep(Strict):
    """The state to which a project goes."""

    to: ProjectState


class NeedLink(Strict):
    """A need that a project answers."""

    need: UUID


class TakeIn(Strict):
    """What a project takes: of a resource (id) or of a station (code)."""

    id: UUID | None = None
    resource: UUID | None = None
    station: CodeText | None = None
    places: int = Field(default=1, ge=0, le=1_000_000)


class DutyIn(Strict):
    """Who is responsible for what: ``party`` is a desk's code or an organisation, never a person."""

    id: UUID | None = None
    party: Words = Field(examples=["LY-01"])
    role: Literal["lead", "joint"] = "joint"
    task: Title
    due_on: Day | None = None


class DutyPatch(Strict):
    """What may be changed of a duty; what is left out stays."""

    task: Title = Field(default="-")
    due_on: Day | None = None
    done: bool = False


class FeedbackIn(Strict):
    """What came of a project, in words that name nobody."""

    id: UUID | None = None
    outcome: Outcome
    summary: Title


class Taken(BaseModel):
    """What a project has taken."""

    id: UUID
    resource: UUID | None
    station: str | None
    name: str
    places: int


class Duty(BaseModel):
    """A duty."""

    id: UUID
    party: str
    party_name: str
    role: Literal["lead", "joint"]
    task: str
    due_on: date | None
    done_on: date | None
    version: int


class Feedback(BaseModel):
    """A feedback."""

    id: UUID
    outcome: Outcome
    summary: str
    given_on: date
    counts: bool
    """Whether it counts for closing: false where it was given before the project was taken up again."""


class ListedDuty(Duty):
    """A duty in the list of all, with its project."""

    project: UUID
    title: str
    project_state: ProjectState
    overdue: bool


class DutyPage(BaseModel):
    """A page of duties, those due first at the top."""

    items: list[ListedDuty]
    next: str | None


class ListedFeedback(Feedback):
    """A feedback in the list of all, with its project."""

    project: UUID
    title: str
    project_state: ProjectState


class FeedbackPage(BaseModel):
    """A page of feedback, the newest first."""

    items: list[ListedFeedback]
    next: str | None


class ProjectRow(BaseModel):
    """A project in a list; ``needs``: how many it answers; for workers those of own grids, for planners in fives, null for fewer than five."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    title: str
    service: str
    label: str
    area: str
    lon: float | None
    lat: float | None
    state: ProjectState
    state_label: str
    starts_on: date | None
    ends_on: date | None
    closed_on: date | None
    reworks: int
    needs: int | None
    may_change: bool
    """Whether this account may take it further, or only see it."""
    version: int


class ProjectOut(ProjectRow):
    """A project with what belongs to it; ``missing``: what a close still lacks."""

    allowed: list[ProjectState]
    missing: list[str]
    resources: list[Taken]
    duties: list[Duty]
    feedback: list[Feedback]


class ProjectPage(BaseModel):
    """A page of projects."""

    items: list[ProjectRow]
    next: str | None


class LinkedNeed(BaseModel):
    """A need that a project answers."""

    id: UUID
    household: str
    grid: str | None
    service: str
    label: str
    opened_on: date
    closed_on: date | None


class LinkedNeeds(BaseModel):
    """The needs of a project that the account may see."""

    items: list[LinkedNeed]


class Offers(BaseModel):
    """Who can offer it, the best first."""

    items: list[Offer]


class LayerUnit(BaseModel):
    """How many a grid or an area has."""

    code: str
    total: int
    kinds: dict[str, int]


class LayerCounts(BaseModel):
    """How many of a layer there are."""

    layer: str
    total: int
    kinds: dict[str, int]
    units: list[LayerUnit]
    outside: int
