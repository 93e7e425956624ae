"""Codes that come twice in one file, found while it streams by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gis.intake.runs import RunsOnDisk, Sieve
from gis.intake.sheet import Sheet

LONGEST_RUN = 1 << 18
"""So many go to disk together."""
_MOST_RUNS = 32
"""More are made one, so that small batches do not make every look a long walk."""
_BLOCK = 1 << 16


def digest_codes(codes: pa.Array) -> np.ndarray:
    """Return a 64-bit digest of each code, uint64 (n,).

    Two different codes have the same one with a probability of n² / 2⁶⁵: about 3·10⁻⁸ in a file of a million.
    """
    digests = np.empty(len(codes), np.uint64)
    for start in range(0, len(codes), _BLOCK):  # they become Python's own, which take much more memory
        block = codes.slice(start, _BLOCK)
        digests[start : start + len(block)] = pd.util.hash_array(block.to_numpy(zero_copy_only=False), categorize=False)
    return digests


class FirstRows:
    """Remembers in which row each code came first; in memory 16 bytes a row up to a quarter of a million, on disk beyond, where memory
    follows by 0.03.

    A sieve tells at once of nearly every code that it has not come yet; the others are looked for in sorted runs.
    """

    def __init__(self, folder: Path | None = None, expected: int | None = None) -> None:
        """Remember nothing yet; ``folder`` is for what does not fit into memory, the system's by default; ``expected`` rows, if that is known."""
        self._sieve = Sieve(expected)
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []
        self._on_disk: RunsOnDisk | None = None
        self._folder = folder

    def find(self, digests: np.ndarray) -> np.ndarray:
        """Return the row in which each digest came first in earlier batches, int64 (n,), −1 where in none."""
        found = np.full(len(digests), -1, dtype=np.int64)
        maybe = np.flatnonzero(self._sieve.passes(digests))
        if not len(maybe):
            return found
        asked = digests[maybe]
        for known, rows in self._runs:
            at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
            hit = known[at] == asked
            found[maybe[hit]] = rows[at[hit]]
        if self._on_disk is not None:
            found[maybe] = np.maximum(found[maybe], self._on_disk.find(asked))  # a digest is in one place only
        return found

    def add(self, digests: np.ndarray, rows: np.ndarray) -> None:
        """Remember digests that have not come before, and their rows."""
        if len(digests) == 0:
            return
        self._sieve.add(digests)
        self._runs.append(_sorted(digests, rows))
        many = sum(len(known) for known, _ in self._runs) >= LONGEST_RUN
        if not many and len(self._runs) <= _MOST_RUNS:
            return
        known, came = (np.concatenate(parts) for parts in zip(*self._runs, strict=True))
        self._runs = [_sorted(known, came)]
        if many:
            self._on_disk = self._on_disk or RunsOnDisk(self._folder)
            self._on_disk.add(*self._runs.pop())

    def reject_repeats(self, sheet: Sheet, column: str, codes: pa.Array, among: np.ndarray | None = None) -> None:
        """Reject rows whose code an earlier accepted row has, naming that row; remember the others.

        Args:
            sheet: the rows.
            column: the column at fault.
            codes: what must not repeat, text (n,).
            among: only these rows, bool (n,).
        """
        at = np.flatnonzero(sheet.ok if among is None else sheet.ok & among)
        digests, rows = digest_codes(codes)[at], sheet.rows[at]
        first = self.find(digests)
        _, first_at, group = np.unique(digests, return_index=True, return_inverse=True)
        in_batch = first_at[group]
        first = np.where((first < 0) & (in_batch < np.arange(len(at))), rows[in_batch], first)
        again = first >= 0
        bad, reasons = np.zeros(sheet.size, dtype=bool), np.full(sheet.size, "", dtype=object)
        bad[at[again]] = True
        for i in np.flatnonzero(again):
            reasons[at[i]] = f"与第 {first[i]} 行重复 / the same as in row {first[i]}"
        sheet.reject(bad, column, reasons)
        self.add(digests[~again], rows[~again])


def _sorted(digests: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(digests)
    return digests[order], rows[order]


class Occurrences:
    """Counts how often each of some digests has come: 0 for the first, 1 for the next …

    That one has come for the *k*-th time is remembered as a digest of both, so that whatever comes often takes no more memory than what does not.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Count from nothing; ``folder`` as for :class:`FirstRows`."""
        self._come = FirstRows(folder)

    def number(self, digests: np.ndarray) -> np.ndarray:
        """Return how often each digest has come before, here and in earlier batches, int64 (n,)."""
        if len(digests) == 0:
            return np.zeros(0, dtype=np.int64)
        distinct, group = np.unique(digests, return_inverse=True)
        here = pd.Series(group).groupby(group).cumcount().to_numpy().astype(np.int64)
        number = self._counts(distinct)[group] + here
        self._come.add(_nth(digests, number), np.zeros(len(digests), dtype=np.int64))
        return number

    def _counts(self, distinct: np.ndarray) -> np.ndarray:
        """Return how often each has come in earlier batches, int64 (n,): by doubling, then by halving."""
        low, step = np.zeros(len(distinct), dtype=np.int64), np.zeros(len(distinct), dtype=np.int64)
        more = np.arange(len(distinct))
        while len(more := more[self._has(distinct[more], low[more] + step[more])]):
            low[more], step[more] = low[more] + step[more] + 1, step[more] * 2 + 1
        high = low + step
        while len(open_ := np.flatnonzero(low < high)):
            middle = (low[open_] + high[open_]) // 2
            come = self._has(distinct[open_], middle)
            low[open_] = np.where(come, middle + 1, low[open_])
            high[open_] = np.where(come, high[open_], middle)
        return low

    def _has(self, digests: np.ndarray, number: np.ndarray) -> np.ndarray:
        return self._come.find(_nth(digests, number)) >= 0


def _nth(digests: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return a digest of each digest and a number, uint64 (n,); the steps are those of SplitMix64 (Steele, Lea, Flood 2014)."""
    mixed = digests + (number.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
