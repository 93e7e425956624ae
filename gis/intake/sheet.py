"""A batch under check: its columns under linli's names, and which rows are at fault, where and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gis.intake.formats.source import Batch
from gis.intake.headings import Layout

MISSING = "缺少值 / value missing"
DAMAGED = "\0", "\ufffd"
"""PostgreSQL keeps no NUL; U+FFFD stands where a character was lost before the file came here."""
UNREADABLE = "含有空字符或乱码 / contains a NUL or a damaged character"


@dataclass
class Sheet:
    """A batch of ``size`` rows; checks call :meth:`reject`, and ``ok`` says which rows have no fault so far."""

    batch: Batch
    layout: Layout

    def __post_init__(self) -> None:
        self.size = len(self.batch.rows)
        self.ok = np.ones(self.size, dtype=bool)
        self.columns = np.full(self.size, "", dtype=object)
        self.reasons = np.full(self.size, "", dtype=object)
        self._texts: dict[str, pa.Array] = {}

    @property
    def rows(self) -> np.ndarray:
        """Row numbers as the user sees them, int64 (n,)."""
        return self.batch.rows

    def has(self, column: str) -> bool:
        """Tell whether the file has a column."""
        return self.layout.has(column)

    def text(self, column: str) -> pa.Array:
        """Return a column as text without blanks round it (n,), null where blank or where the file has no such column."""
        if column not in self._texts:
            self._texts[column] = self._clean(column)
        return self._texts[column]

    def given(self, column: str) -> np.ndarray:
        """Return where a column has a value, bool (n,)."""
        return self.text(column).is_valid().to_numpy(zero_copy_only=False)

    def reject(self, bad: np.ndarray, column: str, reason: str | np.ndarray) -> None:
        """Reject rows.

        Args:
            bad: bool (n,).
            column: the column at fault, by linli's name.
            reason: for all of them, or one each (n,), 中文 / English.
        """
        at = np.flatnonzero(bad)
        if len(at) == 0:
            return
        reasons = np.full(len(at), reason, dtype=object) if isinstance(reason, str) else reason[at]
        again = self.reasons[at] != ""
        title = self.layout.title(column)
        self.reasons[at] = self.reasons[at] + np.where(again, "；", "").astype(object) + reasons
        known = np.array([title in named.split("、") for named in self.columns[at]], dtype=bool)
        self.columns[at] = self.columns[at] + np.where(known, "", np.where(again, "、" + title, title)).astype(object)
        self.ok[at] = False

    def require(self, column: str) -> None:
        """Reject the rows in which a column is blank."""
        self.reject(~self.given(column), column, MISSING)

    def _clean(self, column: str) -> pa.Array:
        if not self.layout.has(column):
            return pa.nulls(self.size, pa.string())
        text = pc.utf8_trim_whitespace(self.batch.columns[self.layout.position[column]])
        blank = pc.equal(text, "")
        if pc.any(blank).as_py():
            text = pc.if_else(blank, pa.scalar(None, pa.string()), text)
        for sign in DAMAGED:
            found = pc.match_substring(text, sign)
            if pc.any(found).as_py():
                bad = pc.fill_null(found, False)
                self.reject(bad.to_numpy(zero_copy_only=False), column, UNREADABLE)
                text = pc.if_else(bad, pa.scalar(None, pa.string()), text)
        return text
