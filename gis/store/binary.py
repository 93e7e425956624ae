"""Rows as COPY takes them in PostgreSQL's binary form, made of whole columns at a time.

Nothing is written out in digits and read again: half the bytes of CSV, and a fraction of the work on both sides. The form is that of
https://www.postgresql.org/docs/current/sql-copy.html: for each row the number of fields, for each field its length and its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_BYTES = pa.large_binary()
_NOTHING = pa.scalar(b"", _BYTES)
_NULL = pa.scalar(b"\xff\xff\xff\xff", _BYTES)
_EPOCH = np.datetime64("2000-01-01")
# By the numbers that pg_type gives them.
_NUMBERS = {
    16: (pa.bool_(), "u1"),
    21: (pa.int16(), ">i2"),
    23: (pa.int32(), ">i4"),
    20: (pa.int64(), ">i8"),
    701: (pa.float64(), ">f8"),
}
_DATE, _TEXT, _TEXTS = 1082, (25, 1042, 1043), 1009


def as_binary(rows: pa.Table, types: Sequence[int]) -> memoryview:
    """Return rows between :data:`SIGNATURE` and :data:`TRAILER`.

    Args:
        rows: numbers, dates, text and bytes; a list of words, where an array of text is wanted, as PostgreSQL writes it: ``{a,b}``.
        types: of the columns written to, as numbers of ``pg_type``. Bytes are taken for what their type sends and receives.

    Raises:
        TypeError: a column does not fit its type.
        pyarrow.ArrowInvalid: a number is too large for it.
    """
    fields: list[pa.Array | pa.Scalar] = [pa.scalar(struct.pack(">h", len(types)), _BYTES)]
    for column, kind in zip(rows.combine_chunks().columns, types, strict=True):
        fields += _fields(column.chunk(0) if column.num_chunks == 1 else column.combine_chunks(), kind)
    written = pc.binary_join_element_wise(*fields, _NOTHING)
    _, offsets, content = written.buffers()
    ends = np.frombuffer(offsets, np.int64)[written.offset : written.offset + len(written) + 1]
    return memoryview(content)[int(ends[0]) : int(ends[-1])]


def _fields(values: pa.Array, kind: int) -> list[pa.Array]:
    """Return what, joined, are a column's fields: lengths and contents."""
    if kind in _NUMBERS:
        arrow, numpy = _NUMBERS[kind]
        plain = pc.fill_null(pc.cast(values, arrow), False if kind == 16 else 0)
        return [_numbers(plain.to_numpy(zero_copy_only=False).astype(numpy), values)]
    if kind == _DATE:
        days = pc.cast(pc.cast(values, pa.date32()), pa.int32())
        days = pc.fill_null(days, 0).to_numpy(zero_copy_only=False) - int(_EPOCH.astype(np.int64))
        return [_numbers(days.astype(">i4"), values)]
    if kind == _TEXTS:
        coded = pc.dictionary_encode(pc.cast(values, pa.string()))
        values = pa.array(map(_array, coded.dictionary.to_pylist()), _BYTES).take(coded.indices)
    elif not (kind in _TEXT and _is_text(values.type)) and not _is_bytes(values.type):
        raise TypeError(f"{values.type} for a column of type {kind}")
    values = pc.cast(values, _BYTES)
    lengths = pc.fill_null(pc.binary_length(values), -1).to_numpy(zero_copy_only=False)
    return [_of_width(lengths.astype(">i4").view("u1").reshape(-1, 4)), pc.fill_null(values, _NOTHING)]


def _numbers(numbers: np.ndarray, values: pa.Array) -> pa.Array:
    """Return fields of numbers in network order (n,), null where ``values`` are."""
    width = numbers.itemsize
    block = np.empty((len(numbers), 4 + width), np.uint8)
    block[:, :4] = np.frombuffer(struct.pack(">i", width), np.uint8)
    block[:, 4:] = numbers.view(np.uint8).reshape(-1, width)
    fields = _of_width(block)
    return fields if values.null_count == 0 else pc.if_else(values.is_valid(), fields, _NULL)


def _of_width(block: np.ndarray) -> pa.Array:
    """Return rows of bytes (n, width) as Arrow bytes (n,)."""
    rows, width = block.shape
    offsets = np.arange(rows + 1, dtype=np.int64) * width
    return pa.Array.from_buffers(_BYTES, rows, [None, pa.py_buffer(offsets), pa.py_buffer(block)])


def _array(written: str) -> bytes:
    """Return an array of plain words, ``{a,b}``, as bytes."""
    words = [word.encode() for word in written[1:-1].split(",") if word]
    head = struct.pack(">iii", bool(words), 0, _TEXT[0]) + (struct.pack(">ii", len(words), 1) if words else b"")
    return head + b"".join(struct.pack(">i", len(word)) + word for word in words)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))
