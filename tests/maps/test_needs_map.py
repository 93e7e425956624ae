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


def test_heat_reaches_as_far_on_the_ground_at_every_zoom(watched: Watched) -> None:
    watched.stub.answers["/api/needs/cells"] = one_cell(40)
    watched.page.set_viewport_size({"width": 2200, "height": 900})
    watched.draw(maps.needs_map(CONFIG))
    lat = math.radians(SOUTH + 0.0025)
    for zoom in (15, 16, 17):
        watched.script(
            "([lon, lat, zoom]) => linli.maps['needs-map'].setView([lat, lon], zoom, { animate: false })",
            [WEST + 0.0045, SOUTH + 0.0025, zoom],
        )
        watched.settled()
        metres = watched.script(HEAT_WIDTH) * 40075016.686 * math.cos(lat) / 2 ** (zoom + 8)
        # Colour begins at a fiftieth of the top: (1 - r²)² = 0.02 where r = 0.927 of the radius of 200 m.
        assert metres == pytest.approx(2 * 200 * 0.927, rel=0.06, abs=12)


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
