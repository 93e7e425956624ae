"""The coverage map against the real program: on foot and by air, buildings left out, what if, and where next."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from gis.accessibility.coverage import REASON_NAMES
from tests.e2e.conftest import Visit, Visitor, numbers

ASKED = {"service": "meal", "minutes": 5, "method": "walk", "at": "any"}


@pytest.fixture
def window(visit: Visitor) -> Visit:
    """Give the coverage map at five minutes on foot to a meal."""
    window = visit("planner")
    page = window.open("/maps/coverage")
    page.locator("[data-coverage]").get_by_text("5 分钟", exact=True).click()
    window.settled()
    return window


def totals(client: httpx.Client, **more: Any) -> dict[str, int]:
    """Return the totals that the interface gives."""
    found: dict[str, int] = client.get("/api/coverage", params={**ASKED, **more}).json()["totals"]
    return found


def editing(window: Visit) -> Page:
    """Begin to edit stations."""
    page = window.page
    page.get_by_text("假如调整站点").click()
    page.get_by_role("button", name="在地图上调整站点").click()
    window.settled()
    return page


def marker(page: Page, number: int = 0) -> Locator:
    """Return a station that can be edited and lies clear of panels, as its place on the page."""
    return page.locator(".linli-edit:not([data-op])").nth(number)


def covered_after(page: Page) -> tuple[int, int, int]:
    """Return households covered before, after, and the difference that the panel shows."""
    cells = page.locator("[data-change=households] td")
    expect(cells).to_have_count(3)
    before, after = (numbers(cells.nth(i).inner_text())[0] for i in (0, 1))
    shown = cells.nth(2).inner_text().replace(",", "").replace("−", "-").replace("±", "")
    return before, after, int(shown)


def test_both_methods_lie_beside_each_other_with_their_difference(window: Visit) -> None:
    page = window.page
    with window.program.client("planner") as client:
        answer = client.get("/api/coverage", params=ASKED).json()
    difference = answer["totals"]["difference"]
    assert difference > 0, "the demo's river must part some homes from their meals"
    expect(page.locator("[data-figure=difference] b")).to_have_text(f"{difference:,} 户")
    solid = page.locator("path.linli-circle").count()
    page.get_by_text("对比差异").click()
    window.settled()
    assert page.locator("path.linli-circle[stroke-dasharray]").count() == solid > 0
    expect(page.locator("[data-legend-title]")).to_contain_text("直线算覆盖、步行到不了的户数")
    rows = page.locator("[data-legend] li").all_inner_texts()
    assert sum(numbers(row)[-1] for row in rows) == len(answer["grids"])
    expect(page.locator("[data-lines]")).to_be_visible()
    page.locator("[data-coverage]").get_by_text("直线距离").click()
    window.settled()
    expect(page.locator("[data-figure=difference]")).to_have_count(0)
    with window.program.client("planner") as client:
        by_air = totals(client, method="buffer")
    expect(page.locator("[data-figure=households] .of")).to_have_text(
        f"{by_air['covered']:,} / {by_air['households']:,}"
    )


def test_households_without_a_way_are_told_by_reason(window: Visit) -> None:
    with window.program.client("planner") as client:
        reasons = client.get("/api/coverage", params=ASKED).json()["unreachable"]
    assert reasons
    said = [line.split("\n") for line in window.page.locator("[data-figure=unreachable]").all_inner_texts()]
    assert said == [[f"无法计算：{REASON_NAMES[reason]}", f"{count:,} 户"] for reason, count in reasons.items()]


def test_a_station_opens_its_circles_of_5_10_and_15_minutes(window: Visit) -> None:
    page = window.page
    page.locator(".linli-station:not(.idle)").first.press("Enter")
    expect(page.locator("path.linli-nested")).to_have_count(3)
    assert sorted(page.locator(".linli-minutes").all_inner_texts()) == ["10 分钟", "15 分钟", "5 分钟"]
    page.keyboard.press("Escape")
    expect(page.locator("path.linli-nested")).to_have_count(0)


def test_buildings_left_out_are_points_and_a_list_from_afar(window: Visit) -> None:
    page = window.page
    with window.program.client("planner") as client:
        items = client.get("/api/coverage/buildings", params=ASKED).json()["items"]
    page.get_by_text("未覆盖楼栋").first.click()
    window.settled()
    box = page.locator("[data-tool=uncovered]")
    expect(box.locator("[data-said] b")).to_have_text(f"{len(items):,}")
    assert page.locator("path.linli-left-out").count() == min(len(items), 2000)
    first = box.locator("[data-list] li").first
    expect(first).to_contain_text(items[0]["code"])
    ways = [item["seconds"] for item in items if item["seconds"] is not None]
    assert ways == sorted(ways, reverse=True)
    assert box.locator("[data-list] li").count() == 40
    box.get_by_role("button", name="显示更多").click()
    assert box.locator("[data-list] li").count() == 80
    first.get_by_role("button").click()
    expect(page.locator("path.linli-ring")).to_have_count(1)
    page.locator(".leaflet-control-layers").get_by_label("未覆盖楼栋").uncheck()
    expect(page.locator("path.linli-left-out")).to_have_count(0)
    expect(box).not_to_have_attribute("open", "")


def test_dragging_a_station_shows_the_new_totals_at_once(window: Visit) -> None:
    page = editing(window)
    with window.program.client("planner") as client:
        stored = client.get("/api/stations").json()
        known = totals(client)
    moved = marker(page)
    code = moved.get_attribute("data-code")
    box = moved.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 15, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(box["x"] + 75, box["y"] + 60, steps=8)
    page.mouse.move(box["x"] + 135, box["y"] + 115, steps=8)
    page.mouse.up()
    window.settled()
    assert page.locator(".leaflet-tooltip.linli-tip").count() <= 1, (
        "the station tells of itself, the grid below is silent"
    )
    before, after, shown = covered_after(page)
    assert before == known["covered"] and after - before == shown != 0
    expect(page.locator("[data-edits] li")).to_have_count(1)
    expect(page.locator(f".linli-edit[data-code='{code}']")).to_have_attribute("data-op", "move")
    new = [numbers(one.inner_text())[-1] for one in page.locator("[data-new] li").all()]
    assert new[0] - new[1] == shown
    assert page.locator("[data-changed] li").count() > 0
    page.get_by_role("button", name="撤销").click()
    window.settled()
    expect(page.locator("[data-result]").first).to_be_hidden()
    with window.program.client("planner") as client:
        assert client.get("/api/stations").json() == stored, "nothing is stored"


def test_add_close_undo_and_reset(window: Visit) -> None:
    page = editing(window)
    page.get_by_role("button", name="点图新增").click()
    view = page.locator(".linli-map").bounding_box()
    assert view is not None
    page.mouse.click(view["x"] + view["width"] * 0.72, view["y"] + view["height"] * 0.72)
    window.settled()
    _, with_new, gain = covered_after(page)
    assert gain > 0 and page.locator(".linli-edit[data-op=add]").count() == 1
    marker(page).press("Enter")
    page.locator("[data-act='station.close']").click()
    window.settled()
    assert covered_after(page)[1] < with_new
    assert page.locator(".linli-edit[data-op=close]").count() == 1
    page.get_by_role("button", name="撤销").click()
    window.settled()
    assert covered_after(page)[1] == with_new
    page.get_by_role("button", name="全部还原").click()
    window.settled()
    expect(page.locator("[data-edits] .none")).to_be_visible()
    assert page.locator(".linli-edit[data-op]").count() == 0


def test_a_station_moves_by_its_typed_position(window: Visit) -> None:
    page = editing(window)
    page.get_by_text("按坐标移动或新增").click()
    station = page.locator("[data-place] select")
    code = station.locator("option").nth(1).get_attribute("value")
    station.select_option(code)
    lon, lat = (float(page.locator(f"[data-place] [name={name}]").input_value()) for name in ("lon", "lat"))
    page.locator("[data-place] [name=lon]").fill(f"{lon + 0.004:.6f}")
    page.get_by_role("button", name="放到此处").press("Enter")
    window.settled()
    with window.program.client("planner") as client:
        edits = [{"op": "move", "station": {"code": code, "lon": round(lon + 0.004, 6), "lat": lat}}]
        body = {"parameters": {**ASKED, "service": ["meal"]}, "edits": edits}
        wanted = client.post("/api/coverage/scenario", json=body).json()
    before, after, _ = covered_after(page)
    assert (before, after) == (wanted["before"]["covered"], wanted["after"]["covered"])
    page.locator("[data-place] [name=lat]").fill("")
    page.get_by_role("button", name="放到此处").click()
    expect(page.get_by_text("请填经度和纬度")).to_be_visible()


def test_best_sites_are_shown_and_tried(window: Visit) -> None:
    page = window.page
    page.get_by_text("下一个建在哪里").click()
    page.get_by_label("新建数量").fill("2")
    page.get_by_role("button", name="计算最佳位置").click()
    facts = page.locator("[data-facts]")
    expect(facts).to_be_visible(timeout=30_000)
    expect(facts).to_contain_text("已证明最优")
    gain = numbers(facts.locator("[data-siting='siting.gain'] b").inner_text())[0]
    expect(page.locator(".linli-site-mark .best")).to_have_count(2)
    page.get_by_role("button", name="加入假如推演").click()
    window.settled()
    # Own paces: households walk as adults, as they do when sites are chosen; so the what-if must find the same gain.
    assert covered_after(page)[2] == gain > 0
    expect(page.locator("[data-edits] .op[data-op=add]")).to_have_count(2)
    page.get_by_role("button", name="撤销").click()
    window.settled()
    expect(page.locator("[data-edits] .none")).to_be_visible()


def test_hours_and_places_shade_the_grids(window: Visit) -> None:
    page = window.page
    with window.program.client("planner") as client:
        week = client.get("/api/coverage/week", params=ASKED).json()
        grids = len(client.get("/api/coverage", params=ASKED).json()["grids"])
    page.get_by_text("每周时间").click()
    window.settled()
    expect(page.locator("[data-legend-title]")).to_contain_text("每周能用上的时间")
    expect(page.locator("[data-shade-told]")).to_contain_text(f"{round(week['share'] * 168, 1):g} 小时")
    page.get_by_text("百人名额").click()
    window.settled()
    expect(page.locator("[data-legend-title]")).to_contain_text("每百名需要者的名额")
    assert sum(numbers(row)[-1] for row in page.locator("[data-legend] li .count").all_inner_texts()) == grids
    page.locator("[data-coverage]").get_by_text("健康监测").click()
    window.settled()
    expect(page.locator("[data-shade][value=week]")).to_be_disabled()
    expect(page.locator("[data-shade][value=households]")).to_be_checked()
