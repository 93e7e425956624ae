"""Sheets for people: cells whose text stays a text, whatever it begins with.

A text that begins like a formula would be computed by the program that opens it (OWASP, CSV Injection). In XLSX the cell is marked as text; CSV knows
no types, so there an apostrophe goes before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BOLD = Font(bold=True)


def add_sheet(book: Workbook, title: str, heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> int:
    """Write a sheet with a fixed row of bold headings into a write-only workbook, and return its number of rows."""
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    head = []
    for name in heads:
        cell = WriteOnlyCell(sheet, name)
        cell.font = _BOLD
        head.append(cell)
    sheet.append(head)
    number = 0
    for row in rows:
        sheet.append([text_cell(sheet, value) for value in row])
        number += 1
    return number


def text_cell(sheet: Any, value: Any) -> Any:
    """Return a value for a write-only sheet; a text becomes a cell that is a text for every program that opens it."""
    if value is None or isinstance(value, int | float | date):
        return value
    clean = ILLEGAL_CHARACTERS_RE.sub("", str(value))
    cell = WriteOnlyCell(sheet, clean)
    if clean.startswith(FORMULA_SIGNS):
        cell.data_type = "s"  # openpyxl takes whatever begins with = for a formula
        cell.quotePrefix = True  # it stays a text when somebody edits it or saves it as CSV
    return cell


def plain(value: Any) -> Any:
    """Return a value for a CSV cell: numbers as they are, texts so that none is a formula."""
    if value is None or isinstance(value, int | float | date):
        return value
    clean = ILLEGAL_CHARACTERS_RE.sub("", str(value))
    return f"'{clean}" if clean.startswith(FORMULA_SIGNS) else clean
