"""五张清单 in a browser: the whole loop from a need to a closed project, what others do, keys and a phone."""

from __future__ import annotations

import io
from typing import Any

import httpx
from openpyxl import load_workbook
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Program, Visitor

PHONE = {"width": 360, "height": 740, "has_touch": True, "is_mobile": True}
TARGET_PX = 44


def panel(page: Page, name: str) -> Any:
    page.locator(f"#tab-{name}").click()
    found = page.locator(f"[data-panel={name}]")
    expect(found.locator("[data-list]")).not_to_have_attribute("aria-busy", "true")
    return found


def own_grid(client: httpx.Client) -> str:
    return str(client.get("/api/households?limit=1").json()["items"][0]["grid"])


TITLE = "<b>助餐</b>试点"


def test_the_whole_loop(visit: Visitor, program: Program) -> None:
    """A worker opens a project, links a need, takes a resource, names who leads, begins, is done, hears what came of it, and closes."""
    with program.client("worker") as client, program.client("planner") as planner:
        grid = own_grid(client)
        household = client.get(f"/api/households?grid={grid}&limit=1").json()["items"][0]["code"]
        need = client.post("/api/needs", json={"household": household, "service": "meal", "note": "软饭"}).json()["id"]
        offered = {"organisation": "测试食堂", "service": "meal", "area": grid, "capacity": 3}
        taken = planner.post("/api/resources", json=offered).json()["id"]
        window = visit("worker", 1280, 900)
        page = window.open("/lists")
        expect(page.locator("[data-live]")).to_contain_text("实时")
        card = open_project(page, grid)
        link_need(page, need)
        expect(card.locator("[data-part=needs]")).to_contain_text(household)
        take_places(card)
        assert planner.get(f"/api/resources/{taken}").json()["left"] == 1
        duties = name_who_leads(card)
        card.locator("[data-to=running]").click()
        card.locator("[data-to=done]").click()
        expect(card.locator("[data-missing]")).to_contain_text("反馈")
        duties.get_by_role("button", name="完成").click()
        expect(duties.locator(".items")).to_contain_text("✓")
        give_feedback(card, "dissatisfied", "饭凉了")
        expect(card.locator("[data-missing]")).to_have_count(0)
        card.get_by_role("button", name="返工").click()
        expect(card.locator("[data-part=feedback]")).to_contain_text("返工前")
        card.locator("[data-to=done]").click()
        window.expect("409")
        card.locator("[data-to=closed]").click()
        expect(card.locator("[data-card-message]")).to_contain_text("反馈")
        give_feedback(card, "satisfied", "热饭到家")
        card.locator("[data-to=closed]").click()
        expect(card.locator(".track-steps [aria-current]")).to_have_text("销号")
        look_at_the_lists(page)


def open_project(page: Page, grid: str) -> Locator:
    form = panel(page, "projects").locator("[data-add]")
    page.locator("[data-panel=projects] summary").click()
    form.get_by_label("项目名称").fill(TITLE)
    form.get_by_label("服务事项").select_option("meal")
    form.get_by_label("哪里").fill(grid)
    form.get_by_role("button", name="立项").click()
    card = page.locator("[data-card]")
    expect(card.get_by_role("heading", level=2)).to_have_text(TITLE)
    return card


def link_need(page: Page, need: str) -> None:
    row = panel(page, "needs").locator(f"[data-need='{need}']")
    row.get_by_role("button", name="谁能提供").click()
    expect(row.locator("li", has_text="测试食堂")).to_contain_text("余 3 个名额")
    row.get_by_role("button", name="关联项目").click()
    row.get_by_label("选一个项目").select_option(label=f"{TITLE} · 拟办")
    row.get_by_role("button", name="关联", exact=True).click()


def take_places(card: Locator) -> None:
    card.locator("[data-part=resources]").get_by_role("button", name="谁能提供").click()
    offer = card.locator("[data-offers] li", has_text="测试食堂")
    offer.get_by_label("名额").fill("2")
    offer.get_by_role("button", name="占用").click()
    expect(card.locator("[data-part=resources] .items").first).to_contain_text("2 个名额")


def name_who_leads(card: Locator) -> Locator:
    duties = card.locator("[data-part=duties]")
    duties.get_by_text("＋ 落实责任").click()
    duties.get_by_label("单位").fill("测试网格站")
    duties.get_by_label("任务").fill("每天送到")
    duties.get_by_role("button", name="保存").click()
    expect(duties.locator(".items")).to_contain_text("每天送到")
    return duties


def give_feedback(card: Locator, outcome: str, summary: str) -> None:
    feedback = card.locator("[data-part=feedback]")
    feedback.get_by_text("＋ 记录反馈").click()
    feedback.get_by_label("评价").select_option(outcome)
    feedback.get_by_label("办得怎样").fill(summary)
    feedback.get_by_role("button", name="保存").click()
    expect(feedback.locator(".items")).to_contain_text(summary)


def look_at_the_lists(page: Page) -> None:
    """Find the feedback in its list, the duty among those that are done, and the project in the workbook."""
    expect(panel(page, "feedback").locator("[data-list] li").first).to_be_visible()
    expect(page.locator("[data-panel=feedback]")).to_contain_text("热饭到家")
    duties = panel(page, "duties")
    expect(duties).not_to_contain_text("每天送到")
    duties.get_by_label("状态").select_option("")
    expect(duties).to_contain_text("每天送到")
    with page.expect_download() as download:
        page.get_by_role("link", name="导出表格").click()
    book = load_workbook(io.BytesIO(download.value.path().read_bytes()))
    assert len(book.sheetnames) == 5
    assert TITLE in {row[1] for row in book["项目清单"].iter_rows(values_only=True)}


def test_others_steps_appear_by_themselves_and_who_comes_second_is_told(visit: Visitor, program: Program) -> None:
    with program.client("planner") as planner:
        one = planner.post(
            "/api/projects", json={"title": "同看一个", "service": "errand", "area": "539901001006"}
        ).json()
        planner.post(f"/api/projects/{one['id']}/duties", json={"party": "甲", "role": "lead", "task": "牵头"})
        window = visit("planner")
        page = window.open("/lists#projects")
        page.locator(f"[data-panel=projects] [data-project='{one['id']}']").click()
        card = page.locator("[data-card]")
        card.get_by_text("＋ 落实责任").click()
        card.get_by_label("任务").fill("写到一半")
        planner.post(f"/api/projects/{one['id']}/transitions", json={"to": "running"}).raise_for_status()
        expect(
            page.locator("[data-panel=projects] li", has=page.locator(f"[data-project='{one['id']}']"))
        ).to_contain_text("在办")
        assert card.get_by_label("任务").input_value() == "写到一半"  # nothing typed is lost
        window.expect("412")
        card.get_by_label("任务").fill("")
        card.locator("[data-to=running]").click()
        expect(card.locator("[data-card-message]")).to_contain_text("刚被别人改过")
        expect(card.locator("[data-to=done]")).to_be_visible()
        planner.post(f"/api/projects/{one['id']}/transitions", json={"to": "done"}).raise_for_status()
        expect(card.locator(".track-steps [aria-current]")).to_have_text("办成")
        text = page.locator("main").inner_text()
    assert "按五取整" in text and page.locator("[data-need]").count() == 0


def test_with_keys_and_on_a_phone(visit: Visitor) -> None:
    page = visit("worker", **PHONE).open("/lists")
    page.locator("#tab-needs").focus()
    for name in ("resources", "projects", "duties", "feedback", "needs", "resources"):
        page.keyboard.press("ArrowRight")
        expect(page.locator(f"#tab-{name}")).to_be_focused()
        expect(page.locator(f"[data-panel={name}]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    heights = page.evaluate(
        "[...document.querySelectorAll('main button, main a.button, main select')].filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect().height)"
    )
    assert len(heights) >= 6 and min(heights) >= TARGET_PX
    page.locator("#tab-projects").click()
    page.locator("[data-panel=projects] [data-project]").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-card] h2")).to_be_focused()
    expect(page.locator(".left")).to_be_hidden()
    page.get_by_role("button", name="回到清单").click()
    expect(page.locator("[data-panel=projects] [data-project]").first).to_be_focused()
