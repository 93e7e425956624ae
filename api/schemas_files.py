"""The shapes of what belongs to a household's file: chiefs, contacts, colours, moves, history, door codes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas import Strict

_CLEAN = r"^[^\x00-\x1f]*$"
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_CLEAN)]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40, pattern=r"^[0-9+\-() ]+$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200, pattern=_CLEAN)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]
CodeText = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_CLEAN)]


class Items(BaseModel):
    """A list that comes whole."""

    items: list[dict[str, Any]]


class ChiefIn(Strict):
    """A building chief to enter."""

    id: UUID | None = None
    name: Words = Field(examples=["赵一"])
    phone: Phone | None = None
    resident: int | None = Field(default=None, ge=1, lt=2**63)
    valid_from: Day | None = None
    valid_to: Day | None = None


class ChiefPatch(Strict):
    """What may be changed of a building chief; what is left out stays."""

    name: Words = Field(default="-")
    phone: Phone | None = None
    valid_from: Day = Field(default=date(1900, 1, 1))
    valid_to: Day | None = None


class Chief(BaseModel):
    """A building chief; the phone is masked."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    building: str
    building_name: str | None
    name: str
    phone: str | None
    resident: int | None
    valid_from: date
    valid_to: date | None
    in_office: bool
    version: int


class Chiefs(BaseModel):
    """The chiefs of a building, the newest first."""

    items: list[Chief]


class ChiefTotals(BaseModel):
    """buildings = with_chief + without_chief."""

    buildings: int
    with_chief: int
    without_chief: int


class BuildingsWithoutChief(BaseModel):
    """A page of the buildings that nobody looks after."""

    totals: ChiefTotals
    items: list[dict[str, Any]]
    next: str | None


class ContactIn(Strict):
    """A contact to enter."""

    id: UUID | None = None
    name: Words = Field(examples=["钱二"])
    organisation: Words | None = None
    phone: Phone | None = None
    grid: CodeText | None = None


class ContactPatch(Strict):
    """What may be changed of a contact; what is left out stays."""

    name: Words = Field(default="-")
    organisation: Words | None = None
    phone: Phone | None = None
    grid: CodeText | None = None


class Contact(BaseModel):
    """A contact; the phone is masked; ``households`` counts those that the account sees."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    name: str
    organisation: str | None
    phone: str | None
    grid: str | None
    households: int
    version: int


class ContactPage(BaseModel):
    """A page of contacts."""

    items: list[Contact]
    next: str | None


class LinkIn(Strict):
    """Who keeps in touch with the household, from when to when."""

    contact: UUID
    valid_from: Day | None = None
    valid_to: Day | None = None


class LinkEnd(Strict):
    """The last day on which the contact keeps in touch."""

    valid_to: Day


class ContactCoverage(BaseModel):
    """Households = covered + uncovered, in total and by grid."""

    totals: dict[str, int]
    grids: list[dict[str, Any]]


class RevealPhone(Strict):
    """Why a phone is to be shown."""

    reason: Reason = Field(examples=["通知停水"])


class PhoneShown(BaseModel):
    """A phone in clear."""

    id: UUID
    phone: str | None


class ColourIn(Strict):
    """A colour, why, and the last day on which it holds (half a year from today where absent)."""

    colour: Literal["red", "yellow", "green"] | None
    reason: Reason | None = None
    expires_on: Day | None = None


class Colour(BaseModel):
    """A household's colour with what it stands on."""

    model_config = ConfigDict(extra="forbid")

    household: str
    colour: str | None
    reason: str | None
    confirmed_by: str | None
    confirmed_at: datetime | None
    expires_on: date | None
    state: Literal["none", "in_force", "unconfirmed", "without_reason", "expired"]
    version: int


class Confirmation(BaseModel):
    """Who found a file unchanged last, and when; null: nobody yet. ``version`` counts the changes of the whole file."""

    model_config = ConfigDict(extra="forbid")

    household: str
    confirmed_by: str | None
    confirmed_at: datetime | None
    version: int


class HealthNeedsIn(Strict):
    """Kinds of help that a resident's health asks for; never a diagnosis."""

    health_needs: list[CodeText] = Field(max_length=20, examples=[["measuring", "medicine_delivery"]])


class HealthNeeds(BaseModel):
    """Kinds of help, each with its 中文 name."""

    resident: int
    health_needs: list[dict[str, str]]
    version: int


class MoveIn(Strict):
    """Who moves in: somebody who is on file (``resident``), or a new person."""

    on: Day | None = None
    entry: UUID | None = None
    """Of the caller's choice: the same entry sent again enters nobody twice."""
    resident: int | None = Field(default=None, ge=1, lt=2**63)
    name: Words | None = None
    sex: Literal["male", "female"] | None = None
    birth_date: Day | None = None
    birth_year: int | None = Field(default=None, ge=1850, le=2200)
    phone: Phone | None = None
    id_number: Annotated[
        str | None, StringConstraints(strip_whitespace=True, min_length=6, max_length=40, pattern=r"^[0-9A-Za-z\-()]+$")
    ] = None
    care_flags: list[CodeText] = Field(default=[], max_length=20)


class MoveOut(Strict):
    """The first day on which the resident lives here no more (today where absent)."""

    on: Day | None = None


class MoveWithin(Strict):
    """To which household, from which day on."""

    household: CodeText
    on: Day | None = None


class MoveHousehold(Strict):
    """To which door a whole household moves, from which day on; its grid follows the building."""

    building: CodeText
    unit: Annotated[str | None, StringConstraints(max_length=50, pattern=_CLEAN)] = None
    room: Annotated[str | None, StringConstraints(max_length=50, pattern=_CLEAN)] = None
    on: Day | None = None


class Moved(BaseModel):
    """Where somebody lives after a move."""

    resident: int
    household: str
    moved_in_on: date | None
    moved_out_on: date | None
    version: int


class HouseholdMoved(BaseModel):
    """Where a household is after a move."""

    household: str
    building: str | None
    unit: str | None
    room: str | None
    grid: str | None
    grid_reason: str | None
    version: int


class HistoryPage(BaseModel):
    """A page of changes, the newest first."""

    items: list[dict[str, Any]]
    next: str | None


class DoorCodeOut(BaseModel):
    """The code on a household's door."""

    household: str
    code: str
    issued_at: datetime


class DoorCodesIssued(BaseModel):
    """How many codes were issued, and how many of the building are in force."""

    issued: int
    in_force: int
