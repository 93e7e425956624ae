"""One import: a file opened, checked batch by batch, written in the caller's transaction, and reported."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection, text

from gis import clock
from gis.crs import CHOICES, SourceCRS, UnknownCRS
from gis.errors import Fault, Invalid
from gis.intake.formats.opening import TEXT_SUFFIXES, WORKBOOK_SUFFIXES, open_source
from gis.intake.formats.source import Batch, Source
from gis.intake.headings import GEOMETRY, Layout, count_known, listed_headings, read_headings
from gis.intake.kinds import KIND_NAMES, Job, Kind, kind_named
from gis.intake.positions import Positions
from gis.intake.report import Cancelled, ImportReport, Rejects
from gis.intake.sheet import Sheet
from gis.intake.writer import Writer
from gis.store.auditing import actor as on_machine

pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own keep much of what has been given back

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
    if kind not in KIND_NAMES:
        known = ", ".join(KIND_NAMES)
        raise Invalid(
            f"未知的导入类别 {kind} / unknown kind of import {kind}",
            [Fault("kind", f"可用 / known: {known}")],
        )
    wanted = kind_named(kind)
    with TemporaryDirectory(prefix="linli-import-", dir=scratch) as folder:
        source = open_source(
            path, name, kind, lambda cells: count_known(kind, wanted.columns, cells), Path(folder)
        )
        layout = read_headings(kind, wanted.columns, source.headings, name)
        wanted.check_layout(layout, name, has_geometry=source.has_geometry)
        system = _system(wanted, source, layout, crs, name)
        with connection.begin_nested() as savepoint:
            # The same kind twice at once: one waits for the other.
            lock = text("SELECT pg_advisory_xact_lock(hashtext(:name))")
            connection.execute(lock, {"name": f"linli import {kind}"})
            said = {"actor": actor or on_machine()}
            connection.execute(text("SELECT set_config('linli.actor', :actor, true)"), said)
            day = today or clock.today()
            with Writer() as writer:
                job = Job(
                    connection,
                    layout,
                    Positions(system),
                    name,
                    source.has_geometry,
                    day,
                    writer,
                    source.total,
                    scratch,
                )
                read, rejects = _read(wanted(job), source, layout, job.positions, name, scratch, progress, cancelled)
            if dry_run:
                savepoint.rollback()
    if read == 0:
        job.notice("文件只有标题行，没有数据", "the file has headings and no rows")
    notices = [*_notices(source, layout, job, crs, rejects.count), *job.notices]
    return _report(path, job, kind, read, rejects, notices)


def no_crs(name: str) -> Invalid:
    """Return the error of a file that has positions and no CRS, with the choices."""
    return Invalid(
        f"{name} 没有坐标系，请用 --crs 指明，不作猜测 / {name} has no CRS: name it with --crs, linli does not guess",
        [Fault("crs", f"{value}：{meaning}") for value, meaning in CHOICES],
    )


def lacks_crs(kind: str, name: str, head: bytes, *, whole: bool = False) -> bool:
    """Tell whether a table will be refused unless somebody says its CRS; False where only the import itself can tell.

    Args:
        kind: a kind of import.
        name: the file's name.
        head: its first megabyte or so.
        whole: whether that is all of it, without which nothing of a workbook can be read.
    """
    wanted, suffix = kind_named(kind), Path(name).suffix.lower()
    is_text = suffix in TEXT_SUFFIXES
    if not is_text and (suffix not in WORKBOOK_SUFFIXES or wanted.position != "optional" or not whole):
        return suffix in WORKBOOK_SUFFIXES and wanted.position == "required"
    with TemporaryDirectory(prefix="linli-head-") as folder:
        path = Path(folder) / f"head{suffix}"
        path.write_bytes((head[: head.rfind(b"\n") + 1] or head) if is_text else head)
        try:
            source = open_source(
                path, path.name, kind, lambda cells: count_known(kind, wanted.columns, cells), Path(folder)
            )
            layout = read_headings(kind, wanted.columns, source.headings, name)
        except Invalid:
            return False
    return wanted.position != "none" and any(layout.has(column) for column in ("lon", "lat", GEOMETRY))


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


def _read(
    kind: Kind,
    source: Source,
    layout: Layout,
    positions: Positions,
    name: str,
    folder: Path | None,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> tuple[int, Rejects]:
    """Check all batches and write them; return how many rows there were, and the rejected ones."""
    kept = [i for i in layout.original() if not (source.has_geometry and layout.headings[i] == GEOMETRY)]
    rejects = Rejects(name, [layout.headings[i] for i in kept] + [GEOMETRY] * source.has_geometry, folder)
    read = 0
    for batch in source.batches():
        if cancelled is not None and cancelled():
            raise Cancelled
        sheet = Sheet(batch, layout)
        kind.take(sheet)
        positions.gather(sheet)
        _reject(rejects, batch, sheet, kept)
        read += sheet.size + len(batch.broken)
        if progress is not None:
            progress(read, source.total)
    if cancelled is not None and cancelled():
        raise Cancelled
    kind.end()
    return read, rejects


def _reject(rejects: Rejects, batch: Batch, sheet: Sheet, kept: list[int]) -> None:
    """Put the rejected rows of a batch aside as they came, broken ones among them by their numbers."""
    at = np.flatnonzero(~sheet.ok)
    columns = [batch.columns[i].take(pa.array(at)).to_pylist() for i in kept]
    if batch.geometry is not None:
        columns.append(
            [
                None if shape is None else shapely.to_wkt(shape, rounding_precision=-1)
                for shape in batch.geometry[at]
            ]
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


def _system(
    wanted: type[Kind], source: Source, layout: Layout, crs: str | None, name: str
) -> SourceCRS | None:
    """Return the CRS of the file's positions, None where it carries none."""
    carries = source.has_geometry or any(layout.has(column) for column in ("lon", "lat", GEOMETRY))
    if wanted.position == "none" or not carries:
        return None
    given = crs or source.crs
    if given is None:
        raise no_crs(name)
    try:
        return SourceCRS.parse(given)
    except UnknownCRS as error:
        raise Invalid(str(error), [Fault("crs", str(error))]) from error


def _notices(source: Source, layout: Layout, job: Job, crs: str | None, rejected: int) -> list[str]:
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
    return notices


def _short(crs: str) -> str:
    return crs if len(crs) <= 40 else crs[:37] + "…"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
