import math

import numpy as np
import pytest
import shapely
from pyproj import Geod

from gis.accessibility.circles import buffer_circles, discs_m, dissolve
from gis.crs import MetricCRS

KUNMING = (102.72, 25.04)


@pytest.mark.parametrize("lat", [24.0, 44.0])
@pytest.mark.parametrize("lon", [102.0, 102.72, 103.45])
def test_area_on_the_ellipsoid_is_that_of_a_circle(lon, lat):
    metric = MetricCRS.for_lon(lon)
    circle = buffer_circles(np.array([lon]), np.array([lat]), 1000.0, metric)[0]
    area_m2, _ = Geod(ellps="GRS80").geometry_area_perimeter(circle)
    assert abs(area_m2) == pytest.approx(math.pi * 1e6, rel=0.005)


def test_the_rim_is_a_radius_away_on_the_ellipsoid():
    lon, lat = KUNMING
    circle = buffer_circles(np.array([lon]), np.array([lat]), 700.0, MetricCRS.for_lon(lon))[0]
    rim = shapely.get_coordinates(circle)
    _, _, away_m = Geod(ellps="GRS80").inv(np.full(len(rim), lon), np.full(len(rim), lat), rim[:, 0], rim[:, 1])
    assert np.allclose(away_m, 700.0, rtol=5e-4)


def test_each_station_has_its_own_radius_and_no_position_no_circle():
    x_m, y_m = np.array([0.0, 5000.0, np.nan]), np.array([0.0, 0.0, 1.0])
    small, large, none = discs_m(x_m, y_m, np.array([10.0, 20.0, 30.0]))
    assert none is None
    assert small.bounds == pytest.approx((-10, -10, 10, 10))
    assert large.bounds == pytest.approx((4980, -20, 5020, 20))


def test_a_station_without_position_survives_the_way_to_degrees():
    lon, lat = KUNMING
    circles = buffer_circles(np.array([lon, np.nan]), np.array([lat, np.nan]), 300.0, MetricCRS.for_lon(lon))
    assert circles[1] is None
    assert dissolve(circles).equals(circles[0])


@pytest.mark.parametrize("radius_m", [0.0, -3.0, np.nan, np.array([5.0, 0.0])])
def test_a_radius_must_be_positive(radius_m):
    with pytest.raises(ValueError, match="radius"):
        buffer_circles(np.array([102.0, 102.1]), np.array([25.0, 25.0]), radius_m, MetricCRS.for_lon(102.0))


def test_dissolved_circles_count_what_they_share_once():
    discs = discs_m(np.array([0.0, 0.0, 1000.0]), np.zeros(3), 100.0)
    assert dissolve(discs).area == pytest.approx(2 * discs[0].area)
    assert dissolve(np.array([], dtype=object)).is_empty
