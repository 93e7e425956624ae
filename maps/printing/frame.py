"""The part of the place that a map shows, and where it stands on the page: at a round scale, so that it may be measured with a ruler."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

_SCALES = [m * 10**e for e in range(2, 7) for m in (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 7.5, 8, 9)]
_PAD = 1.04


@dataclass(frozen=True)
class Box:
    """A rectangle on the page, mm."""

    x: float
    y: float
    width: float
    height: float

    @property
    def shape(self) -> shapely.Polygon:
        """Return it as a polygon."""
        return shapely.box(self.x, self.y, self.x + self.width, self.y + self.height)


MAP = Box(10.0, 31.0, 312.0, 256.0)
"""Where one map stands."""
_GAP, _CAPTION = 5.0, 7.0
PAIR = tuple(
    Box(MAP.x + i * (MAP.width + _GAP) / 2, MAP.y + _CAPTION, (MAP.width - _GAP) / 2, MAP.height - _CAPTION)
    for i in (0, 1)
)
"""Where two maps stand, with a caption over each."""


@dataclass(frozen=True)
class Frame:
    """The part of the place that a map shows, in metres of the place's zone, the denominator of its scale, and its box on the page."""

    west: float
    south: float
    east: float
    north: float
    scale: float
    box: Box = MAP

    @classmethod
    def round(cls, bounds_m: tuple[float, float, float, float], box: Box = MAP) -> Frame:
        """Return the frame at the largest round scale in which all of ``bounds_m`` (west, south, east, north) is seen."""
        west, south, east, north = bounds_m
        wanted = max((east - west) / box.width, (north - south) / box.height) * 1000 * _PAD
        scale = next((each for each in _SCALES if each >= wanted), wanted)
        x, y = (west + east) / 2, (south + north) / 2
        half_x, half_y = box.width * scale / 2000, box.height * scale / 2000
        return cls(x - half_x, y - half_y, x + half_x, y + half_y, scale, box)

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """Return west, south, east, north."""
        return self.west, self.south, self.east, self.north

    def to_page(self, shapes_m: np.ndarray) -> np.ndarray:
        """Return shapes in metres as shapes in millimetres on the page."""
        factor = 1000 / self.scale

        def move(points: np.ndarray) -> np.ndarray:
            return np.column_stack(
                [
                    self.box.x + (points[:, 0] - self.west) * factor,
                    self.box.y + (self.north - points[:, 1]) * factor,
                ]
            )

        return np.asarray(shapely.transform(shapes_m, move), dtype=object)
