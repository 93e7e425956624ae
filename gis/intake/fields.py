"""Readers of one column of a sheet: they return clean values and reject the rows that have none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gis.intake.parsing import ROUNDED, is_rounded, parse_dates, parse_whole, parse_words, parse_yes
from gis.intake.sheet import Sheet

FORMULA = "像是公式而不是文字（以 = + - @ 开头），请粘贴为数值 / looks like a formula, not a text (it begins with = + - @): paste its value"
_FORMULA = r"^'?\s*(=|[-+@][^\s]*\|.*!|[-+@][A-Za-z]+\()"
MASKED = "含有 *：像是脱敏后的内容，请填原值，或不要这一列 / contains *: this looks masked; put the value itself there, or leave the column out"
CONTROLS = "含有控制字符（看不见，会打乱显示），请删去 / contains control characters, which are invisible and upset what is shown: delete them"
SLASH = "编码中不能有“/”，否则打不开它的网页 / a code cannot have a slash: its page could not be opened"
NO_CODE = "不是编码：合计行或空值 / not a code: a total, or nothing"
_CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{80}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]"
_NO_CODES = pa.array(
    [
        *("合计", "合 计", "总计", "总 计", "小计", "小 计", "共计", "共 计"),
        *(
            spelled
            for word in ("total", "subtotal", "null", "none", "nan", "n/a", "#n/a")
            for spelled in (word, word.upper(), word.capitalize())
        ),
        "NaN",
    ]
)
LONGEST_CODE = 64
LONGEST_NAME = 100
LONGEST_TEXT = 500
EARLIEST = date(1900, 1, 1)


def read_code(sheet: Sheet, column: str, *, required: bool = True) -> pa.Array:
    """Return a column of codes, text (n,): at most 64 visible characters and no slash, not a number that has lost digits, no word for a total."""
    codes = sheet.text(column)
    if required:
        sheet.require(column)
    sheet.reject(
        _true(pc.greater(pc.utf8_length(codes), LONGEST_CODE)),
        column,
        f"超过 {LONGEST_CODE} 个字符 / longer than {LONGEST_CODE} characters",
    )
    if not pc.all(pc.string_is_ascii(codes)).as_py() or not pc.all(pc.ascii_is_printable(codes)).as_py():
        bad = _true(pc.invert(pc.utf8_is_printable(codes)))
        sheet.reject(bad, column, "含有不可见字符 / contains invisible characters")
    sheet.reject(is_rounded(codes), column, ROUNDED)
    sheet.reject(_is_formula(codes), column, FORMULA)
    nothing = _true(pc.is_in(codes, _NO_CODES))
    sheet.reject(nothing, column, NO_CODE)
    sheet.reject(_true(pc.match_substring(codes, "/")) & ~nothing, column, SLASH)
    return codes


def read_text(sheet: Sheet, column: str, *, required: bool = False, longest: int = LONGEST_TEXT) -> pa.Array:
    """Return a column of text (n,)."""
    texts = sheet.text(column)
    if required:
        sheet.require(column)
    too_long = _true(pc.greater(pc.utf8_length(texts), longest))
    sheet.reject(too_long, column, f"超过 {longest} 个字符 / longer than {longest} characters")
    sheet.reject(_is_formula(texts), column, FORMULA)
    if not _are_plain(texts):
        sheet.reject(_true(pc.match_substring_regex(texts, _CONTROLS)), column, CONTROLS)
    return texts


def read_person_name(sheet: Sheet, column: str, *, required: bool = False) -> pa.Array:
    """Return a column of people's names (n,), none of them masked."""
    names = read_text(sheet, column, required=required, longest=LONGEST_NAME)
    sheet.reject(_is_masked(names), column, MASKED)
    return names


def read_number_text(sheet: Sheet, column: str) -> pa.Array:
    """Return a column of numbers that are names, such as telephones, in signs of ordinary width (n,): text that has not lost digits and is not masked."""
    texts = read_text(sheet, column, longest=LONGEST_CODE)
    sheet.reject(is_rounded(texts), column, ROUNDED)
    sheet.reject(_is_masked(texts), column, MASKED)
    return texts if _are_plain(texts) else pc.utf8_normalize(texts, form="NFKC")


def read_whole(sheet: Sheet, column: str, least: int, most: int) -> pa.Array:
    """Return a column of whole numbers, int64 (n,), null where blank."""
    parsed = parse_whole(sheet.text(column), least, most)
    sheet.reject(parsed.reasons != "", column, parsed.reasons)
    return pa.array(parsed.values, pa.int64())


def read_word(sheet: Sheet, column: str, words: Mapping[str, str], *, required: bool = False) -> pa.Array:
    """Return a column of words of a vocabulary as their codes, text (n,), null where blank."""
    if required:
        sheet.require(column)
    parsed = parse_words(sheet.text(column), words)
    sheet.reject(parsed.reasons != "", column, parsed.reasons)
    return pa.array(parsed.values, pa.string())


def read_yes(sheet: Sheet, column: str) -> pa.Array:
    """Return a column of truths, bool (n,), false where blank."""
    return pa.array([bool(value) for value in parse_yes(sheet.text(column)).values], pa.bool_())


def read_date(sheet: Sheet, column: str, *, required: bool = False, latest: date | None = None) -> np.ndarray:
    """Return a column of dates, datetime64[D] (n,), NaT where blank; not before 1900, and not after ``latest``."""
    if required:
        sheet.require(column)
    parsed = parse_dates(sheet.text(column))
    sheet.reject(parsed.reasons != "", column, parsed.reasons)
    dates = parsed.values
    sheet.reject(dates < np.datetime64(EARLIEST), column, "早于 1900 年 / before the year 1900")
    if latest is not None:
        sheet.reject(dates > np.datetime64(latest), column, "日期在将来 / the date is in the future")
    return dates


def dates_array(dates: np.ndarray) -> pa.Array:
    """Return datetime64[D] as Arrow dates, NaT as null."""
    return pa.array(dates, pa.date32(), mask=np.isnat(dates))


def _is_formula(texts: pa.Array) -> np.ndarray:
    """Return which cells would do something when a spreadsheet opens them; ``-`` for nothing and ``+86`` are texts."""
    marks = [pc.starts_with(texts, mark) for mark in ("=", "+", "-", "@", "'")]
    if not any(pc.any(mark).as_py() for mark in marks):
        return np.zeros(len(texts), dtype=bool)
    return _true(pc.match_substring_regex(texts, _FORMULA))


def _are_plain(texts: pa.Array) -> bool:
    """Tell whether all is printable ASCII, as long columns of numbers mostly are."""
    return bool(pc.all(pc.ascii_is_printable(texts)).as_py() is not False)


def _is_masked(texts: pa.Array) -> np.ndarray:
    return _true(pc.or_(pc.match_substring(texts, "*"), pc.match_substring(texts, "＊")))


def _true(mask: pa.Array) -> np.ndarray:
    return pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
