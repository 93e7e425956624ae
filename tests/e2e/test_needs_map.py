"""The map of needs in its page, with the real service behind it: every control changes what is shown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visit, Visitor, numbers


def figure(page: Page) -> int:
    return numbers(page.locator("[data-total]").inner_text())[0]


def legend(page: Page) -> list[str]:
    return [row.replace("\n", " ") for row in page.locator("[data-legend] li").all_inner_texts()]


def told(window: Visit, kind: str, **asked: Any) -> Any:
    with window.program.client("planner") as client:
        return client.get(f"/api/needs/{kind}", params=asked).json()


def choose(window: Visit, name: str, value: str) -> None:
    window.page.locator(f"[data-{name}][value='{value}']").check()
    window.settled()


def test_every_control_changes_what_is_shown_as_the_interface_counts_it(visit: Visitor) -> None:
    window = visit("planner")
    page = window.open("/maps/needs")
    whole = figure(page)
    choose(window, "unit", "grids")
    assert page.locator("[data-legend-title]").inner_text().startswith("每百户")
    every = told(window, "grids")
    assert figure(page) == every["total"]
    assert sum(numbers(row)[-1] for row in legend(page)) == len(every["grids"])
    shown = [legend(page)]
    page.get_by_label("方法").select_option("natural")
    page.get_by_label("级数").select_option("7")
    window.settled()
    assert len(legend(page)) == 7 + 3
    shown.append(legend(page))
    choose(window, "mode", "count")
    shown.append(legend(page))
    page.get_by_text("按住户筛选").click()
    choose(window, "colour", "yellow")
    assert figure(page) == told(window, "grids", colour="yellow")["total"] < whole
    choose(window, "age", "80+")
    assert figure(page) == told(window, "grids", colour="yellow", age="80+")["total"]
    expect(page.locator("[data-filters]")).to_contain_text("80岁及以上")
    shown.append(legend(page))
    page.get_by_label("结束月份").focus()
    page.keyboard.press("ArrowLeft")
    window.settled()
    assert figure(page) <= told(window, "grids", colour="yellow", age="80+")["total"]
    choose(window, "unit", "cells")
    page.get_by_label("单元边长").select_option("400")
    window.settled()
    assert page.locator("[data-size-row]").is_visible() and not page.locator("[data-class-row]").is_visible()
    shown.append(legend(page))
    assert len({"|".join(rows) for rows in shown}) == len(shown)


def test_hot_spots_are_those_of_the_interface(visit: Visitor) -> None:
    window = visit("planner")
    page = window.open("/maps/needs")
    for unit, basis in (("cells", "rate"), ("cells", "count"), ("grids", "rate")):
        choose(window, "unit", unit)
        choose(window, "mode", "spots")
        page.get_by_label("检验的数").select_option(basis)
        window.settled()
        found = told(window, "hotspots", by=unit, measure=basis)
        rows = {words.split(" ")[0]: 0 for words in legend(page)}
        for words in legend(page):
            rows[words.split(" ")[0]] += numbers(words)[-1]
        assert (rows["热点"], rows["冷点"]) == (found["hot"], found["cold"])
        assert sum(rows.values()) == len(found.get("grids") or found["features"])
        expect(page.locator("[data-spot-note]")).to_contain_text("Getis-Ord Gi*")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080), (3840, 2160)])
def test_the_legend_stands_on_the_map_at_every_size(visit: Visitor, width: int, height: int) -> None:
    window = visit("planner", width, height)
    page = window.open("/maps/needs")
    for mode in ("heat", "rate", "spots"):
        choose(window, "mode", mode)
        key, ground = page.locator(".linli-key").bounding_box(), page.locator(".linli-map").bounding_box()
        assert key and ground
        assert ground["x"] <= key["x"] and key["x"] + key["width"] <= ground["x"] + ground["width"]
        assert ground["y"] <= key["y"] and key["y"] + key["height"] <= ground["y"] + ground["height"]
        assert key["height"] < 0.55 * ground["height"]
    expect(page.locator("[data-radius-text]")).to_have_text(re.compile(r"\d+"))
