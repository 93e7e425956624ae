"""Coordinate systems: published values, round trips, and what must be refused."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from gis.crs import (
    CHOICES,
    MetricCRS,
    SourceCRS,
    UnknownCRS,
    zone_epsg,
)
from gis.shifts import (
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)

KUNMING = (102.712, 25.040)
GEOD = Geod(ellps="WGS84")
ESRI_ZONE_34 = (
    'PROJCS["CGCS2000_3_Degree_GK_CM_102E",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",'
    'DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",500000.0],'
    'PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",102.0],PARAMETER["Scale_Factor",1.0],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)
LOCAL = "+proj=tmerc +lat_0=0 +lon_0=102.75 +k=1 +x_0=100000 +y_0=-2700000 +ellps=GRS80 +units=m +type=crs"

in_china = st.tuples(st.floats(73.6, 135.0), st.floats(3.5, 53.5))


def offset_m(lon: float, lat: float, to_lon: float, to_lat: float) -> tuple[float, float, float]:
    """Return distance, metres east and metres north, on the ellipsoid."""
    azimuth, _, distance_m = GEOD.inv(lon, lat, to_lon, to_lat)
    return (
        distance_m,
        distance_m * np.sin(np.radians(azimuth)),
        distance_m * np.cos(np.radians(azimuth)),
    )


@pytest.mark.parametrize(
    ("lon", "epsg"),
    [(75, 4534), (102.712, 4543), (103.49, 4543), (103.51, 4544), (116.4, 4548), (135, 4554), (136.4, 4554)],
)
def test_the_zone_of_a_longitude(lon: float, epsg: int) -> None:
    assert zone_epsg(lon) == epsg
    assert MetricCRS.for_lon(lon).text == f"EPSG:{epsg}"


@pytest.mark.parametrize("lon", [73.4, 136.6, 0.0, -102.7, float("nan"), float("inf")])
def test_no_zone_outside_25_to_45(lon: float) -> None:
    with pytest.raises(ValueError, match=r"25.*/.*25 to 45"):
        zone_epsg(lon)


def test_metres_east_come_first_and_the_central_meridian_is_at_500_km() -> None:
    x_m, y_m = MetricCRS("EPSG:4543").to_m([102.0, 102.0], [0.0, 25.0])
    assert x_m == pytest.approx([500_000, 500_000], abs=1e-6)
    # The meridian from the equator to 25° N, from the series for GRS 80.
    assert y_m == pytest.approx([0, 2_766_054.17], abs=0.01)


@given(st.floats(101.0, 104.0), st.floats(21.0, 29.0), st.floats(0, 360), st.floats(1, 2_000))
def test_metres_of_the_zone_are_metres_on_the_ground(lon: float, lat: float, azimuth: float, length_m: float) -> None:
    far_lon, far_lat, _ = GEOD.fwd(lon, lat, azimuth, length_m)
    x_m, y_m = MetricCRS.for_lon(lon).to_m([lon, far_lon], [lat, far_lat])
    assert np.hypot(x_m[1] - x_m[0], y_m[1] - y_m[0]) == pytest.approx(length_m, rel=4e-4)


@given(in_china)
def test_metres_and_back(position: tuple[float, float]) -> None:
    metric = MetricCRS.for_lon(position[0])
    lon, lat = metric.to_lonlat(*metric.to_m(*position))
    assert (float(lon), float(lat)) == pytest.approx(position, abs=1e-9)


def test_a_missing_position_stays_missing_and_does_not_spread() -> None:
    x_m, y_m = MetricCRS("EPSG:4543").to_m([102.7, np.nan, 102.7], [25.0, 25.0, np.nan])
    assert np.isfinite([x_m[0], y_m[0]]).all()
    assert np.isnan([x_m[1:], y_m[1:]]).all()
    lon, lat = SourceCRS.parse("EPSG:4543").to_wgs84([np.nan, 571_854.0], [2_770_674.0, 2_770_674.0])
    assert np.isnan([lon[0], lat[0]]).all()
    assert (lon[1], lat[1]) == pytest.approx(KUNMING, abs=1e-5)


def test_what_has_no_image_is_not_taken_for_missing() -> None:
    lon, _ = SourceCRS.parse("EPSG:4543").to_wgs84([1e30], [1e30])
    assert np.isinf(lon[0])


def test_geometries_go_to_metres_and_back_without_z() -> None:
    metric = MetricCRS("EPSG:4543")
    square = shapely.box(102.7, 25.0, 102.71, 25.01)
    line = shapely.LineString([(102.7, 25.0, 1900.0), (102.71, 25.0, 1901.0)])
    there = metric.geometry_to_m(np.array([square, None, line], dtype=object))
    assert there[1] is None
    assert not shapely.has_z(there[2])
    assert there[0].area == pytest.approx(abs(GEOD.geometry_area_perimeter(square)[0]), rel=1e-3)
    back = metric.geometry_to_lonlat(there)
    assert shapely.equals_exact(back[0], square, tolerance=1e-9)
    assert square == shapely.box(102.7, 25.0, 102.71, 25.01)


def test_a_places_own_system_is_kept_by_its_text() -> None:
    metric = MetricCRS.from_text(LOCAL)
    assert metric.text == LOCAL
    x_m, _ = metric.to_m(102.75, 25.0)
    assert float(x_m) == pytest.approx(100_000)
    assert MetricCRS.from_text(ESRI_ZONE_34).text == "EPSG:4543"
    assert MetricCRS.from_text("4543") == MetricCRS("EPSG:4543")


def test_a_shift_to_wgs84_given_with_the_text_is_not_lost() -> None:
    plain = SourceCRS.parse(LOCAL)
    shifted = SourceCRS.parse(LOCAL.replace("+units", "+towgs84=15.8,-154.4,-82.3 +units"))
    a, b = (np.array(crs.to_wgs84(100_000.0, 70_000.0)) for crs in (plain, shifted))
    # On paper: east = −sin λ·15.8 − cos λ·154.4, north = −sin φ (cos λ·15.8 − sin λ·154.4) − cos φ·82.3 at λ 102.75°, φ 25°.
    assert offset_m(*a, *b)[1:] == pytest.approx((18.7, -9.5), abs=0.3)


@pytest.mark.parametrize("text", ["EPSG:3857", "EPSG:3395", "EPSG:4326", "EPSG:2263", "EPSG:5773", "GCJ-02"])
def test_nothing_is_measured_in_feet_degrees_or_mercator_metres(text: str) -> None:
    with pytest.raises(UnknownCRS, match=" / "):
        MetricCRS.from_text(text)
    with pytest.raises(UnknownCRS):
        MetricCRS(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("EPSG:4326", "EPSG:4326"),
        ("epsg 4326", "EPSG:4326"),
        ("WGS 84", "EPSG:4326"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
        ("OGC:CRS84", "EPSG:4326"),
        ("4490", "EPSG:4490"),
        ("cgcs2000", "EPSG:4490"),
        ("urn:ogc:def:crs:EPSG::4490", "EPSG:4490"),
        ("gcj02", "GCJ-02"),
        ("GCJ_02", "GCJ-02"),
        ("火星坐标", "GCJ-02"),
        ("高德", "GCJ-02"),
        ("bd-09", "BD-09"),
        ("BD09LL", "BD-09"),
        ("百度坐标", "BD-09"),
        ("4543", "EPSG:4543"),
        (ESRI_ZONE_34, "EPSG:4543"),
        (LOCAL, LOCAL),
    ],
)
def test_a_system_is_known_in_any_spelling(text: str, name: str) -> None:
    assert SourceCRS.parse(text).name == name
    assert SourceCRS.parse(SourceCRS.parse(text).name).name == name


@pytest.mark.parametrize(
    "text",
    ["", " ", "nonsense", "EPSG:99999", "BD09MC", "EPSG:5773", 'LOCAL_CS["x",UNIT["metre",1]]', "\x00"],
)
def test_an_unknown_system_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(UnknownCRS) as refused:
        SourceCRS.parse(text)
    assert " / " in str(refused.value)
    assert all(value in str(refused.value) for value, _ in CHOICES)


def test_axes_are_east_north_whatever_the_authority_says() -> None:
    for text in ("EPSG:4326", "EPSG:4490", "EPSG:4214"):
        lon, lat = SourceCRS.parse(text).to_wgs84(*KUNMING)
        assert (float(lon), float(lat)) == pytest.approx(KUNMING, abs=2e-3)


def test_cgcs2000_is_taken_as_wgs84_and_says_so() -> None:
    crs = SourceCRS.parse("EPSG:4490")
    assert [float(value) for value in crs.to_wgs84(*KUNMING)] == list(KUNMING)
    assert "CGCS2000" in (crs.notice or "")
    assert "CGCS2000" in (SourceCRS.parse("EPSG:4543").notice or "")
    assert SourceCRS.parse("EPSG:4326").notice is None


def test_an_unknown_datum_shift_is_not_hidden() -> None:
    assert "Xian 1980" in (SourceCRS.parse("EPSG:4610").notice or "")


def test_the_input_is_not_changed_or_shared() -> None:
    lon, lat = np.array([102.7]), np.array([25.0])
    for text in ("EPSG:4326", "GCJ-02", "EPSG:4543"):
        new_lon, new_lat = SourceCRS.parse(text).to_wgs84(lon, lat)
        new_lon += 1
        new_lat += 1
    assert (lon[0], lat[0]) == (102.7, 25.0)


def test_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        MetricCRS("EPSG:4543").to_m([1.0, 2.0], [1.0])


def test_gcj02_in_kunming_is_360_m_off_to_the_south_east() -> None:
    distance_m, east_m, north_m = offset_m(*KUNMING, *(float(v) for v in wgs84_to_gcj02(*KUNMING)))
    assert (distance_m, east_m, north_m) == pytest.approx((360, 145, -330), abs=2)


def test_bd09_in_kunming_is_873_m_off() -> None:
    distance_m, _, _ = offset_m(*KUNMING, *(float(v) for v in wgs84_to_bd09(*KUNMING)))
    assert distance_m == pytest.approx(873, abs=1)


def test_gcj02_in_beijing_is_as_published() -> None:
    """Tiananmen in 高德's own coordinates, a value that many sources give: 116.3912, 39.9073 there is 116.3975, 39.9087."""
    lon, lat = wgs84_to_gcj02(116.3912, 39.9073)
    assert (float(lon), float(lat)) == pytest.approx((116.3974, 39.9087), abs=1e-4)


@given(in_china)
def test_gcj02_and_back(position: tuple[float, float]) -> None:
    lon, lat = gcj02_to_wgs84(*wgs84_to_gcj02(*position))
    assert (float(lon), float(lat)) == pytest.approx(position, rel=0, abs=1e-9)
    lon, lat = wgs84_to_gcj02(*gcj02_to_wgs84(*position))
    assert (float(lon), float(lat)) == pytest.approx(position, rel=0, abs=1e-9)


@given(in_china)
def test_bd09_and_back(position: tuple[float, float]) -> None:
    for there, back in ((wgs84_to_bd09, bd09_to_wgs84), (gcj02_to_bd09, bd09_to_gcj02)):
        lon, lat = back(*there(*position))
        assert (float(lon), float(lat)) == pytest.approx(position, rel=0, abs=1e-9)


def test_nothing_is_shifted_abroad_and_missing_stays_missing() -> None:
    for way in (wgs84_to_gcj02, gcj02_to_wgs84):
        lon, lat = way([2.35, np.nan, 102.7], [48.85, 25.0, np.nan])
        assert (lon[0], lat[0]) == (2.35, 48.85)
        assert np.isnan([lon[1], lat[2]]).all()


def test_geometries_of_shifted_maps_come_to_wgs84() -> None:
    square = shapely.box(102.7, 25.0, 102.71, 25.01)
    shifted = shapely.transform(square, wgs84_to_bd09, interleaved=False)
    (back,) = SourceCRS.parse("BD-09").geometry_to_wgs84(np.array([shifted], dtype=object))
    assert shapely.equals_exact(back, square, tolerance=1e-9)


def test_several_threads_may_use_one_system() -> None:
    metric = MetricCRS("EPSG:4543")
    lon, lat = np.random.default_rng(1).uniform([102, 24], [103, 26], (20_000, 2)).T
    expected = metric.to_m(lon, lat)
    wrong: list[int] = []

    def work(number: int) -> None:
        if not all(np.array_equal(metric.to_m(lon, lat), expected) for _ in range(5)):
            wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
