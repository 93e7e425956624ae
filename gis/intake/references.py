"""Stored rows that the rows of a file refer to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gis.intake.duplicates import digest_codes


class References:
    """The stored rows that a column of codes may refer to: code, id, and what else is asked for."""

    def __init__(self, rows: pa.Table) -> None:
        """Take rows with a column ``code``, unique."""
        self.rows = rows.combine_chunks()
        self._codes = self._column("code")
        digests = digest_codes(self._codes)
        self._order = np.argsort(digests).astype(np.int32)
        self._digests = digests[self._order]

    def find(self, codes: pa.Array) -> np.ndarray:
        """Return the position of each code among the rows, int64 (n,), −1 where null or unknown."""
        if len(self._digests) == 0 or len(codes) == 0:
            return np.full(len(codes), -1, dtype=np.int64)
        digests = digest_codes(codes)
        at = self._order[np.minimum(np.searchsorted(self._digests, digests), len(self._digests) - 1)]
        same = pc.fill_null(pc.equal(self._codes.take(pa.array(at)), codes), False)
        return np.where(same.to_numpy(zero_copy_only=False), at, -1)

    def column(self, name: str, at: np.ndarray) -> pa.Array:
        """Return a column's values for positions found, null where −1."""
        return self._column(name).take(pa.array(at, mask=at < 0))

    def _column(self, name: str) -> pa.Array:
        column = self.rows[name]
        return column.chunk(0) if column.num_chunks else pa.array([], column.type)
