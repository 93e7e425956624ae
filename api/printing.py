"""Sheets for the printer: the codes for the doors of a building, as PDF with QR codes.

Text is set in a Chinese font of the system, embedded as a subset, so that the sheet prints alike everywhere and nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Sequence

import segno
from fpdf import FPDF

from gis.services.doors import Door
from maps.fonts import chinese_font

_ACROSS, _DOWN = 2, 5
_MARGIN_MM, _QR_MM = 10.0, 38.0
_SMALLEST_PT = 7
_QUIET_MODULES = 4
"""The empty frame that ISO/IEC 18004 asks for round a code."""


def door_sheet(doors: Sequence[Door], address: str) -> bytes:
    """Return the sheet to be cut up, as PDF in A4: a QR code and the door that it belongs to (without a room, the household's opaque code); no name, nothing of who lives there.

    Args:
        doors: in the order in which they are printed.
        address: what stands before each code, such as ``https://linli.example/d/``.

    Raises:
        Unavailable: this machine has no Chinese font.
    """
    path, number = chinese_font()
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_title("门牌码")
    pdf.add_font("chinese", fname=path, collection_font_number=number)
    width, height = (pdf.w - 2 * _MARGIN_MM) / _ACROSS, (pdf.h - 2 * _MARGIN_MM) / _DOWN
    for position, door in enumerate(doors):
        place = position % (_ACROSS * _DOWN)
        if place == 0:
            pdf.add_page()
        left = _MARGIN_MM + place % _ACROSS * width
        top = _MARGIN_MM + place // _ACROSS * height
        _card(pdf, door, address, left, top, width, height)
    return bytes(pdf.output())


def _card(pdf: FPDF, door: Door, address: str, left: float, top: float, width: float, height: float) -> None:
    pdf.set_draw_color(170)
    pdf.set_line_width(0.1)
    pdf.rect(left, top, width, height)
    _qr(pdf, address + door.code, left + 4, top + (height - _QR_MM) / 2)
    beside, wide = left + _QR_MM + 8, width - _QR_MM - 11
    where = [door.compound or "", door.building, _unit(door.unit), _room(door.room) or door.household]
    pdf.set_y(top + 9)
    for line, size in zip(where, (11, 15, 15, 20), strict=True):
        if line:
            pdf.set_x(beside)
            pdf.cell(wide, _fit(pdf, line, size, wide) * 0.5, _cut(pdf, line, wide), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("chinese", size=7)
    pdf.set_xy(beside, top + height - 9)
    pdf.cell(wide, 3, "网格员扫码登录 / staff: scan and sign in")


def _fit(pdf: FPDF, line: str, size: int, wide: float) -> int:
    """Set the font so small, but no smaller than can be read, that a line fits; return its size in points."""
    pdf.set_font("chinese", size=size)
    while size > _SMALLEST_PT and pdf.get_string_width(line) > wide - 2 * pdf.c_margin:
        size -= 1
        pdf.set_font_size(size)
    return size


def _cut(pdf: FPDF, line: str, wide: float) -> str:
    """Return as much of a line as fits."""
    if pdf.get_string_width(line) <= wide - 2 * pdf.c_margin:
        return line
    while line and pdf.get_string_width(line + "…") > wide - 2 * pdf.c_margin:
        line = line[:-1]
    return line + "…"


def _qr(pdf: FPDF, content: str, left: float, top: float) -> None:
    """Draw a QR code as runs of modules, level M: readable with 15 % of it worn away."""
    matrix = segno.make_qr(content, error="m").matrix
    module = _QR_MM / (len(matrix) + 2 * _QUIET_MODULES)
    pdf.set_fill_color(0)
    for row, line in enumerate(matrix):
        column = 0
        while column < len(line):
            run = column
            while run < len(line) and line[run]:
                run += 1
            if run > column:
                pdf.rect(
                    left + (column + _QUIET_MODULES) * module,
                    top + (row + _QUIET_MODULES) * module,
                    (run - column) * module,
                    module,
                    style="F",
                )
            column = run + 1


def _unit(unit: str | None) -> str:
    return f"{unit}单元" if unit and unit.isdigit() else unit or ""


def _room(room: str | None) -> str:
    return f"{room}室" if room and room.isdigit() else room or ""
