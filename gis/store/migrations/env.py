"""Alembic's entry: runs linli's migrations on the connection that the store hands over."""

from __future__ import annotations

from alembic import context

from gis.models import Base

OURS = set(Base.metadata.tables)


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    """Leave PostGIS's own tables and other programs' tables alone."""
    return type_ != "table" or name in OURS


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_name=include_name,
    compare_type=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
