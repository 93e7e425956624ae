"""Codes that come twice in one file, found while it streams by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gis.intake.runs import RunsOnDisk
from gis.intake.sheet import Sheet

LONGEST_RUN = 1 << 18
"""Longer runs go to disk."""
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
    """Remembers in which row each code came first; in memory 16 bytes a row up to some millions, on disk beyond.

    Digests are kept in sorted runs whose lengths double, so a batch costs a few binary searches however long the file is.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Remember nothing yet; ``folder`` is for what does not fit into memory, the system's by default."""
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []
        self._on_disk: RunsOnDisk | None = None
        self._folder = folder

    def find(self, digests: np.ndarray) -> np.ndarray:
        """Return the row in which each digest came first in earlier batches, int64 (n,), −1 where in none."""
        found = np.full(len(digests), -1, dtype=np.int64)
        for known, rows in self._runs:
            at = np.minimum(np.searchsorted(known, digests), len(known) - 1)
            hit = known[at] == digests
            found[hit] = rows[at[hit]]
        if self._on_disk is not None:
            found = np.maximum(found, self._on_disk.find(digests))  # a digest is in one place only
        return found

    def add(self, digests: np.ndarray, rows: np.ndarray) -> None:
        """Remember digests that have not come before, and their rows."""
        if len(digests) == 0:
            return
        order = np.argsort(digests)
        run = (digests[order], rows[order])
        while self._runs and len(self._runs[-1][0]) <= len(run[0]):
            other = self._runs.pop()
            merged = np.concatenate([other[0], run[0]])
            order = np.argsort(merged, kind="stable")
            run = (merged[order], np.concatenate([other[1], run[1]])[order])
        if len(run[0]) < LONGEST_RUN:
            self._runs.append(run)
            return
        if self._on_disk is None:
            self._on_disk = RunsOnDisk(self._folder)
        self._on_disk.add(*run)

    def reject_repeats(
        self, sheet: Sheet, column: str, codes: pa.Array, among: np.ndarray | None = None
    ) -> None:
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


class Occurrences:
    """Counts how often each of some digests has come: 0 for the first, 1 for the next …"""

    def __init__(self, folder: Path | None = None) -> None:
        """Count from nothing; ``folder`` as for :class:`FirstRows`."""
        self._first = FirstRows(folder)
        self._more: dict[int, int] = {}

    def number(self, digests: np.ndarray) -> np.ndarray:
        """Return how often each digest has come before, here and in earlier batches, int64 (n,)."""
        before = (self._first.find(digests) >= 0).astype(np.int64)
        for i in np.flatnonzero(before):
            before[i] += self._more.get(int(digests[i]), 0)
        distinct, first_at, group = np.unique(digests, return_index=True, return_inverse=True)
        here = pd.Series(group).groupby(group).cumcount().to_numpy()
        counts = np.bincount(group, minlength=len(distinct))
        old = before[first_at] > 0
        self._first.add(distinct[~old], np.zeros(int((~old).sum()), np.int64))
        for i in np.flatnonzero(old | (counts > 1)):
            self._more[int(distinct[i])] = int(before[first_at[i]] + counts[i]) - 1
        return before + here
