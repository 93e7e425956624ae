"""One import: a file opened, checked batch by batch, written in the caller's transaction, and reported."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection, text

from gis import clock
from gis.errors import Fault, Invalid
from gis.intake.formats.source import Batch, Source
from gis.intake.head import Opened, open_checked
from gis.intake.headings import GEOMETRY, Layout, listed_headings
from gis.intake.kinds import KIND_NAMES, Job, Kind, kind_named
from gis.intake.positions import Positions
from gis.intake.report import Cancelled, ImportReport, Rejects
from gis.intake.sheet import Sheet
from gis.intake.uses import USES
from gis.intake.writer import Writer
from gis.store.auditing import actor as on_machine
from gis.store.locking import patiently

pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own keep much of what has been given back

_FEW = 100_000
"""So many rows of any file are read in a moment."""
_SET_ACTOR = text("SELECT set_config('linli.actor', :actor, true)")

Progress = Callable[[int, int | None], None]
"""Told the rows read so far, and how many there are as far as that can be known."""


def run_import(
    connection: Connection,
    kind: str,
    path: Path,
    *,
    crs: str | None = None,
    dry_run: bool = False,
    file_name: str | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    today: date | None = None,
    scratch: Path | None = None,
    actor: str | None = None,
) -> ImportReport:
    """Import a file within the caller's transaction: the caller commits.

    Args:
        connection: an open transaction that may write the tables of the kind.
        kind: areas, grids, compounds, buildings, households, residents, stations, streets, needs or backdrop.
        path: the file.
        crs: the CRS of its coordinates; needed for tables with positions, and goes before a spatial file's own.
        dry_run: check and report, and leave the tables as they are.
        file_name: the file's original name, where ``path`` is a copy of it.
        progress: called after every batch.
        cancelled: asked after every batch whether to stop.
        today: the day after which nobody can have been born; today in China by default.
        scratch: a private folder for what is unpacked, cleared by its owner after a kill; the system's by default.
        actor: whom the history names for what changes; who works on the machine by default.

    Returns:
        What came of it; ``read = loaded + rejected``. Rows that were stored already count as loaded.

    Raises:
        Invalid: nothing of the file can be read: bad format or encoding, missing column, no or unknown CRS.
        Cancelled: ``cancelled`` said so; nothing of the import is kept.
    """
    name = file_name or path.name
    _refuse_unknown(kind)
    with TemporaryDirectory(prefix="linli-import-", dir=scratch) as folder:
        opened = open_checked(kind, path, name, crs, Path(folder))
        with connection.begin_nested() as savepoint:
            give_up = _stopper(cancelled)
            patiently(connection, lambda: _keep_imports_away(connection, kind), give_up)
            connection.execute(_SET_ACTOR, {"actor": actor or on_machine()})
            with Writer() as writer:
                job = Job(
                    connection, opened.layout, Positions(opened.system), name, opened.source.has_geometry, today or clock.today(), writer,
                    opened.source.total, not dry_run and _may_fill(opened.source), scratch, give_up,
                )  # fmt: skip
                read, rejects = _read(kind_named(kind)(job), opened, job, progress)
            if dry_run:
                savepoint.rollback()
    return _report(path, job, kind, read, rejects, _notices(opened, job, crs, read, rejects.count))


def _may_fill(source: Source) -> bool:
    """Tell whether a table may be held while the file is read."""
    return source.is_swift or (source.total or _FEW + 1) <= _FEW


def _refuse_unknown(kind: str) -> None:
    if kind not in KIND_NAMES:
        known = ", ".join(KIND_NAMES)
        raise Invalid(
            f"未知的导入类别 {kind} / unknown kind of import {kind}", [Fault("kind", f"可用 / known: {known}")]
        )


def _keep_imports_away(connection: Connection, kind: str) -> None:
    """Wait until no import runs that crosses this one; those that stand in the queue have done so already."""
    use = USES[kind]
    for table in sorted(use.writes | use.reads):
        lock = "pg_advisory_xact_lock" if table in use.writes else "pg_advisory_xact_lock_shared"
        connection.execute(text(f"SELECT {lock}(hashtextextended(:name, 0))"), {"name": f"linli import of {table}"})


def _stopper(cancelled: Callable[[], bool] | None) -> Callable[[], None]:
    """Return what raises as soon as the import is cancelled."""

    def give_up() -> None:
        if cancelled is not None and cancelled():
            raise Cancelled

    return give_up


def _report(path: Path, job: Job, kind: str, read: int, rejects: Rejects, notices: list[str]) -> ImportReport:
    system = job.positions.crs
    return ImportReport(
        kind=kind,
        read=read,
        loaded=read - rejects.count,
        rejected=rejects.count,
        notices=notices,
        faults=rejects.faults,
        rejected_csv=rejects.content(),
        sha256=_digest(path),
        crs=system.name if system else None,
    )


def _read(kind: Kind, opened: Opened, job: Job, progress: Progress | None) -> tuple[int, Rejects]:
    """Check all batches and write them; return how many rows there were, and the rejected ones."""
    source, layout = opened.source, opened.layout
    kept = [i for i in layout.original() if not (source.has_geometry and layout.headings[i] == GEOMETRY)]
    headings = [layout.headings[i] for i in kept] + [GEOMETRY] * source.has_geometry
    rejects = Rejects(job.file_name, headings, job.folder)
    read = 0
    with closing(_ahead(kind, source, layout)) as sheets:
        for sheet in sheets:
            job.give_up()
            kind.take(sheet)
            job.positions.gather(sheet)
            _reject(rejects, sheet.batch, sheet, kept)
            read += sheet.size + len(sheet.batch.broken)
            if progress is not None:
                progress(read, source.total)
    job.give_up()
    kind.end()
    return read, rejects


def _ahead(kind: Kind, source: Source, layout: Layout) -> Generator[Sheet, None, None]:
    """Yield the batches of a file, having asked for what the next one refers to; a thread reads the one after that meanwhile."""
    batches, before = source.batches(), None
    with ThreadPoolExecutor(1, thread_name_prefix="linli-reader") as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            sheet = Sheet(batch, layout)
            kind.ask(sheet)
            if before is not None:
                yield before
            before = sheet
    if before is not None:
        yield before


def _reject(rejects: Rejects, batch: Batch, sheet: Sheet, kept: list[int]) -> None:
    """Put the rejected rows of a batch aside as they came, broken ones among them by their numbers."""
    at = np.flatnonzero(~sheet.ok)
    columns = [batch.columns[i].take(pa.array(at)).to_pylist() for i in kept]
    if batch.geometry is not None:
        columns.append(
            [None if shape is None else shapely.to_wkt(shape, rounding_precision=-1) for shape in batch.geometry[at]]
        )
    cells = list(zip(*columns, strict=True)) if columns else [()] * len(at)
    found = list(zip(batch.rows[at].tolist(), cells, sheet.columns[at], sheet.reasons[at], strict=True))
    shape = () if batch.geometry is None else (None,)
    found += [(row.row, (*(row.cells[i] for i in kept), *shape), row.column, row.reason) for row in batch.broken]
    if not found:
        return
    found.sort(key=lambda entry: entry[0])
    rows, cells, names, reasons = (list(part) for part in zip(*found, strict=True))
    rejects.add(rows, cells, names, reasons)


def _notices(opened: Opened, job: Job, crs: str | None, read: int, rejected: int) -> list[str]:
    source, layout = opened.source, opened.layout
    notices = list(source.notices)
    system = job.positions.crs
    if layout.ignored:
        names = listed_headings(layout.ignored)
        notices.append(f"未使用的列：{names} / columns not used: {names}")
    if crs and source.crs and system is not None and system.name != source.crs:
        notices.append(
            f"文件自带坐标系 {_short(source.crs)}，按指定的 {system.name} 读取 / the file says {_short(source.crs)}, read as {system.name}"
        )
    if system is not None and system.notice:
        notices.append(system.notice)
    if job.positions.repaired:
        count = job.positions.repaired
        notices.append(
            f"自动修复 {count} 个面，面积变化不足 0.1 % / {count} polygons were repaired, changing less than 0.1 % of their area"
        )
    if rejected and source.has_geometry and system is not None:
        notices.append(
            f"被拒行的几何为 {_short(system.name)} 坐标的 WKT；改正后导入时请用 --crs / "
            f"the geometry of rejected rows is WKT in {_short(system.name)}: name it with --crs when they come again"
        )
    if read == 0:
        job.notice("文件只有标题行，没有数据", "the file has headings and no rows")
    return [*notices, *job.notices]


def _short(crs: str) -> str:
    return crs if len(crs) <= 40 else crs[:37] + "…"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
