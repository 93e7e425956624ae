"""What a map shows, as layers of features with columns: the form that files and sheets are made from, in one language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from gis.direction import one_line

CRS = "EPSG:4326"
Say = Callable[[str], str]
"""Gives the reader's half of a text such as ``网格 / Grids``, and a label of the domain in the reader's language. Names from data never pass it."""


@dataclass(frozen=True)
class Column:
    """One column: a key for machines, a name for people, the heading with its unit, the domain's unit, and a value for each feature (None: not told or not known)."""

    key: str
    name: str
    heading: str
    unit: str
    values: Sequence[Any]

    @classmethod
    def of(cls, say: Say, key: str, words: str, unit: str, values: Sequence[Any]) -> Column:
        """Return a column whose heading names its unit, unless its name does; ``unit`` is one of the domain, or a pair of words.

        Texts among the values come from data: what would reorder their line is taken out of them.
        """
        name, said = say(words), say(unit)
        within = not said or (said.isascii() and said.lower() in name.lower())
        return cls(
            key,
            name,
            name if within else say("{name}（{unit}） / {name} ({unit})").format(name=name, unit=said),
            unit.partition(" / ")[0],
            [one_line(value) if isinstance(value, str) else value for value in values],
        )


@dataclass(frozen=True)
class Layer:
    """Features of one kind: ``shapes`` (n,) in EPSG:4326, all of ``geometry_type``, and columns of n values each."""

    name: str
    title: str
    geometry_type: str
    shapes: np.ndarray
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        """Return the number of features."""
        return len(self.shapes)

    def column(self, key: str) -> Column:
        """Return the column of that key."""
        return next(column for column in self.columns if column.key == key)

    def hidden(self, key: str) -> list[bool]:
        """Return of each feature whether its value in a column is empty because it is small."""
        return [key in (keys or "").split(";") for keys in self.column("suppressed").values]


@dataclass(frozen=True)
class Fact:
    """Something that whoever gets the file must know: key, heading and text."""

    key: str
    name: str
    text: str


@dataclass(frozen=True)
class MapTable:
    """What a map shows: layers, the first one the main one, and the facts that belong to all of them; ``say`` is the language that all of it is in."""

    say: Say
    name: str
    title: str
    as_of: date
    layers: tuple[Layer, ...]
    facts: tuple[Fact, ...]

    def fact(self, key: str) -> str:
        """Return the text of a fact; an empty one where there is none of that key."""
        return next((fact.text for fact in self.facts if fact.key == key), "")
