"""Files that stand beside the place: GCJ-02 and BD-09 mistaken for WGS 84, swapped axes, another zone; and honest ones, of which nothing is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gis.crs import MetricCRS
from gis.shifts import wgs84_to_bd09, wgs84_to_gcj02
from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import geojson, square

KUNMING, HAIDIAN, HARBIN = (102.7123, 25.0406), (116.3264, 40.0031), (126.6424, 45.7567)
PLACES = [KUNMING, HAIDIAN, HARBIN]
MARK = "不作猜测"
Shift = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def same(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return lon, lat


SHIFTS: dict[str, Shift] = {"EPSG:4326": same, "GCJ-02": wgs84_to_gcj02, "BD-09": wgs84_to_bd09}


def settle(importer: Importer, at: tuple[float, float], *, buildings: bool = True, side: float = 0.02) -> None:
    """Four grids, and 64 buildings of some 30 m in them, at a corner."""
    west, south = at
    codes = [f"530102001001{i:03}" for i in range(1, 5)]
    grids = geojson(
        *(
            ({"code": code}, square(west + i % 2 * side / 2, south + i // 2 * side / 2, side / 2))
            for i, code in enumerate(codes)
        )
    )
    importer.ok("grids", "grids.geojson", grids)
    if buildings:
        corners = zip(*corners_of(at, side), strict=True)
        footprints = geojson(*(({"code": f"B{i}"}, square(x, y, 0.0003)) for i, (x, y) in enumerate(corners)))
        importer.ok("buildings", "buildings.geojson", footprints)


def corners_of(at: tuple[float, float], side: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(8) * side / 8 + side / 20, np.arange(8) * side / 8 + side / 20)
    return at[0] + x.ravel(), at[1] + y.ravel()


def homes(at: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A position in each building, none in its middle."""
    x, y = corners_of(at)
    chance = np.random.default_rng(7)
    return x + chance.uniform(0.00002, 0.00028, 64), y + chance.uniform(0.00002, 0.00028, 64)


def table(lon: np.ndarray, lat: np.ndarray, *, own_building: bool = False) -> str:
    rows = (
        f"H{i},{f'B{i}' if own_building else ''},{x!r},{y!r}"
        for i, (x, y) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True))
    )
    return "\n".join(["code,building,lon,lat", *rows])


def questions(notices: list[str]) -> list[str]:
    return [line for line in notices if MARK in line or "核对坐标系" in line]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("declared", list(SHIFTS))
@pytest.mark.parametrize("truly", list(SHIFTS))
def test_households_beside_their_own_buildings(
    importer: Importer, at: tuple[float, float], declared: str, truly: str
) -> None:
    settle(importer, at)
    content = table(*SHIFTS[truly](*homes(at)), own_building=True)
    report = importer.ok("households", "h.csv", content, crs=declared)
    said = questions(report.notices)
    if truly == declared:
        assert said == []
        return
    (line,) = said
    assert f"--crs {truly}" in line and "64 处与已知位置整体相差" in line
    # What was said is not what was done: it is stored as declared.
    assert report.crs == declared
    assert importer.one("SELECT count(*) FROM households") == 64


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("truly", list(SHIFTS))
def test_households_that_name_no_building_beside_all_buildings(
    importer: Importer, at: tuple[float, float], truly: str
) -> None:
    settle(importer, at)
    report = importer.run("households", "h.csv", table(*SHIFTS[truly](*homes(at))), crs="EPSG:4326", dry_run=True)
    said = questions(report.notices)
    assert [f"--crs {truly}" in line and "楼栋" in line for line in said] == ([] if truly == "EPSG:4326" else [True])


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("truly", list(SHIFTS))
def test_points_that_would_fit_the_grids(importer: Importer, at: tuple[float, float], truly: str) -> None:
    settle(importer, at, buildings=False)
    report = importer.run("households", "h.csv", table(*SHIFTS[truly](*homes(at))), crs="EPSG:4326", dry_run=True)
    said = questions(report.notices)
    assert [f"--crs {truly}" in line and "网格" in line for line in said] == ([] if truly == "EPSG:4326" else [True])


@pytest.mark.parametrize("kind", ["buildings", "households"])
@pytest.mark.parametrize("truly", list(SHIFTS))
def test_what_fills_an_empty_table_is_not_found_beside_itself(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, kind: str, truly: str
) -> None:
    monkeypatch.setattr("gis.intake.guards._MANY_ROWS", 1)
    settle(importer, KUNMING, buildings=False)
    report = importer.ok(kind, "f.csv", table(*SHIFTS[truly](*homes(KUNMING))), crs="EPSG:4326")
    said = questions(report.notices)
    assert [f"--crs {truly}" in line and "网格" in line for line in said] == ([] if truly == "EPSG:4326" else [True])


@pytest.mark.parametrize("kind", ["buildings", "stations", "compounds"])
@pytest.mark.parametrize("truly", list(SHIFTS))
def test_what_comes_again_beside_itself(importer: Importer, kind: str, truly: str) -> None:
    settle(importer, KUNMING)
    more = {"stations": ("name,kind,services,", "站,幸福食堂,meal,")}.get(kind, ("", ""))

    def content(lon: np.ndarray, lat: np.ndarray) -> str:
        rows = (f"B{i},{more[1]}{x!r},{y!r}" for i, (x, y) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True)))
        return "\n".join([f"code,{more[0]}lon,lat", *rows])

    assert questions(importer.ok(kind, "f.csv", content(*homes(KUNMING)), crs="EPSG:4326").notices) == []
    again = importer.run(kind, "f.csv", content(*SHIFTS[truly](*homes(KUNMING))), crs="EPSG:4326", dry_run=True)
    said = questions(again.notices)
    assert [f"--crs {truly}" in line and "旧位置" in line for line in said] == ([] if truly == "EPSG:4326" else [True])


def test_grids_in_gcj_02_that_say_they_are_wgs_84(importer: Importer) -> None:
    settle(importer, KUNMING)
    x, y = wgs84_to_gcj02(np.array([102.7123, 102.7223]), np.array([25.0406, 25.0406]))
    moved = geojson(
        *(
            ({"code": f"53010200100100{i + 1}"}, square(float(a), float(b), 0.01))
            for i, (a, b) in enumerate(zip(x, y, strict=True))
        )
    )
    assert questions(importer.run("grids", "g.geojson", moved, dry_run=True).notices) == []  # two could be chance
    x, y = wgs84_to_gcj02(*(np.array(each) for each in ([102.7123, 102.7223, 102.7123], [25.0406, 25.0406, 25.0506])))
    moved = geojson(
        *(
            ({"code": f"53010200100100{i + 1}"}, square(float(a), float(b), 0.01))
            for i, (a, b) in enumerate(zip(x, y, strict=True))
        )
    )
    (line,) = questions(importer.run("grids", "g.geojson", moved, dry_run=True).notices)
    assert "--crs GCJ-02" in line


@pytest.mark.parametrize(
    ("at", "zone", "reading"),
    [(KUNMING, "EPSG:4543", "颠倒"), (HAIDIAN, "EPSG:4548", "颠倒"), (KUNMING, "EPSG:4544", "--crs EPSG:4543"), (HAIDIAN, "EPSG:4547", "--crs EPSG:4548")],
)  # fmt: skip
def test_projected_coordinates_swapped_or_of_another_zone(
    importer: Importer, at: tuple[float, float], zone: str, reading: str
) -> None:
    settle(importer, at)
    true_zone = "EPSG:4543" if at is KUNMING else "EPSG:4548"
    east, north = MetricCRS(true_zone).to_m(*homes(at))
    honest = importer.run("households", "h.csv", table(east, north, own_building=True), crs=true_zone, dry_run=True)
    assert questions(honest.notices) == []
    given = (north, east) if reading == "颠倒" else (east, north)
    report = importer.run("households", "h.csv", table(*given, own_building=True), crs=zone, dry_run=True)
    said = [*questions(report.notices), *(fault.message for fault in report.faults)]
    assert said and all(reading in line for line in said)


@pytest.mark.parametrize("at", PLACES)
def test_honest_files_raise_no_alarm(importer: Importer, at: tuple[float, float]) -> None:
    settle(importer, at)
    chance = np.random.default_rng(3)
    lon, lat = homes(at)
    files: dict[str, Any] = {
        "entrances some metres off": table(lon + chance.normal(0, 0.0002, 64), lat + chance.normal(0, 0.0002, 64), own_building=True),
        "a third still unplaced, at the community's office": table(np.where(np.arange(64) % 3 == 0, lon[0], lon), np.where(np.arange(64) % 3 == 0, lat[0], lat), own_building=True),
        "anywhere in the grids": table(at[0] + chance.uniform(0, 0.02, 64), at[1] + chance.uniform(0, 0.02, 64)),
        "some just beyond the border, on all sides": table(at[0] + chance.uniform(-0.001, 0.021, 64), at[1] + chance.uniform(-0.001, 0.021, 64)),
        "a village to the south, in no grid yet": table(np.append(lon, at[0] + chance.uniform(0, 0.02, 6)), np.append(lat, at[1] - chance.uniform(0, 0.003, 6))),
        "far away, in no grid at all": table(lon + 0.5, lat + 0.5),
        "one household, quite wrong": table(lon[:1] + 0.0013, lat[:1] - 0.003, own_building=True),
    }  # fmt: skip
    for what, content in files.items():
        report = importer.run("households", "h.csv", content, crs="EPSG:4326", dry_run=True)
        assert questions(report.notices) == [], what


def test_a_shift_that_no_system_explains_is_told_with_its_direction(importer: Importer) -> None:
    settle(importer, KUNMING)
    lon, lat = homes(KUNMING)
    report = importer.run(
        "households", "h.csv", table(lon + 0.002, lat, own_building=True), crs="EPSG:4326", dry_run=True
    )
    (line,) = questions(report.notices)
    assert "方向一致" in line and "向北 0 米" in line.replace("-0", "0") and MARK not in line


def test_without_a_known_place_nothing_can_be_said(importer: Importer) -> None:
    report = importer.ok("households", "h.csv", table(*wgs84_to_gcj02(*homes(KUNMING))), crs="EPSG:4326")
    assert questions(report.notices) == []
