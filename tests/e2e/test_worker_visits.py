"""Visits and needs on the worker's phone, with real taps: who is due, two taps for a visit, a round, needs opened and closed."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.e2e.conftest import Program, Visitor
from tests.e2e.test_worker import PHONE, TARGET_PX


@pytest.fixture
def page(visit: Visitor) -> Page:
    return visit("worker", **PHONE, permissions=[]).open("/worker")


def read(program: Program, path: str, **params: Any) -> Any:
    with program.client("worker") as client:
        answered = client.get(path, params=params)
        answered.raise_for_status()
        return answered.json()


def visits_of(program: Program, code: str, *, besides: list[Any] | None = None) -> list[Any]:
    """Return a household's visits, besides those that it had: the demo place has some, perhaps of today."""
    known = {each["id"] for each in besides or []}
    return [each for each in read(program, f"/api/households/{code}/visits")["items"] if each["id"] not in known]


def opened(page: Page, at: int) -> tuple[Locator, str]:
    """Tap a household that is due; return it and its code."""
    code = page.locator("[data-due] > li").nth(at).get_attribute("data-household")
    assert code is not None
    item = page.locator(f"[data-due] > li[data-household='{code}']")
    item.locator("summary").tap()
    return item, code


def test_who_is_due_is_what_the_service_says(page: Page, program: Program) -> None:
    due = read(program, "/api/visits/due", limit=60)
    shown = page.locator("[data-due] > li")
    assert [each.get_attribute("data-household") for each in shown.all()] == [
        item["household"] for item in due["items"]
    ]
    first = shown.first
    expect(first.locator(".colour")).to_have_text(
        {"red": "红", "yellow": "黄", "green": "绿"}[due["items"][0]["colour"]]
    )
    expect(first).to_contain_text(re.compile("今天到期|超期 [0-9]+ 天"))
    for total, row in zip(due["totals"], page.locator("[data-due-totals] li").all(), strict=True):
        expect(row).to_contain_text(f"待走访 {total['due']:,} / {total['households']:,} 户")
        expect(row).to_contain_text(f"超期 {total['overdue']:,}")


def test_a_visit_takes_two_taps(page: Page, program: Program) -> None:
    item, code = opened(page, 0)
    before = visits_of(program, code)
    item.get_by_role("button", name="见到，无变化").tap()
    expect(page.locator("[data-toast]")).to_contain_text("已记录走访")
    expect(item).to_have_count(0)
    stored = visits_of(program, code, besides=before)
    assert [(each["outcome"], each["unchanged"]) for each in stored] == [("met", True)]
    assert read(program, f"/api/households/{code}/confirmation")["confirmed_by"] == "worker"


def test_nobody_at_home_stays_due(page: Page, program: Program) -> None:
    item, code = opened(page, 1)
    before = visits_of(program, code)
    item.get_by_role("button", name="家中无人").tap()
    expect(item).to_contain_text("今天没见到")
    assert [(each["outcome"], each["unchanged"]) for each in visits_of(program, code, besides=before)] == [
        ("absent", False)
    ]
    assert code in [each["household"] for each in read(program, "/api/visits/due", limit=60)["items"]]


def test_a_lost_network_keeps_what_was_typed_and_enters_it_once(visit: Visitor, program: Program) -> None:
    window = visit("worker", **PHONE, permissions=[])
    window.expect("ERR_FAILED", "ERR_INTERNET")
    page = window.open("/worker")
    sent: list[str] = []

    def stored_but_unheard(route: Route) -> None:
        """Let the service store the first one, and lose the answer."""
        sent.append((route.request.post_data_json or {})["id"])
        if len(sent) > 1:
            route.continue_()
            return
        route.fetch()
        route.abort()

    page.route("**/api/visits", stored_but_unheard)
    item, code = opened(page, 2)
    before = visits_of(program, code)
    item.get_by_label("备注").fill("门铃坏了")
    item.get_by_role("button", name="见到，有变化").tap()
    expect(item.locator("[data-message]")).to_contain_text("没有网络")
    expect(item.get_by_label("备注")).to_have_value("门铃坏了")
    item.get_by_role("button", name="见到，有变化").tap()
    expect(item).to_have_count(0)
    assert len(sent) == 2 and sent[0] == sent[1] == str(UUID(sent[0]))
    assert [(each["note"], each["unchanged"]) for each in visits_of(program, code, besides=before)] == [
        ("门铃坏了", False)
    ]


def test_the_round_asks_for_the_position_on_the_tap_and_puts_it_in_no_address(visit: Visitor) -> None:
    window = visit("worker", **PHONE, geolocation={"longitude": 102.7, "latitude": 25.0}, permissions=["geolocation"])
    bodies: list[Any] = []
    urls: list[str] = []
    window.page.add_init_script(
        "window.asked = 0; const g = navigator.geolocation; const real = g.getCurrentPosition.bind(g);"
        "g.getCurrentPosition = (...a) => { window.asked += 1; real(...a); };"
    )

    def note(asked: Request) -> None:
        urls.append(asked.url)
        if asked.url.endswith("/visits/round"):
            bodies.append(asked.post_data_json)

    window.page.on("request", note)
    page = window.open("/worker")
    assert page.evaluate("window.asked") == 0
    page.get_by_role("button", name="走访路线").tap()
    expect(page.locator("[data-visits-message]")).to_contain_text(re.compile(r"从您的位置出发：\d+ 户，共约"))
    assert page.evaluate("window.asked") == 1
    assert [(body["lon"], body["lat"]) for body in bodies] == [(102.7, 25.0)]
    assert not any("102.7" in url for url in urls)
    expect(page.locator("[data-due] .place").first).to_have_text("1")
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage])") == "[{},{}]"
    page.get_by_role("button", name="按超期排").tap()
    expect(page.locator("[data-due] .place")).to_have_count(0)


def test_the_round_works_without_a_position(page: Page, program: Program) -> None:
    page.get_by_role("button", name="走访路线").tap()
    expect(page.locator("[data-visits-message]")).to_contain_text("没有位置")
    walk = page.locator("[data-due] > li")
    expect(walk).to_have_count(12)
    with program.client("worker") as client:
        stops = client.post("/api/visits/round", json={"most": 12}).json()["stops"]
    assert [each.get_attribute("data-household") for each in walk.all()] == [stop["household"] for stop in stops]
    signs = page.locator(
        ".linli-stop"
    )  # the round on the map: each stop is in one sign, homes of one building together
    assert signs.count() == len({(stop["lon"], stop["lat"]) for stop in stops})
    expect(signs.filter(has_text=re.compile("^1(·|–|$)"))).to_have_count(1)
    page.get_by_role("button", name="按超期排").tap()
    expect(signs).to_have_count(0)


def test_targets_are_large_and_nothing_runs_over_the_edge(page: Page) -> None:
    item, _ = opened(page, 3)
    for button in (*item.get_by_role("button").all(), item.locator("summary")):
        box = button.bounding_box()
        assert box is not None and box["height"] >= TARGET_PX
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_need_is_opened_matched_and_closed_in_the_file(visit: Visitor, program: Program) -> None:
    code = read(program, "/api/visits/due", limit=60)["items"][20]["household"]
    page = visit("worker", **PHONE).open(f"/files/{code}")
    part = page.locator("[data-part=needs]")
    part.get_by_text("登记需求").tap()
    part.get_by_label("服务").select_option("meal")
    part.get_by_label("来源").select_option("request")
    part.get_by_label("说明").fill("想订午饭")
    part.get_by_role("button", name="登记").tap()
    expect(page.locator("[data-toast]")).to_contain_text("已登记需求")
    [need] = [
        each
        for each in read(program, "/api/needs", service="meal", state="open", limit=1000)["items"]
        if each["household"] == code and each["note"]
    ]
    assert (need["origin"], need["note"]) == ("request", "想订午饭")
    row = part.locator(f"[data-need='{need['id']}']")
    row.get_by_text("谁能提供").tap()
    offers = read(program, f"/api/needs/{need['id']}")["offers"]
    expect(row.locator("[data-offer-list] .name")).to_have_text([each["name"] for each in offers])
    expect(row.locator("[data-offer-list] li").first).to_contain_text("开放中" if offers[0]["open"] else "未开放")
    expect(row.locator("[data-offer-list] .distance").first).to_contain_text("步行")
    row.locator("summary", has_text="办结").tap()
    row.get_by_label("结果").fill("已订餐")
    row.get_by_label("公开答复").fill("本周起送餐到楼下")
    row.get_by_role("button", name="办结").tap()
    expect(page.locator("[data-toast]")).to_contain_text("需求已办结")
    expect(row).to_contain_text("公开答复：本周起送餐到楼下")
    closed = read(program, f"/api/needs/{need['id']}")
    assert (closed["state"], closed["result"], closed["public_reply"]) == ("closed", "已订餐", "本周起送餐到楼下")
    part.get_by_text("登记需求").tap()
    part.get_by_label("服务").select_option("meal")
    part.get_by_role("button", name="登记").tap()
    expect(part.locator("[data-need]", has_text=re.compile(r"一年内第 \d+ 次")).first).to_be_visible()


def test_a_visit_in_the_file_is_shown_there(visit: Visitor, program: Program) -> None:
    code = read(program, "/api/visits/due", limit=60)["items"][21]["household"]
    page = visit("worker", **PHONE).open(f"/files/{code}")
    page.get_by_text("记录走访").tap()
    page.locator("[data-part=visits]").get_by_role("button", name="电话联系").tap()
    expect(page.locator("[data-part=visits] .last-visits")).to_contain_text(
        re.compile(r"\d{4}-\d\d-\d\d · 电话联系 · worker")
    )
