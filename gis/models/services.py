"""What serves residents and what they ask for: stations, their services, needs."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gis.models.base import Base, Code, Key, Moment, Versioned, geometry, geometry_index
from gis.models.places import one_of
from gis.models.vocabulary import NEED_ORIGINS


class Station(Base, Versioned):
    """服务站点: anything that serves residents."""

    __tablename__ = "stations"
    __table_args__ = (geometry_index("stations"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    capacity: Mapped[int | None] = mapped_column(Integer)
    geometry: Mapped[Any] = geometry("POINT")
    services: Mapped[list[StationService]] = relationship(
        back_populates="station", cascade="all, delete-orphan", order_by="StationService.id"
    )


class StationService(Base):
    """服务事项: what a station offers, when, to how many; one room may serve different people at different hours."""

    __tablename__ = "station_services"
    __table_args__ = (
        UniqueConstraint("station_id", "kind", "hours"),
        CheckConstraint("capacity >= 0", name="capacity"),
        Index("ix_station_services_kind", "kind"),
    )

    id: Mapped[Key]
    station_id: Mapped[int] = mapped_column(ForeignKey("stations.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    hours: Mapped[str] = mapped_column(Text, server_default="24/7")
    """OpenStreetMap opening hours, in the place's time zone."""
    capacity: Mapped[int | None] = mapped_column(Integer)
    station: Mapped[Station] = relationship(back_populates="services")


class Need(Base, Versioned):
    """需求: something a household asks for; open until closed. Personal, under row security."""

    __tablename__ = "needs"
    __table_args__ = (
        CheckConstraint("closed_on >= opened_on", name="closed_on"),
        CheckConstraint("(public_reply IS NULL) = (replied_on IS NULL)", name="replied"),
        one_of("origin", NEED_ORIGINS),
        Index("ix_needs_replied_on", "replied_on", postgresql_where=text("replied_on IS NOT NULL")),
        Index("ix_needs_service_opened", "service", "opened_on"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id"), index=True)
    service: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    opened_on: Mapped[date] = mapped_column(Date)
    closed_on: Mapped[date | None] = mapped_column(Date)
    origin: Mapped[str] = mapped_column(Text, server_default="import")
    result: Mapped[str | None] = mapped_column(Text)
    public_reply: Mapped[str | None] = mapped_column(Text)
    """呼声回应: what everyone may read of it; names nobody."""
    replied_on: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    """Which of a day came first."""
