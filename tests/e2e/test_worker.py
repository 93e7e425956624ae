"""The worker's phone: 360 px wide, in the street, with and without a position."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from shapely.geometry import shape

from gis.shifts import wgs84_to_bd09, wgs84_to_gcj02
from tests.e2e.conftest import Program, Visit, Visitor

PHONE = {"width": 360, "height": 740, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
TARGET_PX = 44


@dataclass(frozen=True)
class Ground:
    """What the worker should be told: his grids, one of another, and a position in each."""

    own: list[str]
    names: dict[str, str]
    here: tuple[float, float]
    elsewhere: tuple[float, float]
    foreign: str


@pytest.fixture(scope="module")
def ground(program: Program) -> Ground:
    with program.client("worker") as client:
        own = client.get("/api/session").json()["grids"]
        grids = {
            grid["properties"]["code"]: grid
            for grid in client.get("/api/grids", params={"limit": 100}).json()["features"]
        }
    foreign = next(code for code in grids if code not in own)
    inside = {code: shape(grids[code]["geometry"]).representative_point() for code in (own[0], foreign)}
    return Ground(
        own,
        {code: grid["properties"]["name"] for code, grid in grids.items()},
        (inside[own[0]].x, inside[own[0]].y),
        (inside[foreign].x, inside[foreign].y),
        foreign,
    )


def with_position(visit: Visitor, lon: float, lat: float, accuracy: float = 12) -> Visit:
    return visit(
        "worker",
        **PHONE,
        geolocation={"longitude": lon, "latitude": lat, "accuracy": accuracy},
        permissions=["geolocation"],
    )


def without_position(visit: Visitor) -> Visit:
    return visit("worker", **PHONE, permissions=[])


def nearest(program: Program, lon: float, lat: float) -> list[dict[str, Any]]:
    with program.client("worker") as client:
        found = client.get("/api/stations/nearest", params={"lon": lon, "lat": lat, "limit": 20}).json()["items"]
    return [item for item in found if item["open"]]


def type_position(page: Page, lon: float | str, lat: float | str, crs: str = "EPSG:4326") -> None:
    details = page.locator("[data-by-hand]")
    if details.get_attribute("open") is None:
        page.get_by_text("手动输入坐标").click()
    page.get_by_label("经度").fill(str(lon))
    page.get_by_label("纬度").fill(str(lat))
    page.get_by_label("坐标来自").select_option(crs)
    page.get_by_role("button", name="查网格").click()


def here(page: Page) -> Locator:
    return page.locator("[data-here]")


def test_the_position_gives_grid_areas_and_open_stations(visit: Visitor, ground: Ground) -> None:
    window = with_position(visit, *ground.here)
    page = window.open("/worker")
    page.get_by_role("button", name="我在哪个网格").click()
    expect(here(page).locator(".grid-name")).to_have_text(ground.names[ground.own[0]])
    expect(here(page)).to_contain_text(ground.own[0])
    expect(here(page)).to_contain_text("是我负责的网格")
    with window.program.client("worker") as client:
        areas = client.get("/api/grids/locate", params=dict(zip(("lon", "lat"), ground.here, strict=True))).json()[
            "areas"
        ]
    levels = ["city", "county", "township", "community"]
    assert here(page).locator(".trail li").all_inner_texts() == [
        a["name"] for a in sorted(areas, key=lambda a: levels.index(a["level"]))
    ]
    assert "null" not in here(page).inner_text()
    assert str(ground.here[0]) not in page.url


def test_open_stations_come_nearest_first(visit: Visitor, ground: Ground) -> None:
    window = with_position(visit, *ground.here)
    page = window.open("/worker")
    page.get_by_role("button", name="我在哪个网格").click()
    shown = page.locator("[data-stations] .station")
    expect(shown.first).to_be_visible()
    more = page.locator("[data-stations] button")
    if more.count():
        more.click()
    expected = [item["name"] for item in nearest(window.program, *ground.here) if item["distance_m"] <= 3000]
    assert shown.locator(".name").all_inner_texts() == sorted(expected, key=expected.index)
    metres = [
        float(text.split()[0]) * (1000 if "公里" in text else 1)
        for text in shown.locator(".distance").all_inner_texts()
    ]
    assert metres == sorted(metres)
    for station in shown.all():
        assert station.locator(".services li").count() >= 1
        expect(station).to_contain_text("开")


def test_a_foreign_grid_is_told_to_be_one(visit: Visitor, ground: Ground) -> None:
    window = with_position(visit, *ground.elsewhere)
    page = window.open("/worker")
    page.get_by_role("button", name="我在哪个网格").click()
    expect(here(page)).to_contain_text("不是我负责的网格")


def test_a_vague_position_is_said_to_be_vague(visit: Visitor, ground: Ground) -> None:
    page = with_position(visit, *ground.here, accuracy=450).open("/worker")
    page.get_by_role("button", name="我在哪个网格").click()
    expect(page.locator("[data-locate-message]")).to_contain_text("450 米")


def test_outside_every_grid_is_said(visit: Visitor) -> None:
    window = with_position(visit, 100.0, 20.0)
    window.expect("status 404", "404 (Not Found)")
    page = window.open("/worker")
    page.get_by_role("button", name="我在哪个网格").click()
    expect(page.locator("[data-locate-message]")).to_contain_text("不在任何网格内")
    expect(page.locator("[data-stations]")).to_contain_text("没有开放的站点")


def test_without_permission_there_are_other_ways(visit: Visitor, ground: Ground) -> None:
    page = without_position(visit).open("/worker")
    page.get_by_role("button", name="我在哪个网格").click()
    expect(page.locator("[data-locate-message]")).to_contain_text("没有得到定位权限")
    expect(page.get_by_label("经度")).to_be_visible()
    type_position(page, *ground.here)
    expect(here(page)).to_contain_text(ground.own[0])


def test_positions_of_other_maps_are_converted(visit: Visitor, ground: Ground) -> None:
    page = without_position(visit).open("/worker")
    lon, lat = ground.here
    for crs, convert in (("GCJ-02", wgs84_to_gcj02), ("BD-09", wgs84_to_bd09)):
        x, y = (float(value) for value in convert(lon, lat))
        assert math.hypot(x - lon, y - lat) > 0.002
        type_position(page, x, y, crs)
        expect(here(page).locator(".grid-name")).to_have_text(ground.names[ground.own[0]])


def test_a_pasted_pair_and_nonsense(visit: Visitor, ground: Ground) -> None:
    page = without_position(visit).open("/worker")
    type_position(page, f"{ground.here[0]}, {ground.here[1]}", "")
    expect(here(page)).to_contain_text(ground.own[0])
    type_position(page, "abc", "95")
    expect(page.locator("[data-locate-message]")).to_contain_text("请填经度")
    expect(page.get_by_label("经度")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("经度")).to_be_focused()


def test_a_tap_on_the_map_is_a_position(visit: Visitor, ground: Ground) -> None:
    page = without_position(visit).open("/worker")
    lon, lat = ground.elsewhere
    spot = page.evaluate(
        """([lon, lat]) => { const map = linli.maps["worker-map"];
          map.setView([lat, lon], 18, { animate: false });
          map.getContainer().scrollIntoView({ block: "center" });
          const box = map.getContainer().getBoundingClientRect(), at = map.latLngToContainerPoint([lat, lon]);
          return [box.left + at.x, box.top + at.y]; }""",
        [lon, lat],
    )
    page.touchscreen.tap(*spot)
    expect(here(page).locator(".grid-name")).to_have_text(ground.names[ground.foreign])


def test_my_grids_and_my_households(visit: Visitor, ground: Ground) -> None:
    window = without_position(visit)
    page = window.open("/worker")
    buttons = page.locator("[data-my-grids] button")
    assert [button.get_attribute("data-grid") for button in buttons.all()] == ground.own
    rows = page.locator("[data-households] a")
    expect(rows).to_have_count(40)
    page.get_by_role("button", name="再看一些").click()
    expect(rows).to_have_count(80)
    assert len({row.get_attribute("href") for row in rows.all()}) == 80
    buttons.nth(1).click()
    expect(buttons.nth(1)).to_have_attribute("aria-pressed", "true")
    with window.program.client("worker") as client:
        asked = {"grid": ground.own[1], "limit": 40, "order": "address"}
        expected = client.get("/api/households", params=asked).json()["items"]
    expect(rows.first).to_have_attribute("href", f"/files/{expected[0]['code']}")
    assert [row.get_attribute("href") for row in rows.all()] == [f"/files/{item['code']}" for item in expected]
    expect(rows.first).to_contain_text(f"{expected[0]['residents']} 人")


def test_households_are_searched(visit: Visitor) -> None:
    window = without_position(visit)
    page = window.open("/worker")
    code = str(page.locator("[data-households] a").nth(3).get_attribute("href")).removeprefix("/files/")
    page.get_by_role("searchbox").fill(code)
    page.get_by_role("button", name="搜索").click()
    expect(page.locator("[data-households] a")).to_have_count(1)
    expect(page.locator("[data-households] a")).to_have_attribute("href", f"/files/{code}")
    page.get_by_role("searchbox").fill("没有的地方")
    page.keyboard.press("Enter")
    expect(page.locator("[data-households-message]")).to_contain_text("没有找到符合的住户")
    assert code not in page.url


def test_it_fits_a_thumb(visit: Visitor, ground: Ground) -> None:
    window = with_position(visit, *ground.here)
    page = window.open("/worker")
    page.get_by_text("手动输入坐标").click()
    page.get_by_role("button", name="我在哪个网格").click()
    expect(page.locator("[data-stations] .station").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    small = page.evaluate(
        """least => [...document.querySelectorAll("main button, main input, main select, main summary, header button")]
          .filter((node) => !node.closest(".leaflet-container") && node.getClientRects().length)
          .map((node) => [node.textContent.trim() || node.name, node.getBoundingClientRect()])
          .filter(([, box]) => box.height < least || box.width < least).map(([name]) => name)""",
        TARGET_PX,
    )
    assert small == []


def test_every_way_is_one_tap_under_the_thumb(visit: Visitor) -> None:
    page = visit("worker", **PHONE).open("/worker")
    ways = page.get_by_role("navigation", name="主导航")
    for start in ("/worker", "/events"):
        for name, address, shows in (
            ("住户", "/worker#homes", "我的住户"), ("走访", "/worker#visits", "今日走访"), ("需求", "/lists", "五张清单"), ("事件", "/events", "事件列表"), ("地图", "/worker#map", None),
        ):  # fmt: skip
            if not page.url.endswith(start):
                page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + start)
            way = ways.get_by_role("link", name=name)
            box = way.bounding_box()
            assert box is not None and box["height"] >= 56 and box["y"] + box["height"] <= 740
            way.tap()
            expect(page).to_have_url(re.compile(f"{re.escape(address)}$"))
            expect(ways.locator("[aria-current=page]")).to_have_text(name)
            expect(page.get_by_role("heading", name=shows) if shows else page.locator("#map")).to_be_in_viewport()
