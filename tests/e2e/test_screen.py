"""The wall: what it says is what the interface says, at once, and it looks after itself."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from shapely.geometry import shape

from tests.e2e.conftest import Program, Visitor, numbers

LIVE_MS = 1000


@pytest.fixture(scope="module")
def planner(program: Program) -> Any:
    with program.client("planner") as client:
        yield client


def wall(visit: Visitor, width: int = 1920, height: int = 1080) -> Page:
    page = visit("screen", width, height).open("/screen")
    expect(page.locator("[data-link]")).to_have_attribute("data-state", "live")
    return page


def station(client: httpx.Client, code: str, name: str = "试验站") -> dict[str, Any]:
    grid = client.get("/api/grids", params={"limit": 1}).json()["features"][0]
    lon, lat = shape(grid["geometry"]).representative_point().coords[0]
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {
            "code": code,
            "name": name,
            "kind": "邻里驿站",
            "services": [{"kind": "rest", "hours": "24/7"}],
        },
    }


def test_figures_and_rankings_are_those_of_the_interface(visit: Visitor, planner: httpx.Client) -> None:
    page = wall(visit)
    summary = planner.get("/api/screen/summary").json()
    expect(page.locator("[data-place]")).to_have_text(summary["place"])
    for key in ("households", "residents", "elders_60", "children_12", "grids", "stations", "needs_open"):
        assert numbers(page.locator(f"[data-total={key}]").inner_text()) == [summary["totals"][key]], key
    assert numbers(page.locator("[data-total=stations_open]").inner_text()) == [summary["stations_open"]]
    ranking = page.locator("[data-ranking] li")
    expected = summary["rankings"]["needs_open"]
    assert ranking.locator(".label").all_inner_texts() == [row["name"] for row in expected]
    assert [numbers(text) for text in ranking.locator(".value").all_inner_texts()] == [
        [row["value"]] for row in expected
    ]
    assert page.locator("[data-coverage] li").count() == len(summary["coverage"])
    expect(page.locator("[data-trend] rect.opened")).to_have_count(len(summary["trend"]))


def test_nothing_personal_and_no_colours_are_on_the_wall(visit: Visitor) -> None:
    page = wall(visit)
    text = page.locator("body").inner_text()
    for word in ("红色", "三色", "独居", "电话", "身份证"):
        assert word not in text


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160), (1366, 768)])
def test_it_fits_the_wall(visit: Visitor, width: int, height: int) -> None:
    page = wall(visit, width, height)
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        width,
        height,
    ]
    cut = page.evaluate(
        """() => [...document.querySelectorAll(".tile:not(.wall-map) li, .totals dd, .clock, [data-link]")]
          .filter((node) => { const box = node.getBoundingClientRect(), tile = (node.closest(".tile") || document.body).getBoundingClientRect();
            return box.bottom > tile.bottom + 1 || box.right > tile.right + 1 || node.scrollWidth > node.clientWidth + 1; })
          .map((node) => node.textContent)"""
    )
    assert cut == []
    assert (
        page.evaluate(
            "parseFloat(getComputedStyle(document.querySelector('.totals dd')).fontSize) / innerWidth"
        )
        > 0.02
    )


def test_a_change_is_seen_within_a_second(visit: Visitor, planner: httpx.Client) -> None:
    page = wall(visit)
    before = numbers(page.locator("[data-total=stations]").inner_text())[0]
    body = station(planner, "E2E-LIVE")
    made = planner.post("/api/stations", json=body)
    committed = time.monotonic()
    assert made.status_code == 201
    try:
        expect(page.locator("[data-total=stations]")).to_have_text(f"{before + 1:,}", timeout=LIVE_MS)
        assert time.monotonic() - committed < LIVE_MS / 1000
    finally:
        planner.delete(
            "/api/stations/E2E-LIVE", headers={"If-Match": made.headers["ETag"]}
        ).raise_for_status()
    expect(page.locator("[data-total=stations]")).to_have_text(f"{before:,}", timeout=LIVE_MS)


def test_a_lost_connection_is_seen_and_mends_itself(visit: Visitor, planner: httpx.Client) -> None:
    window = visit("screen", 1920, 1080)
    window.expect("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_CHANGED")
    page = window.open("/screen")
    expect(page.locator("[data-link]")).to_have_text("实时")
    before = numbers(page.locator("[data-total=stations]").inner_text())[0]
    page.context.set_offline(True)
    expect(page.get_by_text("与服务器的连接中断")).to_be_visible()
    expect(page.locator("[data-link]")).to_have_text("连接中断")
    made = planner.post("/api/stations", json=station(planner, "E2E-AWAY"))
    try:
        page.context.set_offline(False)
        expect(page.locator("[data-link]")).to_have_text("实时", timeout=15_000)
        expect(page.get_by_text("与服务器的连接中断")).to_be_hidden()
        expect(page.locator("[data-total=stations]")).to_have_text(f"{before + 1:,}")
    finally:
        planner.delete(
            "/api/stations/E2E-AWAY", headers={"If-Match": made.headers["ETag"]}
        ).raise_for_status()
    expect(page.locator("[data-total=stations]")).to_have_text(f"{before:,}")


def test_the_clock_goes(visit: Visitor) -> None:
    page = wall(visit)
    first = page.locator("[data-clock]").inner_text()
    expect(page.locator("[data-clock]")).not_to_have_text(first, timeout=2500)


def test_small_numbers_are_not_told(visit: Visitor) -> None:
    window = visit("screen", 1920, 1080)

    def fewer(route: Any) -> None:
        answer = route.fetch()
        body = answer.json()
        body["totals"]["children_12"] = None
        body["needs_by_service"][0]["count"] = None
        body["coverage"][0]["share"] = None
        route.fulfill(response=answer, json=body)

    window.page.route("**/api/screen/summary", fewer)
    page = window.open("/screen")
    expect(page.locator("[data-total=children_12]")).to_have_text("<5")
    expect(page.locator("[data-needs] .value").first).to_have_text("<5")
    expect(page.locator("[data-coverage] .value").last).to_have_text("–")
