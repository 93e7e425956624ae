"""Shapes drawn for a map's scale: read again they are within a pixel of the exact ones, each corner on its lattice."""

from itertools import accumulate

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.services.sketches import pitch_deg, sketches

M_PER_DEGREE = 111_320.0


def read(text: str, pitch: float) -> shapely.Geometry:
    """Decode as the document of gis/services/sketches.py says, sign by sign."""
    first = (0, 0)
    polygons = []
    for polygon in text.split("/") if text else []:
        rings = []
        for ring in polygon.split(" "):
            steps, value, shift = [], 0, 0
            for sign in ring:
                bits = ord(sign) - 63
                value, shift = value + ((bits & 31) << shift), shift + 5
                if bits < 32:
                    steps.append(-(value + 1) // 2 if value % 2 else value // 2)
                    value, shift = 0, 0
            xs, ys = accumulate(steps[::2]), accumulate(steps[1::2])
            corners = [(first[0] + x, first[1] + y) for x, y in zip(xs, ys, strict=True)]
            first = corners[0]
            rings.append(np.array(corners) * pitch)
        polygons.append(shapely.Polygon(rings[0], rings[1:]))
    return shapely.MultiPolygon(polygons)


def star(lon: float, lat: float, radii_m: list[float]) -> shapely.Polygon:
    """A shape with a corner at each of these distances, and a hole half as wide."""
    turn = np.linspace(0, 2 * np.pi, len(radii_m), endpoint=False)
    ring = np.column_stack([np.cos(turn), np.sin(turn)]) * np.array(radii_m)[:, None] / M_PER_DEGREE
    middle = np.array([lon, lat])
    return shapely.Polygon(ring + middle, [ring / 2 + middle])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-179, 179), st.floats(-60, 60), st.lists(st.floats(300, 1500), min_size=3, max_size=60)),
        max_size=4,
    ),
    st.sampled_from([0.5, 2.0, 17.0, 40.0]),
)
def test_a_sketch_is_within_a_pixel_of_the_shape(
    places: list[tuple[float, float, list[float]]], resolution_m: float
) -> None:
    exact = [star(*place) for place in places]
    pitch = pitch_deg(resolution_m)
    texts = sketches(exact, pitch)
    assert len(texts) == len(exact)
    for shape, text in zip(exact, texts, strict=True):
        off_deg = shapely.hausdorff_distance(read(text, pitch).boundary, shape.boundary, densify=0.1)
        assert off_deg * M_PER_DEGREE <= resolution_m * 1.01


def test_several_polygons_and_what_is_too_small_to_be_seen() -> None:
    pitch = pitch_deg(10.0)
    large, far = (shapely.box(x, 0, x + 0.01, 0.01) for x in (0, 0.05))
    speck = shapely.box(0.1, 0.00001, 0.1003, 0.00002)  # long, but thinner than a step
    pierced = shapely.Polygon(large.exterior, [shapely.box(0.004, 0.00401, 0.0043, 0.00402).exterior])
    two, none, one = sketches([shapely.MultiPolygon([pierced, speck, far]), speck, large], pitch)
    assert [text.count("/") for text in (two, none, one)] == [1, 0, 0]
    assert none == "" and " " not in two, "specks and holes smaller than a pixel are left out"
    assert read(two, pitch).area == pytest.approx(2 * large.area, rel=0.02)
    assert sketches([], pitch) == []
    assert sketches([large], pitch) == [one], "a shape's text does not depend on the others"
