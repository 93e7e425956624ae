"""Shapes drawn for maps: to the centimetre, and valid even where rounding closes a gap."""

import json

import numpy as np
import shapely

from gis.services.features import Drawn


def _written(shape: shapely.Geometry) -> shapely.Geometry:
    return shapely.from_geojson(Drawn(shape).json())


def test_seven_decimals_and_no_more() -> None:
    circle = shapely.Point(102.7123456789, 25.0412345678).buffer(0.01)
    assert json.loads(Drawn(circle).json())["coordinates"][0][3] == [
        round(degrees, 7) for degrees in circle.exterior.coords[3]
    ]
    moved = np.abs(shapely.get_coordinates(_written(circle)) - shapely.get_coordinates(circle))
    assert 0 < moved.max() <= 0.5000001e-7
    assert shapely.hausdorff_distance(_written(circle), circle) < 1e-7


def test_a_gap_that_closes_leaves_it_valid() -> None:
    spike = [
        (102.7, 25.0),
        (102.8, 25.0),
        (102.8, 25.1),
        (102.75 + 1e-9, 25.1),
        (102.75, 25.02),
        (102.75 - 1e-9, 25.1),
        (102.7, 25.1),
    ]
    shape = shapely.Polygon(spike)
    assert shapely.is_valid(shape)
    assert not shapely.is_valid(shapely.transform(shape, lambda at: np.round(at, 7)))
    written = _written(shape)
    assert shapely.is_valid(written)
    assert abs(shapely.area(written) - 0.01) < 1e-8
