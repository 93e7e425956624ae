"""Classes for a choropleth: which values share a colour, and how many places each class has."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import mapclassify
import numpy as np

from maps.palettes import ramp

SCHEMES = ("quantiles", "natural", "equal")
MAX_CLASSES = 9

_NATURAL_LIMIT = 400
"""Fisher–Jenks takes time in n²; above this many values it sees evenly spaced quantiles of them instead."""


@dataclass(frozen=True)
class Classing:
    """How values are to be sorted: a scheme, how many classes at most, and whose colours."""

    scheme: str = "quantiles"
    k: int = 5
    palette: str = "teal"


@dataclass(frozen=True)
class Classes:
    """How values fall into classes.

    Args:
        scheme: how the breaks were found.
        breaks: k + 1 rising edges; class i holds ``breaks[i] < value <= breaks[i + 1]``, the first one its lower edge too.
        colours: one for each class, lowest first.
        counts: how many values each class has.
        no_data: how many places have no value.
    """

    scheme: str
    breaks: list[float]
    colours: list[str]
    counts: list[int]
    no_data: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as the API answers it."""
        return asdict(self)


def classify(
    values: Mapping[str, float | None], scheme: str = "quantiles", k: int = 5, *, palette: str = "teal"
) -> Classes:
    """Sort values into at most ``k`` classes; fewer where there are fewer distinct values.

    Where all values are whole numbers, so are the edges; elsewhere the inner edges have three digits of the values' range.

    Args:
        values: code → value; None and NaN are "no data", which is not zero and is in no class.
        scheme: ``quantiles`` (equal numbers of places), ``natural`` (Fisher–Jenks: least variance within classes) or ``equal`` (equal widths).
        k: number of classes, 2 to 9.
        palette: name of a ramp of :data:`maps.palettes.RAMPS`.

    Raises:
        ValueError: unknown scheme or palette, or k out of range.

    Source: W. D. Fisher, "On Grouping for Maximum Homogeneity", JASA 53 (1958); quantile breaks as in mapclassify.
    """
    return classify_together([values], scheme, k, palette=palette)[0]


def classify_together(
    sets: Sequence[Mapping[str, float | None]],
    scheme: str = "quantiles",
    k: int = 5,
    *,
    palette: str = "teal",
) -> list[Classes]:
    """Sort several maps' values into the same classes, so that a colour means the same on each; see :func:`classify`."""
    if scheme not in SCHEMES:
        raise ValueError(
            f"分级方法应为 {'、'.join(SCHEMES)} / scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}"
        )
    if not 2 <= k <= MAX_CLASSES:
        raise ValueError(f"分级数应在 2 到 {MAX_CLASSES} 之间 / classes must be from 2 to {MAX_CLASSES}, got {k}")
    known = [np.array([v for v in each.values() if v is not None and not math.isnan(v)], dtype=float) for each in sets]
    every = np.concatenate(known)
    missing = [len(each) - len(part) for each, part in zip(sets, known, strict=True)]
    if len(every) == 0:
        return [Classes(scheme, [], [], [], n) for n in missing]
    uppers = _uppers(every, scheme, k)
    edges, colours = [float(every.min()), *uppers], ramp(palette, len(uppers))
    found = []
    for part, n in zip(known, missing, strict=True):
        counts = np.bincount(np.searchsorted(np.array(uppers), part, side="left"), minlength=len(uppers))
        found.append(Classes(scheme, edges, colours, [int(count) for count in counts], n))
    return found


def _uppers(known: np.ndarray, scheme: str, k: int) -> list[float]:
    """Return the rising upper edges of the classes that have members; the last one is the greatest value."""
    distinct = np.unique(known)
    if len(distinct) <= k and scheme != "equal":
        return [float(v) for v in distinct]
    if len(distinct) == 1:
        return [float(distinct[0])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mapclassify warns of duplicate breaks, which are merged here
        if scheme == "quantiles":
            bins = mapclassify.Quantiles(known, k=k).bins
        elif scheme == "equal":
            bins = mapclassify.EqualInterval(known, k=k).bins
        else:
            sample = known
            if len(known) > _NATURAL_LIMIT:
                sample = np.quantile(known, np.linspace(0, 1, _NATURAL_LIMIT), method="nearest")
            bins = mapclassify.FisherJenks(sample, k=min(k, len(np.unique(sample)))).bins
    inner = np.asarray(bins, dtype=float)
    edges = np.unique(_legible(inner[inner < known.max()], known))
    edges = np.append(edges[(edges < known.max()) & (edges >= known.min())], known.max())
    return [float(edge) for edge in edges]


def _legible(edges: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return edges as a legend can tell them: whole where all values are (a whole number is at most 7.6 if at most 7), else of few digits."""
    if np.all(known == np.floor(known)):
        return np.floor(edges)
    digits = 2 - math.floor(math.log10(known.max() - known.min()))
    return np.round(edges, digits) if -300 < digits < 300 else edges
