"""Readers of single columns."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from gis.intake.fields import (
    dates_array,
    read_code,
    read_date,
    read_number_text,
    read_text,
    read_whole,
    read_word,
    read_yes,
)
from gis.intake.formats.source import Batch
from gis.intake.headings import Layout
from gis.intake.sheet import Sheet
from gis.models.vocabulary import SEXES


def sheet(*cells: str | None) -> Sheet:
    return Sheet(Batch(np.arange(2, 2 + len(cells)), [pa.array(cells, pa.string())]), Layout(["a"], {"a": 0}))


def test_codes() -> None:
    found = sheet("B1", "栋 一", None, "x" * 65, "a\u200bb", "a\tb", "5.3E+16")
    assert read_code(found, "a").to_pylist()[:2] == ["B1", "栋 一"]
    assert found.ok.tolist() == [True, True, False, False, False, False, False]
    found = sheet(None)
    read_code(found, "a", required=False)
    assert found.ok.all()


def test_texts_and_number_texts() -> None:
    found = sheet("x" * 10, "x" * 11, None)
    read_text(found, "a", longest=10)
    assert found.ok.tolist() == [True, False, True]
    read_text(found, "a", required=True)
    assert found.ok.tolist() == [True, False, False]
    found = sheet("13800001234", "1.38E+10")
    read_number_text(found, "a")
    assert found.ok.tolist() == [True, False]


def test_numbers_words_and_truths() -> None:
    found = sheet("6", "-1", "x", None)
    assert read_whole(found, "a", 0, 10).to_pylist() == [6, None, None, None]
    assert found.ok.tolist() == [True, False, False, True]
    found = sheet("男", "FEMALE", "?", None)
    assert read_word(found, "a", SEXES).to_pylist() == ["male", "female", None, None]
    assert found.ok.tolist() == [True, True, False, True]
    assert read_yes(sheet("yes", "no", None), "a").to_pylist() == [True, False, False]


def test_dates() -> None:
    found = sheet("1900-01-01", "1899-12-31", "2026-01-01", "2026-01-02", None)
    dates = read_date(found, "a", latest=date(2026, 1, 1))
    assert found.ok.tolist() == [True, False, True, False, True]
    assert dates_array(dates).to_pylist()[0::4] == [date(1900, 1, 1), None]
