"""The first rows of a workbook of any size, without reading the rest of it."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO, cast
from xml.etree import ElementTree

from gis.intake.formats.xlsx_cells import first_visible

_ROWS = 10
_MOST_BYTES = 8 << 20
"""So much of one part is unpacked at most."""
_MOST_COLUMNS = 1 << 14
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


class _Limited:
    """The beginning of a part of an archive: a bomb ends here."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, _MOST_BYTES

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        got = self._file.read(min(size if size >= 0 else self._left, self._left))
        self._left -= len(got)
        return got


def first_records(content: BinaryIO) -> list[list[str]] | None:
    """Return the text of the first ten rows of the first visible sheet; None where that cannot be told cheaply, as of an XLS.

    Args:
        content: the workbook; it must be seekable.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            part = first_visible(archive)
            return None if part is None else _records(archive, part)
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        ElementTree.ParseError,
    ):
        return None


def _records(archive: zipfile.ZipFile, part: str) -> list[list[str]] | None:
    rows: list[dict[int, tuple[str, str]]] = []
    with archive.open(part) as file:
        for row in _elements(file, "row"):
            rows.append({_column(cell.get("r", ""), i): _cell(cell) for i, cell in enumerate(row.iter(f"{_MAIN}c"))})
            if len(rows) == _ROWS:
                break
    shared = [int(text) for row in rows for kind, text in row.values() if kind == "s" and text.isdigit()]
    words = _shared(archive, max(shared, default=-1) + 1)
    if words is None:
        return None
    records = []
    for found in rows:
        cells = {at: words[int(text)] if kind == "s" and text.isdigit() else text for at, (kind, text) in found.items()}
        records.append([cells.get(at, "") for at in range(max(cells, default=-1) + 1)])
    return records if any(any(record) for record in records) else None


def _cell(cell: ElementTree.Element) -> tuple[str, str]:
    """Return the type and the text of a cell."""
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return kind, "".join(each.text or "" for each in cell.iter(f"{_MAIN}t"))
    return kind, cell.findtext(f"{_MAIN}v") or ""


def _shared(archive: zipfile.ZipFile, count: int) -> list[str] | None:
    """Return the first ``count`` shared texts; None where they stand too far behind."""
    words: list[str] = []
    if count == 0:
        return words
    with archive.open("xl/sharedStrings.xml") as file:
        for item in _elements(file, "si"):
            words.append("".join(each.text or "" for each in item.iter(f"{_MAIN}t")))
            if len(words) == count:
                return words
    return None


def _elements(file: IO[bytes], name: str) -> Iterator[ElementTree.Element]:
    """Yield elements of one name from the beginning of a part, each let go of when the next is wanted."""
    limited = _Limited(file)
    parser: ElementTree.XMLPullParser[ElementTree.Element] = ElementTree.XMLPullParser(["end"])
    while piece := limited.read(1 << 16):
        if b"<!DOCTYPE" in piece:  # no workbook has one, and one could define texts that grow
            return
        parser.feed(piece)
        for _, element in cast("Iterator[tuple[str, ElementTree.Element]]", parser.read_events()):
            if element.tag == f"{_MAIN}{name}":
                yield element
                element.clear()


def _column(reference: str, otherwise: int) -> int:
    """Return the number of a cell's column, from 0, of ``AB12``.

    Raises:
        ValueError: no sheet has so many columns.
    """
    number = 0
    for letter in reference:
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter.upper()) - ord("A") + 1
        if not 0 < number <= _MOST_COLUMNS:
            raise ValueError(reference[:10])
    return number - 1 if number else otherwise
