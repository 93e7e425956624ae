"""Workbooks: values as a person sees them."""

from __future__ import annotations

from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook

from gis.errors import Invalid
from gis.intake.formats.xlsx import open_xlsx
from gis.intake.formats.xlsx_head import first_records
from tests.gis.intake.files import saved, workbook
from tests.gis.intake.formats.test_csv import read, recognise


def opened(tmp_path: Path, raw: bytes):
    path = tmp_path / "f.xlsx"
    path.write_bytes(raw)
    return open_xlsx(path, "f.xlsx", recognise)


def test_values_become_text(tmp_path: Path) -> None:
    record = ["1", 12, 1.5, date(1950, 1, 2), datetime(1950, 1, 2, 8, 30), True, None]
    source = opened(tmp_path, workbook(["编码", "a", "b", "c", "d", "e", "f"], record))
    assert read(source)[0] == {2: ["1", "12", "1.5", "1950-01-02", "1950-01-02T08:30:00", "true", None]}


def test_codes_that_were_stored_as_numbers(tmp_path: Path) -> None:
    raw = workbook(["code"], [530102001001001], [53010200100100123])
    good, _ = read(opened(tmp_path, raw))
    assert good == {2: ["530102001001001"], 3: ["5.30102001001001E+16"]}


def test_a_title_and_blank_rows_keep_the_numbers(tmp_path: Path) -> None:
    raw = workbook(["幸福社区"], [None, None], ["编码", "名称"], ["1", "甲"], [None, None], ["2", "乙"])
    source = opened(tmp_path, raw)
    assert source.headings == ["编码", "名称"]
    assert read(source)[0] == {4: ["1", "甲"], 6: ["2", "乙"]}


def test_hidden_and_further_sheets_are_left_aside_and_said(tmp_path: Path) -> None:
    book = Workbook()
    hidden = book.active
    hidden.title, hidden.sheet_state = "旧", "hidden"
    hidden.append(["编码"])
    hidden.append(["x"])
    shown = book.create_sheet("现在")
    shown.append(["编码"])
    shown.append(["1"])
    book.create_sheet("另一").append(["y"])
    book.create_sheet("空")
    source = opened(tmp_path, saved(book))
    assert read(source)[0] == {2: ["1"]}
    assert source.notices == ["只读取工作表“现在”，未读：另一、旧 / only sheet '现在' is read, not: 另一、旧"]


def test_merged_rows_are_broken(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    for record in (["编码", "名称"], ["1", "甲"], ["2", None], ["3", "丙"]):
        sheet.append(record)
    sheet.merge_cells("B2:B3")
    good, broken = read(opened(tmp_path, saved(book)))
    assert good == {4: ["3", "丙"]}
    assert list(broken) == [2, 3]


def test_a_formula_that_was_never_computed_is_no_blank(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["编码", "名称"])
    # openpyxl stores no result, as a program does that has not calculated.
    book.active.append(["1", "=1+1"])
    good, broken = read(opened(tmp_path, saved(book)))
    assert good == {}
    assert broken == {2: ["1", None]}


@pytest.mark.parametrize("cut", [0.5, 0.99])
def test_a_damaged_workbook_is_refused(tmp_path: Path, cut: float) -> None:
    raw = workbook(["编码"], ["1"])
    with pytest.raises(Invalid):
        opened(tmp_path, raw[: int(len(raw) * cut)])


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    for raw in (b"code,name\n", b"PK\x03\x04nothing", workbook()):
        with pytest.raises(Invalid):
            opened(tmp_path, raw)


def test_a_head_is_not_told_of_a_column_that_there_is_not() -> None:
    raw = workbook(["code", "name"], ["1", "甲"])
    far = BytesIO()
    with ZipFile(BytesIO(raw)) as old, ZipFile(far, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry).replace(b'r="B1"', b'r="ZZZZZZ1"'))
    assert first_records(BytesIO(raw)) == [["code", "name"], ["1", "甲"]]
    assert first_records(far) is None  # not a list of 300 million blanks
