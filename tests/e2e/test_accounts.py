"""Accounts in a real browser: made by an admin, taken over by their holder, with a second factor; and a wall with its key."""

from __future__ import annotations

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.browser
NEW = "quiet-orange-kites-9"


def sign_in(page: Page, name: str, password: str) -> None:
    page.goto("/login")
    page.get_by_label("用户名").fill(name)
    page.locator("#password").fill(password)
    page.get_by_role("button", name="登录", exact=False).first.click()


def within(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("width", [360, 1280])
def test_an_account_is_made_taken_over_and_protected(visit: Visitor, width: int) -> None:
    name = f"李娜{width}"
    admin = visit("admin", width).open("/accounts")
    admin.get_by_text("新建账号").first.click()
    admin.locator("#add-name").fill(name)
    admin.get_by_role("button", name="建立").click()
    password = admin.locator("[data-add] code.shown").text_content()
    assert password is not None
    expect(admin.get_by_text("待改密码").first).to_be_visible()
    assert within(admin)
    window = visit(None, width)
    window.expect("status 401", "401 (Unauthorized)")
    page = window.page
    sign_in(page, name, password)
    page.wait_for_url("**/account")
    expect(page.get_by_text("您的密码是别人设置的")).to_be_visible()
    page.goto("/worker")
    page.wait_for_url("**/account")
    page.locator("#current").fill(password)
    page.locator("#new").fill(NEW)
    page.locator("#again").fill(NEW)
    page.locator("#again").press("Enter")
    page.wait_for_url("**/worker")
    window.settled()
    window.open("/account")
    page.locator("#begin-password").fill(NEW)
    page.get_by_role("button", name="开始设置").click()
    expect(page.get_by_alt_text("二维码")).to_be_visible()
    assert page.get_by_alt_text("二维码").evaluate("picture => picture.naturalWidth") > 0
    assert within(page)
    secret = page.locator("[data-secret]").text_content()
    assert secret is not None
    page.locator("#confirm-code").fill(pyotp.TOTP(secret.replace(" ", "")).now())
    page.locator("#confirm-code").press("Enter")
    paper = page.locator("[data-codes-list] li").first.text_content()
    assert paper is not None
    page.context.clear_cookies()
    sign_in(page, name, NEW)
    expect(page.locator("#code")).to_be_focused()
    page.locator("#code").fill(paper)
    page.locator("#code").press("Enter")
    page.wait_for_url("**/worker")
    window.settled()
    window.open("/account")
    expect(page.get_by_text("恢复码还剩 9 个")).to_be_visible()
    expect(page.get_by_text("就是这次")).to_be_visible()
    assert within(page)


def test_a_wall_is_opened_with_its_key_and_goes_dark_with_it(visit: Visitor) -> None:
    admin = visit("admin").open("/accounts")
    admin.locator("#key-account").fill("一楼大厅")
    admin.get_by_role("button", name="发放密钥").click()
    key = admin.locator("[data-key] code.shown").text_content()
    assert key is not None
    window = visit(None)
    window.expect("status 401", "401 (Unauthorized)")
    wall = window.open("/login")
    wall.get_by_text("大屏用密钥登录").click()
    wall.locator("#screen-key").fill(key)
    wall.locator("#screen-key").press("Enter")
    wall.wait_for_url("**/screen")
    assert key not in wall.url
    window.settled()
    row = admin.locator("[data-keys] li").filter(has_text="一楼大厅")
    row.get_by_role("button").click()
    expect(row.get_by_text("已停用")).to_be_visible()
    wall.wait_for_url("**/login?**")  # by itself
    window.open("/screen")
    assert "/login" in wall.url
