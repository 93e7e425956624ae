"""What lies under a printed map, in the calm colours of the screen's base map: land, green, water, buildings, streets and their names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import shapely

from gis.direction import one_line
from gis.services.exporting.ground import Features, Ground
from maps.printing.pen import Ink, Pen

LAND = "#f5f3ed"
_WATER, _GREEN, _BUILDING, _WALL = "#bfd9e3", "#d7e6cb", "#e6e1d7", "#cdc5b7"
_ROAD, _EDGE, _MAJOR, _MAJOR_EDGE, _PATH = "#ffffff", "#d0c9b9", "#fdf0d2", "#d6c08e", "#c4b59c"
_NAME, _WATER_NAME = "#4a4f52", "#3f7288"
_CLASSES: tuple[tuple[tuple[str, ...], float, bool], ...] = (
    (("service", "track", "pedestrian", "living_street", "road"), 0.45, False),
    (("residential", "unclassified"), 0.75, False),
    (("tertiary", "tertiary_link"), 1.0, False),
    (("secondary", "secondary_link"), 1.25, True),
    (("primary", "primary_link"), 1.5, True),
    (("trunk", "trunk_link", "motorway", "motorway_link"), 1.7, True),
)
"""Kinds of streets from the least to the greatest, width in millimetres at 1:5,000, and whether they are main roads."""
_FULL_SCALE = 5_000
_NAME_PT, _NAMES_TO = 6.5, 20_000
_MOST_NAMES = 200


def draw_ground(pen: Pen, ground: Ground, to_page: Callable[[np.ndarray], np.ndarray], scale: float) -> None:
    """Draw the land; ``to_page`` turns shapes in metres into shapes in millimetres on the page."""
    backdrop = to_page(ground.backdrop.shapes_m)
    for kind, colour in (("green", _GREEN), ("water", _WATER)):
        chosen = backdrop[_of(ground.backdrop, (kind,))]
        dimension = shapely.get_dimensions(chosen)
        pen.shapes(chosen[dimension == 2], Ink(fill=colour))
        pen.shapes(chosen[dimension == 1], Ink(line=colour, width_mm=0.6))
    pen.shapes(to_page(ground.buildings.shapes_m), Ink(fill=_BUILDING, line=_WALL, width_mm=0.08))
    streets, slim = to_page(ground.streets.shapes_m), min(1.3, math.sqrt(_FULL_SCALE / scale))
    ordinary = tuple(kind for kinds, _, _ in _CLASSES for kind in kinds)
    paths = streets[~_of(ground.streets, ordinary)]
    pen.shapes(paths, Ink(line=_PATH, width_mm=0.15, dash_mm=(0.7, 0.5), round=False))
    for kinds, width, major in _CLASSES:
        edge = Ink(line=_MAJOR_EDGE if major else _EDGE, width_mm=width * slim + 0.22)
        pen.shapes(streets[_of(ground.streets, kinds)], edge)
    for kinds, width, major in _CLASSES:
        pen.shapes(streets[_of(ground.streets, kinds)], Ink(line=_MAJOR if major else _ROAD, width_mm=width * slim))


def street_names(
    pen: Pen,
    ground: Ground,
    to_page: Callable[[np.ndarray], np.ndarray],
    scale: float,
    free: Callable[..., bool],
) -> None:
    """Write the names of streets and water where there is room: ``free(x, y, width, height, angle)`` tells, and takes it."""
    if scale > _NAMES_TO:
        return
    water = [i for i, kind in enumerate(ground.backdrop.kinds) if kind == "water" and ground.backdrop.names[i]]
    for i in water[:_MOST_NAMES]:
        shape = to_page(ground.backdrop.shapes_m[i : i + 1])[0]
        if shapely.get_dimensions(shape) == 2:
            point, name = shape.point_on_surface(), tidy(ground.backdrop.names[i], 16)
            if free(point.x, point.y, pen.width(name, _NAME_PT), 3, 0):
                pen.centred(point.x, point.y, name, _NAME_PT, _WATER_NAME, LAND)
    written = 0
    for name, begin, end in _straightest(ground.streets, to_page(ground.streets.shapes_m)):
        wide = pen.width(name, _NAME_PT)
        if wide + 3 > math.dist(begin, end):
            continue
        x, y = (begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2
        angle = math.degrees(math.atan2(begin[1] - end[1], end[0] - begin[0]))
        angle = angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle
        if free(x, y, wide, 2.6, angle):
            pen.centred(x, y, name, _NAME_PT, _NAME, "#ffffff", angle)
            written += 1
        if written >= _MOST_NAMES:
            return


def tidy(name: str | None, most: int) -> str:
    """Return a name without signs that could reorder what stands beside it, and no longer than ``most`` signs."""
    plain = one_line(name or "")
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _straightest(streets: Features, shapes: np.ndarray) -> list[tuple[str, tuple[float, float], tuple[float, float]]]:
    """Return of every named street its longest straight piece, the longest first."""
    best: dict[str, tuple[float, tuple[float, float], tuple[float, float]]] = {}
    for name, shape in zip(streets.names, shapes, strict=True):
        said = tidy(name, 20)
        points = shapely.get_coordinates(shapely.simplify(shape, 0.8))
        if not said or len(points) < 2:
            continue
        lengths = np.hypot(*np.diff(points, axis=0).T)
        at = int(np.argmax(lengths))
        if lengths[at] > best.get(said, (0.0,))[0]:
            best[said] = (float(lengths[at]), tuple(points[at].tolist()), tuple(points[at + 1].tolist()))
    ranked = sorted(best.items(), key=lambda item: -item[1][0])
    return [(name, begin, end) for name, (_, begin, end) in ranked]


def _of(features: Features, kinds: Sequence[str]) -> np.ndarray:
    return np.isin(np.array(features.kinds, dtype=object), list(kinds)) if features.kinds else np.zeros(0, dtype=bool)
