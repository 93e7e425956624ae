"""What a reader of values does not show of a sheet: cells in error, formulas never computed, hidden rows. Read from its XML piece by piece."""

from __future__ import annotations

import contextlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import join, normpath

_PIECE = 4 << 20
_CELL = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"([^>]*?)(?:/>|>(.*?)</c>)', re.DOTALL)
_REFERENCE = re.compile(rb"""\sr\s*=\s*["']\s*([A-Za-z]*)(\d{1,20})""")
_MOST_LETTERS = 5
_LONGEST_REFERENCE = 64
_ERROR = re.compile(rb"<v>([^<]{1,20})</v>")
_NO_VALUE = re.compile(rb"<f[\s/>](?!.*<v>[^<])", re.DOTALL)
_HIDDEN_ROW = re.compile(rb'<row\s[^>]*?\bhidden="(?:1|true)"')
_SHEET = re.compile(rb"<sheet\s[^>]*>")
_RELATION = re.compile(rb"<Relationship\s[^>]*>")

_IN_ERROR = "单元格出错（{}），请改为数值 / the cell is in error ({}): put a value there"
NOT_COMPUTED = (
    "公式没有结果：请在 Excel 中打开并保存，或粘贴为数值 / "
    "the formula has no result: open and save the file in Excel, or paste values"
)


UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    KeyError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)
"""What Python raises on parts that are damaged or missing."""


@dataclass
class Oddities:
    """Cells at fault by row and column, from 0, with the reason; and how many rows are hidden."""

    cells: dict[int, dict[int, str]] = field(default_factory=dict)
    hidden_rows: int = 0


def find_extent(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> tuple[int, int]:
    """Return the last row and the last column that some XML speaks of, from 1; 0 where of none.

    Args:
        archive: of a workbook that :func:`check_zip` has passed.
        part: what may be a sheet of it, whatever it is called; it is read to where it cannot be read.
    """
    row = column = 0
    tail = b""
    with contextlib.suppress(*UNREADABLE), archive.open(part) as file:
        while block := file.read(_PIECE):
            found = _REFERENCE.findall(tail + block)
            row = max(row, max((int(number) for _, number in found), default=0))
            letters = {letters[:_MOST_LETTERS].upper() for letters, _ in found}
            column = max(column, max((_column(each) + 1 for each in letters), default=0))
            tail = block[-_LONGEST_REFERENCE:]
    return row, column


def is_markup(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Tell whether a part of a workbook may be XML: any part may be a sheet, and pictures are large."""
    with contextlib.suppress(*UNREADABLE), archive.open(part) as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] in (b"", b"<")
    return False


def find_oddities(path: Path, title: str) -> Oddities:
    """Look through a sheet of an XLSX that :func:`check_zip` has passed; nothing is found in one written in another way.

    Args:
        path: the workbook.
        title: the sheet's name.
    """
    found = Oddities()
    try:
        with zipfile.ZipFile(path) as archive:
            part = _part_of(archive, title)
            for piece in _pieces(archive, part) if part else ():
                _look(piece, found)
    except UNREADABLE:  # what cannot be read is for the reader of values to say
        return found
    return found


def first_visible(archive: zipfile.ZipFile) -> str | None:
    """Return the name of the XML of the first sheet that is not hidden."""
    for tag in _SHEET.findall(archive.read("xl/workbook.xml")):
        if _attribute(tag, b"state") in (None, b"visible"):
            return _part_of(archive, (_plain(_attribute(tag, b"name")) or b"").decode())
    return None


def _part_of(archive: zipfile.ZipFile, title: str) -> str | None:
    """Return the name of the XML of a sheet."""
    wanted = title.encode()
    relation = None
    for tag in _SHEET.findall(archive.read("xl/workbook.xml")):
        if _plain(_attribute(tag, b"name")) == wanted:
            relation = _attribute(tag, b"r:id")
    for tag in _RELATION.findall(archive.read("xl/_rels/workbook.xml.rels")):
        if relation is not None and _attribute(tag, b"Id") == relation:
            target = (_attribute(tag, b"Target") or b"").decode()
            return target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
    return None


def _attribute(tag: bytes, name: bytes) -> bytes | None:
    match = re.search(rb"\s" + re.escape(name) + rb'="([^"]*)"', tag)
    return match[1] if match else None


def _plain(text: bytes | None) -> bytes | None:
    if text is None:
        return None
    for escaped, sign in (
        (b"&lt;", b"<"),
        (b"&gt;", b">"),
        (b"&quot;", b'"'),
        (b"&apos;", b"'"),
        (b"&amp;", b"&"),
    ):
        text = text.replace(escaped, sign)
    return text


def _pieces(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """Yield the XML in pieces that end where a row does."""
    left = b""
    with archive.open(part) as file:
        while block := file.read(_PIECE):
            left += block
            end = left.rfind(b"</row>")
            if end >= 0:
                yield left[: end + 6]
                left = left[end + 6 :]
            elif len(left) > 4 * _PIECE:  # no sheet has such a row
                return
    yield left


def _look(piece: bytes, found: Oddities) -> None:
    if b"hidden=" in piece:
        found.hidden_rows += len(_HIDDEN_ROW.findall(piece))
    if b't="e"' not in piece and b"<f" not in piece:
        return
    for match in _CELL.finditer(piece):
        attributes, body = match[3], match[4] or b""
        if b't="e"' in attributes:
            error = _ERROR.search(body)
            said = error[1].decode("ascii", "replace") if error else "#"
            reason = _IN_ERROR.format(said, said)
        elif b't="str"' not in attributes and _NO_VALUE.search(body):
            reason = NOT_COMPUTED
        else:
            continue
        found.cells.setdefault(int(match[2]) - 1, {})[_column(match[1])] = reason


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1
