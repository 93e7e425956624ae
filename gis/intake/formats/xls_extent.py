"""How far the cells of an old workbook (XLS) reach, found out in a process of its own.

The reader makes room for all cells between the first and the last one, of every sheet, as soon as it opens the file, and ends its process where there is
no room. Unlike XLSX nothing can be told beforehand without reading the format itself: whoever ends here is only the one who looks.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_LOOK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
from python_calamine import CalamineError, CalamineWorkbook
try:
    with open(sys.argv[1], "rb") as file:
        book = CalamineWorkbook.from_filelike(file)
    ends = [book.get_sheet_by_index(i).end or (0, 0) for i in range(len(book.sheet_names))]
except (CalamineError, OSError, ValueError):
    ends = []
print(sum((row + 1) * (column + 1) for row, column in ends))
"""
_ROOM_BYTES = 1 << 30
_MOST_S = 60


def count_cells(path: Path) -> int | None:
    """Return how many cells all sheets have together, empty ones in between too; 0 for what cannot be read, None where there was no room or no end."""
    command = [sys.executable, "-I", "-c", _LOOK, str(path), str(_ROOM_BYTES)]
    try:
        looked = subprocess.run(command, capture_output=True, timeout=_MOST_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    return int(looked.stdout) if looked.returncode == 0 else None
