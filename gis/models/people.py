"""Who lives where. Every table here is personal: row security guards it (gis/store/security.py)."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Date,
    Double,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.models.base import Base, Key, Versioned, geometry, geometry_index
from gis.models.places import one_of
from gis.models.vocabulary import COLOURS, GRID_REASONS, SEXES


class Household(Base, Versioned):
    """户: one dwelling's residents; in exactly one grid, or with the reason why not."""

    __tablename__ = "households"
    __table_args__ = (
        one_of("colour", COLOURS),
        one_of("grid_reason", GRID_REASONS),
        CheckConstraint("(grid_id IS NULL) = (grid_reason IS NOT NULL)", name="grid_or_reason"),
        CheckConstraint("(geometry IS NULL) = (lon IS NULL)", name="position"),
        CheckConstraint("NOT own_position OR geometry IS NOT NULL", name="own_position"),
        geometry_index("households"),
        Index("ix_households_grid_code", "grid_id", "code"),
    )

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(Text, unique=True)
    building_id: Mapped[int | None] = mapped_column(ForeignKey("buildings.id"), index=True)
    unit: Mapped[str | None] = mapped_column(Text)
    room: Mapped[str | None] = mapped_column(Text)
    own_position: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """Whether the position was given with the household rather than taken from its building."""
    geometry: Mapped[Any] = geometry("POINT", nullable=True)
    lon: Mapped[float | None] = mapped_column(Double)
    lat: Mapped[float | None] = mapped_column(Double)
    grid_id: Mapped[int | None] = mapped_column(ForeignKey("grids.id"))
    grid_reason: Mapped[str | None] = mapped_column(Text)
    colour: Mapped[str | None] = mapped_column(Text)


class Resident(Base, Versioned):
    """居民: a person in a household."""

    __tablename__ = "residents"
    __table_args__ = (
        one_of("sex", SEXES),
        CheckConstraint("birth_year BETWEEN 1850 AND 2200", name="birth_year"),
        CheckConstraint(
            "birth_date IS NULL OR extract(year FROM birth_date) = birth_year", name="birth_date"
        ),
    )

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(Text, unique=True)
    """What tells this person from others when a file is imported again: a digest, nothing readable."""
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id"), index=True)
    birth_date: Mapped[date | None] = mapped_column(Date)
    birth_year: Mapped[int] = mapped_column(SmallInteger)
    sex: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    id_number: Mapped[str | None] = mapped_column(Text)
    care_flags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
