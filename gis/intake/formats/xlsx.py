"""Excel workbooks: the values of the first visible sheet that has any, as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile, ZipInfo

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from gis.errors import Fault, Invalid
from gis.intake.formats.archive import check_zip
from gis.intake.formats.csv import Recognise, find_headings
from gis.intake.formats.source import BATCH_ROWS, Batch, BrokenRow, Source, number_text, without_blank_rows
from gis.intake.formats.xls_extent import count_cells
from gis.intake.formats.xlsx_cells import Oddities, find_extent, find_oddities, is_markup

MOST_BYTES = 96 << 20
"""The largest workbook unpacked: the reader holds all cells, some 60 to 100 bytes each."""

MOST_ROWS, MOST_COLUMNS = 1 << 20, 1 << 14
"""Of a sheet, by ECMA-376."""
MOST_CELLS = 9_000_000
"""Rows times columns, empty ones too, each of which takes the reader 32 bytes: eight columns down to the last row."""
_SHOWN = 60


def open_xlsx(path: Path, name: str, recognise: Recognise) -> Source:
    """Open a workbook (XLSX, or the older XLS).

    Raises:
        Invalid: not a workbook, locked with a password, or empty.
    """
    with path.open("rb") as file:
        packed = file.read(2) == b"PK"
    if packed:
        check_zip(path, name)
        with ZipFile(path) as archive:
            parts = [entry for entry in archive.infolist() if is_markup(archive, entry)]
            _check_size(parts, name)
            for part in parts:
                _check_extent(archive, part, name)
    elif ((cells := count_cells(path)) is None) or cells > MOST_CELLS:
        message = (
            "单元格占的范围过大：请删去远处多余的行和列，或另存为“CSV UTF-8” / "
            "the cells reach too far: delete rows and columns far away, or save it as 'CSV UTF-8'"
        )
        raise Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(name, message)])
    try:
        workbook = _workbook(path, packed)
        sheet, notices = _sheet(workbook, name)
        first = list(islice(_rows(sheet), 10))
    except (CalamineError, OSError, ValueError) as error:
        message = "不是可读的 Excel 文件（损坏或有密码）；请另存为 XLSX 或 CSV / not a readable workbook (damaged, or locked with a password): save it as XLSX or CSV"
        raise Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(name, message)]) from error
    records = [[_text(value) or "" for value in record] for record in first]
    position = find_headings(records, recognise)
    headings = [cell.strip() for cell in records[position]] if records else []
    if not any(headings):
        raise Invalid(f"{name} 是空文件 / {name} is empty", [Fault(name, "没有标题行 / there is no heading row")])
    faulty = _merged(sheet, position)
    if packed:
        oddities = find_oddities(path, sheet.name)
        faulty |= _at_fault(oddities, headings, recognise)
        if oddities.hidden_rows:
            count = oddities.hidden_rows
            notices.append(
                f"{count} 行被隐藏（筛选），也已读取 / {count} hidden (filtered) rows are read like the others"
            )
    return Source(
        headings=headings,
        batches=lambda: _batches(sheet, position, headings, faulty),
        total=max(sheet.end[0] - position, 0) if sheet.end else 0,
        notices=notices,
    )


def _workbook(path: Path, packed: bool) -> CalamineWorkbook:
    """Open a workbook; the reader believes the file's ending, and an XLSX often bears that of an XLS."""
    if packed == (path.suffix.lower() != ".xls"):
        return CalamineWorkbook.from_path(str(path))
    with path.open("rb") as file:
        return CalamineWorkbook.from_filelike(file)


def _check_size(parts: list[ZipInfo], name: str) -> None:
    """Refuse a workbook that would not fit: unlike a table of text it is read as a whole."""
    if sum(part.file_size for part in parts) > MOST_BYTES:
        message = (
            f"工作簿过大（解开超过 {MOST_BYTES >> 20} MB，约 40 万行）：请另存为“CSV UTF-8”再导入 / "
            f"the workbook is too large (more than {MOST_BYTES >> 20} MB unpacked, about 400,000 rows): save it as 'CSV UTF-8'"
        )
        raise Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(name, message)])


def _check_extent(archive: ZipFile, part: ZipInfo, name: str) -> None:
    """Refuse a cell far away: the reader makes room for all between it and the others, and ends the process where there is none."""
    row, column = find_extent(archive, part)
    if row <= MOST_ROWS and column <= MOST_COLUMNS and row * column <= MOST_CELLS:
        return
    shown = PurePosixPath(part.filename).name[:_SHOWN]
    message = (
        f"{shown} 中的单元格一直到第 {row} 行、第 {column} 列：请删去远处多余的行和列，或另存为“CSV UTF-8” / "
        f"the cells of {shown} reach to row {row} and to column {column}: delete rows and columns far away, or save it as 'CSV UTF-8'"
    )
    raise Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(f"{name}:{row}", message)])


def _rows(sheet: CalamineSheet) -> Iterator[list[Any]]:
    """Yield the rows of a sheet from A1 on; they become Python's own one at a time."""
    left = [""] * (sheet.start[1] if sheet.start else 0)
    for record in sheet.iter_rows():
        yield left + record


def _sheet(workbook: CalamineWorkbook, name: str) -> tuple[CalamineSheet, list[str]]:
    """Return the first visible worksheet that holds anything, and what is left aside."""
    visible: list[str] = []
    hidden: list[str] = []
    for meta in workbook.sheets_metadata:
        if meta.typ == SheetTypeEnum.WorkSheet:
            (visible if meta.visible == SheetVisibleEnum.Visible else hidden).append(meta.name)
    found: CalamineSheet | None = None
    ignored = []
    for title in visible:
        sheet = workbook.get_sheet_by_name(title)
        if not any(cell != "" for record in _rows(sheet) for cell in record):
            continue
        if found is None:
            found = sheet
        else:
            ignored.append(title)
    if found is None:
        raise Invalid(
            f"{name} 是空文件 / {name} is empty",
            [Fault(name, "没有可见且有内容的工作表 / no visible sheet has any content")],
        )
    notices = []
    if ignored or hidden:
        others = "、".join([*ignored, *hidden])
        notices.append(f"只读取工作表“{found.name}”，未读：{others} / only sheet {found.name!r} is read, not: {others}")
    return found, notices


def _merged(sheet: CalamineSheet, position: int) -> dict[int, tuple[int, str]]:
    """Return the rows below the headings in which merged cells hide a value, from 0: the column, and the reason."""
    ranges = getattr(sheet, "merged_cell_ranges", None) or []
    reason = "合并单元格：请取消合并并逐行填写 / merged cells: unmerge them and fill in every row"
    return {
        row: (left, reason)
        for (top, left), (bottom, _) in ranges
        for row in range(max(top, position + 1), min(bottom, sheet.end[0] if sheet.end else 0) + 1)
    }


def _at_fault(oddities: Oddities, headings: list[str], recognise: Recognise) -> dict[int, tuple[int, str]]:
    """Return the rows with cells at fault in columns that mean something, likewise."""
    meant = [i for i, heading in enumerate(headings) if recognise([heading])]
    found = {}
    for row, cells in oddities.cells.items():
        for column in meant:
            if column in cells:
                found[row] = (column, cells[column])
    return found


def _batches(
    sheet: CalamineSheet, position: int, headings: list[str], faulty: dict[int, tuple[int, str]]
) -> Iterator[Batch]:
    """Yield the rows below the headings; those ``faulty`` ones that hold anything are broken."""
    width = len(headings)
    records, start = islice(_rows(sheet), position + 1, None), position + 1
    while block := list(islice(records, BATCH_ROWS)):
        rows = np.arange(start + 1, start + 1 + len(block), dtype=np.int64)
        columns = [pa.array([_text(record[i]) for record in block], pa.string()) for i in range(width)]
        broken = []
        if faulty:
            bad = np.array([row - 1 in faulty for row in rows.tolist()], dtype=bool)
            for i in np.flatnonzero(bad).tolist():
                at, reason = faulty[int(rows[i]) - 1]
                column = headings[at] if at < width else ""
                broken.append(BrokenRow(int(rows[i]), [cell[i].as_py() for cell in columns], reason, column))
            keep = pa.array(~bad)
            rows, columns = rows[~bad], [column.filter(keep) for column in columns]
        rows, columns = without_blank_rows(rows, columns)
        start += len(block)
        yield Batch(rows, columns, broken=broken)


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value if value != "" else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(float(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, time | timedelta) else None
