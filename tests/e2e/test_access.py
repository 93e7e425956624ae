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
def test_pages_are_not_kept_by_anybody(visit: Visitor, account: str, path: str, width: int, height: int) -> None:
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


CONTROLS = """() => [...document.querySelectorAll("main a[href], main button, main input, main select, main textarea, main summary, header a, header button")]
  .filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.disabled && node.type !== "hidden" && node.tabIndex >= 0)
  .filter((node) => node.type !== "radio" || node.checked)
  .map((node, i) => { node.dataset.control = String(i); return String(i); })"""
AT = """() => {
  const node = document.activeElement, style = node && getComputedStyle(node);
  if (!node || node === document.body) return null;
  const around = node.closest("label") || node.parentElement, ring = (s) => (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none";
  const beside = node.nextElementSibling ? getComputedStyle(node.nextElementSibling) : style;
  return { control: node.dataset.control ?? "", seen: ring(style) || ring(getComputedStyle(around)) || ring(beside), what: node.outerHTML.slice(0, 160) };
}"""
MOST_STOPS = 500


@pytest.mark.parametrize("path", ["/", "/maps/needs", "/maps/coverage", "/events", "/account"])
def test_every_control_is_reached_by_the_tab_key_and_seen(visit: Visitor, path: str) -> None:
    page = visit("planner").open(path)
    page.evaluate("() => document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
    page.wait_for_load_state("networkidle")
    wanted = set(page.evaluate(CONTROLS))
    assert len(wanted) > 4
    reached, hidden = set(), []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        at = page.evaluate(AT)
        if at is None:
            break  # past the last: the browser's own bar comes next, so nothing traps
        reached.add(at["control"])
        if not at["seen"]:
            hidden.append(at["what"])
    else:
        pytest.fail("the tab key does not come out of the page again")
    missed = [
        page.locator(f"[data-control='{i}']").first.evaluate("(node) => node.outerHTML.slice(0, 160)")
        for i in wanted - reached
    ]
    assert missed == []
    assert hidden == [], "no focus to be seen"
