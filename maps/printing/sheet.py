"""The sheet: title, map, legend, scale bar, north arrow, and what whoever holds the paper must know.

A map is drawn at a round scale in the place's Gauss–Krüger zone, in which it may be measured with a ruler.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pypdfium2
import shapely
from pyproj import CRS

from gis.crs import MetricCRS
from gis.services.exporting.ground import Ground
from maps.printing.ground import LAND, draw_ground, street_names, tidy
from maps.printing.pen import HEIGHT_MM, Ink, Pen, lattice
from maps.printing.themes import DOTS, HATCH, LegendRow, Theme

MAP_X, MAP_Y, MAP_WIDTH, MAP_HEIGHT = 10.0, 31.0, 312.0, 256.0
"""The map's frame on the page, mm."""
_PANEL_X, _PANEL_WIDTH = 328.0, 82.0
_SCALES = [m * 10**e for e in range(2, 7) for m in (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 7.5, 8, 9)]
_PAD = 1.04
_INK, _SOFT, _LINE, _EDGE, _CIRCLE = "#1c2426", "#586264", "#3c4648", "#21424a", "#1d5f80"
_HATCH_LINE, _HATCH_GROUND, _DOT, _DOT_GROUND = "#9aa19f", "#eeeeea", "#8b9391", "#f4f3ef"
_LABEL_PT, _LABEL_HALO = 8.0, "#fbfaf7"
_SPECK_MM2 = 120.0
_PNG_LOCK = threading.Lock()
"""PDFium may be used by one thread at a time."""


@dataclass(frozen=True)
class Frame:
    """The part of the place that the map shows, in metres, and the denominator of its scale."""

    west: float
    south: float
    east: float
    north: float
    scale: float

    @classmethod
    def round(cls, bounds_m: tuple[float, float, float, float]) -> Frame:
        """Return the frame at the largest round scale in which all of ``bounds_m`` (west, south, east, north) is seen."""
        west, south, east, north = bounds_m
        wanted = max((east - west) / MAP_WIDTH, (north - south) / MAP_HEIGHT) * 1000 * _PAD
        scale = next((each for each in _SCALES if each >= wanted), wanted)
        x, y = (west + east) / 2, (south + north) / 2
        half_x, half_y = MAP_WIDTH * scale / 2000, MAP_HEIGHT * scale / 2000
        return cls(x - half_x, y - half_y, x + half_x, y + half_y, scale)

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """Return west, south, east, north."""
        return self.west, self.south, self.east, self.north

    def to_page(self, shapes_m: np.ndarray) -> np.ndarray:
        """Return shapes in metres as shapes in millimetres on the page."""
        factor = 1000 / self.scale

        def move(points: np.ndarray) -> np.ndarray:
            return np.column_stack([MAP_X + (points[:, 0] - self.west) * factor, MAP_Y + (self.north - points[:, 1]) * factor])

        return np.asarray(shapely.transform(shapes_m, move), dtype=object)


class _Room:
    """Which parts of the map are taken by names."""

    def __init__(self) -> None:
        self._taken: list[shapely.Geometry] = []

    def take(self, x: float, y: float, width: float, height: float, angle: float = 0.0) -> bool:
        """Take the room of a text if it is free and inside the map; tell whether."""
        box = shapely.box(x - width / 2 - 0.6, y - height / 2 - 0.2, x + width / 2 + 0.6, y + height / 2 + 0.2)
        if angle:
            box = shapely.affinity.rotate(box, -angle, origin=(x, y))
        west, south, east, north = box.bounds
        inside = west > MAP_X + 1 and south > MAP_Y + 1 and east < MAP_X + MAP_WIDTH - 1 and north < MAP_Y + MAP_HEIGHT - 1
        if not inside or any(shapely.intersects(box, other) for other in self._taken):
            return False
        self._taken.append(box)
        return True


def draw(theme: Theme, ground: Ground, frame: Frame, metric: MetricCRS) -> bytes:
    """Return the sheet as PDF.

    Args:
        theme: what is shown.
        ground: what lies under, of that frame and scale.
        frame: the part that is shown.
        metric: the place's system; the frame's metres are of it.

    Raises:
        Unavailable: this machine has no Chinese font.
    """
    pen = Pen(theme.table.title)
    place = next((fact.text for fact in theme.table.facts if fact.key == "place"), "")
    title = f"{'' if place == '–' else place}{theme.table.zh}：{theme.heading}"
    pen.text(MAP_X, 20.5, tidy(title, 40), 25, _INK, bold=True)
    pen.text(MAP_X, 27.3, tidy(f"{theme.table.en}: {theme.heading_en}", 110), 11, _SOFT)
    with pen.clipped(MAP_X, MAP_Y, MAP_WIDTH, MAP_HEIGHT):
        pen.box(MAP_X, MAP_Y, MAP_WIDTH, MAP_HEIGHT, Ink(fill=LAND))
        draw_ground(pen, ground, frame.to_page, frame.scale)
        _draw_theme(pen, theme, ground, frame, metric)
    pen.box(MAP_X, MAP_Y, MAP_WIDTH, MAP_HEIGHT, Ink(line=_LINE, width_mm=0.35, round=False))
    _north_arrow(pen, MAP_X + MAP_WIDTH - 13, MAP_Y + 17, frame, metric)
    below = _legend(pen, theme, MAP_Y + 4)
    _scale_bar(pen, below + 8, frame.scale)
    _facts(pen, theme, frame, metric)
    return pen.finish()


def picture(pdf: bytes, dpi: int) -> bytes:
    """Return the first page of a PDF as PNG of so many dots to an inch."""
    with _PNG_LOCK:
        document = pypdfium2.PdfDocument(pdf)
        try:
            image = document[0].render(scale=dpi / 72).to_pil()
        finally:
            document.close()
    target = io.BytesIO()
    image.save(target, "PNG", dpi=(dpi, dpi), compress_level=6)
    return target.getvalue()


def _draw_theme(pen: Pen, theme: Theme, ground: Ground, frame: Frame, metric: MetricCRS) -> None:
    layer = theme.table.layers[0]
    shapes = frame.to_page(metric.geometry_to_m(layer.shapes))
    near = shapely.intersects(shapes, shapely.box(MAP_X, MAP_Y, MAP_X + MAP_WIDTH, MAP_Y + MAP_HEIGHT))
    for look in sorted({look for look in theme.looks if look}):
        chosen = shapes[near & np.array([each == look for each in theme.looks], dtype=bool)]
        if look in (HATCH, DOTS):
            pen.shapes(chosen, Ink(fill=_HATCH_GROUND if look == HATCH else _DOT_GROUND, opacity=0.7))
            for shape in chosen:
                _pattern(pen, shape, look)
        else:
            pen.shapes(chosen, Ink(fill=look, opacity=theme.opacity))
    edge = Ink(line=_EDGE if theme.labelled else "#7c8685", width_mm=0.3 if theme.labelled else 0.08, line_opacity=0.75)
    pen.shapes(shapes[near], edge)
    outlines = _without_specks(frame.to_page(metric.geometry_to_m(np.array(theme.outlines, dtype=object))))
    pen.shapes(outlines, Ink(line=_CIRCLE, width_mm=0.4, dash_mm=(2.0, 1.0), line_opacity=0.9))
    dots = _on_page([(lon, lat) for lon, lat, _ in theme.dots], frame, metric)
    for colour in sorted({colour for *_, colour in theme.dots}):
        places = [at for at, (*_, own) in zip(dots, theme.dots, strict=True) if own == colour]
        pen.circles(places, 0.75, Ink(fill=colour, line="#ffffff", width_mm=0.15))
    room = _Room()
    room.take(MAP_X + MAP_WIDTH - 13, MAP_Y + 17, 18, 26)
    marks = _on_page([(lon, lat) for lon, lat, _ in theme.marks], frame, metric)
    for (x, y), (*_, name) in zip(marks, theme.marks, strict=True):
        pen.box(x - 0.9, y - 0.9, 1.8, 1.8, Ink(fill="#14343c", line="#ffffff", width_mm=0.25))
        said = tidy(name, 14)
        wide = pen.width(said, 6.5)
        if room.take(x + 1.8 + wide / 2, y, wide, 3):
            pen.text(x + 1.8, y + 0.85, said, 6.5, "#14343c", _LABEL_HALO)
    if theme.labelled:
        in_view = shapely.intersection(shapes[near], shapely.box(MAP_X, MAP_Y, MAP_X + MAP_WIDTH, MAP_Y + MAP_HEIGHT))
        _labels(pen, theme, in_view, np.flatnonzero(near), room.take)
    street_names(pen, ground, frame.to_page, frame.scale, room.take)


def _labels(pen: Pen, theme: Theme, shapes: np.ndarray, rows: np.ndarray, take: Callable[..., bool]) -> None:
    """Write the grids' names, the largest first, where they stand free of each other; a code where there is no name."""
    columns = {column.key: column.values for column in theme.table.layers[0].columns}
    for at in np.argsort(-shapely.area(shapes), kind="stable"):
        shape = shapes[at].buffer(0)  # what is left of a shape at the edge of the map may have lines and points to it
        if shape.is_empty:
            continue
        name = tidy(columns["name"][rows[at]], 16) or str(columns["code"][rows[at]])
        middle = shapely.get_point(shapely.maximum_inscribed_circle(shape, 0.5), 0)
        wide = pen.width(name, _LABEL_PT)
        for down in (0, -3.4, 3.4):
            if shape.buffer(wide / 4).covers(shapely.Point(middle.x, middle.y + down)) and take(middle.x, middle.y + down, wide, 3.2):
                pen.centred(middle.x, middle.y + down, name, _LABEL_PT, "#14343c", _LABEL_HALO)
                break


def _without_specks(shapes: np.ndarray) -> np.ndarray:
    """Return polygons without the parts and holes that are too small on paper to mean anything."""
    kept = []
    for part in shapely.get_parts(shapes):
        holes = [ring for ring in part.interiors if shapely.Polygon(ring).area >= _SPECK_MM2]
        if shapely.Polygon(part.exterior).area >= _SPECK_MM2:
            kept.append(shapely.Polygon(part.exterior, holes))
    return np.array(kept, dtype=object)


def _pattern(pen: Pen, shape: shapely.Geometry, look: str) -> None:
    if look == HATCH:
        pen.shapes(lattice(shape, 1.9, lines=True), Ink(line=_HATCH_LINE, width_mm=0.18))
    else:
        pen.circles(map(tuple, lattice(shape, 1.5, lines=False).tolist()), 0.2, Ink(fill=_DOT))


def _legend(pen: Pen, theme: Theme, top: float) -> float:
    """Draw the legend; return where it ends."""
    pen.text(_PANEL_X, top, "图例", 13, _INK, bold=True)
    pen.text(_PANEL_X + 13, top, "Legend", 9, _SOFT)
    unit = f"（{theme.unit}）" if theme.unit not in ("", "%") else ""
    y = pen.wrapped(_PANEL_X, top + 7.5, _PANEL_WIDTH, f"{theme.heading}{unit}", 10.5, _INK, chinese=True)
    y = pen.wrapped(_PANEL_X, y - 0.6, _PANEL_WIDTH, theme.heading_en, 7.5, _SOFT, chinese=False)
    counted = "网格数 grids" if theme.table.layers[0].name == "grids" else "单元数 cells"
    pen.text(_PANEL_X + _PANEL_WIDTH - pen.width(counted, 7), y, counted, 7, _SOFT)
    y += 2.2
    for row in theme.rows:
        _swatch(pen, _PANEL_X, y, row, theme.opacity)
        pen.text(_PANEL_X + 13, y + 3.7, row.zh, 9, _INK)
        beside = _PANEL_X + 14.5 + pen.width(row.zh, 9)
        if beside + pen.width(row.en, 7) < _PANEL_X + _PANEL_WIDTH - 9:
            pen.text(beside, y + 3.7, row.en, 7, _SOFT)
        if row.count is not None:
            said = f"{row.count:,}"
            pen.text(_PANEL_X + _PANEL_WIDTH - pen.width(said, 9), y + 3.7, said, 9, _INK)
        y += 6.4
    for drawn, zh, en in ((theme.outlines, "服务圈", "service circle"), (theme.marks, "服务站点", "station")):
        if drawn:
            if drawn is theme.outlines:
                pen.line([(_PANEL_X + 1, y + 2.5), (_PANEL_X + 9.5, y + 2.5)], Ink(line=_CIRCLE, width_mm=0.4, dash_mm=(2.0, 1.0)))
            else:
                pen.box(_PANEL_X + 4.1, y + 1.5, 1.8, 1.8, Ink(fill="#14343c", line="#ffffff", width_mm=0.25))
            pen.text(_PANEL_X + 13, y + 3.7, zh, 9, _INK)
            pen.text(_PANEL_X + 14.5 + pen.width(zh, 9), y + 3.7, en, 7, _SOFT)
            y += 6.4
    return y


def _swatch(pen: Pen, x: float, y: float, row: LegendRow, opacity: float) -> None:
    if row.dot:
        pen.circles([(x + 5, y + 2.5)], 1.1, Ink(fill=row.look, line="#ffffff", width_mm=0.15))
        return
    box = shapely.box(x, y, x + 10, y + 5)
    pen.shapes(np.array([box], dtype=object), Ink(fill=LAND))
    if row.look in (HATCH, DOTS):
        _pattern(pen, box, row.look)
    else:
        pen.shapes(np.array([box], dtype=object), Ink(fill=row.look, opacity=opacity))
    pen.shapes(np.array([box], dtype=object), Ink(line="#7c8685", width_mm=0.15, round=False))


def _scale_bar(pen: Pen, y: float, scale: float) -> None:
    """Draw four equal pieces of a round length, black and white in turn, and the scale in numbers."""
    pen.text(_PANEL_X, y, f"比例尺 1:{scale:,.0f}".replace(",", " "), 10, _INK)
    pen.text(_PANEL_X + 47, y, "Scale on A3", 7, _SOFT)
    most_m = (_PANEL_WIDTH - 14) * scale / 1000 / 4
    power = 10 ** math.floor(math.log10(most_m))
    piece_m = next(m * power for m in (5, 2.5, 2, 1) if m * power <= most_m)
    piece_mm = piece_m * 1000 / scale
    kilometres = piece_m * 4 >= 2000
    for i in range(4):
        fill = _INK if i % 2 == 0 else "#ffffff"
        pen.box(_PANEL_X + i * piece_mm, y + 3, piece_mm, 1.8, Ink(fill=fill, line=_INK, width_mm=0.15, round=False))
    for i in (0, 1, 2, 4):
        value = piece_m * i / (1000 if kilometres else 1)
        said = f"{value:g}" + ((" km" if kilometres else " m") if i == 4 else "")
        x = _PANEL_X + i * piece_mm - (0 if i == 0 else pen.width(f"{value:g}", 7.5) / 2)
        pen.text(x, y + 8.4, said, 7.5, _INK)


def _north_arrow(pen: Pen, x: float, y: float, frame: Frame, metric: MetricCRS) -> None:
    """Draw an arrow to true north, which is not quite up: the zone's grid leans by the convergence of its meridians."""
    middle = ((frame.west + frame.east) / 2, (frame.south + frame.north) / 2)
    lon, lat = metric.to_lonlat(np.array([middle[0]]), np.array([middle[1]]))
    east_m, north_m = metric.to_m(lon, lat + 1e-3)
    lean = math.atan2(float(east_m[0]) - middle[0], float(north_m[0]) - middle[1])

    def turned(dx: float, dy: float) -> tuple[float, float]:
        return x + dx * math.cos(lean) + dy * math.sin(lean), y - dy * math.cos(lean) + dx * math.sin(lean)

    pen.circles([(x, y)], 9.5, Ink(fill="#ffffff", opacity=0.82, line=_LINE, width_mm=0.2))
    pen.polygon([turned(0, 6), turned(-2.6, -5.2), turned(0, -3.2)], Ink(fill=_INK, line=_INK, width_mm=0.15))
    pen.polygon([turned(0, 6), turned(2.6, -5.2), turned(0, -3.2)], Ink(fill="#ffffff", line=_INK, width_mm=0.15))
    pen.centred(*turned(0, 7.6), "北 N", 6.5, _INK)


def _facts(pen: Pen, theme: Theme, frame: Frame, metric: MetricCRS) -> None:
    """Write what belongs to the figures at the foot of the panel."""
    projection = CRS.from_user_input(metric.text).name.replace(" / ", " · ")
    facts = [(fact.zh, fact.en, fact.text) for fact in theme.table.facts if fact.key != "crs"]
    facts.insert(-2, ("投影", "Projection", projection))
    lines: list[_Line] = []
    for zh, en, text in facts:
        own, _, other = text.partition(" / ")
        lines.append(_Line(f"{zh}  {en}", 6.5, _SOFT, True, 1.9))
        lines.append(_Line(own, 8.5, _INK, True, 0.9))
        if other:
            lines.append(_Line(other, 6.5, _SOFT, False, -0.5))
    height = sum(line.above + pen.height(line.text, _PANEL_WIDTH, line.size_pt, line.chinese) for line in lines)
    y = MAP_Y + MAP_HEIGHT - height + 3.0
    pen.line([(_PANEL_X, y - 3), (_PANEL_X + _PANEL_WIDTH, y - 3)], Ink(line=_LINE, width_mm=0.2))
    for line in lines:
        y = pen.wrapped(_PANEL_X, y + line.above, _PANEL_WIDTH, line.text, line.size_pt, line.colour, line.chinese)
    pen.text(MAP_X, HEIGHT_MM - 5.2, "邻里 linli", 6.5, _SOFT)


@dataclass(frozen=True)
class _Line:
    """A paragraph of the facts, and the millimetres above it."""

    text: str
    size_pt: float
    colour: str
    chinese: bool
    above: float


def _on_page(places: list[tuple[float, float]], frame: Frame, metric: MetricCRS) -> list[tuple[float, float]]:
    if not places:
        return []
    points = shapely.points(np.array(places))
    return [tuple(each) for each in shapely.get_coordinates(frame.to_page(metric.geometry_to_m(points))).tolist()]
