"""The map of coverage in Chromium: what is asked for, what the totals say, how circles look."""

from __future__ import annotations

from dataclasses import replace

import pytest

import maps
from tests.maps.conftest import Watched
from tests.maps.place import CONFIG

pytestmark = pytest.mark.browser


def asked(watched: Watched) -> dict[str, list[str]]:
    """Return the parameters of the newest request; circles and coverage must have been asked for the same."""
    watched.page.wait_for_timeout(250)
    watched.settled()
    coverage = watched.stub.queries("/api/coverage")[-1]
    circles = watched.stub.queries("/api/circles")[-1]
    assert {k: v for k, v in circles.items() if k != "dissolve"} == coverage
    return circles


def more(watched: Watched) -> None:
    """Open the settings that are asked for less often."""
    watched.page.get_by_text("更多设置").click()


def test_totals_shares_and_reasons_are_told(watched: Watched) -> None:
    page = watched.draw(maps.coverage_map(CONFIG))
    text = " ".join(page.locator("[data-figures]").inner_text().split())
    # 100·1/5 + 200·2/5 + 300·3/5 + 400·4/5 + 500·5/5 = 1,100 homes of 1,500, of which 15 minutes cover three quarters.
    assert "户数 55% 825 / 1,500" in text and "60岁及以上老人" in text
    assert "未覆盖 675 户" in text and "无法计算：没有位置 7 户" in text
    rows = page.locator("[data-legend] li").all_inner_texts()
    assert [" ".join(row.split()) for row in rows] == [
        "80–100% 0",
        "60–80% 1",
        "40–60% 2",
        "20–40% 1",
        "0–20% 1",
        "无数据 1",
    ]
    assert page.locator("path.linli-circle").count() == 4


def test_services_minutes_pace_and_method_are_asked_for(watched: Watched) -> None:
    page = watched.draw(maps.coverage_map(replace(CONFIG, methods=maps.WALKING_METHODS)))
    assert asked(watched) == {
        "service": ["meal"],
        "minutes": ["15"],
        "profile": ["own"],
        "method": ["walk"],
        "at": ["any"],
        "dissolve": ["false"],
    }
    page.locator("[data-coverage]").get_by_label("健康监测").check()
    page.get_by_label("5 分钟", exact=True).check()
    more(watched)
    page.get_by_label("步速").select_option("wheelchair")
    page.get_by_label("直线距离").check()
    now = asked(watched)
    assert (now["service"], now["minutes"], now["profile"], now["method"]) == (
        ["meal", "health"],
        ["5"],
        ["wheelchair"],
        ["buffer"],
    )


def test_any_now_and_a_chosen_moment(watched: Watched) -> None:
    page = watched.draw(maps.coverage_map(CONFIG))
    more(watched)
    page.get_by_label("现在").check()
    assert "at" not in asked(watched)
    before = len(watched.stub.queries("/api/coverage"))
    page.get_by_label("指定", exact=False).first.check()
    page.wait_for_timeout(300)
    assert len(watched.stub.queries("/api/coverage")) == before, "without a moment there is nothing to ask"
    page.get_by_label("指定时刻").fill("2026-11-21T10:30")
    assert asked(watched)["at"] == ["2026-11-21T10:30:00+08:00"]


def test_free_minutes_are_checked_before_they_are_asked_for(watched: Watched) -> None:
    page = watched.draw(maps.coverage_map(CONFIG))
    assert page.get_by_label("自定分钟").is_disabled()
    page.get_by_label("自定", exact=False).first.check()
    assert asked(watched)["minutes"] == ["20"]
    before = len(watched.stub.queries("/api/coverage"))
    page.get_by_label("自定分钟").fill("99")
    page.wait_for_timeout(400)
    assert len(watched.stub.queries("/api/coverage")) == before
    page.get_by_label("自定分钟").fill("12")
    assert asked(watched)["minutes"] == ["12"]


def test_circles_dissolve_into_one(watched: Watched) -> None:
    page = watched.draw(maps.coverage_map(CONFIG))
    more(watched)
    page.get_by_label("合并").check()
    assert asked(watched)["dissolve"] == ["true"]
    assert page.locator("path.linli-circle").count() == 1


def test_grids_are_shaded_by_another_group_without_asking_again(watched: Watched) -> None:
    page = watched.draw(maps.coverage_map(CONFIG))
    before = len(watched.stub.asked)
    page.locator("[data-shade][value=children_12]").check()
    page.wait_for_timeout(300)
    assert "12岁及以下儿童" in page.locator("[data-legend-title]").inner_text()
    assert not [one for one in watched.stub.asked[before:] if one.startswith("/api/")]


def test_a_service_that_nobody_offers_is_said(watched: Watched) -> None:
    page = watched.draw(maps.coverage_map(CONFIG))
    assert page.locator("[data-none]").is_hidden()
    page.locator("[data-coverage]").get_by_label("日间照料").check()
    page.locator("[data-coverage]").get_by_label("助餐").uncheck()
    assert asked(watched)["service"] == ["day_care"]
    assert page.locator("[data-none]").is_visible() and page.locator("path.linli-circle").count() == 0


def test_stations_without_the_service_step_back(watched: Watched) -> None:
    page = watched.draw(maps.coverage_map(CONFIG))
    assert page.locator(".linli-station.idle").count() == 0
    page.locator("[data-coverage]").get_by_label("日间照料").check()
    page.locator("[data-coverage]").get_by_label("助餐").uncheck()
    asked(watched)
    assert page.locator(".linli-station.idle").count() == page.locator(".linli-station").count() > 0


def test_hidden_counts_are_shown_as_hidden(watched: Watched) -> None:
    answer = watched.stub.answers["/api/coverage"]

    def suppressed(query: dict[str, list[str]]) -> tuple[int, dict[str, object]]:
        status, body = answer(query)
        body["grids"][1].update(covered=None, elders_60_covered=None)
        return status, body

    watched.stub.answers["/api/coverage"] = suppressed
    page = watched.draw(maps.coverage_map(CONFIG))
    rows = [" ".join(row.split()) for row in page.locator("[data-legend] li").all_inner_texts()]
    assert rows[-1] == "数量过小，不显示 1" and rows[-2] == "无数据 1"
