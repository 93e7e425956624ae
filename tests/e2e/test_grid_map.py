"""The planner's grid map as a map: names that do not collide, places found, a view passed on, two maps side by side."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Program, Visit, Visitor, numbers

DRAWN = """() => {
  const map = linli.maps["planner-map"], box = map.getContainer().getBoundingClientRect();
  const names = map.names.rectangles().map(({ key, boxes }) => ({ key, boxes }));
  const signs = [], dots = [];
  for (const node of map.getPane("markerPane").querySelectorAll(".linli-station")) {
    const seen = (node.classList.contains("crowded") ? node : node.querySelector("svg")).getBoundingClientRect();
    const at = [seen.left - box.left, seen.top - box.top, seen.right - box.left, seen.bottom - box.top];
    if (node.classList.contains("crowded")) dots.push({ key: node.ariaLabel, boxes: [[at[0] + 10, at[3] - 5, at[0] + 20, at[3] + 5]] });
    else signs.push({ key: node.ariaLabel, boxes: [at] });
  }
  return { names, signs, dots };
}"""
"""What is drawn, in pixels of the map: names as they were placed, stations' signs as the browser lays them out."""
INK_OUTSIDE = """() => {
  const map = linli.maps["planner-map"], { canvas, region, drawn } = map.names;
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const pen = copy.getContext("2d", { willReadFrequently: true });
  pen.drawImage(canvas, 0, 0);
  const ratio = canvas.width / parseFloat(canvas.style.width);
  const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const mine = new Uint8Array(canvas.width * canvas.height);
  for (const { boxes } of drawn) for (const [left, top, right, bottom] of boxes) {
    const edge = (value, low, most) => Math.max(0, Math.min(most, Math.round((value - low) * ratio)));
    for (let y = edge(top - 1, region.min.y, canvas.height); y < edge(bottom + 1, region.min.y, canvas.height); y += 1) {
      mine.fill(1, y * canvas.width + edge(left - 1, region.min.x, canvas.width), y * canvas.width + edge(right + 1, region.min.x, canvas.width));
    }
  }
  let ink = 0, outside = 0;
  for (let i = 0; i < mine.length; i += 1) if (data[i * 4 + 3] > 90) { ink += 1; if (!mine[i]) outside += 1; }
  return [ink, outside];
}"""
"""How many pixels of names there are, and how many of them lie outside the rectangles that the names are said to fill."""
HALF_PX = 0.5


def overlaps(one: list[float], other: list[float]) -> bool:
    return (
        min(one[2], other[2]) - max(one[0], other[0]) > HALF_PX
        and min(one[3], other[3]) - max(one[1], other[1]) > HALF_PX
    )


def collisions(things: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (one["key"], other["key"])
        for one, other in combinations(things, 2)
        if any(overlaps(a, b) for a in one["boxes"] for b in other["boxes"])
    ]


FLOATING = """() => {
  const box = linli.maps["planner-map"].getContainer().getBoundingClientRect();
  return [...document.querySelectorAll(".linli-panel.floating, .linli-key, .leaflet-control")].map((node, i) => {
    const seen = node.getBoundingClientRect();
    return { key: `panel ${i}`, boxes: [[seen.left - box.left, seen.top - box.top, seen.right - box.left, seen.bottom - box.top]] };
  });
}"""
"""Where panels float over the map, which no name lies under: 10 pixels are left around them."""


def zoom_to(window: Visit, zoom: float) -> None:
    window.page.evaluate("zoom => linli.maps['planner-map'].setZoom(zoom, { animate: false })", zoom)
    window.page.wait_for_load_state("networkidle")
    window.settled()


def legend(page: Page) -> str:
    return page.locator("[data-legend-title]").inner_text() + page.locator("[data-legend]").inner_text()


@pytest.fixture(scope="module")
def planner(program: Program) -> Any:
    with program.client("planner") as client:
        yield client


def test_no_name_and_no_sign_lies_over_another_and_none_jumps(visit: Visitor) -> None:
    window = visit("planner", 1600, 1000)
    window.open("/")
    counts = []
    for zoom in (13.5, 14.5, 15, 16, 17, 18):
        zoom_to(window, zoom)
        drawn = window.page.evaluate(DRAWN)
        assert collisions(drawn["names"] + drawn["signs"]) == [], f"zoom {zoom}"
        for dot in drawn["dots"]:
            assert collisions([dot, *drawn["names"]]) == [] or not any(
                dot["key"] in pair for pair in collisions([dot, *drawn["names"]])
            ), f"zoom {zoom}: a name lies over {dot['key']}"
        ink, outside = window.page.evaluate(INK_OUTSIDE)
        assert (ink > 500 or not drawn["names"]) and outside <= ink / 200, (
            f"zoom {zoom}: names are larger than they say"
        )
        counts.append((len(drawn["names"]), len(drawn["signs"])))
    assert max(names for names, _ in counts) >= 30 and max(signs for _, signs in counts) >= 20, counts

    zoom_to(window, 16)
    before = window.page.evaluate(DRAWN)
    window.page.evaluate("() => linli.maps['planner-map'].panBy([170, 110], { animate: false })")
    window.page.wait_for_load_state("networkidle")
    window.settled()
    after = {one["key"]: one["boxes"][0] for one in window.page.evaluate(DRAWN)["names"]}
    panels = [
        {
            **one,
            "boxes": [[left + 160, top + 100, right + 180, bottom + 120] for left, top, right, bottom in one["boxes"]],
        }
        for one in window.page.evaluate(FLOATING)
    ]  # as they lie among the names before the map was moved under them
    stayed = [
        one
        for one in before["names"]
        if 200 < one["boxes"][0][0] < 900
        and 140 < one["boxes"][0][1] < 800
        and not any(collisions([one, each]) for each in panels)
    ]
    assert len(stayed) >= 10
    for one in stayed:
        assert one["key"] in after, f"{one['key']} has gone"
        assert after[one["key"]][:2] == pytest.approx([one["boxes"][0][0] - 170, one["boxes"][0][1] - 110], abs=1)


def test_a_place_is_found_by_its_address_with_the_keyboard(visit: Visitor, planner: httpx.Client) -> None:
    building = next(
        item for item in planner.get("/api/search", params={"q": "小区"}).json()["items"] if item["kind"] == "compound"
    )
    page = visit("planner").open("/")
    box = page.get_by_role("combobox", name="查找")
    box.focus()
    page.keyboard.type(building["name"][:2])
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("ArrowUp")
    options = page.get_by_role("listbox").get_by_role("option")
    last = options.nth(options.count() - 1)
    expect(last).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", last.get_attribute("id") or "?")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    box.fill(building["name"])
    expect(options.first).to_have_attribute("data-kind", "compound")
    page.keyboard.press("Enter")
    expect(page.locator(".leaflet-outline-pane path")).not_to_have_count(0)
    west, south, east, north = building["bounds"]
    page.wait_for_function(
        "([lat, lon]) => linli.maps['planner-map'].getBounds().contains([lat, lon]) && linli.maps['planner-map'].getZoom() >= 16",
        arg=[(south + north) / 2, (west + east) / 2],
    )
    assert len(planner.get("/api/search", params={"q": "1"}).json()["items"]) == 20


def test_a_view_can_be_passed_on(visit: Visitor) -> None:
    window = visit("planner", permissions=["clipboard-read", "clipboard-write"])
    page = window.open("/")
    assert urlsplit(page.url).query == ""
    page.get_by_label("指标").select_option("needs_opened")
    page.get_by_label("起始月份").select_option(index=5)
    page.get_by_text("分级与颜色").click()
    page.get_by_label("方法").select_option("natural")
    page.get_by_label("级数").select_option("4")
    page.get_by_label("颜色").select_option("dusk")
    page.locator(".leaflet-control-layers summary").click()
    page.locator(".leaflet-control-layers label").filter(has_text="服务站点").click()
    page.get_by_role("combobox", name="查找").fill("第二网格")
    page.keyboard.press("Enter")
    heading = page.locator("[data-summary] h2")
    expect(heading).to_contain_text("第二网格")
    window.settled()
    page.get_by_role("button", name="复制链接").click()
    expect(page.get_by_role("button", name="已复制")).to_be_visible()
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert link == page.url
    asked = parse_qs(urlsplit(link).query)
    assert set(asked) == {"view", "measure", "from", "scheme", "k", "palette", "on", "grid"}
    other = visit("planner")
    copy = other.open(link.removeprefix(window.program.base))
    assert legend(copy) == legend(page)
    expect(copy.locator("[data-summary] h2")).to_have_text(heading.inner_text())
    expect(copy.locator(".leaflet-outline-pane path")).to_have_count(1)
    expect(copy.locator(".linli-station")).to_have_count(0)
    view = (
        "() => { const map = linli.maps['planner-map'], at = map.getCenter(); return [at.lat, at.lng, map.getZoom()]; }"
    )
    assert copy.evaluate(view) == pytest.approx(page.evaluate(view), abs=1e-4)


def test_two_maps_move_together_and_say_what_differs(visit: Visitor, planner: httpx.Client) -> None:
    window = visit("planner")
    page = window.open("/")
    page.get_by_role("link", name="对比").click()
    page.wait_for_url("**/maps/compare")
    window.settled()
    legends = page.locator(".linli-key")
    expect(legends).to_have_count(2)
    months = [
        page.locator(f"[data-{name}]").input_value() for name in ("from-left", "to-left", "from-right", "to-right")
    ]
    found = planner.get(
        "/api/comparison",
        params={
            "left": "needs_opened", "right": "needs_opened", "left_from": months[0], "left_to": months[1], "right_from": months[2],
            "right_to": months[3], "common": "true",
        },
    ).json()  # fmt: skip
    difference = page.locator("[data-difference]")
    told = found["difference"]
    assert numbers(difference.locator("dl").inner_text()) == [
        told[name] for name in ("rose", "fell", "same", "unknown")
    ]
    words = [legends.nth(i).locator(".words").all_inner_texts()[: len(found["left"]["colours"])] for i in (0, 1)]
    assert words[0] == words[1], "common classes are the same on both sides"
    page.get_by_text("两图用同一分级").click()
    window.settled()
    expect(difference).to_contain_text("颜色不能互比")

    centres = """() => ["compare-map", "compare-map-right"].map((id) => { const map = linli.maps[id], at = map.getCenter(); return [at.lat, at.lng, map.getZoom()]; })"""
    moves = "() => { window.moved = 0; for (const id of ['compare-map', 'compare-map-right']) linli.maps[id].on('move', () => { window.moved += 1; }); }"
    page.evaluate(moves)
    for number in (0, 1):
        before = page.evaluate(centres)
        box = page.locator(".linli-map").nth(number).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x - 80, y + 40, steps=4)
        page.wait_for_timeout(250)  # no swing
        page.mouse.up()
        page.mouse.move(x, y)
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(600)
        window.settled()
        left, right = page.evaluate(centres)
        assert left == pytest.approx(right, abs=5e-5)
        assert left[2] > before[0][2] and left[:2] != pytest.approx(before[0][:2], abs=1e-4)
    still = page.evaluate("() => window.moved")
    page.wait_for_timeout(300)
    assert page.evaluate("() => window.moved") == still < 400, "the two do not send each other round and round"


def test_a_clicked_grid_has_charts_that_can_be_heard_and_layers_have_a_key(
    visit: Visitor, planner: httpx.Client
) -> None:
    code = planner.get("/api/grids", params={"limit": 1}).json()["features"][0]["properties"]["code"]
    summary = planner.get(f"/api/grids/{code}/summary").json()
    page = visit("planner").open(f"/?grid={code}&on=choropleth,merchants,renovation")
    drawings = page.locator("[data-summary] figure.drawing")
    expect(drawings).to_have_count(2)
    rows = drawings.nth(1).locator("tbody tr")
    expect(rows).to_have_count(12)
    assert [row["month"] for row in summary["needs_by_month"]] == rows.locator("th").all_text_contents()
    said = ["<5" if row["opened"] is None else str(row["opened"]) for row in summary["needs_by_month"]]
    assert rows.locator("td:nth-of-type(1)").all_text_contents() == said
    bars = drawings.nth(1).locator("rect")
    expect(bars).to_have_count(24)
    heights = [float(bars.nth(2 * i).get_attribute("height") or 0) for i in range(12)]
    counted = [
        (row["opened"], height) for row, height in zip(summary["needs_by_month"], heights, strict=True) if row["opened"]
    ]
    assert len({round(height / n, 3) for n, height in counted}) == 1, "bars are as high as their figures"
    key = page.locator("[data-layer-key]")
    expect(key).to_contain_text("商户")
    expect(key).to_contain_text("小区改造：已完工")
    page.locator(".leaflet-control-layers summary").click()
    page.locator(".leaflet-control-layers label").filter(has_text="商户").click()
    expect(key).not_to_contain_text("商户")


@pytest.mark.parametrize(
    ("path", "query", "checked"),
    [
        (
            "/maps/needs",
            "service=meal&mode=count&size=400&colour=red&unit=cells",
            ["data-service=meal", "data-mode=count", "data-colour=red"],
        ),
        (
            "/maps/coverage",
            "service=meal,health&minutes=10&method=buffer&shade=elders_60&view=24.54000,102.88000,16",
            [
                "name=service=meal",
                "name=service=health",
                "name=minutes=10",
                "name=method=buffer",
                "name=shade=elders_60",
            ],
        ),
    ],
)
def test_the_other_maps_are_passed_on_too(visit: Visitor, path: str, query: str, checked: list[str]) -> None:
    page = visit("planner").open(f"{path}?{query}&utm=kept&k=%3Cscript%3E")
    for one in checked:
        *name, value = one.split("=")
        kind = f"[{name[0]}]" if len(name) == 1 else f'[{name[0]}="{name[1]}"]'
        expect(page.locator(f'input{kind}[value="{value}"]')).to_be_checked()
    page.get_by_role("button", name="复制链接").click()
    given, told = parse_qs(query), parse_qs(urlsplit(page.url).query)
    assert told.pop("utm") == ["kept"], "what is not the map's own stays"
    if "view" in given:
        wanted, got = ([float(n) for n in each.pop("view")[0].split(",")] for each in (given, told))
        assert got == pytest.approx(wanted, abs=1e-4)
    assert {name: told[name] for name in given if name in told} == {name: given[name] for name in given if name in told}
    assert set(given) - set(told) <= {"unit"}, "what is as at the beginning is left out"
