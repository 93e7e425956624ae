"""Everybody can use the pages by keys alone; and nobody keeps them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

PAGES = [
    (None, "/login", 1280, 800),
    ("admin", "/", 1280, 800),
    ("planner", "/maps/needs", 1280, 800),
    ("planner", "/maps/coverage", 1280, 800),
    ("worker", "/worker", 360, 740),
    ("screen", "/screen", 1920, 1080),
]


@pytest.mark.parametrize(
    ("account", "path"), [("admin", "/"), ("planner", "/maps/needs"), ("planner", "/maps/coverage")]
)
def test_the_first_tab_stop_skips_to_the_content(visit: Visitor, account: str, path: str) -> None:
    page = visit(account).open(path)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


@pytest.mark.parametrize(("account", "path", "width", "height"), PAGES[1:])
def test_pages_are_not_kept_by_anybody(
    visit: Visitor, account: str, path: str, width: int, height: int
) -> None:
    window = visit(account, width, height)
    answer = window.page.goto(window.program.base + path)
    assert answer is not None
    assert answer.headers["cache-control"] == "private, no-store"
    policy = answer.headers["content-security-policy"]
    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "unsafe-inline" not in scripts and "unsafe-eval" not in scripts and "nonce-" in scripts
    handlers = window.page.evaluate(
        "() => [...document.querySelectorAll('*')].filter((n) => [...n.attributes].some((a) => a.name.startsWith('on'))).length"
    )
    assert handlers == 0
    window.settled()
