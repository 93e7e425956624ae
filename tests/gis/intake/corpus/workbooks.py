"""Workbooks: merged and hidden cells, formulas and errors, other formats under their name, damaged and locked ones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.gis.intake.corpus.case import REFUSED, Case, homes, records, row
from tests.gis.intake.files import saved, workbook

# What a compound file begins with: the older XLS, and any XLSX that is locked with a password.
COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")


def _sheet(change: Callable[[Worksheet], None], count: int = 3) -> bytes:
    book = Workbook()
    for record in records([row("households", 10 + n) for n in range(count)]):
        book.active.append(record)
    change(book.active)
    return saved(book)


def _error(sheet: Worksheet, cell: str, value: str) -> None:
    sheet[cell] = value
    sheet[cell].data_type = "e"


def _put(**cells: Any) -> Callable[[Worksheet], None]:
    def change(sheet: Worksheet) -> None:
        for cell, value in cells.items():
            sheet[cell] = value

    return change


def _hide_sheet(sheet: Worksheet) -> None:
    other = sheet.parent.create_sheet("看得见的")
    other.append(["code"])
    other.append(["V1"])
    sheet.sheet_state = "hidden"


def _all_empty() -> bytes:
    book = Workbook()
    book.create_sheet("也空")
    return saved(book)


def _change(raw: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one of its parts changed."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, change(content) if entry.filename == part else content)
    return target.getvalue()


def _renamed(raw: bytes, old: str, new: str) -> bytes:
    """A workbook of which a part has another name."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as before, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after:
        for entry in before.infolist():
            after.writestr(entry.filename.replace(old, new), before.read(entry).replace(old.encode(), new.encode()))
    return target.getvalue()


def _without(raw: bytes, part: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            if entry.filename != part:
                new.writestr(entry.filename, old.read(entry))
    return target.getvalue()


Row = tuple[str, bytes, str, tuple[int, int] | None, str]
"""What is wrong, the file, what is said of it, how many rows were read and loaded (None: it is refused), and where."""
SHEET_1 = "xl/worksheets/sheet1.xml"
BROKEN = "不是可读的 Excel 文件|压缩包损坏|另存为"
LAUGHS = (
    b'<!DOCTYPE l [<!ENTITY a "'
    + b"ha" * 1000
    + b'">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, (b"&%c;" % (97 + n)) * 20) for n in range(8))
    + b"]>"
)


def cases() -> list[Case]:
    good = workbook(*records([row("households", 10 + n) for n in range(3)]))
    made = [
        Case("workbooks", name, "households", "户.xlsx", content, says, outcome or REFUSED, where=where)
        for name, content, says, outcome, where in (*_sheets(good), *_packages(good))
    ]
    return [*made, *_misnamed(good)]


def _sheets(good: bytes) -> list[Row]:
    """What people do in a sheet."""
    return [
        ("merged cells", _sheet(lambda s: s.merge_cells("B2:B3")), "取消合并", (3, 1), "2:building"),
        ("merged over columns", _sheet(lambda s: s.merge_cells("C3:D3")), "取消合并", (3, 2), "3:unit"),
        ("merged to the end of the sheet", _change(good, SHEET_1, lambda xml: xml.replace(b"</sheetData>", b'</sheetData><mergeCells count="1"><mergeCell ref="B3:B1048576"/></mergeCells>')), "取消合并", (3, 1), "3:building"),
        ("a merged title", _sheet(lambda s: (s.insert_rows(1), s.merge_cells("A1:G1"), s.__setitem__("A1", "户籍表"))), "", (3, 3), ""),
        ("hidden rows", _sheet(lambda s: setattr(s.row_dimensions[3], "hidden", True)), "1 行被隐藏", (3, 3), ""),
        ("hidden column", _sheet(lambda s: setattr(s.column_dimensions["B"], "hidden", True)), "", (3, 3), ""),
        ("hidden sheet", _sheet(_hide_sheet), "只读取工作表“看得见的”.*未读：Sheet", (1, 1), ""),
        ("two sheets", _sheet(lambda s: s.parent.create_sheet("二").append(["code", "x"])), "只读取工作表“Sheet”.*未读：二", (3, 3), ""),
        ("a formula never computed", _sheet(_put(B3="=VLOOKUP(A3,X!A:B,2)")), "公式没有结果", (3, 2), "3:building"),
        ("a formula in a column not used", _sheet(_put(H1="备用", H3="=1+1")), "未使用的列", (3, 3), ""),
        ("#REF!", _sheet(lambda s: _error(s, "B3", "#REF!")), "单元格出错（#REF!）", (3, 2), "3:building"),
        ("#N/A as a code", _sheet(lambda s: _error(s, "A2", "#N/A")), "单元格出错（#N/A）", (3, 2), "2:code"),
        ("#DIV/0! as a position", _sheet(lambda s: _error(s, "E4", "#DIV/0!")), "单元格出错（#DIV/0!）", (3, 2), "4:lon"),
        ("#VALUE! everywhere", _sheet(lambda s: [_error(s, f"{c}{n}", "#VALUE!") for c in "ABC" for n in (2, 3, 4)]), "单元格出错", (3, 0), "2:"),
        ("a formula as text", _sheet(lambda s: (s.__setitem__("D3", "=cmd|' /C calc'!A0"), setattr(s["D3"], "data_type", "s"))), "像是公式", (3, 2), "3:room"),
        ("a date as a position", _sheet(_put(E3=datetime(2025, 1, 2))), "不是数字", (3, 2), "3:lon"),
        ("a truth as a code", _sheet(_put(A3=True, B3="B9")), "没有这个楼栋", (3, 2), "3:building"),
        ("a code that lost digits", _sheet(_put(A3=53010200100100123)), "末位已丢失", (3, 2), "3:code"),
        ("a comma as decimal mark", _sheet(_put(E3="102,0051")), "小数点请写作", (3, 2), "3:lon"),
        ("no sheet has anything", _all_empty(), "空文件", None, ""),
        ("only a heading", workbook(["code", "building"]), "只有标题行", (0, 0), ""),
        ("a heading and formatted rows", _sheet(lambda s: [s.cell(n, 1).__setattr__("number_format", "0") for n in range(5, 500)]), "", (3, 3), ""),
        ("a cell at the sheet's last row", _sheet(_put(A1048576="N99", B1048576="B9")), "没有这个楼栋", (4, 3), "1048576:building"),
        ("a cell in the last corner", _sheet(_put(XFD1048576="远")), "第 1048576 行、第 16384 列：请删去", None, "1048576"),
        ("a cell in a column that there is not", _change(good, SHEET_1, lambda xml: xml.replace(b'r="B3"', b'r="ZZZZZZ3"')), "请删去", None, "4"),
        ("a cell in a row that there is not", _change(good, SHEET_1, lambda xml: xml.replace(b'r="B3"', b"r = 'B99999999'")), "第 99999999 行", None, "99999999"),
        ("a far cell in a sheet of another name", _renamed(_sheet(_put(XFD1048576="远")), "sheet1.xml", "sheet1.png"), "sheet1.png 中的单元格.*请删去", None, "1048576"),
        ("a cell far to the right", _sheet(_put(XFD1="远")), "未使用的列：.*远", (3, 3), ""),
    ]  # fmt: skip


def _packages(good: bytes) -> list[Row]:
    """What befalls the file."""
    return [
        ("cut in the middle", good[: len(good) // 2], BROKEN, None, ""),
        ("cut at the end", good[:-30], BROKEN, None, ""),
        ("without its first bytes", good[100:], BROKEN, None, ""),
        ("one byte turned", good[:400] + bytes([good[400] ^ 0xFF]) + good[401:], "", (3, 3), ""),
        ("without the sheet", _without(good, SHEET_1), BROKEN, None, ""),
        ("without the workbook", _without(good, "xl/workbook.xml"), BROKEN + "|没有可见", None, ""),
        ("without relations", _without(good, "xl/_rels/workbook.xml.rels"), BROKEN, None, ""),
        ("XML cut", _change(good, SHEET_1, lambda xml: xml[: len(xml) // 2]), "不是可读的", None, ""),
        ("XML that is none", _change(good, SHEET_1, lambda xml: b"\0" * 500), "不是可读的", None, ""),
        ("shared strings missing", _change(good, SHEET_1, lambda xml: xml.replace(b't="inlineStr"', b't="s"')), "", (3, 3), ""),
        ("a billion laughs", _change(good, SHEET_1, lambda xml: LAUGHS + xml.replace(b"N10", b"&i;")), "不是可读的", None, ""),
        ("an outside entity", _change(good, SHEET_1, lambda xml: b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + xml.replace(b"N10", b"&e;")), "不是可读的", None, ""),
        ("an empty zip", _change(good, "", lambda xml: xml)[:0] + b"PK\x05\x06" + bytes(18), BROKEN, None, ""),
        ("locked with a password", COMPOUND + bytes(4088), BROKEN, None, ""),
        ("a text", homes(3), BROKEN, None, ""),
        ("empty", b"", "空文件", None, ""),
        ("HTML, as many portals export", b"<html><table><tr><td>code</td></tr></table></html>", BROKEN, None, ""),
    ]  # fmt: skip


def _misnamed(good: bytes) -> list[Case]:
    return [
        Case("workbooks", "XLSX named .xls", "households", "户.xls", good, "", (3, 3)),
        Case("workbooks", "XLS named .xlsx, cut", "households", "户.xlsx", COMPOUND + homes(3), BROKEN),
        Case("workbooks", "a compound file named .xls", "households", "户.xls", COMPOUND + bytes(4088), BROKEN),
        Case("workbooks", "CSV named .xls", "households", "户.xls", homes(3), BROKEN),
        Case("workbooks", "dates as text", "residents", "人.xlsx", workbook(["household", "birth_date"], ["H1", "1950年1月2日"], ["H1", "民国39年"], ["H1", 18264]), "日期无法识别", (3, 1), None, "3:birth_date"),
        Case("workbooks", "the wrong kind", "stations", "站.xlsx", good, "缺少必需的列：.*services", where="name"),
    ]  # fmt: skip
