"""Ways as drawn, and which of them people walk on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

STEPS = "steps"
_FAST_ROADS = frozenset({"motorway", "motorway_link", "trunk", "trunk_link"})
_FOOT_ALLOWED = frozenset({"yes", "designated", "permissive", "official", "sidewalk"})
_FOOT_REFUSED = frozenset({"no", "use_sidepath"})
_NOT_WALKED = frozenset(
    {
        "abandoned", "bus_guideway", "construction", "disused", "escape", "planned", "platform", "proposed",
        "raceway", "razed", "rest_area", "services",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Ways:
    """Lines of w ways with n vertices, not split at junctions.

    Attributes:
        x_m, y_m: float64 (n,), vertices in metres, way after way.
        start: int64 (w + 1,), way i has the vertices ``start[i]:start[i + 1]``.
        kind: str (w,), the OSM ``highway`` value or the file's own word.
        foot: str (w,), the OSM ``foot`` value, ``sidewalk`` where the way has one, or empty.
        bridge, tunnel: bool (w,).
        layer: int64 (w,), the OSM ``layer``.
    """

    x_m: np.ndarray
    y_m: np.ndarray
    start: np.ndarray
    kind: np.ndarray
    foot: np.ndarray
    bridge: np.ndarray
    tunnel: np.ndarray
    layer: np.ndarray

    def __post_init__(self) -> None:
        """Refuse columns that do not fit together and positions that are not numbers."""
        count = len(self.start) - 1
        uneven = [name for name in ("kind", "foot", "bridge", "tunnel", "layer") if len(getattr(self, name)) != count]
        if uneven or len(self.x_m) != len(self.y_m) or (self.start[-1] if count >= 0 else -1) != len(self.x_m):
            raise ValueError(f"街道各列长度不一 / columns of ways differ in length: {', '.join(uneven) or 'start'}")
        if not (np.isfinite(self.x_m).all() and np.isfinite(self.y_m).all()):
            raise ValueError("街道坐标含非数值 / a way has a coordinate that is not a number")

    def __len__(self) -> int:
        """Return the number of ways."""
        return len(self.start) - 1

    @classmethod
    def from_lines(
        cls,
        lines: np.ndarray,
        kind: Sequence[str | None],
        foot: Sequence[str | None] | None = None,
        bridge: Sequence[bool] | None = None,
        tunnel: Sequence[bool] | None = None,
        layer: Sequence[int] | None = None,
    ) -> Ways:
        """Take ways from LineStrings.

        Args:
            lines: LineStrings (w,) in metres of the place's zone; None and empty lines stay as ways without vertices.
            kind: (w,); the other columns (w,) as well, or None for the value that says nothing.

        Raises:
            ValueError: the columns differ in length, or something is not a LineString.
        """
        lines = np.asarray(lines, dtype=object)
        wrong = ~shapely.is_missing(lines) & (shapely.get_type_id(lines) != shapely.GeometryType.LINESTRING)
        if wrong.any():
            raise ValueError(f"街道须为单条折线 / a way must be a LineString: {int(np.flatnonzero(wrong)[0])}")
        counts = shapely.get_num_coordinates(lines)
        xy = shapely.get_coordinates(lines)
        width = len(lines)
        return cls(
            x_m=np.ascontiguousarray(xy[:, 0]),
            y_m=np.ascontiguousarray(xy[:, 1]),
            start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            kind=np.array([_word(value) for value in kind], dtype=object),
            foot=np.array([_word(value) for value in foot] if foot is not None else [""] * width, dtype=object),
            bridge=np.asarray(bridge if bridge is not None else np.zeros(width), dtype=bool),
            tunnel=np.asarray(tunnel if tunnel is not None else np.zeros(width), dtype=bool),
            layer=np.asarray(layer if layer is not None else np.zeros(width), dtype=np.int64),
        )

    def walkable(self) -> np.ndarray:
        """Say which ways people walk on, bool (w,).

        The rule: a way whose ``foot`` is ``no`` or ``use_sidepath`` is left out, and so is one that is not (or no longer) a street:
        under construction, planned, abandoned, a race track, a guided busway, a platform. Motorways, trunk roads and their ramps are
        left out unless ``foot`` allows walking or names a sidewalk. Everything else is walked on in both directions, whatever
        ``oneway`` says and whatever word a file of its own uses as the kind (https://wiki.openstreetmap.org/wiki/Key:foot).
        """
        allowed = _among(self.foot, _FOOT_ALLOWED)
        shut = _among(self.foot, _FOOT_REFUSED) | _among(self.kind, _NOT_WALKED)
        return ~shut & (~_among(self.kind, _FAST_ROADS) | allowed)

    @property
    def steps(self) -> np.ndarray:
        """Which ways are flights of steps, bool (w,)."""
        return _among(self.kind, frozenset({STEPS}))

    @property
    def level(self) -> np.ndarray:
        """How high each way lies, int64 (w,): its ``layer``, or 1 for a bridge and −1 for a tunnel that name none."""
        implied = np.where(self.bridge, 1, np.where(self.tunnel, -1, 0))
        return np.where(self.layer != 0, self.layer, implied)


def _word(value: str | None) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def _among(values: np.ndarray, words: frozenset[str]) -> np.ndarray:
    return np.fromiter((value in words for value in values), dtype=bool, count=len(values))
