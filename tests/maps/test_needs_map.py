"""The map of needs in Chromium: heat in metres, classes that stay, suppressed apart from zero."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

import maps
from tests.maps import place
from tests.maps.conftest import Watched
from tests.maps.place import CONFIG, SOUTH, WEST

pytestmark = pytest.mark.browser

HEAT_WIDTH = """() => {
  const canvas = document.querySelector('.linli-heat');
  const copy = document.createElement('canvas');
  copy.width = canvas.width; copy.height = canvas.height;
  const pen = copy.getContext('2d', { willReadFrequently: true });
  pen.drawImage(canvas, 0, 0);
  const data = pen.getImageData(0, 0, copy.width, copy.height).data;
  let first = Infinity, last = -Infinity;
  for (let y = 0; y < copy.height; y += 1) for (let x = 0; x < copy.width; x += 1)
    if (data[(y * copy.width + x) * 4 + 3] > 12) { first = Math.min(first, x); last = Math.max(last, x); }
  return last - first + 1;
}"""


def one_cell(count: int) -> dict[str, Any]:
    """Return cells with needs in a single one."""
    answer = place.cells({"from": ["2025-11-01"], "to": ["2026-10-31"]})
    for i, feature in enumerate(answer["features"]):
        hot = i == 26
        feature["properties"] = {
            "count": count if hot else 0,
            "households": 80,
            "rate": count / 0.8 if hot else 0,
            "suppressed": False,
        }
    return answer


def legend(watched: Watched) -> dict[str, str]:
    """Return the legend: words → count."""
    return dict(
        watched.script(
            "() => [...document.querySelectorAll('[data-legend] li')].map((li) => [li.querySelector('.words').firstChild.textContent, li.querySelector('.count').textContent])"
        )
    )


SEEN = """() => {
  const [map] = Object.values(linli.maps);
  const frame = map.getContainer().getBoundingClientRect();
  const canvases = [...map.getPane('mapPane').querySelectorAll('canvas')].filter((one) => one.checkVisibility());
  const sheet = canvases.find((one) => one.className.includes('linli-sheet'));
  const box = sheet.getBoundingClientRect();
  const copy = Object.assign(document.createElement('canvas'), { width: sheet.width, height: sheet.height }).getContext('2d', { willReadFrequently: true });
  copy.drawImage(sheet, 0, 0);
  const at = (x, y) => [...copy.getImageData((x - box.x) * sheet.width / box.width, (y - box.y) * sheet.height / box.height, 1, 1).data];
  const inside = (share) => [frame.left + 2 + (frame.width - 4) * share[0], frame.top + 2 + (frame.height - 4) * share[1]];
  return { canvases: canvases.length, corners: [[0, 0], [1, 0], [0, 1], [1, 1]].map((share) => at(...inside(share))[3]),
           hot: at(...(({ x, y }) => [frame.x + x, frame.y + y])(map.latLngToContainerPoint([%s, %s]))) };
}"""


def test_a_drag_moves_one_picture_of_all_that_is_drawn(watched: Watched) -> None:
    watched.stub.answers["/api/needs/cells"] = one_cell(40)
    page = watched.draw(maps.needs_map(CONFIG))
    found = one_cell(40)["features"][26]["geometry"]["coordinates"][0]
    lon, lat = ((found[0][axis] + found[2][axis]) / 2 for axis in (0, 1))
    seen = SEEN % (lat, lon)
    watched.script("() => Object.values(linli.maps)[0].setZoom(13.5, { animate: false })")
    watched.settled()
    before = watched.script(seen)
    page.mouse.move(900, 400)
    page.mouse.down()
    page.mouse.move(600, 250, steps=12)
    page.wait_for_timeout(300)  # no run-out
    page.mouse.up()
    watched.settled()
    page.wait_for_timeout(300)
    after = watched.script(seen)
    for told in (before, after):
        assert told["canvases"] <= 2, "ground, grids, cells and heat are one; names may be another"
        assert told["corners"] == [255] * 4, "the ground reaches every corner"
    assert before["hot"] == after["hot"] and max(before["hot"][:3]) - min(before["hot"][:3]) > 40, (
        "heat stays where it is"
    )


def test_heat_reaches_as_far_on_the_ground_at_every_zoom(watched: Watched) -> None:
    watched.stub.answers["/api/needs/cells"] = one_cell(40)
    watched.page.set_viewport_size({"width": 2200, "height": 900})
    watched.draw(maps.needs_map(CONFIG))
    lat = math.radians(SOUTH + 0.0025)
    for radius_m, zooms in (
        (200, (15, 16, 17)),
        (100, (15, 17, 19, 20)),
        (250, (14, 16, 18)),
        (500, (13, 15, 17)),
    ):
        watched.page.get_by_label("热力半径").fill(str(radius_m))
        for zoom in zooms:
            watched.script(
                "([lon, lat, zoom]) => linli.maps['needs-map'].setView([lat, lon], zoom, { animate: false })",
                [WEST + 0.0045, SOUTH + 0.0025, zoom],
            )
            watched.settled()
            per_pixel_m = 40075016.686 * math.cos(lat) / 2 ** (zoom + 8)
            if radius_m * 2 > 2200 * per_pixel_m:
                continue
            # Colour begins at a fiftieth of the top: (1 - r²)² = 0.02 where r = 0.927 of the radius.
            assert watched.script(HEAT_WIDTH) * per_pixel_m == pytest.approx(
                2 * radius_m * 0.927, rel=0.06, abs=max(12, 3 * per_pixel_m)
            )
        assert (
            watched.page.locator("[data-heat-radius]").inner_text() == f"半径 {radius_m} 米，是地面上的距离，缩放不变"
        )


def test_a_wider_radius_is_wider_and_stays_the_same_in_number(watched: Watched) -> None:
    watched.stub.answers["/api/needs/cells"] = one_cell(40)
    page = watched.draw(maps.needs_map(CONFIG))
    top = float(page.locator("[data-heat-top]").inner_text())
    # A quartic kernel holds its weight: 3 n / (π r²) at its middle, in needs per hectare.
    assert top == pytest.approx(3 * 40 / (math.pi * 200**2) * 1e4, abs=0.06)
    narrow = watched.script(HEAT_WIDTH)
    page.get_by_label("热力半径").fill("400")
    watched.settled()
    assert watched.script(HEAT_WIDTH) > 1.7 * narrow
    assert float(page.locator("[data-heat-top]").inner_text()) == pytest.approx(top / 4, abs=0.06)


def test_counts_tell_suppressed_none_and_classes_apart(watched: Watched) -> None:
    page = watched.draw(maps.needs_map(CONFIG))
    assert page.locator("[data-total]").inner_text() == "1,161"
    page.get_by_label("件数").check()
    told = legend(watched)
    assert told["数量过小，不显示（少于 5）"] == "1" and told["没有需求"] == "10"
    assert list(told)[:5] == ["51–100", "21–50", "11–20", "6–10", "1–5"]
    assert sum(int(n) for n in told.values()) == 54, "every cell is in one row of the legend"
    assert page.locator(".linli-heat").count() == 0
    page.get_by_label("每百户").check()
    assert "100–200" not in legend(watched) and page.locator("[data-legend-title]").inner_text().startswith(
        "每百户需求"
    )


def test_months_are_asked_for_whole_and_the_scale_stays(watched: Watched) -> None:
    page = watched.draw(maps.needs_map(CONFIG))
    page.get_by_label("件数").check()
    before = list(legend(watched))
    page.get_by_label("起始月份").fill("2")
    page.get_by_label("结束月份").fill("3")
    page.wait_for_timeout(400)
    watched.settled()
    asked = watched.stub.queries("/api/needs/cells")[-1]
    assert (asked["from"], asked["to"]) == (["2026-01-01"], ["2026-02-28"])
    assert page.locator("[data-month-text]").inner_text() == "2026年1月 至 2026年2月"
    assert list(legend(watched)) == before, "colours mean the same whichever months are shown"
    assert page.locator("[data-total]").inner_text() != "1,161"


def test_sliders_that_cross_are_put_in_order(watched: Watched) -> None:
    page = watched.draw(maps.needs_map(CONFIG))
    page.get_by_label("起始月份").fill("9")
    page.get_by_label("结束月份").fill("4")
    page.wait_for_timeout(400)
    watched.settled()
    asked = watched.stub.queries("/api/needs/cells")[-1]
    assert (asked["from"], asked["to"]) == (["2026-03-01"], ["2026-08-31"])


def test_a_service_and_a_cell_size_are_asked_for(watched: Watched) -> None:
    page = watched.draw(maps.needs_map(CONFIG))
    assert "service" not in watched.stub.queries("/api/needs/cells")[-1]
    page.get_by_label("健康监测").check()
    page.get_by_label("单元边长").select_option("200")
    watched.settled()
    asked = watched.stub.queries("/api/needs/cells")[-1]
    assert (asked["service"], asked["size_m"]) == (["health"], ["200"])


def test_a_cell_tells_its_figures_and_a_suppressed_one_none(watched: Watched) -> None:
    page = watched.draw(maps.needs_map(CONFIG))

    def point(column: int, row: int) -> str:
        x, y = watched.script(
            """([lon, lat]) => { const map = linli.maps['needs-map']; const at = map.latLngToContainerPoint([lat, lon]);
            const box = map.getContainer().getBoundingClientRect(); return [box.x + at.x, box.y + at.y]; }""",
            [WEST + (column + 0.4) * 0.001, SOUTH + (row + 0.4) * 0.001],
        )
        page.mouse.move(x, y)
        page.wait_for_timeout(200)
        return page.locator(".linli-tip").inner_text()

    assert point(2, 2).split() == ["需求", "60", "户数", "80", "每百户需求", "75"]
    assert point(6, 4).split() == ["需求", "数量过小，不显示", "户数", "80"]


def test_a_place_without_needs_has_no_months_and_no_fault(watched: Watched) -> None:
    watched.stub.answers["/api/needs/cells"] = {
        "type": "FeatureCollection",
        "features": [],
        "size_m": 100,
        "threshold": 5,
        "total": 0,
    }
    page = watched.draw(maps.needs_map(replace(CONFIG, months=None)))
    assert page.locator("[data-month-from]").count() == 0
    assert page.locator("[data-total]").inner_text() == "0"
    page.get_by_label("件数").check()
    assert legend(watched)["没有需求"] == "0"


def fills(watched: Watched) -> dict[str, Any]:
    """Return what each grid is filled with, as the map would paint it."""
    return watched.script(
        """(codes) => { const found = {}; for (const layer of Object.values(linli.maps['needs-map']._layers)) {
        const rule = (layer.paintRules || []).find((one) => one.dataLayer === 'grids' && one.symbolizer.look);
        if (rule) for (const code of codes) found[code] = rule.symbolizer.look(code); } return found; }""",
        place.CODES,
    )


def test_grids_are_shaded_by_count_and_rate_with_classes(watched: Watched) -> None:
    page = watched.draw(maps.needs_map(CONFIG))
    page.locator("[data-unit][value=grids]").check()
    watched.settled()
    assert page.locator("[data-mode][value=rate]").is_checked(), "heat is made of cells"
    assert page.locator("[data-mode][value=heat]").is_disabled()
    asked = watched.stub.queries("/api/needs/grids")[-1]
    assert (asked["measure"], asked["scheme"], asked["k"]) == (["rate"], ["quantiles"], ["5"])
    told = legend(watched)
    assert sum(int(n) for n in told.values()) == 6, "every grid is in one row of the legend"
    assert (told["无人居住"], told["数量过小，不显示（少于 5）"], told["没有需求"]) == ("1", "1", "0")
    painted = fills(watched)
    assert painted[place.CODES[4]] == {"pattern": "hatch"} and painted[place.CODES[5]] == {"pattern": "dots"}
    assert len({painted[code]["fill"] for code in place.CODES[:4]}) == 4
    page.get_by_label("级数").select_option("3")
    page.get_by_label("方法").select_option("equal")
    page.get_by_label("件数").check()
    watched.settled()
    asked = watched.stub.queries("/api/needs/grids")[-1]
    assert (asked["measure"], asked["scheme"], asked["k"]) == (["count"], ["equal"], ["3"])
    assert next(iter(legend(watched))).endswith("200")


def test_an_address_of_grids_without_a_way_to_show_them_opens_rates(watched: Watched) -> None:
    watched.draw(maps.needs_map(CONFIG))
    watched.page.goto(watched.stub.base + "/map?unit=grids&colour=red")
    watched.settled()
    asked = watched.stub.queries("/api/needs/grids")[-1]
    assert (asked["measure"], asked["colour"]) == (["rate"], ["red"])
    assert watched.page.locator("[data-mode][value=heat]").is_disabled()


def test_months_move_the_grids_but_not_their_classes(watched: Watched) -> None:
    page = watched.draw(maps.needs_map(CONFIG))
    page.locator("[data-unit][value=grids]").check()
    page.get_by_label("件数").check()
    watched.settled()
    before, first = list(legend(watched)), fills(watched)
    page.get_by_label("结束月份").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(400)
    watched.settled()
    assert watched.stub.queries("/api/needs/grids")[-1]["to"] == ["2026-09-30"]
    assert list(legend(watched)) == before and fills(watched) != first
    assert page.locator("[data-total]").inner_text() == "200"


def test_months_are_played_one_after_the_other(watched: Watched) -> None:
    page = watched.draw(maps.needs_map(CONFIG))
    page.get_by_label("每百户").check()
    page.get_by_role("button", name="逐月播放").click()
    page.wait_for_function("() => document.querySelector('[data-month-from]').value === '1'")
    page.get_by_role("button", name="暂停").click()
    watched.settled()
    asked = watched.stub.queries("/api/needs/cells")[-1]
    assert (asked["from"], asked["to"]) == (["2025-12-01"], ["2025-12-31"])
    assert page.get_by_role("button", name="逐月播放").get_attribute("aria-pressed") == "false"


def test_hot_and_cold_spots_are_shown_and_explained(watched: Watched) -> None:
    page = watched.draw(maps.needs_map(CONFIG))
    page.get_by_label("冷热点").check()
    watched.settled()
    asked = watched.stub.queries("/api/needs/hotspots")[-1]
    assert (asked["by"], asked["measure"], asked["size_m"]) == (["cells"], ["rate"], ["100"])
    note = page.locator("[data-spot-note]").inner_text()
    assert "Getis-Ord Gi*" in note and "5%" in note and note.count("。") == 1
    told = legend(watched)
    assert (told["热点 q ≤ 0.01"], told["热点 q ≤ 0.05"], told["冷点 q ≤ 0.05"], told["冷点 q ≤ 0.01"]) == (
        "1",
        "1",
        "1",
        "0",
    )
    assert (told["不显著"], told["未检验（住户不足 5 户）"]) == ("50", "1")
    page.locator("[data-unit][value=grids]").check()
    page.get_by_label("检验的数").select_option("count")
    watched.settled()
    asked = watched.stub.queries("/api/needs/hotspots")[-1]
    assert (asked["by"], asked["measure"]) == (["grids"], ["count"]) and "size_m" not in asked
    painted = fills(watched)
    assert painted[place.CODES[5]] == {"pattern": "hatch"}
    assert len({painted[code]["fill"] for code in place.CODES[:4]}) == 4
    page.get_by_label("每百户", exact=True).check()
    watched.settled()
    assert not page.locator("[data-spot-note]").is_visible()


def test_kinds_of_households_are_asked_for_and_said(watched: Watched) -> None:
    page = watched.draw(maps.needs_map(CONFIG))
    assert not page.locator("[data-filters]").is_visible()
    page.get_by_text("按住户筛选").click()
    page.get_by_label("红色户").check()
    page.get_by_label("80岁及以上").check()
    page.get_by_label("0–12岁").check()
    watched.settled()
    asked = watched.stub.queries("/api/needs/cells")[-1]
    assert (asked["colour"], asked["age"]) == (["red"], ["0-12", "80+"])
    assert page.locator("[data-filters]").inner_text() == "只看：红色户，且户内有0–12岁或80岁及以上的人"


def test_cells_in_arrays_are_the_same_squares(watched: Watched) -> None:
    """Two cells of a lattice with its nodes four cells apart, one of them suppressed."""
    watched.stub.answers["/api/needs/cells"] = {
        "size_m": 100, "threshold": 5, "people_in": 5, "total": 35,
        "lattice": {"column": 7, "row": 3, "every": 4, "lon": [[WEST, WEST + 0.004], [WEST, WEST + 0.004]], "lat": [[SOUTH] * 2, [SOUTH + 0.004] * 2]},
        "column": [0, 1], "row": [0, 2], "count": [35, None], "households": [70, 12],
    }  # fmt: skip
    watched.draw(maps.needs_map(CONFIG))
    one, two = watched.script("(answer) => linli.needFeatures(answer)", watched.stub.answers["/api/needs/cells"])
    assert one["properties"] == {"count": 35, "households": 70, "rate": 50, "suppressed": False}
    assert two["properties"] == {"count": None, "households": 12, "rate": None, "suppressed": True}
    ring = [
        [WEST + 0.001, SOUTH + 0.002],
        [WEST + 0.002, SOUTH + 0.002],
        [WEST + 0.002, SOUTH + 0.003],
        [WEST + 0.001, SOUTH + 0.003],
    ]
    for found, expected in zip(two["geometry"]["coordinates"][0], [*ring, ring[0]], strict=True):
        assert found == pytest.approx(expected)
    assert watched.stub.queries("/api/needs/cells")[-1]["form"] == ["columns"]
