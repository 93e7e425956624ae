"""The planner's, the worker's and the wall's maps in Chromium: what a person sees, and that data stays text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import maps
from tests.maps import place
from tests.maps.conftest import Watched
from tests.maps.place import CODES, CONFIG, GRIDS, HOSTILE

pytestmark = pytest.mark.browser

SHADE = """([lon, lat]) => {
  const map = Object.values(linli.maps)[0];
  for (const { canvas, zoom, bounds } of linli.sheet(map).tiles()) {
    if (!canvas.closest('.leaflet-shades-pane')) continue;
    const at = map.project([lat, lon], zoom), size = bounds.getSize();
    const x = (at.x - bounds.min.x) / size.x, y = (at.y - bounds.min.y) / size.y;
    if (x < 0 || x >= 1 || y < 0 || y >= 1) continue;
    const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, x * canvas.width - 8, y * canvas.height - 8, 16, 16, 0, 0, 16, 16);
    const data = copy.getImageData(0, 0, 16, 16).data;
    const tones = new Set();
    for (let i = 0; i < data.length; i += 4) tones.add([data[i], data[i + 1], data[i + 2], data[i + 3]].join());
    return [...tones];
  }
  return null;
}"""
"""All colours of 16 × 16 pixels of the grids' layer at a position."""

GRIDS_TOLD = (
    "() => { window.told = []; document.addEventListener('linli:grid', (event) => window.told.push(event.detail)); }"
)


def middle(number: int, east: float = 0.0008) -> list[float]:
    """Return a position in a grid of the made-up place, away from its name and its stations."""
    point = GRIDS[number].centroid
    return [point.x + east, point.y - 0.0005]


def pixel(watched: Watched, number: int) -> tuple[float, float]:
    """Return where on the page a grid is."""
    found = watched.script(
        """([lon, lat]) => { const map = Object.values(linli.maps)[0]; const at = map.latLngToContainerPoint([lat, lon]);
        const box = map.getContainer().getBoundingClientRect(); return [box.x + at.x, box.y + at.y]; }""",
        middle(number),
    )
    return found[0], found[1]


def legend(watched: Watched) -> list[list[str]]:
    """Return the legend's rows: words (中文 only) and count."""
    return watched.script(
        "() => [...document.querySelectorAll('[data-legend] li')].map((li) => [li.querySelector('.words').firstChild.textContent, li.querySelector('.count').textContent])"
    )


def test_the_planners_legend_tells_classes_zero_no_data_and_suppressed_apart(watched: Watched) -> None:
    watched.draw(maps.planner_map(CONFIG))
    assert legend(watched) == [
        ["341–505", "1"],
        ["121–340", "1"],
        ["1–120", "1"],
        ["0", "1"],
        ["无数据", "1"],
        ["数量过小，不显示", "1"],
    ]
    zero, high, nothing, small = (watched.script(SHADE, middle(i)) for i in (0, 3, 4, 5))
    assert len(zero) == len(high) == 1 and zero != high, "a value is one flat colour"
    assert len(nothing) > 1 and len(small) > 1, "what has no value is patterned"
    assert set(nothing) != set(small)


def test_the_planner_chooses_measure_scheme_and_number_of_classes(watched: Watched) -> None:
    page = watched.draw(maps.planner_map(CONFIG))
    page.get_by_label("指标").select_option("elders_60")
    watched.settled()
    assert page.locator("[data-legend-title]").inner_text().startswith("60岁及以上老人")
    page.get_by_text("分级").click()
    page.get_by_label("方法").select_option("equal")
    page.get_by_label("级数").select_option("3")
    watched.settled()
    asked = watched.stub.queries("/api/grids/measures")[-1]
    assert (asked["measure"], asked["scheme"], asked["k"]) == (["elders_60"], ["equal"], ["3"])
    assert len(legend(watched)) == 5


def test_pointing_at_a_grid_tells_it_and_clicking_tells_the_page(watched: Watched) -> None:
    page = watched.draw(maps.planner_map(CONFIG))
    watched.script(GRIDS_TOLD)
    page.mouse.move(*pixel(watched, 3))
    tip = page.locator(".linli-tip")
    tip.wait_for()
    assert "书林街网格" in tip.inner_text() and "505 户" in tip.inner_text()
    page.mouse.move(*pixel(watched, 4))
    page.wait_for_function("() => document.querySelector('.linli-tip')?.textContent.includes('无数据')")
    page.mouse.click(*pixel(watched, 3))
    watched.settled()
    assert watched.script("() => window.told") == [{"code": CODES[3]}]
    assert page.locator(".leaflet-outline-pane path").count() == 1


def test_hostile_names_are_shown_as_text(watched: Watched) -> None:
    page = watched.draw(
        maps.planner_map(replace(CONFIG, place=HOSTILE, measures=(maps.Choice("households", HOSTILE),)))
    )
    page.mouse.move(*pixel(watched, 0))
    page.locator(".linli-tip").wait_for()
    assert "<img src=x onerror=" in page.locator(".linli-tip").inner_text()
    page.mouse.move(5, 790)
    page.locator(".linli-station").first.click()
    card = page.locator(".linli-card")
    card.wait_for()
    assert "<script>window.hacked=2</script>" in card.inner_text()
    assert "<img src=x" in page.locator(".leaflet-control-attribution").inner_text()
    assert page.locator(".linli-view img, .linli-view script").count() == 0


def test_a_stations_card_gives_its_hours_in_chinese(watched: Watched) -> None:
    page = watched.draw(maps.planner_map(CONFIG))
    assert page.locator(".linli-station").count() == len(place.KINDS)
    page.locator(".linli-station").nth(2).click()
    text = page.locator(".linli-card").inner_text().replace("\u2060", "")
    assert "示范幸福食堂" in text and "助餐" in text
    assert "周一至周五 11:00–13:00；周六、周日 休息" in text and "全天" in text and "可容纳 60 人" in text


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        ("24/7", "全天"),
        ("", "全天"),
        ("Mo-Su 08:00-20:00", "每天 08:00–20:00"),
        ("Mo-Fr 09:00-12:00,13:30-17:30; PH off", "周一至周五 09:00–12:00、13:30–17:30；节假日 休息"),
        ("Jun-Aug: Mo 08:00-11:00", "6月至8月: 周一 08:00–11:00"),
        ("<b>sunrise</b>", "<b>sunrise</b>"),
    ],
)
def test_hours_in_words(watched: Watched, hours: str, told: str) -> None:
    watched.draw(maps.planner_map(CONFIG))
    assert watched.script("(hours) => linli.hours(hours)", hours).replace("\u2060", "") == told


def layers(page: Any) -> Any:
    """Return the list of layers, unfolded by the keyboard where it is folded."""
    control = page.locator(".leaflet-control-layers")
    if control.locator("details:not([open])").count():
        control.locator("summary").press("Enter")
    return control


def test_a_long_list_of_layers_is_folded_where_it_would_cover_the_map(watched: Watched) -> None:
    page = watched.draw(maps.planner_map(CONFIG))
    control = page.locator(".leaflet-control-layers")
    assert control.bounding_box()["height"] < 50 and not control.get_by_label("服务圈").is_visible()
    assert layers(page).get_by_label("服务圈").is_visible()
    page = watched.draw(maps.coverage_map(CONFIG))
    assert control.get_by_label("未覆盖楼栋").is_visible(), "a short one is open"


def test_a_legend_on_the_map_folds_to_its_title_and_back(watched: Watched) -> None:
    page = watched.draw(maps.coverage_map(CONFIG))
    key = page.locator(".linli-key")
    whole = key.bounding_box()["height"]
    fold = key.get_by_role("button", name="收起图例")
    fold.press("Enter")
    assert key.get_by_role("heading").is_visible() and not key.locator("[data-legend]").is_visible()
    assert key.bounding_box()["height"] < 60 < whole
    key.get_by_role("button", name="展开图例", expanded=False).press("Enter")
    assert key.bounding_box()["height"] == whole


def test_no_name_lies_under_an_event(watched: Watched) -> None:
    page = watched.draw(maps.events_map(CONFIG))
    watched.settled()
    names = "() => linli.maps['events-map'].names.rectangles().filter(({ kind }) => kind === 'grid')"
    before = page.evaluate(names)
    size = page.evaluate("() => { const { x, y } = linli.maps['events-map'].getSize(); return [x, y]; }")
    seen = [one for one in before if 0 < one["boxes"][0][0] < size[0] - 80 and 0 < one["boxes"][0][1] < size[1] - 40]
    assert seen
    left, top, right, bottom = seen[0]["boxes"][0]
    middle = [(left + right) / 2, (top + bottom) / 2]
    page.evaluate(
        """([x, y]) => {
          const at = linli.maps["events-map"].containerPointToLatLng([x, y]);
          linli.tell("events", { features: [{ geometry: { coordinates: [at.lng, at.lat] }, properties: { id: 1, name: "积水", look: "late" } }] });
        }""",
        middle,
    )
    page.wait_for_timeout(300)
    watched.settled()
    for one in page.evaluate(names):
        for left, top, right, bottom in one["boxes"]:
            near = [max(left, min(middle[0], right)) - middle[0], max(top, min(middle[1], bottom)) - middle[1]]
            assert max(map(abs, near)) >= 10 - 1e-6, one


def test_circles_come_when_they_are_wanted(watched: Watched) -> None:
    page = watched.draw(maps.planner_map(CONFIG))
    assert not watched.stub.queries("/api/circles")
    layers(page).get_by_label("服务圈").check()
    watched.settled()
    assert page.locator("path.linli-circle").count() == 4
    page.locator("summary", has_text="服务圈").click()
    page.get_by_label("步行").select_option("5")
    watched.settled()
    assert watched.stub.queries("/api/circles")[-1]["minutes"] == ["5"]


def test_layers_are_switched_by_chinese_names(watched: Watched) -> None:
    page = watched.draw(maps.planner_map(CONFIG))
    control = layers(page)
    assert [line.split("\n")[0].split(" ")[0] for line in control.inner_text().splitlines() if line.strip()] == [
        "图层",
        "楼栋",
        "网格",
        "服务圈",
        "小区改造",
        "街区",
        "商户",
        "事物设施",
        "服务站点",
    ]
    control.get_by_label("网格").uncheck()
    control.get_by_label("服务站点").uncheck()
    control.get_by_label("楼栋").check()
    watched.settled()
    assert page.locator(".linli-station").count() == 0 and page.locator(".leaflet-shades-pane canvas").count() == 0


def test_the_page_shows_a_grid_or_a_finding_on_the_map(watched: Watched) -> None:
    page = watched.draw(maps.planner_map(CONFIG))
    watched.script("() => linli.maps['planner-map'].setView([25.1, 102.6], 14, { animate: false })")
    watched.script("(code) => linli.tell('show-grid', { code })", CODES[2])
    watched.settled()
    assert page.locator(".leaflet-outline-pane path").count() == 1
    assert watched.script("() => linli.maps['planner-map'].getZoom()") > 15
    assert watched.script("([lon, lat]) => linli.maps['planner-map'].getBounds().contains([lat, lon])", middle(2))
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": middle(0)}, "properties": {}}
    watched.script("(feature) => linli.tell('show', { feature })", feature)
    watched.settled()
    assert page.locator(".leaflet-outline-pane path").count() == 2


def test_without_bounds_the_map_finds_its_place(watched: Watched) -> None:
    watched.draw(maps.planner_map(replace(CONFIG, bounds=None)))
    centre = watched.script("() => { const at = linli.maps['planner-map'].getCenter(); return [at.lng, at.lat]; }")
    assert abs(centre[0] - 102.7145) < 0.006 and abs(centre[1] - 25.038) < 0.003


def test_an_error_is_told_in_the_servers_words(watched: Watched) -> None:
    problem = {
        "title": "服务暂不可用 / unavailable",
        "detail": "数据库没有回应 / the database does not answer",
    }
    watched.stub.answers["/api/grids/measures"] = lambda query: (503, problem)
    page = watched.draw(maps.planner_map(CONFIG))
    assert "数据库没有回应" in page.locator(".linli-notice").inner_text()
    assert all("503" in fault for fault in watched.faults)
    watched.faults.clear()
    del watched.stub.answers["/api/grids/measures"]
    watched.stub.answers["/api/grids/measures"] = lambda query: (200, place.measures(query))
    watched.script("() => linli.tell('refresh')")
    watched.settled()
    assert page.locator(".linli-notice").count() == 0


def test_whoever_is_signed_out_is_sent_to_sign_in(watched: Watched) -> None:
    watched.stub.answers["/api/grids/measures"] = lambda query: (401, {"title": "请先登录"})
    watched.stub.pages["/login"] = "<!DOCTYPE html><title>登录</title>"
    watched.stub.pages["/map"] = maps.page(maps.render(maps.planner_map(CONFIG), "dGVzdC1ub25jZS0xMjM0NQ"), "x")
    watched.page.goto(watched.stub.base + "/map?a=1")
    watched.page.wait_for_url("**/login?next=%2Fmap%3Fa%3D1")
    watched.faults.clear()


def test_more_stations_than_can_be_shown_are_not_left_out_in_silence(watched: Watched) -> None:
    answer = {**place.stations(), "next": "/api/stations?cursor=S9"}
    watched.stub.answers["/api/stations"] = lambda query: (200, answer)
    many = [
        {**f, "properties": {**f["properties"], "code": f"{f['properties']['code']}-{i}"}}
        for i in range(81)
        for f in place.stations()["features"]
    ]
    answer["features"] = many
    page = watched.draw(maps.planner_map(CONFIG))
    assert page.locator(".linli-station").count() == 800
    assert "站点过多" in page.locator(".linli-notice").inner_text()


def test_things_and_renovation_are_shown_in_view_and_told_on_a_tap(watched: Watched) -> None:
    lon, lat = middle(1)
    things = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {"code": "T1", "name": None, "kind": "摄像头", "state": "完好"},
        },
        {
            "type": "Feature",
            "geometry": None,
            "properties": {"code": "T2", "name": None, "kind": "井盖", "state": None},
        },
    ]
    watched.stub.answers["/api/layers/things"] = lambda query: (
        200,
        {"type": "FeatureCollection", "features": things, "next": None},
    )
    page = watched.draw(maps.planner_map(CONFIG))
    assert not watched.stub.queries("/api/layers/things")  # switched off at first
    watched.script("([lon, lat]) => linli.maps['planner-map'].setView([lat, lon], 11, { animate: false })", [lon, lat])
    layers(page).get_by_label("事物设施").check()
    watched.settled()
    assert "放大" in page.locator(".linli-notice").inner_text() and not watched.stub.queries("/api/layers/things")
    watched.script("([lon, lat]) => linli.maps['planner-map'].setView([lat, lon], 17, { animate: false })", [lon, lat])
    watched.settled()
    (query,) = watched.stub.queries("/api/layers/things")
    west, south, east, north = map(float, query["bbox"][0].split(","))
    assert west < lon < east and south < lat < north
    assert page.locator(".linli-notice").count() == 0
    page.locator("path.linli-place.things").click()
    assert (
        "摄像头" in page.locator(".leaflet-popup").inner_text()
        and "完好" in page.locator(".leaflet-popup").inner_text()
    )
    layers(page).get_by_label("事物设施").uncheck()
    assert page.locator("path.linli-place").count() == 0


WORKER_TOLD = (
    "() => { window.told = []; document.addEventListener('linli:tap', (event) => window.told.push(event.detail)); }"
)


def test_a_tap_gives_the_worker_a_position(watched: Watched) -> None:
    watched.page.set_viewport_size({"width": 360, "height": 640})
    page = watched.draw(maps.worker_map(CONFIG))
    watched.script(WORKER_TOLD)
    x, y = pixel(watched, 1)
    page.mouse.click(x, y)
    (told,) = watched.script("() => window.told")
    assert told["lon"] == pytest.approx(middle(1)[0], abs=2e-5) and told["lat"] == pytest.approx(middle(1)[1], abs=2e-5)
    assert page.locator(".leaflet-overlay-pane path").count() == 1


def test_the_worker_sees_position_grid_and_stations(watched: Watched) -> None:
    page = watched.draw(maps.worker_map(CONFIG))
    lon, lat = middle(1)
    watched.script("(detail) => linli.tell('position', detail)", {"lon": lon, "lat": lat, "accuracy_m": 60})
    watched.script("(feature) => linli.tell('grid', feature)", place.grids()["features"][1])
    watched.script("(found) => linli.tell('stations', found)", place.stations())
    watched.settled()
    centre: dict[str, Any] = watched.script("() => linli.maps['worker-map'].getCenter()")
    assert (
        centre["lng"] == pytest.approx(lon, abs=1e-5)
        and watched.script("() => linli.maps['worker-map'].getZoom()") >= 17
    )
    assert page.locator(".leaflet-outline-pane path").count() == 2, "the grid and the circle of uncertainty"
    watched.script("() => { linli.tell('grid', null); linli.tell('stations', null); linli.tell('position', null); }")
    assert page.locator(".leaflet-outline-pane path, .linli-station").count() == 0


def test_the_wall_is_dark_follows_changes_and_has_nothing_to_operate(watched: Watched) -> None:
    page = watched.draw(maps.screen_map(CONFIG))
    assert page.locator(".leaflet-control-zoom, .leaflet-control-layers, select, input").count() == 0
    assert len(legend(watched)) == 6
    red, green, blue = (
        int(c)
        for c in watched.script("() => getComputedStyle(document.querySelector('.leaflet-container')).backgroundColor")
        .strip("rgb()")
        .split(",")
    )
    assert red + green + blue < 120
    before = watched.script(SHADE, middle(1))
    changed = {
        **place.measures({"k": ["5"], "scheme": ["quantiles"], "measure": ["households"]}),
        "values": {**place.VALUES, CODES[1]: 505.0},
    }
    watched.stub.answers["/api/grids/measures"] = changed
    watched.script("() => linli.tell('refresh')")
    watched.settled()
    assert watched.script(SHADE, middle(1)) != before


def test_a_changed_boundary_is_drawn_without_opening_the_page_again(watched: Watched) -> None:
    watched.draw(maps.screen_map(CONFIG))
    before = watched.script(SHADE, middle(3))
    tiles = sum(one.startswith("/tiles/") for one in watched.stub.asked)
    watched.script("() => linli.tell('refresh', { topic: 'needs' })")
    watched.settled()
    assert sum(one.startswith("/tiles/") for one in watched.stub.asked) == tiles, "needs are not drawn in tiles"
    watched.stub.layers["grids"] = [row for row in watched.stub.layers["grids"] if row[1]["code"] != CODES[3]]
    watched.script("() => linli.tell('refresh', { topic: 'grids' })")
    watched.settled()
    assert watched.script(SHADE, middle(3)) == ["0,0,0,0"] != before
