"""The way in: who may, where to, and what is said when it goes wrong."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor

REFUSED = ("status 401", "401 (Unauthorized)")
LOCKED = ("status 429", "429 (Too Many Requests)")
ERROR = "[data-error]"


def sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码", exact=False).first.fill(password)
    page.get_by_role("button", name="登录").click()


@pytest.mark.parametrize(
    ("account", "home", "seen"),
    [
        ("admin", "/", "网格地图"),
        ("planner", "/", "网格地图"),
        ("worker", "/worker", "我的网格"),
        ("screen", "/screen", "邻里"),
        ("auditor", "/audit", "审计记录"),
    ],
)
def test_each_role_lands_on_its_own_page(visit: Visitor, account: str, home: str, seen: str) -> None:
    window = visit(None)
    page = window.open("/login")
    expect(page).to_have_title(re.compile("登录"))
    sign_in(page, account, window.program.passwords[account])
    page.wait_for_url(window.program.base + home)
    window.settled()
    assert seen in page.content()


def test_whoever_is_signed_in_is_not_asked_again(visit: Visitor) -> None:
    window = visit("worker")
    window.open("/login")
    assert window.page.url == window.program.base + "/worker"


def test_a_page_without_session_leads_to_the_login_and_back(visit: Visitor) -> None:
    window = visit(None)
    page = window.open("/maps/needs")
    assert page.url == window.program.base + "/login?next=/maps/needs"
    sign_in(page, "planner", window.program.passwords["planner"])
    page.wait_for_url(window.program.base + "/maps/needs")
    window.settled()


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "/%5Cevil.example",
        "/worker",
        "/api/households",
    ],
)
def test_next_leads_nowhere_but_to_own_pages(visit: Visitor, wanted: str) -> None:
    window = visit(None)
    page = window.open(f"/login?next={wanted}")
    sign_in(page, "planner", window.program.passwords["planner"])
    page.wait_for_url(window.program.base + "/")
    window.settled()


def test_a_wrong_password_is_told_and_tells_nothing_more(visit: Visitor) -> None:
    window = visit(None)
    window.expect(*REFUSED)
    page = window.open("/login")
    said = []
    for name in ("planner", "nobody-here"):
        sign_in(page, name, "not-the-password")
        expect(page.locator(ERROR)).to_contain_text("用户名或密码不对")
        said.append(page.locator(ERROR).inner_text())
        expect(page.locator("#password")).to_have_value("")
        expect(page.locator("#password")).to_be_focused()
    assert said[0] == said[1]
    assert "password" not in page.url
    sign_in(page, "planner", window.program.passwords["planner"])
    page.wait_for_url(window.program.base + "/")


def test_empty_fields_are_named_before_anything_is_sent(visit: Visitor) -> None:
    window = visit(None)
    page = window.open("/login")
    page.get_by_role("button", name="登录").click()
    expect(page.locator(ERROR)).to_contain_text("请填写用户名和密码")
    expect(page.get_by_label("用户名")).to_be_focused()
    expect(page.get_by_label("用户名")).to_have_attribute("aria-invalid", "true")


def test_a_locked_name_is_told_how_long_to_wait(visit: Visitor) -> None:
    window = visit(None)
    window.expect(*REFUSED, *LOCKED)
    page = window.open("/login")
    button = page.get_by_role("button", name="登录")
    for _ in range(12):
        sign_in(page, "locked-out-here", "wrong-every-time")
        expect(page.locator(ERROR)).to_have_text(re.compile("不对|锁定"))
        expect(page.locator("#password")).to_have_value("")
        if "锁定" in page.locator(ERROR).inner_text():
            break
    expect(page.locator(ERROR)).to_have_text(re.compile(r"请在 \d+ 秒后再试"))
    expect(button).to_be_disabled()
    expect(page.locator(ERROR)).to_contain_text("现在可以再试", timeout=20_000)
    expect(button).to_be_enabled()


def test_the_keyboard_is_enough(visit: Visitor) -> None:
    window = visit(None)
    page = window.open("/login")
    expect(page.get_by_label("用户名")).to_be_focused()
    page.keyboard.type("planner")
    page.keyboard.press("Tab")
    page.keyboard.type(window.program.passwords["planner"])
    page.keyboard.press("Enter")
    page.wait_for_url(window.program.base + "/")
    window.settled()


def test_the_password_can_be_looked_at(visit: Visitor) -> None:
    page = visit(None).open("/login")
    page.locator("#password").fill("seen")
    page.get_by_role("button", name="显示").click()
    expect(page.locator("#password")).to_have_attribute("type", "text")
    page.get_by_role("button", name="隐藏").click()
    expect(page.locator("#password")).to_have_attribute("type", "password")


def test_signing_out_closes_the_pages(visit: Visitor) -> None:
    window = visit("planner", own_session=True)
    page = window.open("/")
    page.get_by_role("button", name="退出").click()
    page.wait_for_url(window.program.base + "/login")
    window.open("/maps/coverage")
    assert page.url == window.program.base + "/login?next=/maps/coverage"


@pytest.mark.parametrize(
    ("account", "page_of_others"),
    [("worker", "/"), ("screen", "/worker"), ("planner", "/worker"), ("screen", "/maps/needs")],
)
def test_a_page_of_others_is_refused_kindly(visit: Visitor, account: str, page_of_others: str) -> None:
    window = visit(account)
    window.expect("status 403", "403 (Forbidden)")
    page = window.open(page_of_others)
    expect(page.get_by_role("heading", name="这一页不归您用")).to_be_visible()
    page.get_by_role("link", name="打开我的页面").click()
    page.wait_for_url(window.program.base + {"worker": "/worker", "screen": "/screen", "planner": "/"}[account])
    window.settled()
