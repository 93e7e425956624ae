"""Maps by keys and by ear: every stop has a name and is seen, a card is read and gives the way back, dozens of signs can be skipped."""

from __future__ import annotations

from typing import Any

import pytest

import maps
from tests.maps import place
from tests.maps.conftest import Watched
from tests.maps.place import CONFIG

STOP = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const box = node.getBoundingClientRect(), style = getComputedStyle(node);
  const labels = [...(node.labels || [])].map((each) => each.textContent).join(" ");
  const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return {
    tag: node.tagName, sign: node.matches(".leaflet-marker-icon, path"),
    name: (node.getAttribute("aria-label") || labels || node.textContent || node.title || "").trim(),
    ringed: style.outlineStyle !== "none" || Boolean(node.closest("label") && getComputedStyle(node.closest("label")).outlineStyle !== "none"),
    hidden: Boolean(at && at.closest(".linli-panel.floating, .linli-key, .leaflet-control") && !at.contains(node) && !node.contains(at)),
  };
}"""


def stops(page: Any, most: int = 150) -> list[dict[str, Any]]:
    """Return where the tabulator key leads, from the beginning of the page to its end."""
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    found = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None:
            return found
        found.append(stop)
    raise AssertionError("the keys do not come to an end")


@pytest.mark.parametrize("draw", [maps.planner_map, maps.needs_map, maps.coverage_map, maps.events_map])
def test_every_stop_has_a_name_and_a_ring_and_lies_under_nothing(watched: Watched, draw: Any) -> None:
    page = watched.draw(draw(CONFIG))
    if draw is maps.events_map:
        west, south, east, north = place.BOUNDS
        page.evaluate(
            """([lon, lat]) => linli.tell("events", { features: [{ geometry: { coordinates: [lon, lat] }, properties: { id: 1, name: "积水", look: "late" } }] })""",
            [(west + east) / 2, (south + north) / 2],
        )
        watched.settled()
    found = stops(page)
    assert len(found) > 3
    assert [stop for stop in found if not stop["name"]] == []
    assert [stop for stop in found if not stop["ringed"]] == []
    assert [stop for stop in found if stop["hidden"]] == []
    if draw is maps.events_map:
        assert not any(stop["sign"] for stop in found), "events stand in the list beside the map, each a button"


def test_signs_can_be_skipped(watched: Watched) -> None:
    page = watched.draw(maps.planner_map(CONFIG))
    names = [stop["name"] for stop in stops(page)]
    assert names.index("跳过地图上的标志") == names.index("网格地图") - 1, "before what it skips"
    page.get_by_role("button", name="跳过地图上的标志").press("Enter")
    assert page.evaluate("() => document.activeElement.closest('.leaflet-control') !== null")


def test_a_card_opened_by_a_key_is_read_and_gives_the_way_back(watched: Watched) -> None:
    page = watched.draw(maps.planner_map(CONFIG))
    sign = page.locator(".linli-station").first
    name = sign.get_attribute("aria-label")
    sign.focus()
    page.keyboard.press("Enter")
    card = page.get_by_role("dialog")
    card.wait_for()
    assert card.get_attribute("aria-label") == card.get_by_role("heading").inner_text()
    assert card.evaluate("(node) => node === document.activeElement")
    assert card.get_by_role("button", name="关闭").count() == 1
    page.keyboard.press("Escape")
    card.wait_for(state="detached")
    page.wait_for_function("(name) => document.activeElement.getAttribute('aria-label') === name", arg=name)
    sign.click()
    card.wait_for()
    assert not card.evaluate("(node) => node === document.activeElement"), "a pointer leaves the keys where they are"
