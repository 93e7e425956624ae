"""What belongs to a household's file beside the people: who looks after it, where they lived before, what was changed, the code on the door.

Every table here is personal: row security guards it (migrations/sql/0003_files.sql).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.models.base import Base, Code, Key, Moment, Versioned
from gis.models.places import one_of
from gis.models.vocabulary import HISTORY_SUBJECTS


def _sealed(column: str) -> CheckConstraint:
    return CheckConstraint(f"get_byte({column}, 0) = 1 AND octet_length({column}) > 32", name=column)


class BuildingChief(Base, Versioned):
    """楼栋长: a resident volunteer who looks after a building, from one day to another (both included)."""

    __tablename__ = "building_chiefs"
    __table_args__ = (
        _sealed("phone_sealed"),
        CheckConstraint("valid_to >= valid_from", name="dates"),
        Index("ix_building_chiefs_resident_id", "resident_id", postgresql_where=text("resident_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    building_id: Mapped[int] = mapped_column(ForeignKey("buildings.id", ondelete="CASCADE"), index=True)
    resident_id: Mapped[int | None] = mapped_column(ForeignKey("residents.id", ondelete="CASCADE"))
    """The chief's own file, where there is one; who is erased there is erased here."""
    name: Mapped[str] = mapped_column(Text)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)


class Contact(Base, Versioned):
    """包户联系人: who keeps in touch with households; workers of the contact's grid may change it."""

    __tablename__ = "contacts"
    __table_args__ = (_sealed("phone_sealed"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    grid_id: Mapped[int | None] = mapped_column(ForeignKey("grids.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str | None] = mapped_column(Text)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class HouseholdContact(Base):
    """包户台账: a contact keeps in touch with a household, from one day to another (both included)."""

    __tablename__ = "household_contacts"
    __table_args__ = (
        CheckConstraint("valid_to >= valid_from", name="dates"),
        UniqueConstraint("household_id", "contact_id", "valid_from"),
    )

    id: Mapped[Key]
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id", ondelete="CASCADE"))
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("contacts.id"), index=True)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)


class Residency(Base):
    """居住记录: a resident lived in a household before, from the first day until the first day no more (null: not known)."""

    __tablename__ = "residencies"
    __table_args__ = (CheckConstraint("until_on >= from_on", name="dates"),)

    id: Mapped[Key]
    resident_id: Mapped[int] = mapped_column(ForeignKey("residents.id", ondelete="CASCADE"), index=True)
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id", ondelete="CASCADE"), index=True)
    from_on: Mapped[date | None] = mapped_column(Date)
    until_on: Mapped[date] = mapped_column(Date)


class HouseholdAddress(Base):
    """曾住地址: a household lived at another door before; dates as for :class:`Residency`."""

    __tablename__ = "household_addresses"
    __table_args__ = (CheckConstraint("until_on >= from_on", name="dates"),)

    id: Mapped[Key]
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id", ondelete="CASCADE"), index=True)
    building_id: Mapped[int | None] = mapped_column(ForeignKey("buildings.id", ondelete="SET NULL"), index=True)
    unit: Mapped[str | None] = mapped_column(Text)
    room: Mapped[str | None] = mapped_column(Text)
    from_on: Mapped[date | None] = mapped_column(Date)
    until_on: Mapped[date] = mapped_column(Date)


class HistoryEntry(Base):
    """变更记录: who changed what of a file, when; written by triggers alone. It goes when the person or household it speaks of is erased."""

    __tablename__ = "history"
    __table_args__ = (
        one_of("subject", HISTORY_SUBJECTS),
        Index("ix_history_household_id", "household_id", "id"),
        Index("ix_history_resident_id", "resident_id", postgresql_where=text("resident_id IS NOT NULL")),
        Index("ix_history_at", "at"),
    )

    id: Mapped[Key]
    at: Mapped[Moment] = mapped_column(server_default=func.clock_timestamp())
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    account: Mapped[str] = mapped_column(Text)
    """The account's name at that time; ``system`` for what is done on the machine itself, imports included."""
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id", ondelete="CASCADE"))
    resident_id: Mapped[int | None] = mapped_column(ForeignKey("residents.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[str] = mapped_column(Text)
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Of each changed field ``{"old": …, "new": …}``; ``{"changed": true}`` where its values are not for keeping."""


class HouseholdConfirmation(Base):
    """核对记录: when a file was last found unchanged, and by whom. The last time alone: it speaks of the file and not of who works how much."""

    __tablename__ = "household_confirmations"

    household_id: Mapped[int] = mapped_column(
        ForeignKey("households.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    confirmed_by: Mapped[str] = mapped_column(Text)
    """The account's name at that time."""
    confirmed_at: Mapped[Moment] = mapped_column(server_default=func.now())


class DoorCode(Base):
    """一户一码: the random code on a household's door; one at a time, revocable, it carries nothing."""

    __tablename__ = "door_codes"
    __table_args__ = (
        CheckConstraint("code ~ '^[A-Z2-7]{26}$'", name="code"),
        Index(
            "uq_door_codes_in_force",
            "household_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("ix_door_codes_household_id", "household_id"),
    )

    id: Mapped[Key]
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id", ondelete="CASCADE"))
    code: Mapped[Code]
    issued_at: Mapped[Moment] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
