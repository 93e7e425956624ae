"""A base map from outside under our own layers: tiles in GCJ-02 lie where they belong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import maps
from gis.shifts import gcj02_to_wgs84, wgs84_to_gcj02
from tests.maps.conftest import Watched
from tests.maps.place import CONFIG

pytestmark = pytest.mark.browser

PLACES = [(102.72, 25.04), (121.47, 31.23), (75.99, 39.47), (127.5, 50.2), (2.35, 48.86)]
TILE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005000201a4bd3d5b0000000049454e44ae426082"
)
CORNERS = """([x, y, z]) => { const map = Object.values(linli.maps)[0]; let found = null;
  map.eachLayer((layer) => { if (layer._corner && layer._url) found = layer; });
  const at = (dx, dy) => { const p = found._corner(L.point(x + dx, y + dy), z); return [p.x, p.y]; }; return [at(0, 0), at(1, 1)]; }"""


def outside(crs: str) -> maps.MapConfig:
    return replace(CONFIG, outside=maps.Outside("某图", 1, crs, "某图 <i> · 审图号：GS(2026)1号", 18))


def tiles_of(watched: Watched) -> None:
    tile = watched.stub.answer

    def answer(path: str, query: object) -> tuple[int, str, bytes]:
        return (200, "image/png", TILE) if path.startswith("/tiles/outside/") else tile(path, query)

    watched.stub.answer = answer  # type: ignore[method-assign]


def test_the_shift_is_that_of_the_imports(watched: Watched) -> None:
    tiles_of(watched)
    watched.draw(maps.planner_map(outside("gcj02")))
    lon, lat = np.array(PLACES).T
    there = watched.script("(places) => places.map((p) => linli.toGcj02(p))", PLACES)
    assert np.abs(np.array(there) - np.column_stack(wgs84_to_gcj02(lon, lat))).max() < 1e-9
    back = watched.script("(places) => places.map((p) => linli.fromGcj02(p))", there)
    assert np.abs(np.array(back) - np.array(PLACES)).max() < 1e-9


def test_tiles_in_gcj02_are_put_back_to_within_a_pixel_and_a_half(watched: Watched) -> None:
    tiles_of(watched)
    page = watched.draw(maps.planner_map(outside("gcj02")))
    rng = np.random.default_rng(7)
    worst = 0.0
    for lon, lat in PLACES[:4]:
        for z in (8, 11, 14, 16, 18):
            size = 256 * 2.0**z
            x = int((lon + 180) / 360 * 2**z)
            y = int((0.5 - np.arcsinh(np.tan(np.radians(lat))) / (2 * np.pi)) * 2**z)
            (west, north), (east, south) = watched.script(CORNERS, [x, y, z])
            part = rng.random((40, 2))
            pixels = (np.array([x, y]) + part) * 256
            drawn_lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * pixels[:, 1] / size))))
            true_lon, true_lat = gcj02_to_wgs84(pixels[:, 0] / size * 360 - 180, drawn_lat)
            true = (
                np.column_stack([(true_lon + 180) / 360, 0.5 - np.arcsinh(np.tan(np.radians(true_lat))) / (2 * np.pi)])
                * size
            )
            shown = np.array([west, north]) + part * np.array([east - west, south - north])
            worst = max(worst, float(np.abs(shown - true).max()))
            if z == 16 and 73 < lon < 135:
                assert np.abs(pixels - true).max() > 50, "without the shift it would be far off"
    assert worst < 1.5
    boxes = watched.script(
        "() => [...document.querySelectorAll('.leaflet-ground-pane img.leaflet-tile')].map((i) => { const b = i.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; })"
    )
    view = page.locator(".linli-map").bounding_box()
    assert view is not None and boxes
    xs, ys = np.meshgrid(
        np.linspace(view["x"] + 1, view["x"] + view["width"] - 2, 25),
        np.linspace(view["y"] + 1, view["y"] + view["height"] - 2, 25),
    )
    held = sum((np.array(b[0]) <= xs) & (xs < b[2]) & (b[1] <= ys) & (ys < b[3]) for b in np.array(boxes))
    assert held.min() >= 1, "the view is covered without a gap"


def test_whose_map_it_is_stands_on_it_as_text(watched: Watched) -> None:
    tiles_of(watched)
    page = watched.draw(maps.coverage_map(outside("wgs84")))
    assert "某图 <i> · 审图号：GS(2026)1号" in page.locator(".leaflet-control-attribution").inner_text()
    assert any(path.startswith("/tiles/outside/0/") for path in watched.stub.asked)
    assert watched.faults == []
