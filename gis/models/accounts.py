"""Who may use the service: accounts, the grids they look after, how they prove who they are, and their sessions."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.models.base import Base, Key, Moment, Versioned
from gis.models.places import one_of
from gis.models.vocabulary import ROLES, SECOND_FACTORS, SIGN_IN_METHODS


class Account(Versioned, Base):
    """A person or a screen that signs in; ``version`` counts what admins set: role, state, grids, identity."""

    __tablename__ = "accounts"
    __table_args__ = (one_of("role", ROLES),)

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    """Null for an account that has no password: a screen with a key alone."""
    must_change_password: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """Somebody else knows the password: nothing else works until it is changed."""
    second_factor_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Since when a code is asked for beside the password."""
    role: Mapped[str] = mapped_column(Text)
    disabled: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    failed_logins: Mapped[int] = mapped_column(Integer, server_default="0")
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


class AccountGrid(Base):
    """A worker looks after a grid from one day to another."""

    __tablename__ = "account_grids"
    __table_args__ = (CheckConstraint("valid_to >= valid_from", name="dates"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    grid_id: Mapped[int] = mapped_column(ForeignKey("grids.id", ondelete="CASCADE"), primary_key=True, index=True)
    valid_from: Mapped[date] = mapped_column(Date, primary_key=True, server_default=func.linli_today())
    valid_to: Mapped[date | None] = mapped_column(Date)


class RolePolicy(Base):
    """What is asked of every account of a role; a role without a row is asked for nothing more than a password."""

    __tablename__ = "role_policies"
    __table_args__ = (one_of("role", ROLES),)

    role: Mapped[str] = mapped_column(Text, primary_key=True)
    second_factor_required: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class SecondFactor(Base):
    """A TOTP generator (RFC 6238) that shares a secret with us; asked for once it has been confirmed."""

    __tablename__ = "second_factors"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    """The 30-second step whose code was taken last: it and those before are taken no more."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())


class RecoveryCode(Base):
    """A code on paper that stands in once for the generator; only its digest is kept."""

    __tablename__ = "recovery_codes"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class AccountIdentity(Base):
    """The account's subject at an OpenID Connect provider."""

    __tablename__ = "account_identities"
    __table_args__ = (UniqueConstraint("account_id", "issuer", name="uq_account_identities_account_id"),)

    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    linked_at: Mapped[Moment] = mapped_column(server_default=func.now())


class ScreenKey(Base):
    """A key with which one wall opens ``/screen``; only its digest is kept, and one of an account is in force."""

    __tablename__ = "screen_keys"
    __table_args__ = (
        Index("uq_screen_keys_in_force", "account_id", unique=True, postgresql_where=text("revoked_at IS NULL")),
        Index("ix_screen_keys_account_id", "account_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    last_used_on: Mapped[date | None] = mapped_column(Date)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class LoginSession(Base):
    """A sign-in; only the digest of its token is kept. ``last_seen_at`` serves the time-out: it is coarse and overwritten."""

    __tablename__ = "sessions"
    __table_args__ = (one_of("method", SIGN_IN_METHODS), one_of("second_factor", SECOND_FACTORS))

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    token_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[Moment] = mapped_column(server_default=func.now())
    expires_at: Mapped[Moment]
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    method: Mapped[str] = mapped_column(Text, server_default="password")
    second_factor: Mapped[str | None] = mapped_column(Text)
    """What was shown beside the first proof; null when nothing was."""
    address: Mapped[str | None] = mapped_column(Text)
    """Where the sign-in came from."""
    screen_key_id: Mapped[UUID | None] = mapped_column(ForeignKey("screen_keys.id", ondelete="CASCADE"), index=True)
