"""The declarative base and the columns that many tables share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, DateTime, Identity, Index, MetaData, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Key = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Code = Annotated[str, mapped_column(Text(collation="C"), unique=True)]
"""Tells the rows of a table apart; compared byte by byte, whatever the language of the database."""
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]


class Base(DeclarativeBase):
    """All tables of linli; constraints are named so that migrations can speak of them."""

    metadata = MetaData(naming_convention=NAMES)


class Versioned:
    """A row that is written under If-Match: ``version`` counts its changes, kept by a trigger."""

    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    updated_at: Mapped[Moment] = mapped_column(server_default=func.now())


def geometry(kind: str = "GEOMETRY", *, nullable: bool = False) -> Mapped[Any]:
    """Return a geometry column in EPSG:4326 (lon, lat).

    Its GiST index is declared by :func:`geometry_index`, not by GeoAlchemy2, so that Alembic sees one index and makes it once.
    """
    return mapped_column(Geometry(kind, srid=4326, spatial_index=False), nullable=nullable)


def geometry_index(table: str) -> Index:
    """Return the one GiST index of ``table.geometry``."""
    return Index(f"ix_{table}_geometry", "geometry", postgresql_using="gist")
