"""What stands round a printed map: legend, scale bar, north arrow, facts. Everything in millimetres on the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely
from pyproj import CRS

from gis.crs import MetricCRS
from gis.services.exporting.model import MapTable, Say
from maps.printing.frame import Frame
from maps.printing.ground import LAND
from maps.printing.pen import Ink, Pen, lattice
from maps.printing.themes import DOTS, HATCH, Legend, LegendRow, Ramp

PANEL_X, PANEL_WIDTH = 328.0, 82.0
INK, SOFT, LINE = "#1c2426", "#586264", "#3c4648"
HATCH_GROUND, DOT_GROUND = "#eeeeea", "#f4f3ef"
_HATCH_LINE, _DOT = "#9aa19f", "#8b9391"
_ROW_MM, _COUNT_MM, _WORDS_X = 6.2, 14.0, 13.0
_WORDS_PT, _LEAST_PT, _SMALL_PT = 9.0, 6.5, 7.0


def pattern(pen: Pen, shape: shapely.Geometry, look: str) -> None:
    """Fill a shape with the pattern of "no data" or "too few to show"."""
    if look == HATCH:
        pen.shapes(lattice(shape, 1.9, lines=True), Ink(line=_HATCH_LINE, width_mm=0.18))
    else:
        pen.circles(map(tuple, lattice(shape, 1.5, lines=False).tolist()), 0.2, Ink(fill=_DOT))


def line_ink(row: LegendRow, width_mm: float = 0.4) -> Ink:
    """Return how a line of the legend is drawn, there and on the map."""
    return Ink(
        line=row.look,
        width_mm=width_mm,
        dash_mm=(2.0, 1.0) if row.kind == "dashes" else None,
        line_opacity=0.9,
    )


def legends(
    pen: Pen, say: Say, several: Sequence[Legend], rows: Sequence[LegendRow], opacity: float, top: float
) -> float:
    """Draw the legends and the rows that all maps share; return where they end."""
    pen.text(PANEL_X, top, say("图例 / Legend"), 13, INK, bold=True)
    y = top + 2
    for legend in several:
        y = _legend(pen, legend, opacity, y + 5.5)
    return _rows(pen, rows, opacity, y, 0)


def _legend(pen: Pen, legend: Legend, opacity: float, top: float) -> float:
    y = pen.wrapped(PANEL_X, top, PANEL_WIDTH, legend.heading, 10, INK)
    if legend.ramp is not None:
        y = _ramp(pen, legend.ramp, y - 1.5)
    if legend.rows and legend.counted:
        _columns(pen, y, legend.counted, _SMALL_PT, SOFT)
        y += 1.6
    y = _rows(pen, legend.rows, opacity, y, len(legend.counted))
    for note in legend.notes:
        y = pen.wrapped(PANEL_X, y + 3, PANEL_WIDTH, note, 7.5, SOFT) - 1.5
    return y


def _rows(pen: Pen, rows: Sequence[LegendRow], opacity: float, y: float, counts: int) -> float:
    room = PANEL_WIDTH - _WORDS_X - max(_COUNT_MM * counts, 2) + 4
    for row in rows:
        _swatch(pen, PANEL_X, y, row, opacity)
        size = max(_LEAST_PT, _WORDS_PT * min(1.0, room / max(1e-6, pen.width(row.words, _WORDS_PT))))
        pen.text(PANEL_X + _WORDS_X, y + 3.7, pen.cut(row.words, room, size), size, INK)
        _columns(pen, y + 3.7, [f"{n:,}" for n in row.counts], _WORDS_PT, INK)
        y += _ROW_MM
    return y


def _columns(pen: Pen, y: float, texts: Sequence[str], size_pt: float, colour: str) -> None:
    """Write texts flush right, one column each."""
    for i, said in enumerate(reversed(texts)):
        pen.text(PANEL_X + PANEL_WIDTH - i * _COUNT_MM - pen.width(said, size_pt), y, said, size_pt, colour)


def _ramp(pen: Pen, ramp: Ramp, y: float) -> float:
    step = PANEL_WIDTH / len(ramp.colours)
    for i, (colour, opacity) in enumerate(ramp.colours):  # each to the ramp's end and opaque, so that no seam shows
        pen.box(PANEL_X + i * step, y, PANEL_WIDTH - i * step, 5, Ink(fill=_over(colour, opacity)))
    pen.box(PANEL_X, y, PANEL_WIDTH, 5, Ink(line="#7c8685", width_mm=0.15, round=False))
    pen.text(PANEL_X, y + 8.6, ramp.low, 8.5, INK)
    pen.text(PANEL_X + PANEL_WIDTH - pen.width(ramp.high, 8.5), y + 8.6, ramp.high, 8.5, INK)
    return y + 13.5


def _over(colour: str, opacity: float) -> str:
    """Return what a colour (``#rrggbb``) of an opacity looks like on the ground of the map."""
    pairs = ((int(colour[i : i + 2], 16), int(LAND[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(over * opacity + under * (1 - opacity)):02x}" for over, under in pairs)


def _swatch(pen: Pen, x: float, y: float, row: LegendRow, opacity: float) -> None:
    if row.kind == "dot":
        pen.circles([(x + 5, y + 2.5)], 1.1, Ink(fill=row.look, line="#ffffff", width_mm=0.15))
    elif row.kind == "mark":
        mark(pen, x + 5, y + 2.5, row.look)
    elif row.kind in ("line", "dashes"):
        pen.line([(x + 0.5, y + 2.5), (x + 9.5, y + 2.5)], line_ink(row))
    else:
        box = np.array([shapely.box(x, y, x + 10, y + 5)], dtype=object)
        pen.shapes(box, Ink(fill=LAND))
        if row.look in (HATCH, DOTS):
            pattern(pen, box[0], row.look)
        else:
            pen.shapes(box, Ink(fill=row.look, opacity=opacity))
        pen.shapes(box, Ink(line="#7c8685", width_mm=0.15, round=False))


def mark(pen: Pen, x: float, y: float, colour: str) -> None:
    """Draw the sign of a station."""
    pen.box(x - 0.9, y - 0.9, 1.8, 1.8, Ink(fill=colour, line="#ffffff", width_mm=0.25))


def scale_bar(pen: Pen, say: Say, y: float, scale: float) -> None:
    """Draw four equal pieces of a round length, black and white in turn, and the scale in numbers."""
    said = f"{scale:,.0f}".replace(",", "\u00a0")
    pen.text(PANEL_X, y, say("比例尺 1:{n}（A3 纸） / Scale 1:{n} on A3").format(n=said), 10, INK)
    most_m = (PANEL_WIDTH - 14) * scale / 1000 / 4
    power = 10 ** math.floor(math.log10(most_m))
    piece_m = next(m * power for m in (5, 2.5, 2, 1) if m * power <= most_m)
    piece_mm = piece_m * 1000 / scale
    kilometres = piece_m * 4 >= 2000
    for i in range(4):
        fill = INK if i % 2 == 0 else "#ffffff"
        pen.box(PANEL_X + i * piece_mm, y + 3, piece_mm, 1.8, Ink(fill=fill, line=INK, width_mm=0.15, round=False))
    for i in (0, 1, 2, 4):
        value = piece_m * i / (1000 if kilometres else 1)
        told = f"{value:g}" + ((" km" if kilometres else " m") if i == 4 else "")
        x = PANEL_X + i * piece_mm - (0 if i == 0 else pen.width(f"{value:g}", 7.5) / 2)
        pen.text(x, y + 8.4, told, 7.5, INK)


def north_arrow(pen: Pen, say: Say, x: float, y: float, frame: Frame, metric: MetricCRS) -> None:
    """Draw an arrow to true north, which is not quite up: the zone's grid leans by the convergence of its meridians."""
    middle = ((frame.west + frame.east) / 2, (frame.south + frame.north) / 2)
    lon, lat = metric.to_lonlat(np.array([middle[0]]), np.array([middle[1]]))
    east_m, north_m = metric.to_m(lon, lat + 1e-3)
    lean = math.atan2(float(east_m[0]) - middle[0], float(north_m[0]) - middle[1])

    def turned(dx: float, dy: float) -> tuple[float, float]:
        return x + dx * math.cos(lean) + dy * math.sin(lean), y - dy * math.cos(lean) + dx * math.sin(lean)

    pen.circles([(x, y)], 9.5, Ink(fill="#ffffff", opacity=0.82, line=LINE, width_mm=0.2))
    pen.polygon([turned(0, 6), turned(-2.6, -5.2), turned(0, -3.2)], Ink(fill=INK, line=INK, width_mm=0.15))
    pen.polygon([turned(0, 6), turned(2.6, -5.2), turned(0, -3.2)], Ink(fill="#ffffff", line=INK, width_mm=0.15))
    pen.centred(*turned(0, 7.6), say("北 / N"), 6.5, INK)


def facts(pen: Pen, table: MapTable, foot: float, metric: MetricCRS) -> None:
    """Write what belongs to the figures at the foot of the panel."""
    projection = CRS.from_user_input(metric.text).name.replace(" / ", " · ")
    told = [(fact.name, fact.text) for fact in table.facts if fact.key != "crs"]
    told.insert(-2, (table.say("投影 / Projection"), projection))
    lines = [line for name, text in told for line in ((name, 6.5, SOFT, 1.9), (text, 8.5, INK, 0.9))]
    height = sum(above + pen.height(text, PANEL_WIDTH, size) for text, size, _, above in lines)
    y = foot - height + 3.0
    pen.line([(PANEL_X, y - 3), (PANEL_X + PANEL_WIDTH, y - 3)], Ink(line=LINE, width_mm=0.2))
    for text, size, colour, above in lines:
        y = pen.wrapped(PANEL_X, y + above, PANEL_WIDTH, text, size, colour)
