"""Colours: ramps that stay in order for every kind of colour vision and in grey print, made rather than picked.

A ramp runs through a few anchors in Oklab, a space in which equal steps look equal, so any number of classes may be taken from it.
Lightness changes in one direction only: order can be read without seeing hue.

Source of the colour space: B. Ottosson, "A perceptual color space for image processing", 2020, bottosson.github.io/posts/oklab.
"""

from __future__ import annotations

import numpy as np

RAMPS: dict[str, tuple[str, ...]] = {
    "teal": ("#e9f3e6", "#9fd0bd", "#4599a0", "#1d5f80", "#1a3a5c"),
    "ember": ("#fdf1d3", "#f6c27c", "#dd7d52", "#a8384f", "#561a4a"),
    "dusk": ("#fbf3c4", "#d8c77b", "#98907a", "#565f79", "#142c5f"),
    "share": ("#fbe6bd", "#d9d3a8", "#9cc2ab", "#559fa0", "#1c6477"),
    "night": ("#14303f", "#1d5566", "#2f8b8b", "#7cc39a", "#e8f4b8"),
    "night-ember": ("#33223f", "#713050", "#b8494f", "#ea8a4f", "#fde3a0"),
}
"""Name → anchors from the lowest class to the highest; ``night`` ramps are for dark maps and grow lighter."""
SPOTS = {"hot": ["#a61c2e", "#e58a6e"], "cold": ["#1f4f96", "#79add4"]}
"""Hot and cold spots, the surer ones first: red against blue, which every common kind of colour vision tells apart."""
CHOICES = ("teal", "ember", "dusk")
"""What a reader may choose from; ``dusk`` runs from yellow to blue, which every common kind of colour vision tells apart."""

_MOST, _SMOOTH_STEPS = 12, 64
_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def ramp(name: str, k: int) -> list[str]:
    """Return ``k`` colours (``#rrggbb``) of a ramp, lowest class first.

    Raises:
        ValueError: no such ramp, or k is not from 1 to 12.
    """
    if name not in RAMPS:
        raise ValueError(f"没有色带 {name} / no ramp is called {name}; choices: {', '.join(RAMPS)}")
    if not 1 <= k <= _MOST:
        raise ValueError(f"分级数应在 1 到 12 之间 / classes must be from 1 to 12, got {k}")
    anchors = to_oklab(np.array([_rgb(colour) for colour in RAMPS[name]]))
    at = np.linspace(0, len(anchors) - 1, k) if k > 1 else np.array([(len(anchors) - 1) / 2])
    mixed = np.stack([np.interp(at, np.arange(len(anchors)), anchors[:, i]) for i in range(3)], axis=1)
    return ["#" + "".join(f"{round(float(c) * 255):02x}" for c in row) for row in _to_srgb(mixed)]


def smooth(name: str) -> list[str]:
    """Return a ramp in so many steps that no step is seen."""
    parts = [_rgb(colour) for colour in ramp(name, _MOST)]
    at = np.linspace(0, _MOST - 1, _SMOOTH_STEPS)
    mixed = np.stack([np.interp(at, np.arange(_MOST), [part[i] for part in parts]) for i in range(3)], axis=1)
    return ["#" + "".join(f"{round(float(c) * 255):02x}" for c in row) for row in mixed]


def to_oklab(srgb: np.ndarray) -> np.ndarray:
    """Return Oklab coordinates (n, 3) of sRGB colours (n, 3) from 0 to 1."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _LMS.T) @ _LAB.T)


def _to_srgb(lab: np.ndarray) -> np.ndarray:
    linear = np.clip((lab @ np.linalg.inv(_LAB).T) ** 3 @ np.linalg.inv(_LMS).T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _rgb(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
