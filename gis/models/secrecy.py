"""What keeps secrets and remembers who looked: the register of field keys, the audit log and its head."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, LargeBinary, SmallInteger, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from gis.models.base import Base, Moment


class KeyEntry(Base):
    """字段密钥登记: a key that has sealed values here; the key itself is never stored."""

    __tablename__ = "field_keys"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Its id, 8 hexadecimal digits, as every value carries it."""
    proof: Mapped[bytes] = mapped_column(LargeBinary)
    """A known text sealed with it: whoever brings another key is found out at the start."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Since when nothing is sealed with it any more."""


class FieldSecret(Base):
    """A random secret of the place, sealed with the current key: the search hashes outlive a change of keys by it."""

    __tablename__ = "field_secrets"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class AuditEntry(Base):
    """审计记录: who did what, when, from where and why; holds the hash of the entry before. Only ever appended, by ``linli_audit``."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_at", "at"),
        Index("ix_audit_log_account", "account", "id"),
        Index("ix_audit_log_action", "action", "id"),
        Index("ix_audit_log_subject", "subject", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Counts without gaps."""
    at: Mapped[Moment]
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    account: Mapped[str | None] = mapped_column(Text)
    """The account's name at that time; null for nobody signed in."""
    role: Mapped[str | None] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str | None] = mapped_column(Text)
    """What was touched: ``household:CODE``, ``resident:ID``."""
    detail: Mapped[str] = mapped_column(Text, server_default="{}")
    """JSON, kept to the letter so that its hash can be taken again; never a value of a personal column."""
    reason: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    previous: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditHead(Base):
    """The newest entry of the audit log: one row, so that a cut-off end is noticed."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("one = 1", name="one"),)

    one: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1", autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
