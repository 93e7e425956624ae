"""What a reader hands over: headings, and batches of rows as text columns beside their geometry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BATCH_ROWS = 16_384
"""Few enough that what Python makes of them stays small, many enough that a batch costs next to nothing by itself."""


@dataclass(frozen=True)
class BrokenRow:
    """A row that could not be cut into its columns."""

    row: int
    cells: list[str | None]
    reason: str
    column: str = ""


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    ``rows`` holds the number of each row as a user sees it (n,): in tables the heading is row 1 or later, in spatial files the first
    feature is 1. ``columns`` stand beside the source's headings, each (n,), empty cells null. ``geometry`` holds shapely geometries
    in the source's CRS (n,), None where there is none or it cannot be read, which ``unreadable`` tells apart; ``why`` gives reasons by
    place in the batch, where they are known.
    """

    rows: np.ndarray
    columns: list[pa.Array]
    geometry: np.ndarray | None = None
    unreadable: np.ndarray | None = None
    broken: list[BrokenRow] = field(default_factory=list)
    why: dict[int, str] = field(default_factory=dict)
    wkb: pa.Array | None = None
    """The geometries as they came, where they came as WKB (n,)."""


@dataclass(frozen=True)
class Source:
    """An opened file: its headings, its own CRS (None: it has none), and its rows, to be read once."""

    headings: list[str]
    batches: Callable[[], Iterator[Batch]]
    crs: str | None = None
    has_geometry: bool = False
    total: int | None = None
    """Number of rows, as far as it can be told beforehand."""
    notices: list[str] = field(default_factory=list)
    is_swift: bool = False
    """Whether reading it takes next to nothing beside checking and writing."""


def without_blank_rows(rows: np.ndarray, columns: Sequence[pa.Array]) -> tuple[np.ndarray, list[pa.Array]]:
    """Return rows and columns without the rows in which every cell is empty: a table's formatted but unused lines."""
    blank = np.ones(len(rows), dtype=bool)
    for column in columns:
        if column.null_count == 0:
            return rows, list(columns)
        blank &= column.is_null().to_numpy(zero_copy_only=False)
    if not blank.any():
        return rows, list(columns)
    keep = pa.array(~blank)
    return rows[~blank], [column.filter(keep) for column in columns]


def as_text(column: pa.Array) -> pa.Array:
    """Return a typed column as text: whole numbers without a fraction, dates in ISO 8601, lists joined by ``;``."""
    kind = column.type
    if pa.types.is_string(kind):
        return _valid_text(column)
    if pa.types.is_floating(kind):
        return pa.array([None if value is None else number_text(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_timestamp(kind):
        values = pc.strftime(column, format="%Y-%m-%dT%H:%M:%S")
        return pc.replace_substring_regex(values, pattern=r"T00:00:00(\.0+)?$", replacement="")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        texts = (None if item is None else ";".join(str(part) for part in item) for item in column.to_pylist())
        return pa.array(texts, pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.nulls(len(column), pa.string())
    return pc.cast(column, pa.string())


def _valid_text(column: pa.Array) -> pa.Array:
    """Return text in which bytes that are no UTF-8, as damaged databases hold them, are U+FFFD."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        raw = column.view(pa.binary()).to_pylist()
        return pa.array([None if cell is None else cell.decode("utf-8", "replace") for cell in raw], pa.string())
    return column


def number_text(value: float) -> str:
    """Return a number as a person would write it; numbers too large to be exact keep their exponent, so that they can be told.

    A spreadsheet keeps 15 digits only: a longer code stored as a number has lost its last digits.
    """
    if value != value:
        return "nan"
    if abs(value) < 1e15:
        return str(int(value)) if value == int(value) else repr(value)
    return f"{value:.14E}" if value not in (float("inf"), float("-inf")) else str(value)
