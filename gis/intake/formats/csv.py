"""CSV: read in blocks by Arrow, every cell as text, every record numbered as a spreadsheet numbers it."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from gis.errors import Fault, Invalid
from gis.intake.formats.encoding import TextKind, detect
from gis.intake.formats.source import BATCH_ROWS, Batch, BrokenRow, Source, without_blank_rows

BLOCK_BYTES = 2 << 20
_HEAD_BYTES = 1 << 20
_SEARCHED_ROWS = 10
_LONGEST_HEADING = 10_000
_SEPARATORS = (",", "\t", ";", "，")

Recognise = Callable[[list[str]], int]
"""How many of these cells are known headings."""


def open_csv(path: Path, name: str, recognise: Recognise) -> Source:
    """Open a CSV file.

    Args:
        path: the file.
        name: how to call it in messages.
        recognise: tells the heading row, which may stand below a title.

    Raises:
        Invalid: no text, no heading, or an encoding that is not accepted.
    """
    kind = detect(path, name)
    separator, position, headings = _headings(path, name, kind.encoding, recognise)
    return Source(
        headings=headings,
        batches=lambda: _batches(path, name, kind, separator, position, len(headings)),
        total=max(kind.lines - position - 1, 0),
        notices=[
            f"按 GB 18030 读取，但像是 {kind.doubt}：请核对文字，不对则另存为“CSV UTF-8” / "
            f"read as GB 18030, but it looks like {kind.doubt}: check the text; if it is wrong, save the file as 'CSV UTF-8'"
        ]
        if kind.doubt
        else [],
        is_swift=True,
    )


def find_headings(records: list[list[str]], recognise: Recognise) -> int:
    """Return which record holds the headings: of the first ten the one with most known words, the first that is not blank by default."""
    scores = [recognise(record) for record in records[:_SEARCHED_ROWS]]
    best = max(range(len(scores)), key=lambda i: (scores[i], -i), default=0)
    if scores and scores[best] > 0:
        return best
    return next((i for i, record in enumerate(records) if any(cell.strip() for cell in record)), 0)


def _headings(path: Path, name: str, encoding: str, recognise: Recognise) -> tuple[str, int, list[str]]:
    """Return the separator, the position of the heading record, and the headings."""
    with path.open("rb") as file:
        head = codecs.getincrementaldecoder(encoding)().decode(file.read(_HEAD_BYTES))
    best: tuple[int, str, int, list[str]] | None = None
    for separator in _SEPARATORS:
        records = _first_records(head, separator)
        if not records:
            continue
        position = find_headings(records, recognise)
        score = recognise(records[position])
        if best is None or score > best[0]:
            best = (score, separator, position, [cell.strip().lstrip("\ufeff") for cell in records[position]])
    if (best is None and len(head) >= csv.field_size_limit()) or (
        best is not None and max(map(len, best[3]), default=0) > _LONGEST_HEADING
    ):
        message = "标题行过长，不是表格 / the heading row is too long: this is no table"
        raise Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(f"{name}:1", message)])
    if best is not None and best[1] == "，":
        message = (
            "标题之间是中文逗号“，”：请全部换成英文逗号“,”，或另存为“CSV UTF-8” / "
            "the headings are separated by full-width commas: put ',' everywhere, or save the file as 'CSV UTF-8'"
        )
        raise Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(f"{name}:{best[2] + 1}", message)])
    if best is None or not any(best[3]):
        raise Invalid(f"{name} 是空文件 / {name} is empty", [Fault(name, "没有标题行 / there is no heading row")])
    return best[1], best[2], best[3]


def _first_records(text: str, separator: str) -> list[list[str]]:
    records: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            records.append(record)
            if len(records) == _SEARCHED_ROWS:
                break
    except csv.Error:  # a cell longer than any heading: what came before it is enough
        return records
    return records


def _batches(path: Path, name: str, kind: TextKind, separator: str, position: int, width: int) -> Iterator[Batch]:
    names = [f"c{i}" for i in range(width)]
    broken: list[pacsv.InvalidRow] = []

    def set_aside(row: pacsv.InvalidRow) -> str:
        broken.append(row)
        return "skip"

    last = position + 1
    try:
        reader = pacsv.open_csv(
            path,
            read_options=pacsv.ReadOptions(
                use_threads=False,
                block_size=BLOCK_BYTES,
                column_names=names,
                skip_rows_after_names=position + 1,
                encoding="utf8" if kind.encoding in ("utf-8", "utf-8-sig") else kind.encoding,
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=separator,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=set_aside,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types={column: pa.string() for column in names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        for block in reader:
            # The parser may be a block ahead: take only the broken rows that lie before the end of this block.
            numbers = _row_numbers(last, block.num_rows, [row.number for row in broken])
            for start in range(0, block.num_rows, BATCH_ROWS):
                rows = numbers[start : start + BATCH_ROWS]
                last = int(rows[-1])
                ready = [row for row in broken if row.number <= last]
                broken[:] = [row for row in broken if row.number > last]
                yield _batch(rows, block.slice(start, len(rows)), ready, separator, width)
    except pa.ArrowInvalid as error:
        # Arrow cannot skip headings that no line end follows: then there is nothing below them.
        if "Empty CSV" in str(error) or not _has_rows(path, kind.encoding, separator, position):
            return
        raise _unreadable(name, last, error) from error
    if broken:
        yield Batch(np.empty(0, np.int64), [pa.nulls(0, pa.string())] * width, broken=_cut(broken, separator, width))


def _has_rows(path: Path, encoding: str, separator: str, position: int) -> bool:
    with path.open("rb") as file:
        head = codecs.getincrementaldecoder(encoding)().decode(file.read(_HEAD_BYTES))
    return len(_first_records(head, separator)) > position + 1 or len(head) >= _HEAD_BYTES // 4


def _row_numbers(last: int, count: int, skipped: list[int]) -> np.ndarray:
    """Return the numbers of ``count`` good rows after row ``last``, leaving out those of the skipped ones."""
    numbers = np.arange(last + 1, last + 1 + count + len(skipped), dtype=np.int64)
    return numbers[~np.isin(numbers, skipped)][:count]


def _batch(
    rows: np.ndarray, block: pa.RecordBatch, broken: list[pacsv.InvalidRow], separator: str, width: int
) -> Batch:
    rows, columns = without_blank_rows(rows, block.columns)
    return Batch(rows, columns, broken=_cut(broken, separator, width))


def _cut(broken: list[pacsv.InvalidRow], separator: str, width: int) -> list[BrokenRow]:
    """Cut rows with too few or too many cells as far as it goes; blank lines are no rows."""
    rows = []
    for row in broken:
        if not row.text.strip():
            continue
        try:
            cells: list[str | None] = list(next(csv.reader(io.StringIO(row.text, newline=""), delimiter=separator), []))
        except csv.Error:
            cells = [row.text]
        if len(cells) > width:
            cells = [*cells[: width - 1], separator.join(str(cell) for cell in cells[width - 1 :])]
        reason = (
            f"应有 {row.expected_columns} 列，实有 {row.actual_columns} 列；检查逗号和引号 / "
            f"{row.expected_columns} columns expected, {row.actual_columns} found: check commas and quotes"
        )
        rows.append(BrokenRow(row.number, cells + [None] * (width - len(cells)), reason))
    return rows


def _unreadable(name: str, last: int, error: pa.ArrowInvalid) -> Invalid:
    if "straddling" in str(error):
        message = (
            f"第 {last} 行之后有一行超过 {BLOCK_BYTES >> 20} MB：引号没有成对，或单元格过大 / "
            f"after row {last} a row is longer than {BLOCK_BYTES >> 20} MB: a quote is not closed or a cell is too large"
        )
    else:
        message = f"第 {last} 行之后无法读取 / cannot be read after row {last}"
    return Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(f"{name}:{last}", message)])
