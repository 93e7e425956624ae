"""Events with real clicks: reported from the map, taken step by step, late ones told, and two people on one event."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from shapely.geometry import shape

from gis.casework.limits import KINDS
from tests.e2e.conftest import Program, Visitor
from tests.e2e.test_worker import PHONE, TARGET_PX


@dataclass(frozen=True)
class Place:
    """A grid of the worker's own, a position in it, and the desks of its community and township."""

    lon: float
    lat: float
    community: str
    near: str
    above: str


@pytest.fixture(scope="module")
def place(program: Program) -> Place:
    with program.client("worker") as client:
        own = client.get("/api/session").json()["grids"][0]
        inside = shape(client.get(f"/api/grids/{own}").json()["geometry"]).representative_point()
    with program.client("admin") as client:
        # The near one names a kind, and so goes before the community's desk of the demo, which takes all.
        for code, name, area, kinds in (
            ("T-SQ", "试验社区服务站", own[:12], ["facility"]),
            ("T-JD", "试验街道办", own[:9] + "000", []),
        ):
            client.post(
                "/api/desks", json={"code": code, "name": name, "area": area, "kinds": kinds}
            ).raise_for_status()
    return Place(inside.x, inside.y, own[:12], "试验社区服务站", "试验街道办")


def reported(program: Program, place: Place, title: str, by: str = "worker", **more: Any) -> str:
    body = {
        "id": str(uuid4()),
        "kind": "facility",
        "severity": "ordinary",
        "title": title,
        "lon": place.lon,
        "lat": place.lat,
        **more,
    }
    with program.client(by) as client:
        client.post("/api/events", json=body).raise_for_status()
    return str(body["id"])


def stepped(program: Program, event: str, by: str, **body: Any) -> None:
    with program.client(by) as client:
        client.post(f"/api/events/{event}/transitions", json=body).raise_for_status()


def stored(program: Program, event: str) -> Any:
    with program.client("admin") as client:
        return client.get(f"/api/events/{event}").json()


def shown(page: Page, event: str) -> Locator:
    page.locator(f"[data-event='{event}']").click()
    card = page.locator("[data-card]")
    expect(card.locator("[data-story] li").first).to_be_visible()
    return card


def test_reported_from_the_map_on_a_phone(visit: Visitor, program: Program, place: Place) -> None:
    known = reported(program, place, "已知的一件")
    page = visit("worker", **PHONE).open("/events")
    expect(page.locator("[data-live]")).to_contain_text("实时")
    shown(page, known)  # the middle of the map, where the tap falls, is now on the dot of another event
    page.locator("[data-card]").get_by_role("button", name="返回列表").tap()
    report = page.locator("[data-report]")
    page.get_by_text("上报事件").tap()
    report.get_by_label("什么事").fill("<b>井盖松动</b>")
    report.get_by_role("button", name="上报").tap()
    expect(report.locator("[data-message]")).to_contain_text("请在地图上点出位置")
    page.locator(".leaflet-container").tap()
    expect(report.locator("[data-position]")).to_contain_text("地图上")
    report.get_by_label("类别").select_option("safety")
    report.get_by_role("button", name="上报").tap()
    card = page.locator("[data-card]")
    expect(card.get_by_role("heading", level=2)).to_have_text("<b>井盖松动</b>")
    expect(card).to_contain_text("我上报的")
    heights = card.evaluate(
        "(card) => [...card.querySelectorAll('button')].map((each) => each.getBoundingClientRect().height)"
    )
    assert len(heights) >= 4 and min(heights) >= TARGET_PX
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    card.get_by_role("button", name="返回列表").tap()
    row = page.locator("[data-list] button", has_text="<b>井盖松动</b>")
    expect(row).to_contain_text("还剩")
    event = stored(program, str(row.get_attribute("data-event")))
    assert (event["kind"], event["state"], event["title"]) == ("safety", "reported", "<b>井盖松动</b>")


def test_reported_from_where_one_is(visit: Visitor, program: Program, place: Place) -> None:
    window = visit(
        "worker",
        **PHONE,
        geolocation={"longitude": place.lon, "latitude": place.lat, "accuracy": 12},
        permissions=["geolocation"],
    )
    page = window.open("/events")
    page.get_by_text("上报事件").tap()
    report = page.locator("[data-report]")
    report.get_by_label("什么事").fill("树枝断落")
    report.get_by_role("button", name="用我的位置").tap()
    expect(report.locator("[data-position]")).to_contain_text("定位（约 12 米）")
    report.get_by_role("button", name="上报").tap()
    expect(page.locator("[data-card] h2")).to_have_text("树枝断落")
    event = stored(program, str(page.locator("[data-list] button", has_text="树枝断落").get_attribute("data-event")))
    assert (event["lon"], event["lat"]) == (pytest.approx(place.lon, abs=1e-6), pytest.approx(place.lat, abs=1e-6))
    assert str(place.lon)[:8] not in page.url


def test_step_by_step_to_the_end_by_what_is_allowed(visit: Visitor, program: Program, place: Place) -> None:
    event = reported(program, place, "路灯不亮")
    page = visit("planner").open("/events")
    card = shown(page, event)
    buttons = card.locator("[data-to]")
    assert [each.get_attribute("data-to") for each in buttons.all()] == stored(program, event)["allowed"]
    card.get_by_role("button", name="派遣").click()
    desk = card.get_by_label("承办单位")
    expect(desk.locator("option:checked")).to_have_text(f"{place.near}（默认）")
    card.get_by_role("checkbox", name=place.above).check()
    card.get_by_label("说明（可不填）").fill("请今晚到场")
    card.get_by_role("button", name="确认派遣").click()
    expect(card.locator("[data-state]")).to_have_text("已分流")
    expect(card.locator("[data-story]")).to_contain_text("请今晚到场")
    card.get_by_role("button", name="开始处置").click()
    card.get_by_role("button", name="确认开始处置").click()
    expect(card.locator("[data-state]")).to_have_text("处置中")
    card.get_by_role("button", name="会办完成").click()
    expect(card.locator(".joint")).to_contain_text("✓")
    card.get_by_role("button", name="办结").click()
    card.get_by_label("结果").fill("已换灯")
    card.get_by_role("button", name="确认办结").click()
    expect(card.locator("[data-state]")).to_have_text("已办结")
    expect(card).to_contain_text("按时办结")
    card.get_by_role("button", name="评价").click()
    card.get_by_role("radio", name="满意", exact=True).check()
    card.get_by_role("button", name="确认评价").click()
    expect(card).to_contain_text("已了结")
    end = stored(program, event)
    assert (end["state"], end["satisfaction"], end["assignee_name"]) == ("evaluated", "satisfied", place.near)
    assert [(step["to_state"], step["account"]) for step in end["steps"]] == [
        (state, who)
        for state, who in (
            ("reported", "worker"),
            *((s, "planner") for s in ("dispatched", "handling", "resolved", "evaluated")),
        )
    ]
    assert end["joint"][0]["done_at"] is not None


def test_an_unfinished_helper_is_told_and_the_result_kept(visit: Visitor, program: Program, place: Place) -> None:
    event = reported(program, place, "广告牌歪斜")
    stepped(program, event, "planner", to="dispatched", joint=["T-JD"])
    stepped(program, event, "planner", to="handling")
    window = visit("planner")
    window.expect("409")
    card = shown(window.open("/events"), event)
    card.get_by_role("button", name="办结").click()
    card.get_by_label("结果").fill("已扶正")
    card.get_by_role("button", name="确认办结").click()
    expect(card.locator("[data-step-message]")).to_contain_text("会办单位尚未办完")
    expect(card.get_by_label("结果")).to_have_value("已扶正")


def test_who_comes_second_is_told_what_the_first_did(visit: Visitor, program: Program, place: Place) -> None:
    event = reported(program, place, "两人同办")
    window = visit("planner")
    window.expect("412", "/api/screen/changes", "ERR_FAILED")
    window.page.route(
        "**/api/screen/changes", lambda route: route.abort()
    )  # so that nothing is told before the step is sent
    card = shown(window.open("/events"), event)
    card.get_by_role("button", name="派遣").click()
    expect(card.get_by_label("承办单位").locator("option:checked")).to_have_text(f"{place.near}（默认）")
    card.get_by_label("说明（可不填）").fill("我来派")
    stepped(program, event, "admin", to="dispatched", assignee="T-JD", note="我先派了")
    card.get_by_role("button", name="确认派遣").click()
    told = card.locator("[data-card-message]")
    expect(told).to_contain_text("admin 在")
    expect(told).to_contain_text(f"把它由“已上报”改为“已分流”，交 {place.above}（我先派了）")
    expect(card.locator("[data-note-form] textarea")).to_have_value("我来派")
    assert [each.get_attribute("data-to") for each in card.locator("[data-to]").all()] == stored(program, event)[
        "allowed"
    ]
    assert len(stored(program, event)["steps"]) == 2


def test_what_others_do_appears_by_itself_and_leaves_what_is_typed(
    visit: Visitor, program: Program, place: Place
) -> None:
    event = reported(program, place, "别人先动")
    page = visit("planner").open("/events")
    card = shown(page, event)
    card.get_by_role("button", name="请办上级").click()
    card.get_by_label("说明（可不填）").fill("要上级来")
    stepped(program, event, "worker", to="dispatched")
    expect(card.locator("[data-state]")).to_have_text("已分流")
    expect(card.locator("[data-card-message]")).to_contain_text("worker 在")
    expect(card.get_by_label("说明（可不填）")).to_have_value("要上级来")
    other = reported(program, place, "刚刚上报的")
    expect(page.locator(f"[data-event='{other}']")).to_be_visible()


def test_a_lost_answer_is_one_step(visit: Visitor, program: Program, place: Place) -> None:
    event = reported(program, place, "网络断了")
    window = visit("planner")
    window.expect("ERR_FAILED", "/api/screen/changes")
    page = window.page
    lost: list[str] = []
    page.route("**/api/screen/changes", lambda route: route.abort())

    def unheard(route: Route) -> None:
        lost.append((route.request.post_data_json or {})["id"])
        if len(lost) > 1:
            route.continue_()
            return
        route.fetch()
        route.abort()

    page.route("**/transitions", unheard)
    card = shown(window.open("/events"), event)
    card.get_by_role("button", name="派遣").click()
    expect(card.get_by_label("承办单位").locator("option:checked")).to_have_text(f"{place.near}（默认）")
    card.get_by_role("button", name="确认派遣").click()
    expect(card.locator("[data-step-message]")).to_contain_text("没有网络")
    card.get_by_role("button", name="确认派遣").click()
    expect(card.locator("[data-state]")).to_have_text("已分流")
    assert lost[0] == lost[1]
    assert [step["to_state"] for step in stored(program, event)["steps"]] == ["reported", "dispatched"]


def test_merged_into_the_nearest(visit: Visitor, program: Program, place: Place) -> None:
    into = reported(program, place, "先报的漏水", lat=place.lat + 0.0001, kind="environment")
    event = reported(program, place, "后报的漏水", lat=place.lat + 0.0001, kind="environment")
    page = visit("planner").open("/events")
    card = shown(page, event)
    card.get_by_role("button", name="并案").click()
    expect(card.get_by_label("并入哪一件").locator("option").first).to_contain_text("先报的漏水 · 0 米")
    card.get_by_role("button", name="确认并案").click()
    expect(card.locator("[data-state]")).to_have_text("已并案")
    assert stored(program, event)["merged_into"] == into
    card.get_by_role("button", name="看并入的事件").click()
    expect(card.get_by_role("heading", level=2)).to_have_text("先报的漏水")


def test_filters_ask_the_service(visit: Visitor, program: Program, place: Place) -> None:
    done = reported(program, place, "已派的", kind="service")
    stepped(program, done, "planner", to="dispatched")
    page = visit("admin").open("/events")
    codes = lambda: [each.get_attribute("data-event") for each in page.locator("[data-event]").all()]  # noqa: E731

    def asked(**params: Any) -> list[str]:
        with program.client("admin") as client:
            return [each["id"] for each in client.get("/api/events", params={"limit": 50, **params}).json()["items"]]

    page.get_by_label("类别").last.select_option("service")
    expect(page.locator("[data-event]")).to_have_count(len(asked(state="open", kind="service")))
    assert codes() == asked(state="open", kind="service")
    page.get_by_label("状态").select_option("dispatched")
    expect(page.locator("[data-event]")).to_have_count(len(asked(state="dispatched", kind="service")))
    assert done in codes()
    page.get_by_label("类别").last.select_option("")
    page.get_by_label("区划").select_option(place.community)
    expect(page.locator("[data-event]")).to_have_count(len(asked(state="dispatched", area=place.community)))
    page.get_by_label("时限").select_option("overdue")
    late = {kind: asked(overdue="true", area=place.community, kind=kind) for kind in KINDS}
    expect(page.locator("[data-event]")).to_have_count(sum(map(len, late.values())))
    assert sorted(codes()) == sorted(code for each in late.values() for code in each)
    page.get_by_label("类别").last.select_option(next(kind for kind, codes_of_it in late.items() if not codes_of_it))
    expect(page.locator("[data-list-message]")).to_contain_text("没有这样的事件")
    expect(page.locator("[data-event]")).to_have_count(0)


def test_a_late_one_says_so_by_word_and_by_the_moment_on_hover(visit: Visitor, program: Program, place: Place) -> None:
    event = reported(program, place, "要超时的", severity="major")
    due = stored(program, event)["due_at"]
    page = visit("planner").page
    page.clock.set_fixed_time(datetime.fromisoformat(due) + timedelta(hours=26))
    page.goto(f"{program.base}/events")
    badge = page.locator(f"[data-event='{event}'] [data-due-at]")
    expect(badge).to_have_text("✕ 超时 1 天")
    expect(badge).to_have_attribute("title", re.compile(r"时限 \d\d/\d\d \d\d:\d\d"))


def test_a_dispute_is_closed_to_who_only_dispatches(visit: Visitor, program: Program, place: Place) -> None:
    event = reported(program, place, "两家争吵", kind="dispute", note="老李和老王")
    page = visit("planner").open("/events")
    card = shown(page, event)
    expect(card.get_by_role("heading", level=2)).to_have_text("矛盾纠纷（内容不公开）")
    expect(card.get_by_role("button", name="登记")).to_be_visible()
    assert "两家争吵" not in page.content() and "老李" not in page.content()
    mine = shown(visit("worker").open("/events"), event)
    expect(mine.get_by_role("heading", level=2)).to_have_text("两家争吵")


@pytest.mark.parametrize(("account", "path"), [("planner", "/"), ("admin", "/"), ("worker", "/worker")])
def test_the_way_there_is_in_the_frame(visit: Visitor, account: str, path: str) -> None:
    page = visit(account, **(PHONE if account == "worker" else {})).open(path)
    page.get_by_role("link", name=re.compile("^事件")).click()
    expect(page).to_have_url(re.compile("/events$"))
    expect(page.locator("[data-live]")).to_contain_text("实时")


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800)])
def test_an_admin_looks_after_desks_and_limits(
    visit: Visitor, program: Program, place: Place, width: int, height: int
) -> None:
    code = f"T-{width}"
    page = visit("admin", width, height).open("/events/desks")
    page.get_by_text("新建承办单位").click()
    page.get_by_label("编码").fill(code)
    page.get_by_label("名称").fill("试验城管中队")
    page.get_by_label("管哪里").fill(place.community)
    page.get_by_role("checkbox", name="环境卫生").check()
    page.get_by_role("button", name="新建").click()
    row = page.locator(f"[data-desk='{code}']")
    expect(row).to_contain_text("环境卫生")
    row.get_by_role("button", name="关闭").click()
    expect(row).to_contain_text("已关闭")
    with program.client("admin") as client:
        [desk] = [each for each in client.get("/api/desks").json()["items"] if each["code"] == code]
        assert (desk["kinds"], desk["active"], desk["area"]) == (["environment"], False, place.community)
    page.get_by_label("类别").select_option("other")
    limit = page.locator("form[data-severity=minor]")
    limit.get_by_label("办结（分钟）").fill(str(width))
    limit.get_by_label("怎么算").select_option("true")
    limit.get_by_role("button", name="设定").click()
    expect(page.locator("[data-toast]")).to_contain_text("时限已设定")
    with program.client("planner") as client:
        [stored_limit] = [
            each
            for each in client.get("/api/limits").json()["items"]
            if (each["kind"], each["severity"]) == ("other", "minor")
        ]
    assert (stored_limit["handle_min"], stored_limit["round_the_clock"]) == (width, True)
    assert page.evaluate("document.documentElement.scrollWidth") == width
