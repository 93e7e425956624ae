"""What a map shows, as layers of features with columns: the form that files and sheets are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

CRS = "EPSG:4326"
_UNITS = {
    "户": "households",
    "人": "people",
    "件": "needs",
    "%": "%",
    "件/百户": "needs per 100 households",
    "米": "m",
    "秒": "s",
}


@dataclass(frozen=True)
class Column:
    """One column: a key for machines, headings for people, the unit, and a value for each feature (None: not told or not known)."""

    key: str
    zh: str
    en: str
    unit: str
    values: Sequence[Any]

    @property
    def heading(self) -> str:
        """Return 中文, English and unit on one line."""
        if not self.unit:
            return f"{self.zh} / {self.en}"
        unit = _UNITS.get(self.unit, self.unit)
        said = "" if unit in self.en.lower() else f" ({unit})"
        return f"{self.zh}（{self.unit}） / {self.en}{said}"


@dataclass(frozen=True)
class Layer:
    """Features of one kind: ``shapes`` (n,) in EPSG:4326, all of ``geometry_type``, and columns of n values each."""

    name: str
    zh: str
    en: str
    geometry_type: str
    shapes: np.ndarray
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        """Return the number of features."""
        return len(self.shapes)


@dataclass(frozen=True)
class Fact:
    """Something that whoever gets the file must know: key, headings and text."""

    key: str
    zh: str
    en: str
    text: str


@dataclass(frozen=True)
class MapTable:
    """What a map shows: layers, the first one the main one, and the facts that belong to all of them."""

    name: str
    zh: str
    en: str
    as_of: date
    layers: tuple[Layer, ...]
    facts: tuple[Fact, ...]

    @property
    def title(self) -> str:
        """Return the title in both languages."""
        return f"{self.zh} / {self.en}"

    @property
    def source(self) -> str:
        """Return where the figures come from."""
        return next(fact.text for fact in self.facts if fact.key == "source")
