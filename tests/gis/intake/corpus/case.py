"""What the corpus is made of: a bad file, and what must come of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REFUSED = (0, -1)
"""Nothing of the file can be read."""


@dataclass(frozen=True)
class Case:
    """A bad file.

    Attributes:
        family: what is wrong with it, roughly.
        name: what is wrong with it.
        kind: the kind of import.
        file: its name, whose ending tells the format.
        content: the bytes, or who makes them in a folder.
        says: a pattern in what is told: detail, faults, notices.
        outcome: rows read and rows loaded, or :data:`REFUSED`.
        crs: what is declared.
        where: a pattern of the place of the first fault behind the file's name.
        stored: how many rows more there are afterwards; those loaded by default.
    """

    family: str
    name: str
    kind: str
    file: str
    content: bytes | Callable[[Path], bytes]
    says: str
    outcome: tuple[int, int] = REFUSED
    crs: str | None = "EPSG:4326"
    where: str = ""
    stored: int | None = None

    def __str__(self) -> str:
        return re.sub(r"\W+", "-", f"{self.family} {self.kind} {Path(self.file).suffix[1:]} {self.name}")

    def bytes_in(self, folder: Path) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content(folder)


GOOD: dict[str, dict[str, str]] = {
    "areas": {"code": "5301020010{n}", "name": "幸福社区", "level": "社区", "geometry": "POLYGON((102 25,102.1 25,102.1 25.1,102 25.1,102 25))"},
    "grids": {"code": "5301020010010{n}", "name": "网格", "geometry": "POLYGON((102 25,102.1 25,102.1 25.1,102 25.1,102 25))"},
    "compounds": {"code": "C{n}", "name": "小区", "lon": "102.005", "lat": "25.005"},
    "buildings": {"code": "N{n}", "name": "一号楼", "kind": "住宅", "compound": "C1", "floors": "6", "units": "3", "lon": "102.005", "lat": "25.005"},
    "households": {"code": "N{n}", "building": "B1", "unit": "1", "room": "101", "lon": "102.005", "lat": "25.005", "colour": "红"},
    "residents": {"household": "H1", "birth_date": "1950-01-02", "birth_year": "", "sex": "男", "name": "甲{n}", "phone": "15400000000", "id_number": "", "care_flags": "独居"},
    "stations": {"code": "S{n}", "name": "站", "kind": "幸福食堂", "services": "meal", "capacity": "40", "lon": "102.005", "lat": "25.005"},
    "streets": {"code": "W{n}", "name": "路", "kind": "residential", "layer": "0", "geometry": "LINESTRING(102 25,102.01 25)"},
    "needs": {"household": "H1", "service": "meal", "opened_on": "2025-01-{n}", "closed_on": "", "note": "助餐"},
    "renovation": {"compound": "K{n}", "state": "finished", "started_on": "2025-01-01", "finished_on": "2025-06-01"},
    "street_units": {"code": "U{n}", "name": "街区", "kind": "商业", "geometry": "POLYGON((102 25,102.1 25,102.1 25.1,102 25.1,102 25))"},
    "merchants": {"code": "M{n}", "name": "店", "kind": "餐饮", "street": "路", "state": "营业", "lon": "102.005", "lat": "25.005"},
    "things": {"code": "T{n}", "kind": "摄像头", "name": "一号", "state": "在用", "lon": "102.005", "lat": "25.005"},
    "chiefs": {"building": "B1", "name": "甲{n}", "phone": "15400000000", "valid_from": "2025-01-01", "valid_to": ""},
    "contacts": {"household": "H1", "name": "甲{n}", "organisation": "街道办", "phone": "15400000000", "valid_from": "2025-01-01", "valid_to": ""},
    "backdrop": {"code": "P{n}", "kind": "water", "name": "湖", "geometry": "POLYGON((102 25,102.1 25,102.1 25.1,102 25.1,102 25))"},
}  # fmt: skip
"""A row of each kind that has no fault, for the place in which the corpus is tried; ``{n}`` numbers it."""


def row(kind: str, n: int, /, **cells: str) -> dict[str, str]:
    """A good row of a kind, some cells of which are spoilt."""
    return {column: cell.format(n=f"{n:02}") if "{n}" in cell else cell for column, cell in GOOD[kind].items()} | cells


def csv(rows: Sequence[dict[str, str]], *, end: str = "\n", encoding: str = "utf-8") -> bytes:
    """A CSV file whose headings are the columns of the first row."""
    records = [list(rows[0]), *([each[column] for column in rows[0]] for each in rows)]
    return "".join(",".join(quoted(cell) for cell in record) + end for record in records).encode(encoding)


def quoted(cell: str) -> str:
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if re.search(r'[,"\n\r]', cell) else cell


def records(rows: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """Rows as records under their headings, for a workbook."""
    return [list(rows[0]), *([each[column] for column in rows[0]] for each in rows)]


def spoilt(kind: str, /, **cells: str) -> list[dict[str, str]]:
    """Three rows of a kind, the middle one spoilt: row 3 of a table."""
    return [row(kind, 11), row(kind, 12, **cells), row(kind, 13)]


def homes(count: int = 12) -> bytes:
    """A good CSV of households with 中文 in it."""
    return csv([row("households", n + 10, room=f"{n}室") for n in range(count)])
