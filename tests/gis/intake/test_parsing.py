"""Cells to values."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.intake.parsing import (
    is_rounded,
    listed,
    parse_dates,
    parse_numbers,
    parse_whole,
    parse_words,
    parse_yes,
)
from gis.models.vocabulary import COLOURS


@pytest.mark.parametrize(
    "text",
    [
        "1950-01-02",
        "1950/1/2",
        "1950.1.2",
        "1950年1月2日",
        "19500102",
        "１９５０－０１－０２",
        "1950-01-02T00:00:00",
        "1950-1-2 08:30",
        " 1950/01/02 ",
    ],
)
def test_dates_are_read_in_every_spelling(text: str) -> None:
    parsed = parse_dates(pa.array([text]))
    assert parsed.values.tolist() == [date(1950, 1, 2)]
    assert list(parsed.reasons) == [""]


@pytest.mark.parametrize("text", ["1950-02-30", "1950", "1950-01", "02/01/1950", "18264", "今天", "1950-13-01", "-"])
def test_what_is_no_date_says_so(text: str) -> None:
    parsed = parse_dates(pa.array([text, None]))
    assert parsed.values.tolist() == [None, None]
    assert " / " in parsed.reasons[0]
    assert parsed.reasons[1] == ""


@given(st.lists(st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2100, 1, 1))), max_size=30))
def test_dates_come_back(dates: list[date | None]) -> None:
    texts = pa.array([None if day is None else f"{day.year}/{day.month}/{day.day}" for day in dates], pa.string())
    assert parse_dates(texts).values.tolist() == dates
    iso = pa.array([None if day is None else day.isoformat() for day in dates], pa.string())
    assert parse_dates(iso).values.tolist() == dates


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("102.5", 102.5),
        ("1,234.5", 1234.5),
        ("１０２．５", 102.5),
        ("1，234", 1234.0),
        (" 7 ", 7.0),
        ("1e2", 100.0),
    ],
)
def test_numbers_are_read_in_every_spelling(text: str, value: float) -> None:
    values, wrong = parse_numbers(pa.array([text, None, "x"]))
    assert values[0] == value
    assert np.isnan(values[1:]).all()
    assert wrong.tolist() == [False, False, True]


def test_clean_numbers_take_the_fast_way_to_the_same_result() -> None:
    texts = ["102.712345678901", "25", None, "-1.5e-3"]
    fast, _ = parse_numbers(pa.array(texts))
    slow, _ = parse_numbers(pa.array([*texts, "x"]))
    np.testing.assert_array_equal(fast, slow[:-1])


def test_whole_numbers_have_bounds() -> None:
    parsed = parse_whole(pa.array(["6", "6.0", "6.5", "300", "-1", "nan", "x", None]), 0, 200)
    assert list(parsed.values) == [6, 6, None, None, None, None, None, None]
    assert [bool(reason) for reason in parsed.reasons] == [False, False, True, True, True, True, True, False]


def test_words_are_read_in_both_languages() -> None:
    parsed = parse_words(pa.array(["red", "RED", "红", " 绿 ", "ｙｅｌｌｏｗ", "紫", None]), COLOURS)
    assert list(parsed.values) == ["red", "red", "red", "green", "yellow", None, None]
    assert listed(COLOURS) in parsed.reasons[5]


def test_yes_and_no() -> None:
    parsed = parse_yes(pa.array(["yes", "1", "是", "viaduct", "no", "0", "否", "false", "F", None]))
    assert [bool(value) for value in parsed.values] == [True] * 4 + [False] * 6


def test_codes_that_were_numbers_are_told() -> None:
    codes = pa.array(["5.30102001001E+16", "5E+11", "1E5", "B-E+1", "530102001001001", None])
    assert is_rounded(codes).tolist() == [True, True, False, False, False, False]
    assert not is_rounded(pa.array(["a", None])).any()
