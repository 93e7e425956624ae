"""The sheet: title, one map or two side by side, and round them what whoever holds the paper must know."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pypdfium2
import shapely
from PIL import Image

from gis.crs import MetricCRS
from gis.needs.density import density_raster
from gis.services.exporting.ground import Ground
from maps.printing import furniture
from maps.printing.frame import MAP, PAIR, Box, Frame
from maps.printing.furniture import DOT_GROUND, HATCH_GROUND, INK, LINE, SOFT
from maps.printing.ground import LAND, draw_ground, street_names, tidy
from maps.printing.needs import heat_opacity
from maps.printing.pen import HEIGHT_MM, WIDTH_MM, Ink, Pen
from maps.printing.themes import DOTS, HATCH, Heat, Sheet, Theme

_EDGE = "#21424a"
_LABEL_PT, _LABEL_MM, _LABEL_HALO = 8.0, 3.3, "#fbfaf7"
_SPECK_MM2 = 120.0
_TITLE_MM = WIDTH_MM - 2 * MAP.x
_HEAT_MM, _FINE = 0.25, 40
"""Heat is drawn in squares of so many millimetres; so many to the kernel's radius are computed, what lies between is smooth."""
_PNG_LOCK = threading.Lock()
"""PDFium may be used by one thread at a time."""


class _Room:
    """Which parts of a map are taken by names."""

    def __init__(self, box: Box) -> None:
        self._inside = box.shape.buffer(-1)
        self._taken: list[shapely.Geometry] = []

    def take(self, x: float, y: float, width: float, height: float, angle: float = 0.0) -> bool:
        """Take the room of a text if it is free and inside the map; tell whether."""
        box = shapely.box(x - width / 2 - 0.6, y - height / 2 - 0.2, x + width / 2 + 0.6, y + height / 2 + 0.2)
        if angle:
            box = shapely.affinity.rotate(box, -angle, origin=(x, y))
        if not shapely.within(box, self._inside) or any(shapely.intersects(box, other) for other in self._taken):
            return False
        self._taken.append(box)
        return True


def frame_of(sheet: Sheet, bounds_m: tuple[float, float, float, float]) -> Frame:
    """Return the frame of a sheet's map, or of the first of two, in which all of ``bounds_m`` (west, south, east, north) is seen."""
    return Frame.round(bounds_m, MAP if len(sheet.themes) == 1 else PAIR[0])


def draw(sheet: Sheet, ground: Ground, frame: Frame, metric: MetricCRS) -> bytes:
    """Return the sheet as PDF.

    Args:
        sheet: what is shown.
        ground: what lies under, of that frame and scale.
        frame: of :func:`frame_of`.
        metric: the place's system; the frame's metres are of it.

    Raises:
        Unavailable: this machine has no Chinese font.
    """
    say, place = sheet.table.say, sheet.table.fact("place")
    title = (
        sheet.table.title
        if place == "–"
        else say("{place}{title} / {place}: {title}").format(place=place, title=sheet.table.title)
    )
    pen = Pen(title)
    pen.text(MAP.x, 20.5, pen.cut(title, _TITLE_MM, 25), 25, INK, bold=True)
    pen.text(MAP.x, 27.6, pen.cut(sheet.heading, _TITLE_MM, 12), 12, SOFT)
    frames = [frame] if len(sheet.themes) == 1 else [replace(frame, box=box) for box in PAIR]
    for theme, own in zip(sheet.themes, frames, strict=True):
        _draw_map(pen, theme, ground, own, metric, arrow=own is frames[-1])
    last = frames[-1].box
    furniture.north_arrow(pen, say, last.x + last.width - 13, last.y + 17, frame, metric)
    opacity = sheet.themes[0].opacity
    below = furniture.legends(pen, say, sheet.legends, sheet.rows, opacity, MAP.y + 4)
    furniture.scale_bar(pen, say, below + 8, frame.scale)
    furniture.facts(pen, sheet.table, MAP.y + MAP.height, metric)
    pen.text(MAP.x, HEIGHT_MM - 5.2, "邻里 linli", 6.5, SOFT)
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


def _draw_map(pen: Pen, theme: Theme, ground: Ground, frame: Frame, metric: MetricCRS, *, arrow: bool) -> None:
    box = frame.box
    if theme.caption:
        pen.text(box.x, box.y - 2.2, pen.cut(theme.caption, box.width, 11), 11, INK)
    with pen.clipped(box.x, box.y, box.width, box.height):
        pen.box(box.x, box.y, box.width, box.height, Ink(fill=LAND))
        draw_ground(pen, ground, frame.to_page, frame.scale)
        if theme.heat is not None:
            _draw_heat(pen, theme.heat, frame, metric)
        shapes = frame.to_page(metric.geometry_to_m(theme.layer.shapes))
        near = shapely.intersects(shapes, box.shape)
        _draw_looks(pen, theme, shapes, near)
        for outline, row in theme.outlines:
            rings = _without_specks(frame.to_page(metric.geometry_to_m(np.array([outline], dtype=object))))
            pen.shapes(rings, furniture.line_ink(row))
        _draw_dots(pen, theme, frame, metric)
        room = _Room(box)
        if arrow:
            room.take(box.x + box.width - 13, box.y + 17, 18, 26)
        _draw_marks(pen, theme, frame, metric, room)
        if theme.labelled:
            _labels(pen, theme, shapely.intersection(shapes[near], box.shape), np.flatnonzero(near), room.take)
        street_names(pen, ground, frame.to_page, frame.scale, room.take)
    pen.box(box.x, box.y, box.width, box.height, Ink(line=LINE, width_mm=0.35, round=False))


def _draw_looks(pen: Pen, theme: Theme, shapes: np.ndarray, near: np.ndarray) -> None:
    looks = np.array(theme.looks, dtype=object)
    for look in sorted({look for look in theme.looks if look}):
        chosen = shapes[near & (looks == look)]
        if look in (HATCH, DOTS):
            pen.shapes(chosen, Ink(fill=HATCH_GROUND if look == HATCH else DOT_GROUND, opacity=0.7))
            for shape in chosen:
                furniture.pattern(pen, shape, look)
        else:
            pen.shapes(chosen, Ink(fill=look, opacity=theme.opacity))
    edge = Ink(
        line=_EDGE if theme.labelled else "#7c8685",
        width_mm=0.3 if theme.labelled else 0.08,
        line_opacity=0.75,
    )
    pen.shapes(shapes[near & (looks != None)], edge)  # noqa: E711  element by element


def _draw_heat(pen: Pen, heat: Heat, frame: Frame, metric: MetricCRS) -> None:
    """Draw the density of needs as a picture through which the ground is seen, coloured as on the screen."""
    box, step_mm = frame.box, max(_HEAT_MM, heat.radius_m * 1000 / frame.scale / _FINE)
    shape = math.ceil(box.height / step_mm), math.ceil(box.width / step_mm)
    x_m, y_m = metric.to_m(heat.lon, heat.lat)
    sums = density_raster(
        x_m, y_m, heat.weight, heat.radius_m, (frame.west, frame.north), step_mm * frame.scale / 1000, shape
    )
    share = np.clip(sums / heat.top, 0, 1)
    colours = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in heat.colours], dtype=np.uint8)
    opacity = np.vectorize(heat_opacity, otypes=[float])(np.linspace(0, 1, 1001))
    alpha = opacity[np.round(share * 1000).astype(int)]
    pixels = np.dstack(
        [
            colours[np.minimum(len(colours) - 1, (share * len(colours)).astype(int))],
            np.round(alpha * 255).astype(np.uint8),
        ]
    )
    image = Image.fromarray(pixels)
    if step_mm > _HEAT_MM:
        image = image.resize(
            (round(shape[1] * step_mm / _HEAT_MM), round(shape[0] * step_mm / _HEAT_MM)),
            Image.Resampling.BICUBIC,
        )
    pen.image(image, box.x, box.y, shape[1] * step_mm, shape[0] * step_mm)


def _draw_dots(pen: Pen, theme: Theme, frame: Frame, metric: MetricCRS) -> None:
    dots = _on_page([(lon, lat) for lon, lat, _ in theme.dots], frame, metric)
    for colour in sorted({colour for *_, colour in theme.dots}):
        places = [at for at, (*_, own) in zip(dots, theme.dots, strict=True) if own == colour]
        pen.circles(places, 0.75, Ink(fill=colour, line="#ffffff", width_mm=0.15))


def _draw_marks(pen: Pen, theme: Theme, frame: Frame, metric: MetricCRS, room: _Room) -> None:
    marks = _on_page([(lon, lat) for lon, lat, _ in theme.marks], frame, metric)
    for (x, y), (*_, name) in zip(marks, theme.marks, strict=True):
        furniture.mark(pen, x, y, "#14343c")
        said = tidy(name, 14)
        wide = pen.width(said, 6.5)
        if room.take(x + 1.8 + wide / 2, y, wide, 3):
            pen.text(x + 1.8, y + 0.85, said, 6.5, "#14343c", _LABEL_HALO)


def _labels(pen: Pen, theme: Theme, shapes: np.ndarray, rows: np.ndarray, take: Callable[..., bool]) -> None:
    """Write the grids' names, the largest first, where they stand free of each other; a code where there is no name."""
    names, codes = (theme.layer.column(key).values for key in ("name", "code"))
    for at in np.argsort(-shapely.area(shapes), kind="stable"):
        shape = shapes[at].buffer(0)  # what is left of a shape at the edge of the map may have lines and points to it
        if shape.is_empty:
            continue
        name = tidy(names[rows[at]], 16) or str(codes[rows[at]])
        middle = shapely.get_point(shapely.maximum_inscribed_circle(shape, 0.5), 0)
        _label(pen, name, shape, (middle.x, middle.y), take)


def _label(pen: Pen, name: str, shape: shapely.Geometry, at: tuple[float, float], take: Callable[..., bool]) -> None:
    """Write a name in the shape, on one line or on two, where there is room for it."""
    half = (len(name) + 1) // 2
    for lines in ([name], [name[:half].rstrip(), name[half:].lstrip()]):
        wide, high = max(pen.width(line, _LABEL_PT) for line in lines), _LABEL_MM * len(lines)
        for down in (0, -_LABEL_MM, _LABEL_MM):
            x, y = at[0], at[1] + down
            text = shapely.box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
            if shape.buffer(wide / 12).covers(text) and take(x, y, wide, high):
                for i, line in enumerate(lines):
                    middle = y + (i - (len(lines) - 1) / 2) * _LABEL_MM
                    pen.centred(x, middle, line, _LABEL_PT, "#14343c", _LABEL_HALO)
                return


def _without_specks(shapes: np.ndarray) -> np.ndarray:
    """Return polygons without the parts and holes that are too small on paper to mean anything."""
    kept = []
    for part in shapely.get_parts(shapes):
        holes = [ring for ring in part.interiors if shapely.Polygon(ring).area >= _SPECK_MM2]
        if shapely.Polygon(part.exterior).area >= _SPECK_MM2:
            kept.append(shapely.Polygon(part.exterior, holes))
    return np.array(kept, dtype=object)


def _on_page(places: Sequence[tuple[float, float]], frame: Frame, metric: MetricCRS) -> list[tuple[float, float]]:
    if not places:
        return []
    points = shapely.points(np.array(places))
    return [tuple(each) for each in shapely.get_coordinates(frame.to_page(metric.geometry_to_m(points))).tolist()]
