"""How the features of a map look on paper: the classes, colours and patterns that the screen has. Here what all maps share, and the maps of grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from gis.services.exporting.model import Column, Layer, MapTable, Say
from maps.classify import Classes, Classing, classify_together

HATCH, DOTS = "hatch", "dots"
"""Patterns for "no data" and for "too few to show", instead of a colour."""
WHITE = "#ffffff"
GRID_OPACITY, CELL_OPACITY = 0.66, 0.8
NO_DATA, FEW = "无数据 / No data", "数量过小，不显示 / Too few to show"


@dataclass(frozen=True)
class LegendRow:
    """One line of a legend: a colour or pattern, words, and how many features look so on each map of the sheet."""

    look: str
    words: str
    counts: tuple[int, ...] = ()
    kind: Literal["area", "dot", "line", "dashes", "mark"] = "area"


@dataclass(frozen=True)
class Ramp:
    """A scale without steps: colours, each with its opacity, and the words at its ends."""

    colours: Sequence[tuple[str, float]]
    low: str
    high: str


@dataclass(frozen=True)
class Legend:
    """What explains a map, or both maps of a sheet: heading, rows, what the counts are of, a scale without steps, and sentences below."""

    heading: str
    rows: Sequence[LegendRow]
    counted: tuple[str, ...] = ()
    ramp: Ramp | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heat:
    """Needs as heat: positions in degrees, needs at each, the kernel's radius, what the top of the scale stands for, and the colours up to it."""

    lon: np.ndarray
    lat: np.ndarray
    weight: np.ndarray
    radius_m: float
    top: float
    colours: Sequence[str]


@dataclass(frozen=True)
class Theme:
    """One map of a sheet: a layer, and the look of each of its features (None: not drawn).

    ``dots`` are points with a colour each that lie above (positions in degrees), ``outlines`` shapes whose edges are drawn with the look of a row of
    the legend, ``marks`` places with names.
    """

    layer: Layer
    looks: Sequence[str | None]
    opacity: float
    labelled: bool
    caption: str = ""
    heat: Heat | None = None
    dots: Sequence[tuple[float, float, str]] = ()
    outlines: Sequence[tuple[Any, LegendRow]] = ()
    marks: Sequence[tuple[float, float, str]] = ()


@dataclass(frozen=True)
class Sheet:
    """What is drawn on a sheet: one map, or two side by side, with what explains them and the facts of their table."""

    table: MapTable
    heading: str
    themes: Sequence[Theme]
    legends: Sequence[Legend]
    rows: Sequence[LegendRow] = field(default_factory=list)
    """Further rows of the legend: lines and marks."""


def grid_sheet(table: MapTable, classing: Classing) -> Sheet:
    """Return the grid map by the one measure that its table has, classified as on the screen."""
    layer = table.layers[0]
    column = next(column for column in layer.columns if column.key not in ("code", "name", "suppressed"))
    theme, classes = _shaded(layer, [column], classing, common=False)[0]
    legend = Legend(column.heading, _rows(table.say, [theme], classes, column.unit), (table.say("网格数 / Grids"),))
    months = table.fact("months")
    return Sheet(table, f"{column.heading}  {months}".strip(), (theme,), (legend,))


def comparison_sheet(table: MapTable, classing: Classing, *, common: bool) -> Sheet:
    """Return two measures side by side; with ``common``, and one unit, in the same classes with one legend."""
    say, layer = table.say, table.layers[0]
    sides = [layer.column(key) for key in ("left", "right")]
    shared = common and sides[0].unit == sides[1].unit
    drawn = _shaded(layer, sides, classing, common=shared)
    themes = [theme for theme, _ in drawn]
    if shared:
        rows = _rows(say, themes, drawn[0][1], sides[0].unit)
        legends = [
            Legend(
                say("两图用同一分级 / The same classes on both maps"),
                rows,
                (say("左 / Left"), say("右 / Right")),
            )
        ]
    else:
        heads = [say("左图 / Left map"), say("右图 / Right map")]
        legends = [
            Legend(f"{head} · {side.heading}", _rows(say, [theme], classes, side.unit), (say("网格数 / Grids"),))
            for head, side, (theme, classes) in zip(heads, sides, drawn, strict=True)
        ]
    between = say(" 与 / and ")
    return Sheet(table, f"{sides[0].heading} {between.strip()} {sides[1].heading}", themes, legends)


def _shaded(
    layer: Layer, columns: Sequence[Column], classing: Classing, *, common: bool
) -> list[tuple[Theme, Classes]]:
    """Return a map shaded by each column, with its classes: those of all of them together where ``common``."""
    sets = [
        {str(i): None if value is None else float(value) for i, value in enumerate(column.values)} for column in columns
    ]

    def sorted_into(values: list[dict[str, float | None]]) -> list[Classes]:
        return classify_together(values, classing.scheme, classing.k, palette=classing.palette)

    found = sorted_into(sets) if common else [sorted_into([each])[0] for each in sets]
    return [
        (
            Theme(
                layer,
                [
                    look_of(value, few, one.breaks, one.colours)
                    for value, few in zip(column.values, layer.hidden(column.key), strict=True)
                ],
                GRID_OPACITY,
                labelled=True,
                caption=column.heading if len(columns) > 1 else "",
            ),
            one,
        )
        for column, one in zip(columns, found, strict=True)
    ]


def _rows(say: Say, themes: Sequence[Theme], classes: Classes, unit: str) -> list[LegendRow]:
    looks = [theme.looks for theme in themes]
    return [
        *class_rows(classes.breaks, classes.colours, looks, "%" if unit == "%" else ""),
        *rest_rows(say, looks),
    ]


def class_rows(
    breaks: Sequence[float],
    colours: Sequence[str],
    looks: Sequence[Sequence[str | None]],
    unit: str = "",
    *,
    whole: bool = True,
) -> list[LegendRow]:
    """Return classes from high to low, with how many features of each map have their colour."""
    words = [class_words(breaks, i, unit, whole=whole) for i in range(len(colours))]
    return [LegendRow(colour, said, counts(looks, colour)) for colour, said in zip(colours, words, strict=True)][::-1]


def rest_rows(say: Say, looks: Sequence[Sequence[str | None]]) -> list[LegendRow]:
    """Return the rows of what has no class, where there is any."""
    rows = [LegendRow(look, say(words), counts(looks, look)) for look, words in ((HATCH, NO_DATA), (DOTS, FEW))]
    return [row for row in rows if any(row.counts)]


def counts(looks: Sequence[Sequence[str | None]], look: str) -> tuple[int, ...]:
    """Return how many features of each map have a look."""
    return tuple(sum(one == look for one in each) for each in looks)


def class_words(breaks: Sequence[float], i: int, unit: str = "", *, whole: bool = True) -> str:
    """Return the words of a class: whole numbers as from–to without overlap, others as from–to."""
    low, high = breaks[i], breaks[i + 1]
    if whole and i > 0 and not unit and all(float(edge).is_integer() for edge in breaks):
        low += 1
    return f"{number(high)}{unit}" if low >= high else f"{number(low)}–{number(high)}{unit}"


def look_of(value: float | None, few: bool, breaks: Sequence[float], colours: Sequence[str]) -> str:
    """Return the colour of a value's class, or a pattern where it has none."""
    if value is None:
        return DOTS if few else HATCH
    return class_colour(value, breaks, colours)


def class_colour(value: float, breaks: Sequence[float], colours: Sequence[str]) -> str:
    """Return the colour of the class of a value: i where breaks[i] < value <= breaks[i + 1]; the lowest edge belongs to the first."""
    return colours[min(int(np.searchsorted(np.asarray(breaks[1:]), value, side="left")), len(colours) - 1)]


def number(value: float) -> str:
    """Return a number as a legend has it."""
    return f"{round(value, 2):,g}" if abs(value) < 1e6 else f"{round(value):,}"
