"""A household's file on the worker's phone, with real taps: opened, found unchanged, corrected, and what is typed never lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Program, Visit, Visitor
from tests.e2e.test_worker import PHONE, TARGET_PX


@dataclass(frozen=True)
class Home:
    """A household with a grown-up who has a phone, and a child."""

    code: str
    grown: int
    child: int


@pytest.fixture(scope="module")
def homes(program: Program) -> list[Home]:
    found = []
    with program.client("worker") as client:
        for item in client.get("/api/households", params={"limit": 200}).json()["items"]:
            people = client.get(f"/api/households/{item['code']}").json()["residents"]
            grown = [each["id"] for each in people if each["age"] >= 30 and each["phone"] and each["name"]]
            children = [each["id"] for each in people if each["child"] and each["name"]]
            if grown and children:
                found.append(Home(item["code"], grown[0], children[0]))
            if len(found) == 8:
                return found
    raise AssertionError("the demo place has too few families")


def opened(visit: Visitor, home: Home, **more: Any) -> tuple[Visit, Page]:
    window = visit("worker", **PHONE, **more)
    page = window.open(f"/files/{home.code}")
    return window, page


def person(page: Page, number: int) -> Any:
    return page.locator(f"[data-part=r{number}]")


def edit(page: Page, number: int) -> Any:
    card = person(page, number)
    card.get_by_text("改资料").tap()
    return card.locator("form").first


def read(program: Program, path: str) -> Any:
    with program.client("worker") as client:
        return client.get(path).json()


def test_found_by_address_and_opened_in_one_tap(visit: Visitor, homes: list[Home], program: Program) -> None:
    window = visit("worker", **PHONE)
    page = window.open("/worker")
    groups = page.locator("[data-households] .building h3").all_inner_texts()
    assert len(groups) == len(set(groups)) >= 1
    home = read(program, f"/api/households/{homes[0].code}")
    page.get_by_role("searchbox").fill(
        f"{home['compound_name'] or ''}{home['building_name'] or home['building']} {homes[0].code}"
    )
    page.get_by_role("button", name="搜索").tap()
    expect(page.locator("[data-households] a")).to_have_count(1)
    page.locator("[data-households] a").tap()
    expect(page).to_have_url(re.compile(f"/files/{homes[0].code}$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(home["building_name"] or home["building"])
    assert "?" not in page.url


def test_a_name_and_a_whole_phone_find_a_household(visit: Visitor, homes: list[Home], program: Program) -> None:
    home = homes[1]
    asked: list[str] = []
    window = visit("worker", **PHONE)
    window.page.on("request", lambda request: asked.append(request.url))
    with program.client("worker") as client:
        reason = {"resident": home.grown, "field": "phone", "reason": "试验"}
        phone = client.post(f"/api/households/{home.code}/reveal", json=reason).json()["value"]
        name = client.get(f"/api/residents/{home.grown}").json()["name"]
    page = window.open("/worker")
    for words in (phone, name):
        page.get_by_role("searchbox").fill(words)
        page.get_by_role("button", name="搜索").tap()
        expect(page.locator(f"[data-households] a[href='/files/{home.code}']")).to_be_visible()
    assert not any(phone in url or "q=" in url for url in asked)


def test_unchanged_is_one_tap(visit: Visitor, homes: list[Home], program: Program) -> None:
    home = homes[0]
    _, page = opened(visit, home)
    expect(page.locator("[data-confirmed]")).to_contain_text("还没有核对过")
    page.get_by_role("button", name="核对过，无变化").tap()
    expect(page.locator("[data-toast]")).to_contain_text("已记录")
    expect(page.locator("[data-confirmed]")).to_contain_text(re.compile(r"上次核对.*\d{4}-\d\d-\d\d.*worker"))
    said = read(program, f"/api/households/{home.code}/confirmation")
    assert said["confirmed_by"] == "worker"
    assert set(said) == {"household", "confirmed_by", "confirmed_at", "version"}


def test_unchanged_is_refused_when_something_has_changed(visit: Visitor, homes: list[Home], program: Program) -> None:
    home = homes[1]
    window, page = opened(visit, home)
    window.expect("412")
    with program.client("worker") as client:
        version = client.get(f"/api/residents/{home.grown}").headers["etag"]
        client.patch(
            f"/api/residents/{home.grown}", json={"name": "新名字"}, headers={"If-Match": version}
        ).raise_for_status()
    page.get_by_role("button", name="核对过，无变化").tap()
    expect(page.locator("[data-toast]")).to_contain_text("刚被改过")
    assert read(program, f"/api/households/{home.code}/confirmation")["confirmed_by"] is None
    expect(person(page, home.grown)).to_contain_text("新名字")


def test_a_correction_takes_few_taps(visit: Visitor, homes: list[Home], program: Program) -> None:
    home = homes[2]
    _, page = opened(visit, home)
    before = read(program, f"/api/residents/{home.grown}")
    form = edit(page, home.grown)
    expect(form.get_by_label("姓名")).to_have_value(before["name"])
    expect(form.get_by_label("电话").first).to_have_value("")
    form.get_by_label("电话").first.fill("15499990001")
    form.get_by_text("低收入").tap()
    form.get_by_role("button", name="保存").tap()
    expect(page.locator("[data-toast]")).to_contain_text("已保存")
    expect(person(page, home.grown)).to_contain_text("154****0001")
    after = read(program, f"/api/residents/{home.grown}")
    assert after["name"] == before["name"]
    assert set(after["care_flags"]) == {*before["care_flags"], "low_income"} or "low_income" in before["care_flags"]
    assert after["version"] == before["version"] + 1
    page.get_by_text("变更记录").tap()
    expect(page.locator("[data-entries] li").first).to_contain_text("worker")
    expect(page.locator("[data-entries]").first).to_contain_text("电话")
    assert "15499990001" not in page.content()


def test_wrong_input_is_pointed_at_and_kept(visit: Visitor, homes: list[Home]) -> None:
    home = homes[2]
    window, page = opened(visit, home)
    window.expect("422")
    form = edit(page, home.grown)
    form.get_by_label("电话").first.fill("12")
    form.get_by_role("button", name="保存").tap()
    expect(form.get_by_role("alert")).to_contain_text("至少 5 位数字")
    expect(form.get_by_label("电话").first).to_have_value("12")
    expect(form.get_by_label("电话").first).to_be_focused()
    expect(form.get_by_label("电话").first).to_have_attribute("aria-invalid", "true")
    page.evaluate("window.onbeforeunload = null; document.querySelectorAll('form').forEach((form) => form.reset())")


def test_anothers_change_is_shown_and_mine_is_kept(visit: Visitor, homes: list[Home], program: Program) -> None:
    home = homes[3]
    window, page = opened(visit, home)
    window.expect("412")
    form = edit(page, home.grown)
    form.get_by_label("姓名").fill("改名甲")
    with program.client("admin") as client:
        before = client.get(f"/api/residents/{home.grown}")
        client.patch(
            f"/api/residents/{home.grown}",
            json={"name": "他人所改", "sex": "male"},
            headers={"If-Match": before.headers["etag"]},
        ).raise_for_status()
    form.get_by_role("button", name="保存").tap()
    alert = form.get_by_role("alert")
    expect(alert).to_contain_text("admin 改过这份资料")
    expect(alert).to_contain_text(f"姓名：{before.json()['name']} → 他人所改")
    expect(form.get_by_label("姓名")).to_have_value("改名甲")
    alert.get_by_role("button", name="仍按我填的保存").tap()
    expect(page.locator("[data-toast]")).to_contain_text("已保存")
    assert read(program, f"/api/residents/{home.grown}")["name"] == "改名甲"


def test_what_is_typed_survives_a_lost_network_and_is_entered_once(
    visit: Visitor, homes: list[Home], program: Program
) -> None:
    """The answer to a move-in is lost after the service has stored it; pressed again, nobody is there twice."""
    home = homes[4]
    window, page = opened(visit, home)
    window.expect("ERR_FAILED", "Failed to load resource")
    lost = []

    def lose_the_answer(route: Route) -> None:
        if not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route(f"**/api/households/{home.code}/residents", lose_the_answer)
    part = page.locator("[data-part=arrivals]")
    part.get_by_text("有人迁入").tap()
    form = part.locator("form").first
    form.get_by_label("姓名").fill("断网乙")
    form.get_by_label("出生日期").fill("1951-03-04")
    form.get_by_role("button", name="登记迁入").tap()
    expect(form.get_by_role("alert")).to_contain_text("没有网络")
    assert lost == [201]
    expect(form.get_by_label("姓名")).to_have_value("断网乙")
    stores = "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie])"
    assert "断网乙" not in page.evaluate(stores)
    form.get_by_role("button", name="登记迁入").tap()
    expect(page.locator("[data-toast]")).to_contain_text("已登记迁入")
    names = [each["name"] for each in read(program, f"/api/households/{home.code}")["residents"]]
    assert names.count("断网乙") == 1


def test_a_double_tap_sends_once(visit: Visitor, homes: list[Home]) -> None:
    home = homes[5]
    _, page = opened(visit, home)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    page.evaluate(
        "() => { const button = document.querySelector('[data-part=head] button[type=submit]'); button.click(); button.click(); button.click(); }"
    )
    expect(page.locator("[data-toast]")).to_contain_text("已记录")
    assert len(sent) == 1


def test_a_phone_is_shown_for_a_reason(visit: Visitor, homes: list[Home], program: Program) -> None:
    home = homes[5]
    _, page = opened(visit, home)
    person(page, home.grown).get_by_role("button", name="显示电话").tap()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("电话")
    dialog.get_by_role("button", name="电话联系").tap()
    expect(person(page, home.grown).locator("a[href^='tel:']")).to_have_text(re.compile(r"^\d{11}$"))
    with program.client("auditor") as client:
        newest = client.get("/api/audit", params={"action": "resident.reveal", "limit": 1}).json()["items"][0]
    assert (newest["account"], newest["reason"], newest["subject"]) == ("worker", "电话联系", f"resident:{home.grown}")


def test_a_child_is_held_more_strictly(visit: Visitor, homes: list[Home], program: Program) -> None:
    home = homes[6]
    _, page = opened(visit, home)
    card = person(page, home.child)
    expect(card).to_contain_text("儿童，严格保护")
    expect(card).to_contain_text(re.compile(r".\*"))
    assert card.get_by_role("button", name="显示证件号").count() == 0
    card.get_by_role("button", name="显示姓名").tap()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("未满 14 岁")).to_be_visible()
    dialog.get_by_label("未满 14 岁").select_option("care_visit")
    dialog.get_by_role("button", name="上门走访").tap()
    expect(card.locator(".revealed")).not_to_contain_text("*")
    with program.client("auditor") as client:
        newest = client.get("/api/audit", params={"action": "resident.reveal", "limit": 1}).json()["items"][0]
    assert '"purpose":"care_visit"' in newest["detail"]


def test_moves_contact_chief_and_colour(visit: Visitor, homes: list[Home], program: Program) -> None:
    home = homes[7]
    _, page = opened(visit, home)
    toast = page.locator("[data-toast]")
    part = page.locator("[data-part=contact]")
    part.locator("summary", has_text="确定联系人").tap()
    part.get_by_label("谁").select_option("")
    part.get_by_label("姓名").fill("联系丙")
    part.get_by_label("电话", exact=False).last.fill("15499990003")
    part.get_by_role("button", name="确定", exact=True).tap()
    expect(toast).to_contain_text("已确定联系人")
    expect(part).to_contain_text("联系丙")
    expect(part).to_contain_text("154****0003")

    part = page.locator("[data-part=colour]")
    part.locator("summary", has_text="定色").tap()
    part.locator("label.chip", has_text="黄").tap()
    part.get_by_role("button", name="独居老人").tap()
    part.get_by_role("button", name="确认", exact=True).tap()
    expect(toast).to_contain_text("已确认三色")
    colour = read(program, f"/api/households/{home.code}/colour")
    assert (colour["colour"], colour["reason"], colour["state"]) == ("yellow", "独居老人", "in_force")

    part = page.locator("[data-part=chief]")
    part.locator("summary", has_text="登记楼栋长").tap()
    part.get_by_label("姓名").fill("楼长丁")
    part.get_by_role("button", name="登记", exact=True).tap()
    expect(toast).to_contain_text("已登记楼栋长")
    expect(part).to_contain_text("楼长丁")

    card = person(page, home.grown)
    card.locator("summary", has_text="迁移").tap()
    card.get_by_role("button", name="登记迁出").tap()
    expect(toast).to_contain_text("已登记迁出")
    expect(card).to_have_count(0)
    part = page.locator("[data-part=arrivals]")
    part.locator("summary", has_text="已迁出").tap()
    part.get_by_role("button", name="迁回").tap()
    expect(toast).to_contain_text("已登记迁回")
    expect(person(page, home.grown)).to_be_visible()

    card = person(page, home.grown)
    card.locator("summary", has_text="迁移").tap()
    card.get_by_label("搬到哪一户").fill(homes[6].code)
    card.get_by_role("button", name="查找").tap()
    card.locator("[data-found] label").tap()
    card.get_by_role("button", name="登记搬家").tap()
    expect(toast).to_contain_text("已登记搬家")
    assert home.grown in [each["id"] for each in read(program, f"/api/households/{homes[6].code}")["residents"]]


def test_a_door_code_opens_the_same_file(visit: Visitor, homes: list[Home], program: Program) -> None:
    with program.client("worker") as client:
        code = client.post(f"/api/households/{homes[0].code}/door-code").json()["code"]
    page = visit("worker", **PHONE).open(f"/d/{code}")
    expect(page.locator(f"[data-household={homes[0].code}]")).to_be_visible()
    page.get_by_role("button", name="核对过，无变化").tap()
    expect(page.locator("[data-toast]")).to_contain_text("已记录")


def test_an_ended_session_keeps_what_is_typed(visit: Visitor, homes: list[Home]) -> None:
    home = homes[0]
    window, page = opened(visit, home, own_session=True)
    window.expect("401")
    form = edit(page, home.grown)
    form.get_by_label("姓名").fill("写到一半")
    page.context.clear_cookies()
    form.get_by_role("button", name="保存").tap()
    expect(form.get_by_role("alert")).to_contain_text("登录已过期")
    expect(form.get_by_label("姓名")).to_have_value("写到一半")
    page.evaluate("document.querySelectorAll('form').forEach((form) => form.reset())")


def test_a_file_fits_a_thumb_and_a_screen_reader(visit: Visitor, homes: list[Home]) -> None:
    _, page = opened(visit, homes[1])
    for summary in page.locator("details.edit > summary").all():
        summary.tap()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    small = page.evaluate(
        """least => [...document.querySelectorAll("button, a, summary, select, label.chip, label.check, input:not([type=hidden], [type=checkbox], [type=radio])")]
          .filter((node) => node.getClientRects().length).map((node) => [node.textContent.trim() || node.name, node.getBoundingClientRect()])
          .filter(([, box]) => box.height < least || box.width < least).map(([name]) => name)""",
        TARGET_PX,
    )
    assert small == []
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input:not([type=hidden]), select")]
          .filter((node) => !node.labels.length && !node.getAttribute("aria-label")).map((node) => node.name)"""
    )
    assert unnamed == []
    doubled = page.evaluate(
        "() => { const ids = [...document.querySelectorAll('[id]')].map((node) => node.id); return ids.filter((id, at) => ids.indexOf(id) !== at); }"
    )
    assert doubled == []
