"""Excel workbooks: the values of the first visible sheet that has any, as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from gis.errors import Fault, Invalid
from gis.intake.formats.archive import check_zip
from gis.intake.formats.csv import Recognise, find_headings
from gis.intake.formats.source import BATCH_ROWS, Batch, BrokenRow, Source, number_text, without_blank_rows


def open_xlsx(path: Path, name: str, recognise: Recognise) -> Source:
    """Open a workbook (XLSX, or the older XLS).

    Raises:
        Invalid: not a workbook, locked with a password, or empty.
    """
    with path.open("rb") as file:
        packed = file.read(2) == b"PK"
    if packed:
        check_zip(path, name)
    try:
        workbook = CalamineWorkbook.from_path(str(path))
        sheet, values, notices = _sheet(workbook, name)
    except (CalamineError, OSError, ValueError) as error:
        message = "不是可读的 Excel 文件（损坏或有密码）；请另存为 XLSX 或 CSV / not a readable workbook (damaged, or locked with a password): save it as XLSX or CSV"
        raise Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(name, message)]) from error
    records = [[_text(value) or "" for value in record] for record in values[:10]]
    position = find_headings(records, recognise)
    headings = [cell.strip() for cell in records[position]] if records else []
    if not any(headings):
        raise Invalid(
            f"{name} 是空文件 / {name} is empty", [Fault(name, "没有标题行 / there is no heading row")]
        )
    merged = _merged(sheet, position)
    return Source(
        headings=headings,
        batches=lambda: _batches(values, position, len(headings), headings, merged),
        total=len(values) - position - 1,
        notices=notices,
    )


def _sheet(workbook: CalamineWorkbook, name: str) -> tuple[CalamineSheet, list[list[Any]], list[str]]:
    """Return the first visible worksheet that holds anything, its cells from A1 on, and what is left aside."""
    visible: list[str] = []
    hidden: list[str] = []
    for meta in workbook.sheets_metadata:
        if meta.typ == SheetTypeEnum.WorkSheet:
            (visible if meta.visible == SheetVisibleEnum.Visible else hidden).append(meta.name)
    found: tuple[CalamineSheet, list[list[Any]]] | None = None
    ignored = []
    for title in visible:
        sheet = workbook.get_sheet_by_name(title)
        values = sheet.to_python(skip_empty_area=False)
        if not any(cell != "" for record in values for cell in record):
            continue
        if found is None:
            found = (sheet, values)
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
        notices.append(
            f"只读取工作表“{found[0].name}”，未读：{others} / only sheet {found[0].name!r} is read, not: {others}"
        )
    return (*found, notices)


def _merged(sheet: CalamineSheet, position: int) -> list[tuple[int, int, int, int]]:
    """Return merged cells below the headings that hide a value: first and last row and column, from 0."""
    ranges = getattr(sheet, "merged_cell_ranges", None) or []
    return [(top, bottom, left, right) for (top, left), (bottom, right) in ranges if bottom > position]


def _batches(
    values: list[list[Any]],
    position: int,
    width: int,
    headings: list[str],
    merged: list[tuple[int, int, int, int]],
) -> Iterator[Batch]:
    in_merged = {
        row: left for top, bottom, left, _ in merged for row in range(max(top, position + 1), bottom + 1)
    }
    for start in range(position + 1, len(values), BATCH_ROWS):
        block = values[start : start + BATCH_ROWS]
        rows = np.arange(start + 1, start + 1 + len(block), dtype=np.int64)
        columns = [pa.array([_text(record[i]) for record in block], pa.string()) for i in range(width)]
        broken = []
        if in_merged:
            bad = np.array([row - 1 in in_merged for row in rows.tolist()], dtype=bool)
            for i in np.flatnonzero(bad).tolist():
                column = headings[in_merged[int(rows[i]) - 1]] if in_merged[int(rows[i]) - 1] < width else ""
                reason = "合并单元格：请取消合并并逐行填写 / merged cells: unmerge them and fill in every row"
                broken.append(BrokenRow(int(rows[i]), [cell[i].as_py() for cell in columns], reason, column))
            keep = pa.array(~bad)
            rows, columns = rows[~bad], [column.filter(keep) for column in columns]
        rows, columns = without_blank_rows(rows, columns)
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
