"""What came of an import: counts, faults, and the rejected rows as a file that can be corrected and imported again."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from gis.errors import Fault, LinliError

MARKS = ("row", "column", "reason")
"""The columns that linli adds to rejected rows; ignored when the file comes back."""
KEPT_FAULTS = 1000
IN_MEMORY_BYTES = 16 << 20
_FORMULA = re.compile(r"\s*(=|[-+@][^\s\d.][^|(]*[|(]|[-+@].*\|)")


class Cancelled(LinliError):
    """The caller asked to stop; nothing of the import is kept."""

    title = "导入已取消 / import cancelled"

    def __init__(self) -> None:
        super().__init__("导入已取消，未写入任何数据 / the import was cancelled, nothing of it is kept")


@dataclass(frozen=True)
class ImportReport:
    """The outcome of one import; ``read = loaded + rejected``.

    ``faults`` holds the first thousand. ``rejected_csv`` is an open file at its beginning, of every rejected row with its reason (UTF-8 with
    BOM), None when there is none; up to :data:`IN_MEMORY_BYTES` of it are in memory, more on disk. It has no name and goes when it is let go of.
    """

    kind: str
    read: int
    loaded: int
    rejected: int
    notices: list[str]
    faults: list[Fault]
    rejected_csv: IO[bytes] | None
    sha256: str
    crs: str | None


@dataclass
class Rejects:
    """Collects rejected rows: a few faults for the report, all rows for the file."""

    file_name: str
    headings: Sequence[str]
    folder: Path | None = None
    """Where they lie when they are many; the system's place for temporary files by default."""
    count: int = 0
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Not in memory: a file of any size may be rejected whole.
        self._spool = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES, dir=str(self.folder) if self.folder else None)  # noqa: SIM115
        self._text = io.TextIOWrapper(self._spool, encoding="utf-8-sig", newline="", write_through=True)
        self._writer = csv.writer(self._text)
        self._writer.writerow([*self.headings, *MARKS])

    def add(
        self,
        rows: Sequence[int],
        cells: Iterable[Sequence[str | None]],
        columns: Sequence[str],
        reasons: Sequence[str],
    ) -> None:
        """Take in rejected rows: their numbers, original cells in the order of ``headings``, the columns at fault and the reasons."""
        marked = zip(rows, cells, columns, reasons, strict=True)
        self._writer.writerows([*map(_defused, cell), row, column, reason] for row, cell, column, reason in marked)
        self.count += len(rows)
        room = KEPT_FAULTS - len(self.faults)
        for row, column, reason in zip(rows[:room], columns[:room], reasons[:room], strict=True):
            self.faults.append(Fault(f"{self.file_name}:{row}:{column}", reason))

    def content(self) -> IO[bytes] | None:
        """Return the file of rejected rows at its beginning, None when there are none; nothing can be added any more."""
        self._text.flush()
        self._text.detach()
        if not self.count:
            self._spool.close()
            return None
        self._spool.seek(0)
        return self._spool


def _defused(cell: str | None) -> str | None:
    """Return a cell that a spreadsheet takes for text, not for a formula; it is rejected again as it stands."""
    return f"'{cell}" if cell and _FORMULA.match(cell) else cell
