"""What happened: imports, and the journal of changes that caches and live screens follow."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.models.base import Base, Moment
from gis.models.places import one_of
from gis.models.vocabulary import IMPORT_KINDS, IMPORT_PARTS, IMPORT_STATES


class Import(Base):
    """导入: one file brought in: what, from where, by whom, how it ended."""

    __tablename__ = "imports"
    __table_args__ = (one_of("kind", IMPORT_KINDS), one_of("state", IMPORT_STATES))

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    kind: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    crs: Mapped[str | None] = mapped_column(Text)
    dry_run: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    read: Mapped[int] = mapped_column(BigInteger, server_default="0")
    loaded: Mapped[int] = mapped_column(BigInteger, server_default="0")
    rejected: Mapped[int] = mapped_column(BigInteger, server_default="0")
    progress: Mapped[float] = mapped_column(Double, server_default="0")
    errors: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    """Where and what, never a value of a personal column."""
    notices: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """Of the uploaded file; null: a file of the machine on which ``linli import`` runs, which nobody else can take up."""
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How often it was begun: a kill of the process or of the database makes it begin anew, but not for ever."""
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    """By whom; null: on the command line."""
    created_at: Mapped[Moment] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ImportPiece(Base):
    """A piece of a file that waits for its import (``content``), or of the rows that it rejected; sealed."""

    __tablename__ = "import_pieces"
    __table_args__ = (one_of("part", IMPORT_PARTS), UniqueConstraint("import_id", "part", "number"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    part: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(Integer)
    """From 0."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class ShapeMark(Base):
    """A grid or building (0: all of that table) that reads otherwise than before a transaction: what readers go on from (gis/services/shapes.py)."""

    __tablename__ = "shape_marks"

    touched_in: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, server_default=text("((pg_current_xact_id())::text)::bigint")
    )
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    """The table."""
    shape_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class Change(Base):
    """When a topic (a table's name) was last changed by those who held this line; triggers write, and take a line that nobody else holds.

    A topic has as many lines as ever wrote it at once, so that writers never wait for each other.
    """

    __tablename__ = "changes"
    __table_args__ = (Index("ix_changes_topic_id", "topic", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    topic: Mapped[str] = mapped_column(Text)
    newest: Mapped[int] = mapped_column(BigInteger, server_default=text("nextval('changes_id_seq')"))
    """The number of its last change; numbers of all topics are one sequence, and each is given out once."""
