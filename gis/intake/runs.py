"""Sorted digests on disk, so that memory stays flat however long a file is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

_PAGE = 256
"""Digests that are read at once."""
_MOST_BITS = 1 << 28
"""A Bloom filter of 32 MiB at most: with 50 million digests it spares nine looks in ten, with 20 million ninety-eight in a hundred."""
_BITS_EACH = 32


@dataclass(frozen=True)
class _Run:
    """Where a run begins in the file, bytes; how many digests it has; and the first of each page."""

    start: int
    length: int
    fences: np.ndarray


class Sieve:
    """Tells of most digests that they have not come yet, without a look at any of those that have."""

    def __init__(self, expected: int | None = None) -> None:
        """Let nothing through; of more than are ``expected`` it lets more through than it need."""
        most = _MOST_BITS if expected is None else max(expected, 256) * _BITS_EACH
        self._bits = np.zeros(min(_MOST_BITS, 1 << (most - 1).bit_length()) // 8, np.uint8)

    def add(self, digests: np.ndarray) -> None:
        """Let digests, uint64 (n,), through from now on."""
        for byte, bit in self._places(digests):
            while len(byte):  # of several that write one byte the last one wins: the others write again
                self._bits[byte] |= bit
                lost = (self._bits[byte] & bit) == 0
                byte, bit = byte[lost], bit[lost]

    def passes(self, digests: np.ndarray) -> np.ndarray:
        """Return which of some digests may have come, bool (n,)."""
        maybe = np.ones(len(digests), dtype=bool)
        for byte, bit in self._places(digests):
            maybe &= (self._bits[byte] & bit) != 0
        return maybe

    def _places(self, digests: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the two bits of the filter that belong to each digest: byte (n,) and mask (n,)."""
        places = []
        for part in (digests, digests >> np.uint64(33)):
            at = part & np.uint64(8 * len(self._bits) - 1)
            places.append((at >> np.uint64(3), np.uint8(1) << (at & np.uint64(7)).astype(np.uint8)))
        return places


class RunsOnDisk:
    """Sorted runs of distinct digests and their rows, in a file that has no name and goes with the program."""

    def __init__(self, folder: Path | None = None) -> None:
        """Begin an empty file in ``folder``, the system's place for temporary files by default."""
        self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._runs: list[_Run] = []

    def add(self, digests: np.ndarray, rows: np.ndarray) -> None:
        """Keep a run: sorted digests, uint64 (n,), none of which is here, and their rows, int64 (n,)."""
        start = self._file.seek(0, os.SEEK_END)
        pairs = np.empty((len(digests), 2), np.uint64)
        pairs[:, 0], pairs[:, 1] = digests, rows
        self._file.write(pairs.data)
        self._runs.append(_Run(start, len(digests), digests[::_PAGE].copy()))

    def find(self, digests: np.ndarray) -> np.ndarray:
        """Return the row of each digest, int64 (n,), −1 where it is in no run."""
        found = np.full(len(digests), -1, dtype=np.int64)
        left = np.argsort(digests)  # those of one page lie together
        for run in self._runs:
            if not len(left):
                break
            pages = np.searchsorted(run.fences, digests[left], side="right") - 1
            for page in np.unique(pages[pages >= 0]).tolist():
                pairs, asked = self._page(run, page), left[slice(*np.searchsorted(pages, [page, page + 1]))]
                at = np.minimum(np.searchsorted(pairs[:, 0], digests[asked]), len(pairs) - 1)
                hit = pairs[at, 0] == digests[asked]
                found[asked[hit]] = pairs[at[hit], 1]
            left = left[found[left] < 0]
        return found

    def _page(self, run: _Run, page: int) -> np.ndarray:
        count = min(_PAGE, run.length - page * _PAGE)
        content = os.pread(self._file.fileno(), 16 * count, run.start + 16 * page * _PAGE)
        return np.frombuffer(content, np.uint64).reshape(-1, 2)
