"""Drawing on a page in millimetres: shapes, patterns, texts with halos. All that knows the PDF library."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import shapely
from fpdf import FPDF
from fpdf.drawing import PaintedPath
from fpdf.enums import PathPaintRule, StrokeCapStyle, StrokeJoinStyle, TextMode
from PIL import Image

from maps.fonts import chinese_font

WIDTH_MM, HEIGHT_MM = 420.0, 297.0
_MM_PER_PT = 25.4 / 72
_FONT = "chinese"
_PIECES = re.compile(r"[\u2e80-\uffef]|[^\s\u2e80-\uffef]+\s*|\s+")
_NOT_FIRST = "，。；：、）"
_HALO, _BOLD = 0.26, 0.018
"""Widths of a text's outline as parts of its size; the library takes them in points."""


@dataclass(frozen=True)
class Ink:
    """How a shape is drawn: fill and its opacity, line colour, width in millimetres, dashes."""

    fill: str | None = None
    opacity: float = 1.0
    line: str | None = None
    width_mm: float = 0.1
    line_opacity: float = 1.0
    dash_mm: tuple[float, ...] | None = None
    round: bool = True


class Pen:
    """A page of A3 across; everything is said in millimetres from its upper left corner."""

    def __init__(self, title: str) -> None:
        """Begin the page.

        Raises:
            Unavailable: this machine has no Chinese font.
        """
        path, number = chinese_font()
        self.pdf = FPDF(orientation="landscape", format=(HEIGHT_MM, WIDTH_MM))
        self.pdf.set_auto_page_break(False)
        self.pdf.set_margin(0)
        self.pdf.c_margin = 0
        self.pdf.set_title(title)
        self.pdf.set_creator("linli 邻里")
        self.pdf.add_font(_FONT, fname=path, collection_font_number=number)
        self.pdf.add_page()

    def finish(self) -> bytes:
        """Return the page as PDF."""
        return bytes(self.pdf.output())

    @contextmanager
    def clipped(self, x: float, y: float, width: float, height: float) -> Iterator[None]:
        """Draw nothing outside a rectangle."""
        with (
            self.pdf.local_context(),
            self.pdf.rect_clip(x, y, width, height),
        ):  # the clip alone does not remember the font
            yield

    def shapes(self, shapes: np.ndarray, ink: Ink) -> None:
        """Draw lines, and polygons with their holes, in one stroke of the same ink."""
        path, drawn = self._path(ink), False
        for part in shapely.get_parts(shapes):
            closed = part.geom_type == "Polygon"
            for ring in [part.exterior, *part.interiors] if closed else [part]:
                drawn |= self._ring(path, shapely.get_coordinates(ring), closed=closed)
        if drawn:
            self.pdf.draw_path(path)  # type: ignore[arg-type]  # as its documentation has it

    def polygon(self, points: Sequence[tuple[float, float]], ink: Ink) -> None:
        """Draw one polygon."""
        self.shapes(np.array([shapely.Polygon(points)], dtype=object), ink)

    def line(self, points: Sequence[tuple[float, float]], ink: Ink) -> None:
        """Draw one line."""
        self.shapes(np.array([shapely.LineString(points)], dtype=object), ink)

    def box(self, x: float, y: float, width: float, height: float, ink: Ink) -> None:
        """Draw a rectangle."""
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], ink)

    def circles(self, places: Iterable[tuple[float, float]], radius: float, ink: Ink) -> None:
        """Draw circles of one size."""
        path, drawn = self._path(ink), False
        for x, y in places:
            path.circle(x, y, radius)
            drawn = True
        if drawn:
            self.pdf.draw_path(path)  # type: ignore[arg-type]  # as its documentation has it

    def width(self, text: str, size_pt: float) -> float:
        """Return how wide a text is, mm."""
        self.pdf.set_font(_FONT, size=size_pt)
        return float(self.pdf.get_string_width(text))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size_pt: float,
        colour: str = "#222a2c",
        halo: str | None = None,
        bold: bool = False,
    ) -> None:
        """Write a line whose base is at (x, y)."""
        self.pdf.set_font(_FONT, size=size_pt)
        self.pdf.set_text_color(colour)
        if halo:
            with self.pdf.local_context(text_mode=TextMode.STROKE, draw_color=halo, line_width=size_pt * _HALO):
                self.pdf.text(x, y, text)
        if bold:
            with self.pdf.local_context(text_mode=TextMode.FILL_STROKE, draw_color=colour, line_width=size_pt * _BOLD):
                self.pdf.text(x, y, text)
        else:
            self.pdf.text(x, y, text)

    def centred(
        self,
        x: float,
        y: float,
        text: str,
        size_pt: float,
        colour: str,
        halo: str | None = None,
        angle: float = 0.0,
    ) -> None:
        """Write a line whose middle is at (x, y), turned by an angle in degrees."""
        left, base = x - self.width(text, size_pt) / 2, y + size_pt * _MM_PER_PT * 0.36
        if angle:
            with self.pdf.rotation(angle, x, y):
                self.text(left, base, text, size_pt, colour, halo)
        else:
            self.text(left, base, text, size_pt, colour, halo)

    def cut(self, text: str, width: float, size_pt: float) -> str:
        """Return a text that is no wider than ``width``: its beginning with an ellipsis where it is."""
        if self.width(text, size_pt) <= width:
            return text
        while text and self.width(f"{text}…", size_pt) > width:
            text = text[:-1]
        return f"{text.rstrip()}…"

    def wrapped(self, x: float, y: float, width: float, text: str, size_pt: float, colour: str) -> float:
        """Write a text in lines no wider than ``width``, the first one's base at y; return the base of the line that would follow."""
        step = size_pt * _MM_PER_PT * 1.42
        for line in self._lines(text, width, size_pt):
            self.text(x, y, line, size_pt, colour)
            y += step
        return y

    def height(self, text: str, width: float, size_pt: float) -> float:
        """Return how high a wrapped text is, mm."""
        return len(self._lines(text, width, size_pt)) * size_pt * _MM_PER_PT * 1.42

    def image(self, image: Image.Image, x: float, y: float, width: float, height: float) -> None:
        """Draw a picture, through whose transparent parts what is there already is seen."""
        self.pdf.image(image, x, y, width, height)

    def _lines(self, text: str, width: float, size_pt: float) -> list[str]:
        """Return a text in lines: broken between 中文 signs, and between words of others."""
        lines, line = [], ""
        for piece in _PIECES.findall(text):
            if line and self.width((line + piece).rstrip(), size_pt) > width and piece not in _NOT_FIRST:
                lines.append(line.rstrip())
                line = ""
            line += piece
        return [*lines, line.rstrip()] if line.strip() else lines

    def _path(self, ink: Ink) -> PaintedPath:
        path = PaintedPath()
        style = path.style
        style.auto_close = False
        style.fill_color, style.stroke_color = ink.fill, ink.line
        style.fill_opacity, style.stroke_opacity = ink.opacity, ink.line_opacity
        style.stroke_width = ink.width_mm if ink.line else 0
        if ink.line:
            style.stroke_join_style = StrokeJoinStyle.ROUND if ink.round else StrokeJoinStyle.MITER
            style.stroke_cap_style = StrokeCapStyle.ROUND if ink.round else StrokeCapStyle.BUTT
            style.stroke_dash_pattern = list(ink.dash_mm) if ink.dash_mm else None
        rules = {
            (True, True): PathPaintRule.STROKE_FILL_EVENODD,
            (True, False): PathPaintRule.FILL_EVENODD,
            (False, True): PathPaintRule.STROKE,
        }
        style.paint_rule = rules.get((ink.fill is not None, ink.line is not None), PathPaintRule.DONT_PAINT)
        return path

    @staticmethod
    def _ring(path: PaintedPath, points: np.ndarray, *, closed: bool) -> bool:
        if len(points) < 2:
            return False
        corners = np.round(points, 3).tolist()
        if closed:
            corners = corners[:-1]
        path.move_to(*corners[0])
        for x, y in corners[1:]:
            path.line_to(x, y)
        if closed:
            path.close()
        return True


def lattice(shape: shapely.Geometry, step: float, *, lines: bool) -> np.ndarray:
    """Return a pattern that fills a shape: lines at 45 degrees, or points in staggered rows; both stand in one lattice for the whole page."""
    west, south, east, north = shape.bounds
    if lines:
        first, last = int(np.floor((west + south) / step)), int(np.ceil((east + north) / step))
        high = max(north - south, east - west) + step
        drawn = [
            shapely.LineString([(west - high, n * step - west + high), (east + high, n * step - east - high)])
            for n in range(first, last + 1)
        ]
        cut = shapely.intersection(np.array(drawn, dtype=object), shape)
        return cut[~shapely.is_empty(cut)]
    rows = np.arange(np.floor(south / step), np.ceil(north / step) + 1)
    columns = np.arange(np.floor(west / step), np.ceil(east / step) + 1)
    x, y = np.meshgrid(columns * step, rows * step)
    x = x + np.where(rows % 2 == 0, 0, step / 2)[:, None]
    inside = shapely.contains_xy(shape, x, y)
    return np.column_stack([x[inside], y[inside]])
