"""Who lives where. Every table here is personal: row security guards it (gis/store/security.py)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.models.base import Base, Code, Key, Moment, Versioned, geometry
from gis.models.places import one_of
from gis.models.vocabulary import COLOURS, GRID_REASONS, HEALTH_NEEDS, SEXES

_HEALTH_NEEDS = ", ".join(f"'{need}'" for need in HEALTH_NEEDS)


class Household(Base, Versioned):
    """户: one dwelling's residents; in exactly one grid, or with the reason why not."""

    __tablename__ = "households"
    __table_args__ = (
        one_of("colour", COLOURS),
        one_of("grid_reason", GRID_REASONS),
        CheckConstraint("(colour_confirmed_at IS NULL) = (colour_confirmed_by IS NULL)", name="colour_confirmed"),
        CheckConstraint("(grid_id IS NULL) = (grid_reason IS NOT NULL)", name="grid_or_reason"),
        CheckConstraint("(geometry IS NULL) = (lon IS NULL)", name="position"),
        CheckConstraint("NOT own_position OR geometry IS NOT NULL", name="own_position"),
        Index("ix_households_grid_code", "grid_id", "code"),
        Index("ix_households_lon_lat", "lon", "lat"),
    )

    id: Mapped[Key]
    code: Mapped[Code]
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
    """三色. A form of profiling: why, confirmed by whom, and until when stand beside it; an import brings it unconfirmed."""
    colour_reason: Mapped[str | None] = mapped_column(Text)
    colour_confirmed_by: Mapped[str | None] = mapped_column(Text)
    """The account's name at that time."""
    colour_confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    colour_expires_on: Mapped[date | None] = mapped_column(Date)
    """The last day on which it holds."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


class Resident(Base, Versioned):
    """居民: a person in a household."""

    __tablename__ = "residents"
    __table_args__ = (
        one_of("sex", SEXES),
        CheckConstraint("birth_year BETWEEN 1850 AND 2200", name="birth_year"),
        CheckConstraint("birth_date IS NULL OR extract(year FROM birth_date) = birth_year", name="birth_date"),
        CheckConstraint("guardian_id <> id", name="guardian"),
        CheckConstraint(f"health_needs <@ ARRAY[{_HEALTH_NEEDS}]::text[]", name="health_needs"),
        CheckConstraint("moved_out_on >= moved_in_on", name="moved"),
        *(
            CheckConstraint(f"get_byte({name}, 0) = 1 AND octet_length({name}) > 32", name=name)
            for name in ("phone_sealed", "id_number_sealed", "guardian_phone_sealed")
        ),
        Index("ix_residents_phone_hash", "phone_hash", postgresql_where=text("phone_hash IS NOT NULL")),
        Index(
            "ix_residents_id_number_hash",
            "id_number_hash",
            postgresql_where=text("id_number_hash IS NOT NULL"),
        ),
        Index("uq_residents_entry_id", "entry_id", unique=True, postgresql_where=text("entry_id IS NOT NULL")),
        Index("ix_residents_guardian_id", "guardian_id", postgresql_where=text("guardian_id IS NOT NULL")),
        Index("ix_residents_moved_out_on", "moved_out_on", postgresql_where=text("moved_out_on IS NOT NULL")),
    )

    id: Mapped[Key]
    key: Mapped[Code]
    """What tells this person from others when a file is imported again: a keyed hash. Never changes: sealed values are bound to it."""
    entry_id: Mapped[UUID | None] = mapped_column(Uuid)
    """Chosen by the form with which somebody was entered, so that the same form sent twice enters nobody twice."""
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id"), index=True)
    birth_date: Mapped[date | None] = mapped_column(Date)
    birth_year: Mapped[int] = mapped_column(SmallInteger)
    sex: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed by the service (gis/secrecy), as the ID number and the guardian's phone are."""
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Keyed hash, for search by the whole number."""
    id_number_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_number_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    care_flags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    guardian_id: Mapped[int | None] = mapped_column(ForeignKey("residents.id", ondelete="SET NULL"))
    """监护人: who answers for a child, where that is a resident here."""
    guardian_name: Mapped[str | None] = mapped_column(Text)
    """The same for a guardian who lives elsewhere."""
    guardian_phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    health_needs: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """健康服务需求: kinds of help, never a diagnosis."""
    moved_in_on: Mapped[date | None] = mapped_column(Date)
    """The first day in this household; null: not known."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    moved_out_on: Mapped[date | None] = mapped_column(Date)
    """The first day on which this person no longer lives here; the file is kept until the retention policy erases it."""
