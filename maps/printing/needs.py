"""The map of needs on paper: cells or grids by count or rate, hot and cold spots, heat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from gis.crs import MetricCRS
from gis.errors import Fault, Invalid
from gis.needs.density import densest
from gis.services.exporting.model import Layer, MapTable
from maps.classify import Classing, classify
from maps.palettes import SPOTS, ramp, smooth
from maps.printing.themes import (
    CELL_OPACITY,
    DOTS,
    GRID_OPACITY,
    HATCH,
    WHITE,
    Heat,
    Legend,
    LegendRow,
    Ramp,
    Sheet,
    Theme,
    class_colour,
    class_rows,
    counts,
    number,
    rest_rows,
)

_STEPS = [m * 10**e for e in range(5) for m in (1, 2, 5)] + [100_000]
_SURE = 0.01
_FAINT = 0.02
"""Below so great a share of the top, heat is not drawn."""
_EDGE = "#f3f1ea"
_SPOT_WORDS = (
    (SPOTS["hot"][0], f"热点，q ≤ {_SURE} / Hot spot, q ≤ {_SURE}"),
    (SPOTS["hot"][1], "热点，q ≤ 0.05 / Hot spot, q ≤ 0.05"),
    (_EDGE, "不显著 / Not significant"),
    (SPOTS["cold"][1], "冷点，q ≤ 0.05 / Cold spot, q ≤ 0.05"),
    (SPOTS["cold"][0], f"冷点，q ≤ {_SURE} / Cold spot, q ≤ {_SURE}"),
)
_SPOT_NOTE = (
    "热点（冷点）：此处连同相邻处高于（低于）随机分布会有的水平（Getis-Ord Gi*） / "
    "A hot (cold) spot: this place and its neighbours have more (fewer) than chance would give (Getis-Ord Gi*)"
)


def needs_sheet(
    table: MapTable, whole: MapTable, mode: str, classing: Classing, least: int, heat: tuple[MetricCRS, float]
) -> Sheet:
    """Return the map of needs; ``whole`` is the same over all months, whose classes stay while the months change.

    Args:
        table, whole: cells, or grids.
        mode: ``count``, ``rate``, ``spots`` (what is more, or less, than chance would have it) or ``heat`` (of cells).
        classing: of grids; cells have round edges.
        least: the smallest count there is but 0.
        heat: the place's system and the kernel's radius, m.

    Raises:
        Invalid: heat is made of cells.
    """
    layer = table.layers[0]
    if mode == "spots":
        return _spots(table, layer)
    if mode == "heat":
        return _heat(table, layer, whole.layers[0], *heat)
    say, in_grids = table.say, layer.name == "grids"
    column, all_values = layer.column(mode), whole.layers[0].column(mode).values
    if in_grids:
        classes = classify(
            {str(i): value or None for i, value in enumerate(all_values)},
            classing.scheme,
            classing.k,
            palette="ember",
        )
        breaks, colours = classes.breaks, classes.colours
    else:
        low = least if mode == "count" else 1
        breaks = round_edges(max([low, *(value for value in all_values if value is not None)]), low)
        colours = ramp("ember", len(breaks) - 1)
    looks = [
        _look(value, few, count, in_grids, breaks, colours)
        for value, few, count in zip(column.values, layer.hidden("count"), layer.column("count").values, strict=True)
    ]
    edges = breaks if in_grids or mode == "rate" else [1.0, *breaks[1:]]
    rows = [
        *class_rows(edges, colours, [looks], whole=mode == "count"),
        LegendRow(WHITE, say("没有需求 / No needs"), counts([looks], WHITE)),
        *rest_rows(say, [looks]),
    ]
    return _sheet(table, layer, column.heading, looks, rows)


def round_edges(most: float, least: float = 1) -> list[float]:
    """Return at most six rising edges 0–1–2–5–10… that hold every value up to ``most``, none of them below ``least`` but 0."""
    steps = [edge for edge in _STEPS if edge >= least]
    last = max(1, next((i for i, edge in enumerate(steps) if edge >= most), len(steps) - 1))
    return [0.0, *map(float, steps[max(0, last - 4) : last + 1])]


def _look(
    value: float | None,
    few: bool,
    count: float | None,
    in_grids: bool,
    breaks: Sequence[float],
    colours: Sequence[str],
) -> str | None:
    if few or (value is None and count):
        return DOTS
    if value is None and in_grids:
        return HATCH
    return WHITE if not value else class_colour(value, breaks, colours)


def _spots(table: MapTable, layer: Layer) -> Sheet:
    looks: list[str | None] = []
    for spot, q in zip(layer.column("spot").values, layer.column("q").values, strict=True):
        found = SPOTS.get(spot)
        looks.append(HATCH if spot is None else _EDGE if found is None else found[0 if q <= _SURE else 1])
    rows = [LegendRow(look, table.say(words), counts([looks], look)) for look, words in _SPOT_WORDS]
    if HATCH in looks:
        rows.append(LegendRow(HATCH, table.say("未检验 / Not tested"), counts([looks], HATCH)))
    return _sheet(table, layer, layer.column("spot").heading, looks, rows, (table.say(_SPOT_NOTE),))


def _heat(table: MapTable, layer: Layer, whole: Layer, metric: MetricCRS, radius_m: float) -> Sheet:
    if layer.name == "grids":
        message = "热力由方格得出，不能按网格 / heat is made of cells, not of grids"
        raise Invalid(message, [Fault("query.by", message)])
    say = table.say
    lon, lat, weight = _weights(layer)
    all_lon, all_lat, all_weight = _weights(whole)
    top = densest(*metric.to_m(all_lon, all_lat), all_weight, radius_m)
    colours = smooth("ember")
    looks: list[str | None] = [DOTS if few else None for few in layer.hidden("count")]
    bar = [(colour, heat_opacity(i / (len(colours) - 1))) for i, colour in enumerate(colours)]
    heading = say("需求密度（件/公顷） / Density of needs (per hectare)")
    legend = Legend(
        heading,
        rest_rows(say, [looks]),
        (say("单元数 / Cells"),),
        Ramp(bar, "0", number(round(top, 1))),
        (say("热力半径 {n} 米，是地面上的距离 / Radius of the heat: {n} m on the ground").format(n=f"{radius_m:g}"),),
    )
    theme = Theme(layer, looks, CELL_OPACITY, labelled=False, heat=Heat(lon, lat, weight, radius_m, top, colours))
    return Sheet(table, _with_months(table, heading), (theme,), (legend,))


def heat_opacity(share: float) -> float:
    """Return how much of the ground heat of a share of the top covers, as on the screen."""
    return 0.0 if share < _FAINT else min(0.78, 0.1 + 1.5 * share)


def _weights(layer: Layer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return longitude, latitude and needs of the cells that have needs."""
    given: list[Any] = [value or 0 for value in layer.column("count").values]
    weight = np.array(given, dtype=float)
    middles = shapely.get_coordinates(shapely.centroid(layer.shapes)) if len(layer) else np.zeros((0, 2))
    return middles[weight > 0, 0], middles[weight > 0, 1], weight[weight > 0]


def _sheet(
    table: MapTable,
    layer: Layer,
    heading: str,
    looks: Sequence[str | None],
    rows: Sequence[LegendRow],
    notes: tuple[str, ...] = (),
) -> Sheet:
    in_grids = layer.name == "grids"
    counted = table.say("网格数 / Grids" if in_grids else "单元数 / Cells")
    theme = Theme(layer, looks, GRID_OPACITY if in_grids else CELL_OPACITY, in_grids)
    return Sheet(table, _with_months(table, heading), (theme,), (Legend(heading, rows, (counted,), notes=notes),))


def _with_months(table: MapTable, heading: str) -> str:
    services, period, everything = table.fact("service"), table.fact("period"), table.say("全部 / all")
    return "  ·  ".join([heading, *(said for said in (services, period) if said != everything)])
