"""The map of coverage on paper: what its grids may be shaded by, circles, stations, and the buildings left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gis.services.exporting.coverage import Shade
from gis.services.exporting.model import Layer, MapTable
from maps.palettes import ramp
from maps.printing.themes import (
    DOTS,
    FEW,
    GRID_OPACITY,
    HATCH,
    NO_DATA,
    Legend,
    LegendRow,
    Sheet,
    Theme,
    class_words,
    counts,
)

_GROUPS = {
    "households": ("{n}分钟覆盖率（户） / Share of households within {n} minutes", "covered"),
    "elders_60": (
        "{n}分钟覆盖率（60岁及以上老人） / Share of those aged 60 and over within {n} minutes",
        "elders_60_covered",
    ),
    "children_12": (
        "{n}分钟覆盖率（12岁及以下儿童） / Share of those aged 0 to 12 within {n} minutes",
        "children_12_covered",
    ),
}
_SHARES = [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
_HOURS = [0.0, 10.0, 20.0, 40.0, 80.0, 168.0]
_LESS = "#5b7fb5"
_FAR = ((1.5, "#f0a35e"), (2.0, "#cf4f4a"), (np.inf, "#7d1d4f"))
_NO_WAY = "#3b4247"
_WALK, _BUFFER = "#8a3b0c", "#0d444c"


@dataclass(frozen=True)
class _Class:
    """One class: its colour, words, and which values it has."""

    look: str
    words: str
    has: Callable[[float], bool]


def coverage_sheet(
    table: MapTable,
    shade: Shade,
    minutes: float,
    outlines: Sequence[tuple[str, Sequence[Any]]],
    marks: Sequence[tuple[float, float, str]],
) -> Sheet:
    """Return the map of coverage: its grids by a shading, circles by method (``walk``, ``buffer``), stations, and buildings left out."""
    say, layer = table.say, table.layers[0]
    heading, values, hidden = _values(table, layer, shade, f"{minutes:g}")
    classes = _classes(table, shade, [value for value in values if value is not None])
    looks: list[str | None] = [
        DOTS if few else HATCH if value is None else next((one.look for one in classes if one.has(value)), HATCH)
        for value, few in zip(values, hidden, strict=True)
    ]
    rows = [LegendRow(one.look, one.words, counts([looks], one.look)) for one in classes][::-1]
    rows += [
        LegendRow(look, say(words), counts([looks], look))
        for look, words in ((HATCH, NO_DATA), (DOTS, FEW))
        if look in looks
    ]
    dots, dot_rows = _left_out(table, minutes)
    lines = {
        "walk": LegendRow(_WALK, say("步行服务圈 / Circle on foot"), kind="line"),
        "buffer": LegendRow(_BUFFER, say("直线服务圈 / Circle in a straight line"), kind="dashes"),
    }
    drawn = [(shape, lines[method]) for method, shapes in outlines for shape in shapes]
    theme = Theme(layer, looks, GRID_OPACITY, True, dots=dots, outlines=drawn, marks=marks)
    signs = [lines[method] for method, shapes in outlines if len(shapes)]
    if marks:
        signs.append(LegendRow("#14343c", say("服务站点 / Station"), kind="mark"))
    legends = [Legend(heading, rows, (say("网格数 / Grids"),))]
    if dot_rows:
        legends.append(Legend(say("未覆盖楼栋 / Buildings left out"), dot_rows, (say("楼栋数 / Buildings"),)))
    return Sheet(table, f"{table.fact('service')} · {heading}", (theme,), tuple(legends), signs)


def even_breaks(values: Sequence[float], k: int) -> list[float]:
    """Return edges of at most ``k`` classes above zero with about as many values in each; whole numbers where all values are."""
    rising = sorted(value for value in values if value > 0)
    if not rising:
        return [0.0]
    edges = [0.0]
    for i in range(1, k + 1):
        edge = _rounded(rising[math.ceil(len(rising) * i / k) - 1])
        edge = float(math.ceil(edge)) if all(float(value).is_integer() for value in rising) else edge
        if edge not in edges:
            edges.append(edge)
    return edges


def _values(table: MapTable, layer: Layer, shade: Shade, minutes: str) -> tuple[str, list[float | None], list[bool]]:
    """Return the heading of a shading, each grid's value (None: no data) and whether it is hidden as small."""
    if shade in _GROUPS:
        words, key = _GROUPS[shade]
        pairs = list(zip(layer.column(shade).values, layer.column(key).values, strict=True))
        hidden = [whole is None or some is None for whole, some in pairs]
        shares = [
            None if few or not whole else min(100.0, some * 100 / whole)
            for (whole, some), few in zip(pairs, hidden, strict=True)
        ]
        return table.say(words).format(n=minutes), shares, hidden
    if shade == "difference":
        column, lived_in = layer.column("difference"), layer.column("households").values
        told = [value if homes else None for value, homes in zip(column.values, lived_in, strict=True)]
        words = "直线算覆盖、步行到不了的户数（净差） / Households that only the straight line covers (net)"
        return table.say(words), told, [value is None for value in column.values]
    column = layer.column("week_h" if shade == "week" else "places_per_100")
    return column.heading, list(column.values), [False] * len(layer)


def _classes(table: MapTable, shade: Shade, values: Sequence[float]) -> list[_Class]:
    """Return the classes of a shading from low to high, as on the screen (maps/static/shades.js)."""
    say = table.say
    if shade in _GROUPS:
        return _between(_SHARES, ramp("share", len(_SHARES) - 1), "%", bottom=True)
    if shade == "difference":
        colours = ramp("ember", 5)
        edges = even_breaks(values, 4)
        more = _between(edges, colours[1:])
        if more:
            more[0] = _Class(more[0].look, f"1–{edges[1]:g}" if edges[1] > 1 else "1", more[0].has)
        less = _Class(_LESS, say("步行反而多覆盖 / More on foot"), lambda value: value < 0)
        nothing = _Class(colours[0], say("无差异 / No difference"), lambda value: value == 0)
        return [*([less] if any(value < 0 for value in values) else []), nothing, *more]
    colours = ramp("teal", 6)
    words = "用不上 / Never" if shade == "week" else "没有名额 / No places"
    nothing = _Class(colours[0], say(words), lambda value: value == 0)
    return [nothing, *_between(_HOURS if shade == "week" else even_breaks(values, 5), colours[1:])]


def _between(edges: Sequence[float], colours: Sequence[str], unit: str = "", *, bottom: bool = False) -> list[_Class]:
    """Return classes between edges; the lowest edge belongs to the first where ``bottom``."""

    def one(i: int) -> _Class:
        low, high = edges[i], edges[i + 1]
        at = math.floor(i * (len(colours) - 1) / max(1, len(edges) - 2) + 0.5)
        return _Class(
            colours[at],
            class_words(edges, i, unit),
            lambda value: low < value <= high or (bottom and i == 0 and value == low),
        )

    return [one(i) for i in range(len(edges) - 1)]


def _left_out(table: MapTable, minutes: float) -> tuple[list[tuple[float, float, str]], list[LegendRow]]:
    layer = next((layer for layer in table.layers if layer.name == "uncovered"), None)
    if layer is None or not len(layer):
        return [], []
    dots = []
    for shape, seconds in zip(layer.shapes, layer.column("seconds").values, strict=True):
        times = None if seconds is None else seconds / (minutes * 60)
        colour = _NO_WAY if times is None else next(colour for upto, colour in _FAR if times <= upto)
        dots.append((shape.x, shape.y, colour))
    words = (
        "不到时限的 1.5 倍 / Under 1.5 times the minutes",
        "1.5–2 倍 / 1.5 to 2 times",
        "2 倍以上 / Beyond 2 times",
        "走不到，或没有开放的站点 / No way on foot, or none open",
    )
    colours = (*(colour for _, colour in _FAR), _NO_WAY)
    found = [sum(dot[2] == colour for dot in dots) for colour in colours]
    told = zip(colours, words, found, strict=True)
    return dots, [LegendRow(colour, table.say(said), (n,), "dot") for colour, said, n in told if n]


def _rounded(value: float) -> float:
    """Round up to two digits, so that a legend can be read."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / unit - 1e-9) * unit:.2g}")
