"""Left-out buildings, what-if and siting in Chromium against made-up answers: what is sent, bounds, refusals, hostile names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page

import maps
from gis.direction import unmarked
from tests.maps import place
from tests.maps.conftest import Watched
from tests.maps.place import CONFIG, HOSTILE

pytestmark = pytest.mark.browser


def drawn(watched: Watched) -> Page:
    """Open the map of coverage where streets are known."""
    return watched.draw(maps.coverage_map(replace(CONFIG, methods=maps.WALKING_METHODS)))


def editing(watched: Watched) -> Page:
    """Begin to edit stations."""
    page = drawn(watched)
    page.get_by_text("假如调整站点").click()
    page.get_by_role("button", name="在地图上调整站点").click()
    watched.settled()
    return page


def sent(watched: Watched, path: str) -> tuple[str, dict[str, str], Any]:
    """Return the newest post to a path: path, headers, body."""
    return [post for post in watched.stub.posted if post[0] == path][-1]


def test_without_streets_there_is_nothing_to_compare(watched: Watched) -> None:
    page = watched.draw(maps.coverage_map(CONFIG))
    assert page.locator("[name=method]").evaluate_all("all => all.map((one) => one.value)") == ["buffer"]
    assert page.locator("[data-shade][value=difference]").count() == 0


def test_left_out_buildings_are_bounded_and_their_names_are_text(watched: Watched) -> None:
    watched.stub.answers["/api/coverage/buildings"] = place.buildings(2100)
    page = drawn(watched)
    page.locator("[data-tool=uncovered] > summary").click()
    watched.settled()
    assert page.locator("path.linli-left-out").count() == 2000
    assert "2,100" in page.locator("[data-tool=uncovered] [data-said]").inner_text()
    assert page.locator("[data-bound]").is_visible()
    first, second = (page.locator("[data-list] li").nth(i).inner_text() for i in (0, 1))
    assert "<img" in first and "位于孤立的路网" in first, "shown as text, with the reason"
    assert "33.3 分钟" in second and "不足5户" in second
    page.locator("[data-coverage]").get_by_label("日间照料").check()
    page.wait_for_timeout(300)
    watched.settled()
    assert page.locator("path.linli-left-out").count() == 0
    assert "请只选一项服务" in page.locator("[data-tool=uncovered] [data-said]").inner_text()


def test_edits_are_sent_folded_with_the_proof_against_forgery(watched: Watched) -> None:
    page = editing(watched)
    watched.script(
        """() => { const { whatIf } = Object.values(linli.maps)[0].coverage;
        whatIf.move('S1', 102.7111111, 25.0361); whatIf.move('S1', 102.7122229, 25.0372); whatIf.close('S2');
        whatIf.add(102.713, 25.038); }"""
    )
    watched.settled()
    _, headers, body = sent(watched, "/api/coverage/scenario")
    assert headers["x-requested-with"] == "linli" and headers["content-type"] == "application/json"
    assert body["parameters"] == {
        "service": ["meal"], "minutes": 15, "profile": "own", "method": "walk", "at": "any",
    }  # fmt: skip
    assert body["edits"] == [
        {"op": "move", "station": {"code": "S1", "lon": 102.712223, "lat": 25.0372}},
        {"op": "close", "station": {"code": "S2"}},
        {"op": "add", "station": {"code": "new-1", "name": "新站点 1", "lon": 102.713, "lat": 25.038, "services": [{"kind": "meal"}]}},
    ]  # fmt: skip
    assert page.locator("[data-change=households] .delta").inner_text() == "+15"
    changed = [" ".join(row.split()) for row in page.locator("[data-changed] li").all_inner_texts()]
    assert changed == ["盘龙江东岸网格 +30", "翠湖西路网格 −15"]
    watched.script("() => Object.values(linli.maps)[0].coverage.whatIf.close('new-1')")
    watched.settled()
    edits = sent(watched, "/api/coverage/scenario")[2]["edits"]
    assert [edit["op"] for edit in edits] == ["move", "close"], "never added"


def test_leaving_shows_the_place_as_it_is_and_edits_wait(watched: Watched) -> None:
    page = editing(watched)
    watched.script("() => Object.values(linli.maps)[0].coverage.whatIf.close('S0')")
    watched.settled()
    rows = page.locator("[data-legend] li").all_inner_texts()
    assert "<img" in page.locator("[data-edits]").inner_text(), "a hostile station's name is text"
    page.get_by_role("button", name="结束调整").click()
    watched.settled()
    assert page.locator(".linli-edit").count() == 0
    assert watched.script("() => Object.values(linli.maps)[0].coverage.changes.size") == 0
    page.get_by_role("button", name="在地图上调整站点").click()
    watched.settled()
    assert page.locator("[data-edits] [data-op=close]").count() == 1
    assert page.locator("[data-legend] li").all_inner_texts() == rows


def test_a_refused_edit_is_said_in_the_servers_words(watched: Watched) -> None:
    page = editing(watched)

    def refused(body: Any) -> tuple[int, Any]:
        fault = {"where": "edits[0].station.lon", "message": "经度超出范围 / longitude out of range"}
        return 422, {
            "title": "x",
            "detail": "有无法进行的修改 / some edits cannot be made",
            "errors": [fault],
        }

    watched.stub.answers["/api/coverage/scenario"] = refused
    watched.script("() => Object.values(linli.maps)[0].coverage.whatIf.close('S0')")
    watched.settled()
    shown = page.locator(".linli-notice").inner_text()
    assert "有无法进行的修改" in shown and "经度超出范围" in shown
    watched.faults.clear()  # the browser's own lines about the 422


def test_sites_that_are_not_proven_show_the_gap_and_the_greedy_choice(watched: Watched) -> None:
    page = drawn(watched)
    page.locator("[data-tool=siting] > summary").click()
    page.get_by_label("新建数量").fill("2")
    page.get_by_label("优先覆盖").select_option("elders_60")
    page.get_by_role("button", name="计算最佳位置").click()
    watched.settled()
    _, _, body = sent(watched, "/api/siting")
    assert (body["new_stations"], body["weights"], body["candidates"]) == (2, {"elders_60": 1}, {})
    facts = " ".join(page.locator("[data-facts]").inner_text().split())
    assert "180 人" in facts and "10%" in facts and "200 人" in facts and "170 人" in facts and "−10" in facts
    assert "已证明最优" not in facts and "<img" in page.locator("[data-sites]").inner_text()
    assert page.locator(".linli-site-mark .best").all_inner_texts() == ["1", "2"]
    assert page.locator(".linli-site-mark .greedy").count() == 2
    page.get_by_role("button", name="加入假如推演").click()
    watched.settled()
    edits = sent(watched, "/api/coverage/scenario")[2]["edits"]
    assert [(edit["op"], edit["station"]["services"]) for edit in edits] == [("add", [{"kind": "meal"}])] * 2


def test_classes_of_uneven_values_are_few_and_hold_every_value(watched: Watched) -> None:
    drawn(watched)
    for values in ([0, 1, 1, 1], [0, 26, 84, 163, 174, 304], [0.4, 0.41, 7.3, 14.64], [0, 0], [-3, 5]):
        found = watched.script(
            """(values) => { const shades = linli.coverageShades({ share: 'abcde'.split(''), difference: 'abcde'.split(''),
            week: 'abcdef'.split(''), capacity: 'abcdef'.split('') });
            return ['difference', 'capacity'].map((name) => values.map((value) => shades[name].classes(values).filter((one) => one.has(value)).length)); }""",
            values,
        )
        assert found[0] == [1] * len(values)
        assert found[1] == [0 if value < 0 else 1 for value in values]


def test_other_hours_are_tried_and_folded_with_a_move(watched: Watched) -> None:
    page = editing(watched)
    watched.script("() => Object.values(linli.maps)[0].coverage.whatIf.move('S1', 102.7111111, 25.0361)")
    watched.settled()
    assert page.locator("path.linli-tried").count() == 1, "the circle of the moved station"
    page.locator("[data-hours] > summary").click()
    assert page.locator("[data-hours-aside]").is_visible(), "the moment is any: hours are left aside"
    box = page.locator("[data-hours]")
    box.get_by_label("站点").select_option("S1")
    fields = box.locator("input[name=hours]")
    assert [fields.nth(i).input_value() for i in (0, 1)] == ["Mo-Fr 11:00-13:00; Sa,Su off", "24/7"]
    fields.nth(0).fill("Mo-Su 17:00-19:00")
    assert "每天 17:00" in box.locator(".linli-note").nth(1).inner_text()
    page.get_by_role("button", name="试用此时间").click()
    watched.settled()
    edits = sent(watched, "/api/coverage/scenario")[2]["edits"]
    services = [
        {"kind": "meal", "hours": "Mo-Su 17:00-19:00", "capacity": 60},
        {"kind": "rest", "hours": "24/7", "capacity": None},
    ]
    assert edits == [
        {"op": "move", "station": {"code": "S1", "lon": 102.711111, "lat": 25.0361}},
        {"op": "hours", "station": {"code": "S1", "services": services}},
    ]
    assert page.locator("[data-edits] li").count() == 1
    assert page.locator("[data-edits] .op").all_inner_texts() == ["移动", "改时间"]
    page.get_by_role("button", name="撤销").click()
    watched.settled()
    assert [edit["op"] for edit in sent(watched, "/api/coverage/scenario")[2]["edits"]] == ["move"]
    assert fields.nth(0).input_value() == "Mo-Fr 11:00-13:00; Sa,Su off"


def test_hours_that_are_not_understood_are_said_at_their_field_and_make_no_step(watched: Watched) -> None:
    page = editing(watched)
    plain = watched.stub.answers["/api/coverage/scenario"]

    def picky(body: Any) -> tuple[int, Any]:
        if not any("25:99" in str(edit) for edit in body["edits"]):
            return plain(body)
        fault = {"where": "edits[0].station.services[0]", "message": "营业时间写法有误 <b>25:99</b>"}
        return 422, {"title": "x", "detail": "有无法进行的修改", "errors": [fault]}

    watched.stub.answers["/api/coverage/scenario"] = picky
    watched.script("() => Object.values(linli.maps)[0].coverage.whatIf.hours.open('S2')")
    box = page.locator("[data-hours]")
    box.locator("input[name=hours]").first.fill("Mo 25:99")
    page.get_by_role("button", name="试用此时间").click()
    watched.settled()
    assert "营业时间写法有误 <b>25:99</b>" in box.locator(".linli-note.wrong").inner_text(), "said as text"
    assert box.locator("[aria-invalid=true]").count() == 1
    assert page.locator("[data-edits] .op").count() == 0
    box.locator("input[name=hours]").first.fill("Mo 10:00-12:00")
    assert box.locator(".linli-note.wrong").count() == 0
    page.get_by_role("button", name="试用此时间").click()
    watched.settled()
    assert page.locator("[data-edits] .op").all_inner_texts() == ["改时间"]
    watched.faults.clear()  # the browser's own lines about the 422


def test_sites_are_sought_among_given_points_or_buildings_of_a_kind(watched: Watched) -> None:
    kinds = ("apartments", HOSTILE)
    config = replace(CONFIG, methods=maps.WALKING_METHODS, building_kinds=kinds)
    page = watched.draw(maps.coverage_map(config))
    page.locator("[data-tool=siting] > summary").click()
    where = page.get_by_label("候选地点")
    where.select_option(label=f"楼栋类别：{unmarked(HOSTILE)}")
    page.get_by_role("button", name="计算最佳位置").click()
    watched.settled()
    assert sent(watched, "/api/siting")[2]["candidates"] == {"building_kind": HOSTILE}
    where.select_option("points")
    page.get_by_role("button", name="计算最佳位置").click()
    watched.settled()
    assert "候选点" in page.locator(".linli-notice").inner_text()
    box = page.locator(".leaflet-container").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    points = page.locator("[name=points]")
    assert len(points.input_value().splitlines()) == 1 and page.locator("path.linli-spot").count() == 1
    points.fill("102.71, 25.03\n102.72，25.04\nnowhere")
    assert "第 3" in page.locator("[data-points-said]").inner_text()
    points.fill("102.71, 25.03\n102.72，25.04")
    page.get_by_role("button", name="计算最佳位置").click()
    watched.settled()
    assert sent(watched, "/api/siting")[2]["candidates"] == {"points": [[102.71, 25.03], [102.72, 25.04]]}


def test_a_link_takes_the_edits_along_and_no_server_hears_of_them(watched: Watched) -> None:
    page = editing(watched)
    watched.script(
        """() => { const { whatIf } = Object.values(linli.maps)[0].coverage;
        whatIf.move('S1', 102.7122229, 25.0372); whatIf.close('S2'); whatIf.add(102.713, 25.038); }"""
    )
    watched.settled()
    page.wait_for_timeout(400)
    before = sent(watched, "/api/coverage/scenario")[2]
    figures = page.locator("[data-totals]").inner_text()
    link = page.url
    assert "#edits=" in link
    watched.stub.posted.clear()
    page.goto("about:blank")
    page.goto(link)
    watched.settled()
    assert sent(watched, "/api/coverage/scenario")[2] == before
    assert page.locator("[data-totals]").inner_text() == figures
    assert page.locator("[data-edits] .op").all_inner_texts() == ["移动", "关闭", "新增"]
    assert not [asked for asked in watched.stub.asked if "edits=" in asked or "new-1" in asked]
    for _ in range(3):
        page.locator("[data-undo]").click()
    watched.settled()
    page.wait_for_timeout(400)
    assert "#" not in page.url


def test_a_link_from_anybody_brings_nothing_but_edits(watched: Watched) -> None:
    drawn(watched)
    pack = "(list) => linli.packed(list)"
    given = [
        {"op": "add", "station": {"code": "new-7", "name": HOSTILE, "lon": 102.713, "lat": 25.038, "services": [{"kind": "meal", "note": HOSTILE}]}},
        {"op": "add", "station": {"code": HOSTILE, "lon": 102.713, "lat": 25.038, "services": [{"kind": "meal"}]}},
        {"op": "add", "station": {"code": "new-8", "lon": 102.713, "lat": 25.038, "services": [{"kind": "none"}]}},
        {"op": "drop", "station": {"code": "S1"}},
        {"op": "move", "station": {"code": "S1", "lon": "east", "lat": 25}},
        {"op": "__proto__", "station": {"code": "S1"}},
        None,
    ]  # fmt: skip
    page = watched.page
    links = [(watched.script(pack, given), 1), (watched.script(pack, {"op": "close"}), 0), ("%7Bnonsense", 0)]
    for text, ops in links:
        page.goto("about:blank")
        watched.stub.posted.clear()
        page.goto(f"{watched.stub.base}/map#edits={text}")
        watched.settled()
        assert page.locator("[data-edits] .op").count() == ops, text


def test_names_and_signs_stand_clear_of_what_floats_over_the_map(watched: Watched) -> None:
    touching = """() => Object.values(linli.maps).flatMap((map) => {
        const own = map.getContainer().getBoundingClientRect();
        const floating = [...map.view.querySelectorAll(".linli-panel.floating, .linli-key, .leaflet-control")].map((node) => node.getBoundingClientRect())
          .map((r) => [r.left - own.left, r.top - own.top, r.right - own.left, r.bottom - own.top]);
        const apart = (a, b) => a[0] >= b[2] || b[0] >= a[2] || a[1] >= b[3] || b[1] >= a[3];
        const drawn = map.names.rectangles();
        return [drawn.length, drawn.filter(({ boxes }) => boxes.some((box) => floating.some((one) => !apart(box, one)))).map(({ key }) => key)];
    })"""
    for made in (maps.planner_map(CONFIG), maps.coverage_map(CONFIG)):
        page = watched.draw(made)
        for zoom in (15.5, 17, 18):
            watched.script("(zoom) => Object.values(linli.maps)[0].setZoom(zoom, { animate: false })", zoom)
            watched.settled()
            number, under = watched.script(touching)
            assert under == [], zoom
    assert number
    page.locator(".linli-take > summary").click()  # what grows pushes names away
    watched.settled()
    assert watched.script(touching)[1] == []
