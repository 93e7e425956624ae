"""五张清单 and 事/物: needs linked to projects, resources, who is responsible, feedback; and layers of renovation, merchants, street units and things."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.casework.flow import OUTCOMES
from gis.casework.projects import ROLES, STATES
from gis.models.base import Base, Code, Key, Moment, Versioned, geometry, geometry_index
from gis.models.places import one_of
from gis.models.vocabulary import RENOVATION_STATES


def _position() -> CheckConstraint:
    return CheckConstraint("(lon IS NULL) = (lat IS NULL)", name="position")


class Resource(Base, Versioned):
    """资源清单: what an organisation can offer, where, when, to how many."""

    __tablename__ = "resources"
    __table_args__ = (
        CheckConstraint("capacity >= 0", name="capacity"),
        _position(),
        Index("ix_resources_service", "service"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    organisation: Mapped[str] = mapped_column(Text)
    service: Mapped[str] = mapped_column(Text)
    area: Mapped[str] = mapped_column(Text)
    """Code of the area or grid that it serves."""
    scope: Mapped[str] = mapped_column(Text)
    """With what the codes of the grids in it begin."""
    hours: Mapped[str] = mapped_column(Text, server_default="24/7")
    """OpenStreetMap opening hours, in the place's time zone."""
    capacity: Mapped[int | None] = mapped_column(Integer)
    lon: Mapped[float | None] = mapped_column(Double)
    lat: Mapped[float | None] = mapped_column(Double)
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))


class Project(Base, Versioned):
    """项目清单: what is done about needs, with which resources; its state follows gis/casework/projects.py."""

    __tablename__ = "projects"
    __table_args__ = (
        one_of("state", STATES),
        CheckConstraint("ends_on >= starts_on", name="ends_on"),
        CheckConstraint("(closed_on IS NOT NULL) = (state = 'closed')", name="closed_on"),
        _position(),
        Index("ix_projects_state", "state", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    title: Mapped[str] = mapped_column(Text)
    service: Mapped[str] = mapped_column(Text)
    area: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(Text)
    lon: Mapped[float | None] = mapped_column(Double)
    lat: Mapped[float | None] = mapped_column(Double)
    state: Mapped[str] = mapped_column(Text, server_default="planned")
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    closed_on: Mapped[date | None] = mapped_column(Date)
    reworks: Mapped[int] = mapped_column(Integer, server_default="0")
    """How often it went back from done: feedback of before counts no more."""


class ProjectNeed(Base):
    """需求清单: a need that a project answers. Personal, under row security."""

    __tablename__ = "project_needs"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    need_id: Mapped[UUID] = mapped_column(ForeignKey("needs.id", ondelete="CASCADE"), primary_key=True, index=True)
    linked_at: Mapped[Moment] = mapped_column(server_default=func.now())


class ProjectResource(Base):
    """What a project takes of a resource or of a station."""

    __tablename__ = "project_resources"
    __table_args__ = (
        CheckConstraint("num_nonnulls(resource_id, station_id) = 1", name="one"),
        CheckConstraint("places >= 0", name="places"),
        UniqueConstraint("project_id", "resource_id"),
        UniqueConstraint("project_id", "station_id", name="uq_project_resources_station_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    resource_id: Mapped[UUID | None] = mapped_column(ForeignKey("resources.id"), index=True)
    station_id: Mapped[int | None] = mapped_column(ForeignKey("stations.id", ondelete="CASCADE"), index=True)
    places: Mapped[int] = mapped_column(Integer, server_default="0")


class ProjectDuty(Base, Versioned):
    """责任清单: which desk or organisation does what of a project; never a person."""

    __tablename__ = "project_duties"
    __table_args__ = (
        one_of("role", ROLES),
        Index("ix_project_duties_project_id", "project_id"),
        Index("uq_project_duties_lead", "project_id", unique=True, postgresql_where=text("role = 'lead'")),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    party: Mapped[str] = mapped_column(Text)
    """Code of a desk, or an organisation's name."""
    role: Mapped[str] = mapped_column(Text)
    task: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date | None] = mapped_column(Date)
    done_on: Mapped[date | None] = mapped_column(Date)


class ProjectFeedback(Base):
    """反馈清单: what came of a project, in words that name nobody. Only added to."""

    __tablename__ = "project_feedback"
    __table_args__ = (one_of("outcome", OUTCOMES), Index("ix_project_feedback_project_id", "project_id"))

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    outcome: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    given_on: Mapped[date] = mapped_column(Date)
    account: Mapped[str] = mapped_column(Text)
    """The account's name at that time."""
    reworks: Mapped[int] = mapped_column(Integer, server_default="0")
    """Those of the project when it was given."""


class Renovation(Base, Versioned):
    """老旧小区改造: how far it is in a compound."""

    __tablename__ = "renovations"
    __table_args__ = (
        one_of("state", RENOVATION_STATES),
        CheckConstraint("finished_on >= started_on", name="finished_on"),
        CheckConstraint("state <> 'not_started' OR (started_on IS NULL AND finished_on IS NULL)", name="not_started"),
        CheckConstraint("state = 'finished' OR finished_on IS NULL", name="finished"),
    )

    id: Mapped[Key]
    compound_id: Mapped[int] = mapped_column(ForeignKey("compounds.id", ondelete="CASCADE"), unique=True)
    state: Mapped[str] = mapped_column(Text)
    started_on: Mapped[date | None] = mapped_column(Date)
    finished_on: Mapped[date | None] = mapped_column(Date)


class StreetUnit(Base, Versioned):
    """街区: a stretch of streets and what stands there."""

    __tablename__ = "street_units"
    __table_args__ = (geometry_index("street_units"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str | None] = mapped_column(Text)
    geometry: Mapped[Any] = geometry("MULTIPOLYGON")


class Merchant(Base, Versioned):
    """商户: a shop or business; no person is named."""

    __tablename__ = "merchants"
    __table_args__ = (geometry_index("merchants"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    street: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str | None] = mapped_column(Text)
    """In the place's own words, such as 营业, 停业."""
    geometry: Mapped[Any] = geometry("POINT")


class Thing(Base, Versioned):
    """物: a camera, a hydrant or whatever else the place keeps an eye on; kinds are its own words."""

    __tablename__ = "things"
    __table_args__ = (geometry_index("things"), Index("ix_things_kind", "kind"))

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str | None] = mapped_column(Text)
    geometry: Mapped[Any] = geometry("POINT")
