"""Ramps keep their order for every kind of colour vision."""

from __future__ import annotations

import numpy as np
import pytest

from maps.classify import MAX_CLASSES
from maps.palettes import CHOICES, RAMPS, ramp, to_oklab

# Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009: severity 1.0.
VISIONS = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def seen(colours: list[str], vision: str) -> np.ndarray:
    """Return Oklab of colours as that kind of vision sees them."""
    srgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    mixed = np.clip(linear @ VISIONS[vision].T, 0, 1)
    return to_oklab(np.where(mixed <= 0.0031308, mixed * 12.92, 1.055 * mixed ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("name", RAMPS)
@pytest.mark.parametrize("k", [2, 5, 7])
def test_lightness_goes_one_way_and_neighbours_differ(name: str, k: int, vision: str) -> None:
    lab = seen(ramp(name, k), vision)
    steps = np.diff(lab[:, 0])
    assert np.all(steps > 0.02) if name.startswith("night") else np.all(steps < -0.02)
    assert np.all(np.linalg.norm(np.diff(lab, axis=0), axis=1) > 0.04)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("name", CHOICES)
def test_what_readers_may_choose_holds_for_as_many_classes_as_there_may_be(name: str, vision: str) -> None:
    test_lightness_goes_one_way_and_neighbours_differ(name, MAX_CLASSES, vision)


def test_white_and_black_are_where_they_belong() -> None:
    assert to_oklab(np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]))[:, 0] == pytest.approx([1, 0], abs=1e-6)


def test_the_ends_of_a_ramp_are_its_anchors() -> None:
    assert ramp("teal", 5) == list(RAMPS["teal"])
    assert len(set(ramp("ember", 12))) == 12


@pytest.mark.parametrize(("name", "k"), [("rainbow", 5), ("teal", 0), ("teal", 13)])
def test_what_is_not_there_is_refused(name: str, k: int) -> None:
    with pytest.raises(ValueError, match="/"):
        ramp(name, k)
