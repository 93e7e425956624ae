"""Text to values: numbers, dates, words, each over a whole column at once.

Columns are Arrow arrays of text, blanks null. A parser returns the values and, where a cell cannot be read, why. Cells that repeat are
parsed once: dates, flags and kinds have few different values however many rows there are.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NUMBER = "不是数字 / not a number"
WHOLE = "不是整数 / not a whole number"
DATE = "日期无法识别，写作 1950-01-02 / not a date: write 1950-01-02"
ROUNDED = (
    "长编码以数字存放，末位已丢失；请把该列设为文本后重新填写 / "
    "a long code was stored as a number and has lost its last digits: format the column as text and fill it in again"
)
_ROUNDED = r"^\d(\.\d+)?[eE]\+\d+$"
_YMD = re.compile(
    r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s]\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$"
)
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$")
_NO = frozenset({"false", "f", "no", "n", "0", "否", "无", "×"})


class Unreadable(ValueError):
    """A cell that cannot be read; the message says why, 中文 / English."""


@dataclass(frozen=True)
class Parsed:
    """The values of a column (n,), None where blank or unreadable, and the reasons (n,), '' where there is nothing to object to."""

    values: np.ndarray
    reasons: np.ndarray


def parse_each(column: pa.Array, parse: Callable[[str], Any]) -> Parsed:
    """Parse every different cell once.

    Args:
        column: text (n,).
        parse: returns a cell's value or raises :class:`Unreadable`.
    """
    coded = pc.dictionary_encode(column)
    words = coded.dictionary.to_pylist()
    values, reasons = np.empty(len(words) + 1, dtype=object), np.full(len(words) + 1, "", dtype=object)
    for i, word in enumerate(words):
        try:
            values[i] = parse(word)
        except Unreadable as error:
            reasons[i] = str(error)
    at = pc.fill_null(coded.indices, len(words)).to_numpy(zero_copy_only=False)
    return Parsed(values[at], reasons[at])


def parse_numbers(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers, NaN where blank or not a number, and where they are not numbers.

    Thousands separators and full-width digits are understood.
    """
    try:
        return pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), np.zeros(len(column), dtype=bool)
    except pa.ArrowInvalid:
        parsed = parse_each(column, _number)
    values = np.array([math.nan if value is None else value for value in parsed.values], dtype=float)
    return values, parsed.reasons != ""


def parse_whole(column: pa.Array, least: int, most: int) -> Parsed:
    """Return whole numbers between two bounds."""

    def parse(text: str) -> int:
        number = _number(text)
        if not math.isfinite(number) or number != int(number):
            raise Unreadable(WHOLE)
        if not least <= number <= most:
            raise Unreadable(f"应在 {least} 到 {most} 之间 / must be between {least} and {most}")
        return int(number)

    return parse_each(column, parse)


def parse_dates(column: pa.Array) -> Parsed:
    """Return dates, datetime64[D] with NaT for none: 1950-01-02, 1950/1/2, 1950年1月2日, 19500102, with or without a time of day.

    A bare number of days, which a spreadsheet shows when a cell has lost its date format, is not taken for a date: it could be anything.
    """
    try:  # as most files write them
        dates = pc.cast(column, pa.date32()).to_numpy(zero_copy_only=False).astype("datetime64[D]")
        return Parsed(dates, np.full(len(column), "", dtype=object))
    except pa.ArrowInvalid:
        parsed = parse_each(column, _date)
    return Parsed(np.array(parsed.values, dtype="datetime64[D]"), parsed.reasons)


def parse_words(column: pa.Array, words: Mapping[str, str]) -> Parsed:
    """Return codes of words.

    Args:
        column: text (n,).
        words: the 中文 of each code; either is understood, in any case and width.
    """
    known = vocabulary(words)

    def parse(text: str) -> str:
        code = known.get(plain(text))
        if code is None:
            raise Unreadable(f"未知的值；可用：{listed(words)} / unknown value; known: {', '.join(words)}")
        return code

    return parse_each(column, parse)


def parse_yes(column: pa.Array) -> Parsed:
    """Return truth: yes, 1, true, 是 … and their opposites. Any other word means yes, as OSM's ``bridge=viaduct`` does."""
    return parse_each(column, lambda text: plain(text) not in _NO)


def vocabulary(words: Mapping[str, str]) -> dict[str, str]:
    """Return the code of every spelling: the code itself, its 中文, and each part of a 中文 with a slash."""
    known = {}
    for code, label in words.items():
        for spelling in (code, code.replace("_", " "), label, *label.split("/")):
            known[plain(spelling)] = code
    return known


def listed(words: Mapping[str, str]) -> str:
    """Return a vocabulary for a message: ``red 红、yellow 黄``."""
    return "、".join(f"{code} {label.split('/')[0]}" for code, label in words.items())


def plain(text: str) -> str:
    """Return text without what does not matter in a word: case, width, blanks round it."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def is_rounded(column: pa.Array) -> np.ndarray:
    """Return where a code was stored as a number and has lost digits: ``5.30102001001E+16``."""
    suspects = pc.match_substring(column, "E+", ignore_case=True)
    if not pc.any(suspects).as_py():
        return np.zeros(len(column), dtype=bool)
    return pc.fill_null(pc.match_substring_regex(column, _ROUNDED), False).to_numpy(zero_copy_only=False)


def _number(text: str) -> float:
    cleaned = re.sub(r"[\s_']", "", unicodedata.normalize("NFKC", text))
    if "," in cleaned:
        if not _THOUSANDS.match(cleaned):
            raise Unreadable(NUMBER)
        cleaned = cleaned.replace(",", "")
    try:
        return float(cleaned)
    except ValueError:
        raise Unreadable(NUMBER) from None


def _date(text: str) -> date:
    text = unicodedata.normalize("NFKC", text).strip()
    match = _YMD.match(text) or _COMPACT.match(text)
    try:
        if match:
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise Unreadable("没有这一天 / there is no such day") from None
    raise Unreadable(DATE)
