"""Where things are: the place itself, areas, grids, compounds, buildings, streets and the base map's backdrop."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.models.base import Base, Code, Key, Versioned, geometry, geometry_index
from gis.models.vocabulary import AREA_LEVELS, BACKDROP_KINDS


def one_of(column: str, values: Any) -> CheckConstraint:
    """Return a check that ``column`` holds one of ``values``."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


class Place(Base):
    """What holds for the whole place: one row, made by the first import."""

    __tablename__ = "place"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1", autoincrement=False)
    name: Mapped[str] = mapped_column(Text, server_default="")
    metric_crs: Mapped[str | None] = mapped_column(Text)
    """EPSG code or WKT of the Gauss–Krüger zone in which everything is measured."""


class Area(Base, Versioned):
    """区划: an administrative unit; without a boundary as long as only its code is known."""

    __tablename__ = "areas"
    __table_args__ = (one_of("level", AREA_LEVELS), geometry_index("areas"))

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"), index=True)
    geometry: Mapped[Any] = geometry("MULTIPOLYGON", nullable=True)


class Grid(Base, Versioned):
    """网格: the leaf unit of service inside one community."""

    __tablename__ = "grids"
    __table_args__ = (geometry_index("grids"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str] = mapped_column(Text)
    community_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("grids.id"), index=True)
    geometry: Mapped[Any] = geometry("MULTIPOLYGON")
    valid_from: Mapped[date] = mapped_column(Date, server_default=func.linli_today())
    valid_to: Mapped[date | None] = mapped_column(Date)


class Compound(Base, Versioned):
    """小区: a residential estate."""

    __tablename__ = "compounds"
    __table_args__ = (geometry_index("compounds"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str] = mapped_column(Text)
    property_arrangement: Mapped[str | None] = mapped_column(Text)
    committee: Mapped[str | None] = mapped_column(Text)
    renovation: Mapped[str | None] = mapped_column(Text)
    geometry: Mapped[Any] = geometry(nullable=True)


class Building(Base, Versioned):
    """楼栋: a footprint or a point; ``lon`` and ``lat`` are a point on it, degrees."""

    __tablename__ = "buildings"
    __table_args__ = (geometry_index("buildings"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str | None] = mapped_column(Text)
    """What it is for, in the place's own words or as OSM's ``building`` says."""
    compound_id: Mapped[int | None] = mapped_column(ForeignKey("compounds.id"), index=True)
    floors: Mapped[int | None] = mapped_column(Integer)
    units: Mapped[int | None] = mapped_column(Integer)
    grid_id: Mapped[int | None] = mapped_column(ForeignKey("grids.id", ondelete="SET NULL"), index=True)
    geometry: Mapped[Any] = geometry()
    lon: Mapped[float] = mapped_column(Double, Computed("ST_X(ST_PointOnSurface(geometry))", persisted=True))
    lat: Mapped[float] = mapped_column(Double, Computed("ST_Y(ST_PointOnSurface(geometry))", persisted=True))


class Street(Base):
    """街道: a walkable or drivable way, as drawn: not split at junctions."""

    __tablename__ = "streets"
    __table_args__ = (geometry_index("streets"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    """The OSM ``highway`` value."""
    foot: Mapped[str | None] = mapped_column(Text)
    """The OSM ``foot`` value, or ``sidewalk`` where the way has one."""
    bridge: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    tunnel: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    layer: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    geometry: Mapped[Any] = geometry("LINESTRING")


class Backdrop(Base):
    """底图要素: water and green for the base map."""

    __tablename__ = "backdrop"
    __table_args__ = (one_of("kind", BACKDROP_KINDS), geometry_index("backdrop"))

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    geometry: Mapped[Any] = geometry()


Index("ix_grids_community_code", Grid.community_id, Grid.code)
