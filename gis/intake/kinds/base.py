"""What all kinds of import share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from sqlalchemy import ColumnElement, Connection, func, literal_column, text

from gis.crs import MetricCRS
from gis.errors import Fault, Invalid
from gis.grids.codes import CodeProfile
from gis.intake.duplicates import FirstRows
from gis.intake.guards import Guards, hold_whole, is_empty, may_rebuild
from gis.intake.headings import GEOMETRY, Layout, listed_headings
from gis.intake.positions import Positions
from gis.intake.references import References
from gis.intake.sheet import Sheet
from gis.intake.staging import Staging
from gis.intake.uses import USES
from gis.intake.whereabouts import question
from gis.intake.writer import Writer
from gis.models import Base
from gis.store.journal import VERSIONS_SQL
from gis.store.locking import lock_tables, patiently

_WESTERNMOST = 74.0
IDS = MappingProxyType({"id": pa.int64()})
MANY = 5
"""So many codes are named in a notice."""


@dataclass
class Job:
    """One import: where it writes, what it reads, what it has to say."""

    connection: Connection
    layout: Layout
    positions: Positions
    file_name: str
    has_geometry: bool
    today: date
    writer: Writer
    expected_rows: int | None = None
    """How many rows the file has, as far as that is known."""
    may_fill: bool = False
    """Whether an empty table may be held while the file is read."""
    folder: Path | None = None
    """Where large notes of the import may lie; the system's place for temporary files by default."""
    give_up: Callable[[], None] = lambda: None
    """Called now and then while the import waits for others; raises to end it."""
    profile: CodeProfile = field(default_factory=CodeProfile)
    notices: list[str] = field(default_factory=list)

    def has(self, column: str) -> bool:
        """Tell whether the file has a column."""
        return self.layout.has(column)

    def notice(self, chinese: str, english: str) -> None:
        """Say something about the whole file."""
        self.notices.append(f"{chinese} / {english}")

    @property
    def has_positions(self) -> bool:
        """Tell whether the file carries positions at all."""
        return self.has_geometry or self.has(GEOMETRY) or self.has("lon") or self.has("lat")


class Kind(ABC):
    """A kind of import: checks batches, stages their good rows, and writes them all at the end."""

    name: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    """The columns that a file may have besides its geometry."""
    required: ClassVar[tuple[str, ...]] = ()
    position: ClassVar[Literal["required", "optional", "none"]] = "none"
    staged: ClassVar[Mapping[str, str]]
    """The columns of the staging table and their types."""
    refers: ClassVar[Mapping[str, tuple[str, Mapping[str, pa.DataType]]]] = MappingProxyType({})
    """Columns that hold codes of stored rows: the table, and the columns of it that are needed, among them ``id``."""
    locks: ClassVar[tuple[str, ...]] = ()
    """Tables that must stand still while this import writes: grids before buildings, so that nobody waits in a ring."""
    built_on: ClassVar[tuple[str, ...]] = ()
    """Topics of the journal: where one changes between the reading and the writing, :meth:`catch_up` is called."""
    model: ClassVar[type[Base] | None] = None
    """The table whose indexes are made last where there are many rows; see gis/intake/guards.py."""
    fills: ClassVar[bool] = False
    """Whether rows for an empty table can go straight into it by :meth:`fill`, which holds it for longer and is done much sooner."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.connection = job.connection
        self.first_rows = FirstRows(job.folder, job.expected_rows)
        self._filling = self._hold_empty() if self.fills and job.may_fill else None
        self._seen = self._versions()
        self.references = {
            column: References(self.connection, job.writer, *stored) for column, stored in self.refers.items()
        }
        self.staging = Staging(self.connection, f"staged_{self.name}", self.staged)

    @classmethod
    def check_layout(cls, layout: Layout, file_name: str, *, has_geometry: bool) -> None:
        """Refuse a file that lacks columns which every row needs.

        Raises:
            Invalid: naming each missing column.
        """
        missing = [column for column in cls.required if not layout.has(column)]
        if cls.position == "required" and not has_geometry and not layout.has(GEOMETRY):
            missing += (
                [column for column in ("lon", "lat") if not layout.has(column)] if "lon" in cls.columns else [GEOMETRY]
            )
        if missing:
            there = listed_headings(layout.headings)
            raise Invalid(
                f"{file_name} 缺少必需的列：{'、'.join(missing)}；文件中有：{there} / "
                f"{file_name} lacks the columns {', '.join(missing)}; it has: {there}",
                [Fault(f"{file_name}:{column}", f"缺少列 {column} / column {column} is missing") for column in missing],
            )

    @abstractmethod
    def check(self, sheet: Sheet) -> pa.Table:
        """Check rows, reject the bad ones in the sheet, and return staging rows of the length of the sheet."""

    def prepare(self) -> None:
        """Do to the staged rows what they need before they are joined with stored ones, and what keeps nobody else waiting."""
        self.staging.analyse()

    @abstractmethod
    def write(self) -> None:
        """Write the staged rows; what this import touches is held from here to the end of the transaction."""

    def written(self) -> None:  # noqa: B027 - few kinds have anything to add
        """Do and say what is due once all rows are written, in whichever way."""

    def check_again(self) -> None:  # noqa: B027 - likewise
        """Refuse the file where what its rows refer to has gone meanwhile."""

    def catch_up(self) -> None:  # noqa: B027 - most kinds build on nothing that changes
        """Put written rows right that were checked against what has changed meanwhile."""

    in_grids: Callable[[np.ndarray, np.ndarray], np.ndarray | None] | None = None
    """Which positions are in grids, where a kind knows them itself: longitudes and latitudes to bool (n,); see gis/intake/whereabouts.py."""

    def ask(self, sheet: Sheet) -> None:
        """Ask for what a batch refers to that will be taken after the next."""
        for column, stored in self.references.items():
            stored.ask(sheet.text(column))

    def fill(self, rows: pa.Table) -> None:
        """Write staging rows straight into the empty table, in the writer's thread."""
        assert self._filling is not None
        self._filling.append(rows)

    def take(self, sheet: Sheet) -> None:
        """Check a batch and stage its good rows, or write them."""
        rows = self.check(sheet).filter(pa.array(sheet.ok))
        self.job.writer.do(self.staging.append if self._filling is None else self.fill, rows)

    def end(self) -> None:
        """Write everything, once all batches have been taken.

        Up to here nothing is locked, unless an empty table is filled: who moves a boundary while a long file is read is kept waiting by what
        follows alone.
        """
        self.job.writer.settle()
        self._question()
        if self._filling is None:
            self._write_staged()
        else:
            self._filling.make()
        self.written()

    def _write_staged(self) -> None:
        alone = self._is_first()
        if not alone:
            self.prepare()
        patiently(self.connection, lambda: self._hold(self.staging.rows), self.job.give_up)
        if alone and not self._is_first():
            self.prepare()
        overtaken = self._versions() != self._seen
        if overtaken:
            self.check_again()
        self.write()
        if overtaken:
            self.catch_up()

    def _hold_empty(self) -> Guards | None:
        """Hold the empty table and what its rows refer to, if this file has many rows for it; from here to the end of the transaction."""
        rows = self.job.expected_rows or 0
        if (
            self.model is None
            or not self._is_first()
            or not may_rebuild(self.connection, self.model.__tablename__, rows)
        ):
            return None
        patiently(self.connection, lambda: self._hold(rows), self.job.give_up)
        return Guards(self.connection, self.model.__tablename__) if self._is_first() else None

    def _hold(self, rows: int) -> None:
        use = USES[self.name]
        lock_tables(self.connection, writes=use.writes, reads=use.reads)
        for table in self.locks:
            # Readers go on; whoever would change what this import builds upon waits for its end.
            self.connection.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
        if self.model is not None and may_rebuild(self.connection, self.model.__tablename__, rows):
            hold_whole(self.connection, self.model.__tablename__)

    def _is_first(self) -> bool:
        """Tell whether nothing is stored yet."""
        return self.model is not None and is_empty(self.connection, self.model.__tablename__)

    def _versions(self) -> dict[str, tuple[int, int]]:
        if not self.built_on:
            return {}
        rows = self.connection.execute(text(VERSIONS_SQL))
        return {row.topic: (row.newest, row.changes) for row in rows if row.topic in self.built_on}

    def _question(self) -> None:
        """Say so where the file's positions do not fit what is known of the place."""
        sample, system = self.job.positions.sample(), self.job.positions.crs
        if sample is not None and system is not None:
            said = question(
                self.connection, self.name, sample, system, self.in_grids, is_first=self._filling is not None
            )
            if said:
                self.job.notices.append(said)

    def stored(self, *columns: str) -> list[str]:
        """Return those of the columns that the file has: what it does not speak of stays as it is."""
        return [column for column in columns if self.job.has(column)]

    def remember(self, sheet: Sheet, shapes: np.ndarray) -> None:
        """Take in where the accepted shapes (n,) are."""
        self.job.positions.remember(shapely.bounds(shapes[sheet.ok])[:, 0])

    def set_metric_crs(self) -> None:
        """Give the place its zone for measuring, at the first import that knows where it is."""
        lon = self.job.positions.median_lon()
        if lon is None:
            return
        self.connection.execute(
            text(
                "INSERT INTO place (id, metric_crs) VALUES (1, :crs) ON CONFLICT (id) "
                "DO UPDATE SET metric_crs = excluded.metric_crs WHERE place.metric_crs IS NULL"
            ),
            # The westernmost half degree of what is accepted is outside every zone; its neighbour serves it well enough.
            {"crs": MetricCRS.for_lon(max(lon, _WESTERNMOST)).text},
        )

    def notice(self, chinese: str, english: str) -> None:
        """Say something about the whole file."""
        self.job.notice(chinese, english)


def staged(column: str) -> ColumnElement[Any]:
    """Return a column of the staging table, which every statement calls ``s``."""
    return literal_column(f"s.{column}")


def or_stored(value: ColumnElement[Any], *others: Any) -> ColumnElement[Any]:
    """Return the first that is not null."""
    return func.coalesce(value, *others)


def name_some(codes: list[str]) -> str:
    """Return some codes for a notice."""
    return "、".join(codes[:MANY]) + ("…" if len(codes) > MANY else "")


def shape_codes(codes: pa.Array, shapes: np.ndarray) -> pa.Array:
    """Return codes, and where there is none one made of the shape, so that the same shape comes again under the same code (n,)."""
    blank = codes.is_null().to_numpy(zero_copy_only=False) & ~shapely.is_missing(shapes)
    if not blank.any():
        return codes
    made = np.full(len(codes), None, dtype=object)
    # Which way a line was drawn, or where a ring begins, makes no other thing of it.
    written = shapely.to_wkb(shapely.normalize(shapes[blank]), byte_order=1)
    made[blank] = ["geo:" + sha256(shape).hexdigest()[:24] for shape in written]
    return pc.coalesce(codes, pa.array(made, pa.string()))


def missing(stored: pa.Table) -> np.ndarray:
    """Return where a reference found nothing, bool (n,)."""
    return np.asarray(stored["id"].is_null())


def ids(values: np.ndarray) -> pa.Array:
    """Return ids as int64 (n,), null where negative."""
    return pa.array(values, pa.int64(), mask=values < 0)
