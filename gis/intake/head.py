"""The head of a file: its headings, and the system of its positions. What is at fault there is said before any row is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from gis.crs import CHOICES, SourceCRS, UnknownCRS
from gis.errors import Fault, Invalid
from gis.intake.formats.csv import find_headings
from gis.intake.formats.opening import TEXT_SUFFIXES, WORKBOOK_SUFFIXES, open_source
from gis.intake.formats.source import Source
from gis.intake.headings import GEOMETRY, Layout, count_known, read_headings
from gis.intake.kinds import Kind, kind_named

_HEAD_BYTES = 1 << 20
_WHOLE_BYTES = 4 << 20
"""Spatial files up to this size are looked into while the caller waits: their headings stand nowhere by themselves."""


@dataclass(frozen=True)
class Opened:
    """A file whose head is in order."""

    source: Source
    layout: Layout
    system: SourceCRS | None
    """The system of its positions; None where it carries none."""


def open_checked(kind: str, path: Path, name: str, crs: str | None, folder: Path) -> Opened:
    """Open a file and check its head.

    Args:
        kind: a kind of import.
        path: the file.
        name: how to call it in messages; its ending tells the format.
        crs: the system of its positions, where the file does not say or is wrong.
        folder: a private, empty folder that outlives the reading.

    Raises:
        Invalid: an unreadable file, ambiguous or missing columns, no or unknown CRS.
    """
    wanted = kind_named(kind)
    source = open_source(path, name, kind, lambda cells: count_known(kind, wanted.columns, cells), folder)
    layout = read_headings(kind, wanted.columns, source.headings, name)
    wanted.check_layout(layout, name, has_geometry=source.has_geometry)
    return Opened(source, layout, _system(wanted, layout, crs or source.crs, name, has_geometry=source.has_geometry))


def check_head(kind: str, name: str, content: BinaryIO, crs: str | None, scratch: Path | None = None) -> None:
    """Refuse a file for what its head shows, whatever its size; what only a whole reading can tell is left to that.

    Args:
        kind: a kind of import.
        name: the file's name.
        content: the file, where its first byte is; it is put back there.
        crs: the system of its positions, if the caller says one.
        scratch: a private folder for what is looked into, cleared by its owner after a kill; the system's by default.

    Raises:
        Invalid: ambiguous or missing columns, or no CRS for a table of positions.
    """
    start = content.tell()
    try:
        _check_head(kind, name, content, crs, scratch)
    finally:
        content.seek(start)


def _check_head(kind: str, name: str, content: BinaryIO, crs: str | None, scratch: Path | None) -> None:
    wanted, suffix = kind_named(kind), Path(name).suffix.lower()
    if suffix in WORKBOOK_SUFFIXES:
        if crs is None and wanted.position == "required":
            raise _no_crs(name)
        from gis.intake.formats.xlsx_head import first_records

        records = first_records(content)
        if records:
            at = find_headings(records, lambda cells: count_known(kind, wanted.columns, cells))
            layout = read_headings(kind, wanted.columns, [cell.strip() for cell in records[at]], name)
            wanted.check_layout(layout, name, has_geometry=False)
            _system(wanted, layout, crs, name, has_geometry=False)
        return
    if suffix == ".zip":  # what it takes to unpack is for the import
        return
    is_text = suffix in TEXT_SUFFIXES
    room = _HEAD_BYTES if is_text else _WHOLE_BYTES
    head, more = content.read(room), content.read(1)
    if more:
        head = head[: head.rfind(b"\n") + 1] if is_text and head[:2] not in _UTF16 else b""
    if not head:
        return
    with TemporaryDirectory(prefix="linli-head-", dir=scratch) as folder:
        path = Path(folder) / f"head{suffix}"
        path.write_bytes(head)
        (work := Path(folder) / "work").mkdir()
        open_checked(kind, path, name, crs, work)


_UTF16 = (b"\xff\xfe", b"\xfe\xff")
"""Cut anywhere, such a file is none any more."""


def _no_crs(name: str) -> Invalid:
    """Return the error of a file that has positions and no CRS, with the choices."""
    return Invalid(
        f"{name} 没有坐标系，请用 --crs 指明，不作猜测 / {name} has no CRS: name it with --crs, linli does not guess",
        [Fault("crs", f"{value}：{meaning}") for value, meaning in CHOICES],
    )


def _system(wanted: type[Kind], layout: Layout, crs: str | None, name: str, *, has_geometry: bool) -> SourceCRS | None:
    """Return the CRS of the file's positions, None where it carries none."""
    carries = has_geometry or any(layout.has(column) for column in ("lon", "lat", GEOMETRY))
    if wanted.position == "none" or not carries:
        return None
    if crs is None:
        raise _no_crs(name)
    try:
        return SourceCRS.parse(crs)
    except UnknownCRS as error:
        raise Invalid(str(error), [Fault("crs", str(error))]) from error
