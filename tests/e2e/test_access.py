"""Everybody can use the pages: names for screen readers, contrast for tired eyes, one language first."""

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
NAMELESS = """() => [...document.querySelectorAll("button, input, select, textarea, a[href], [role=tab], svg[role=img], summary")]
  .filter((node) => node.getClientRects().length && node.type !== "hidden")
  .filter((node) => {
    const by = (node.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)?.textContent || "").join("");
    const named = [node.getAttribute("aria-label"), node.getAttribute("title"), by, ...[...(node.labels || [])].map((l) => l.textContent), node.textContent];
    return !named.some((text) => text && text.trim());
  })
  .map((node) => node.outerHTML.slice(0, 120))"""
# WCAG 2.2, 1.4.3: contrast of each visible text with the nearest opaque background behind it; large text may have 3 : 1.
FAINT = """() => {
  const channel = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (node) => { for (; node; node = node.parentElement) {
    const colour = parse(getComputedStyle(node).backgroundColor); if (colour.length === 3 || colour[3] > 0.9) return colour; } return [255, 255, 255]; };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement, style = getComputedStyle(node);
    if (!walker.currentNode.textContent.trim() || !node.getClientRects().length || style.visibility === "hidden") continue;
    if (node.closest("script, style, noscript, option, svg, canvas, [disabled], .visually-hidden, .leaflet-container")) continue;
    const box = node.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const [a, b] = [light(parse(style.color)), light(behind(node))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${walker.currentNode.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return faint; }"""


@pytest.mark.parametrize(("account", "path", "width", "height"), PAGES)
def test_everything_has_a_name_and_enough_contrast(
    visit: Visitor, account: str | None, path: str, width: int, height: int
) -> None:
    page = visit(account, width, height).open(path)
    page.wait_for_load_state("load")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(FAINT) == []


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
