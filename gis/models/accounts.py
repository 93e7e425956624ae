"""Who may use the service: accounts, the grids they look after, their sessions."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Boolean, Date, DateTime, ForeignKey, Integer, LargeBinary, Text, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from gis.models.base import Base, Key, Moment
from gis.models.places import one_of
from gis.models.vocabulary import ROLES


class Account(Base):
    """A person or a screen that signs in."""

    __tablename__ = "accounts"
    __table_args__ = (one_of("role", ROLES),)

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    disabled: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    failed_logins: Mapped[int] = mapped_column(Integer, server_default="0")
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


class AccountGrid(Base):
    """A worker looks after a grid from one day to another."""

    __tablename__ = "account_grids"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    grid_id: Mapped[int] = mapped_column(
        ForeignKey("grids.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    valid_from: Mapped[date] = mapped_column(Date, primary_key=True, server_default=func.current_date())
    valid_to: Mapped[date | None] = mapped_column(Date)


class LoginSession(Base):
    """A sign-in; only the digest of its token is kept."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    token_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[Moment] = mapped_column(server_default=func.now())
    expires_at: Mapped[Moment]
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
