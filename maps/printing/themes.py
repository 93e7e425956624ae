"""How the features of a map look on paper: the classes, colours and patterns that the screen has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gis.services.exporting.model import Column, Layer, MapTable
from maps.classify import classify
from maps.palettes import ramp

HATCH, DOTS = "hatch", "dots"
"""Patterns for "no data" and for "too few to show", instead of a colour."""
WHITE = "#ffffff"
GRID_OPACITY, CELL_OPACITY = 0.66, 0.8
NEED_MODES = ("count", "rate", "spots")
SHARE_GROUPS = {
    "households": ("户", "households", "covered"),
    "elders_60": ("老人", "aged 60 and over", "elders_60_covered"),
    "children_12": ("儿童", "aged 0 to 12", "children_12_covered"),
}
_SHARES = [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
_STEPS = [m * 10**e for e in range(5) for m in (1, 2, 5)] + [100_000]
_NO_DATA = ("无数据", "no data")
_FEW = ("数量过小，不显示", "too few to show")
_FAR = ((1.5, "#f0a35e"), (2.0, "#cf4f4a"), (np.inf, "#7d1d4f"))
_NO_WAY = "#3b4247"
_SPOTS = (
    ("hot", "#a8384f", "热点", "hot: more than chance"),
    ("none", "#f3f1ea", "不显著", "not significant"),
    ("cold", "#4f7fa8", "冷点", "cold: less than chance"),
)


@dataclass(frozen=True)
class LegendRow:
    """One line of a legend: a colour or pattern, words, and how many features look so."""

    look: str
    zh: str
    en: str = ""
    count: int | None = None
    dot: bool = False


@dataclass(frozen=True)
class Theme:
    """A map to be drawn: its table, the look of each feature of the main layer, and the legend.

    ``dots`` are points with a colour each that lie above (positions in degrees), ``outlines`` shapes whose edges are drawn, ``marks`` places with names.
    """

    table: MapTable
    heading: str
    heading_en: str
    unit: str
    looks: Sequence[str | None]
    rows: list[LegendRow]
    opacity: float
    labelled: bool
    dots: list[tuple[float, float, str]] = field(default_factory=list)
    outlines: list[Any] = field(default_factory=list)
    marks: list[tuple[float, float, str]] = field(default_factory=list)


def grid_theme(table: MapTable, measure: str, scheme: str, k: int, palette: str = "teal") -> Theme:
    """Return the grid map by one measure (a key of the measures' list), classified as on the screen."""
    layer = table.layers[0]
    column = _column(layer, measure.replace(":", "_"))
    hidden = _hidden(layer, column.key)
    values = {str(i): None if value is None else float(value) for i, value in enumerate(column.values)}
    classes = classify(values, scheme, k, palette=palette)
    looks = [_look(value, few, classes.breaks, classes.colours) for value, few in zip(column.values, hidden, strict=True)]
    rows = _class_rows(classes.breaks, classes.colours, classes.counts, "%" if column.unit == "%" else "")
    return Theme(table, column.zh, column.en, column.unit, looks, [*rows, *_rest(looks)], GRID_OPACITY, labelled=True)


def needs_theme(table: MapTable, whole: MapTable, mode: str, scheme: str = "quantiles", k: int = 5, least: int = 1) -> Theme:
    """Return the map of needs by count or rate; ``whole`` is the same over all months, whose classes stay while the months change.

    Grids are classified by ``scheme`` into ``k``; cells have round edges, none of counts below ``least``. With mode ``spots``: what is more, or less,
    than chance would have it.
    """
    layer = table.layers[0]
    in_grids = layer.name == "grids"
    if mode == "spots":
        looks, rows = _spots(layer)
        column = _column(layer, "spot")
        return Theme(table, column.zh, f"{column.en}, Getis-Ord Gi*", "", looks, rows, CELL_OPACITY, in_grids)
    column, all_values = _column(layer, mode), _column(whole.layers[0], mode).values
    if in_grids:
        classes = classify({str(i): value or None for i, value in enumerate(all_values)}, scheme, k, palette="ember")
        breaks, colours = classes.breaks, classes.colours
    else:
        low = least if mode == "count" else 1
        breaks = round_edges(max([low, *(value for value in all_values if value is not None)]), low)
        colours = ramp("ember", len(breaks) - 1)
    looks = []
    for value, hidden, count in zip(column.values, _hidden(layer, "count"), _column(layer, "count").values, strict=True):
        if hidden or (value is None and count):
            looks.append(DOTS)
        elif value is None and in_grids:
            looks.append(HATCH)
        else:
            looks.append(WHITE if not value else _class_colour(value, breaks, colours))
    tally = [looks.count(colour) for colour in colours]
    rows = _class_rows(breaks if in_grids or mode == "rate" else [1.0, *breaks[1:]], colours, tally, "", whole=mode == "count")
    rows += [LegendRow(WHITE, "没有需求", "none", looks.count(WHITE)), *_rest(looks)]
    return Theme(table, column.zh, column.en, column.unit, looks, rows, CELL_OPACITY, in_grids)


def _spots(layer: Layer) -> tuple[list[str | None], list[LegendRow]]:
    by_spot = {spot: look for spot, look, *_ in _SPOTS}
    looks: list[str | None] = [by_spot.get(spot, HATCH) for spot in _column(layer, "spot").values]
    rows = [LegendRow(look, zh, en, looks.count(look)) for _, look, zh, en in _SPOTS]
    if HATCH in looks:
        rows.append(LegendRow(HATCH, "未检验", "not tested", looks.count(HATCH)))
    return looks, rows


def coverage_theme(
    table: MapTable, group: str, minutes: float, outlines: Sequence[Any], marks: Sequence[tuple[float, float, str]]
) -> Theme:
    """Return the map of coverage: the share of a group that is covered in each grid, circles, stations, and buildings left out."""
    layer = table.layers[0]
    zh, en, covered = SHARE_GROUPS[group]
    colours = ramp("share", len(_SHARES) - 1)
    looks: list[str | None] = []
    for whole, some in zip(_column(layer, group).values, _column(layer, covered).values, strict=True):
        if whole is None or some is None:
            looks.append(DOTS)
        else:
            looks.append(_class_colour(min(100.0, some * 100 / whole), _SHARES, colours) if whole else HATCH)
    counts = [looks.count(colour) for colour in colours]
    rows = [
        LegendRow(colour, f"{low:g}–{high:g}%", "", n)
        for colour, low, high, n in zip(colours, _SHARES[:-1], _SHARES[1:], counts, strict=True)
    ][::-1]
    dots, dot_rows = _left_out(table, minutes)
    rows += [*_rest(looks), *dot_rows]
    return Theme(
        table, f"{minutes:g}分钟覆盖率（{zh}）", f"Share of {en} within {minutes:g} minutes", "%", looks, rows, GRID_OPACITY, True, dots, list(outlines), list(marks)
    )


def round_edges(most: float, least: float = 1) -> list[float]:
    """Return at most six rising edges 0–1–2–5–10… that hold every value up to ``most``, none of them below ``least`` but 0."""
    steps = [edge for edge in _STEPS if edge >= least]
    last = max(1, next((i for i, edge in enumerate(steps) if edge >= most), len(steps) - 1))
    return [0.0, *map(float, steps[max(0, last - 4) : last + 1])]


def _left_out(table: MapTable, minutes: float) -> tuple[list[tuple[float, float, str]], list[LegendRow]]:
    layer = next((layer for layer in table.layers if layer.name == "uncovered"), None)
    if layer is None or not len(layer):
        return [], []
    dots = []
    for shape, seconds in zip(layer.shapes, _column(layer, "seconds").values, strict=True):
        times = None if seconds is None else seconds / (minutes * 60)
        colour = _NO_WAY if times is None else next(colour for upto, colour in _FAR if times <= upto)
        dots.append((shape.x, shape.y, colour))
    words = [("未覆盖楼栋（1.5倍时间内）", "left out: near"), ("未覆盖楼栋（1.5–2倍）", "farther"), ("未覆盖楼栋（2倍以上）", "beyond")]
    looks = [*zip((colour for _, colour in _FAR), words, strict=True), (_NO_WAY, ("未覆盖楼栋（无路可到）", "no way"))]
    counts = [sum(dot[2] == colour for dot in dots) for colour, _ in looks]
    return dots, [LegendRow(colour, *said, count=n, dot=True) for (colour, said), n in zip(looks, counts, strict=True) if n]


def _class_rows(
    breaks: Sequence[float], colours: Sequence[str], counts: Sequence[int], unit: str, *, whole: bool = True
) -> list[LegendRow]:
    """Return classes from high to low: whole numbers as from–to without overlap, others as from–to."""
    whole = whole and all(float(edge).is_integer() for edge in breaks)
    rows = []
    for i, (colour, n) in enumerate(zip(colours, counts, strict=True)):
        low, high = breaks[i], breaks[i + 1]
        if whole and i > 0 and not unit:
            low += 1
        words = f"{_number(high)}{unit}" if low >= high else f"{_number(low)}–{_number(high)}{unit}"
        rows.append(LegendRow(colour, words, "", n))
    return rows[::-1]


def _rest(looks: Sequence[str | None]) -> list[LegendRow]:
    rows = [LegendRow(HATCH, *_NO_DATA, looks.count(HATCH)), LegendRow(DOTS, *_FEW, looks.count(DOTS))]
    return [row for row in rows if row.count]


def _look(value: float | None, few: bool, breaks: Sequence[float], colours: Sequence[str]) -> str:
    if value is None:
        return DOTS if few else HATCH
    return _class_colour(value, breaks, colours)


def _class_colour(value: float, breaks: Sequence[float], colours: Sequence[str]) -> str:
    return colours[min(int(np.searchsorted(np.asarray(breaks[1:]), value, side="left")), len(colours) - 1)]


def _column(layer: Layer, key: str) -> Column:
    return next(column for column in layer.columns if column.key == key)


def _hidden(layer: Layer, key: str) -> list[bool]:
    return [key in (keys or "").split(";") for keys in _column(layer, "suppressed").values]


def _number(value: float) -> str:
    return f"{round(value, 2):,g}" if abs(value) < 1e6 else f"{round(value):,}"
