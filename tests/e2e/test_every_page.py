"""Every page in both languages: nothing from outside, no fault, names for screen readers, contrast, one language at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.pages.directory import FILE_PATH
from maps.language import catalogue, read_catalogue
from tests.e2e.conftest import Program, Visitor
from tests.e2e.every_page import EVERY_PAGE, Place

HAN = re.compile("[\u4e00-\u9fff]")
NAMED = (
    "name",
    "place",
    "title",
    "organisation",
    "note",
    "station",
    "by",
    "account",
    "kind",
    "reason",
    "result",
)
"""Keys under which answers hold what people have called things; all else that pages show is ours to translate."""
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
    if (node.closest("script, style, noscript, option, svg, canvas, [disabled], .visually-hidden")) continue;
    const box = node.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const [a, b] = [light(parse(style.color)), light(behind(node))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${walker.currentNode.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return faint; }"""
SAID = """() => {
  const said = [document.title], marked = "[translate=no], [lang^=zh], script, style, datalist, noscript";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(marked)) said.push(walker.currentNode.textContent.trim());
  for (const node of document.querySelectorAll("*")) {
    if (node.closest(marked)) continue;
    for (const name of ["title", "placeholder", "aria-label", "alt", "label", "data-done", "data-what"]) said.push(node.getAttribute(name) || "");
  }
  return [...new Set(said)].filter(Boolean); }"""
UNPINNED = """() => {
  const pinned = JSON.parse(document.querySelector("script[type=importmap]")?.textContent || "{}").integrity || {};
  const integrity = (node) => node.integrity || (node.type === "module" ? pinned[node.getAttribute("src")] : "");
  return [...document.querySelectorAll("script[src], link[rel~=stylesheet], link[rel*=preload]")]
    .filter((node) => !/^sha(256-.{44}|384-.{64})$/.test(integrity(node) || "")).map((node) => node.outerHTML);
}"""
OPEN_ALL = "() => document.querySelectorAll('details').forEach((each) => { each.open = true; })"


def names_in(answer: Any, key: str = "") -> Iterator[str]:
    """Give what people have called things in an answer of the interface."""
    if isinstance(answer, dict):
        for inner, value in answer.items():
            yield from names_in(value, inner)
    elif isinstance(answer, list):
        for value in answer:
            yield from names_in(value, key)
    elif isinstance(answer, str) and HAN.search(answer) and (key in NAMED or key.endswith("_name")):
        yield answer


@pytest.fixture(scope="module")
def names(program: Program) -> set[str]:
    """Return the names of the place and of what is in it."""
    found: set[str] = set()
    with program.client("admin") as client:
        for path in ("grids", "stations", "desks", "events", "households", "buildings"):
            found |= set(names_in(client.get(f"/api/{path}", params={"limit": 1000}).json()))
        whole = client.get("/api/screen/summary").json()
        part = client.get("/api/screen/summary", params={"area": whole["children"][0]["code"]}).json()
        found |= set(names_in([whole, part]))
    return found


def opened(place: Place, visit: Visitor, language: str, names: set[str]) -> tuple[Any, set[str]]:
    """Open a page with all that folds on it unfolded; returns it and the names that it has been told, with those that are known."""
    window = place.visit(visit, language)
    told: list[Any] = []
    window.page.on("response", lambda answer: told.append(answer) if "/api/" in answer.url else None)
    page = window.open(place.address(window.program))
    page.evaluate(OPEN_ALL)
    window.settled()
    page.wait_for_timeout(300)
    heard = set(names)
    if place.path == FILE_PATH:
        with window.program.client("worker") as client:
            code = page.url.rpartition("/")[2]
            for part in ("", "/contacts", "/visits"):
                heard |= set(names_in(client.get(f"/api/households/{code}{part}").json()))
    for answer in told:
        if answer.ok and "json" in answer.headers.get("content-type", ""):
            heard |= set(names_in(answer.json()))
    return page, heard


@pytest.mark.parametrize("place", EVERY_PAGE, ids=str)
def test_in_english(place: Place, visit: Visitor, names: set[str]) -> None:
    page, heard = opened(place, visit, "en", names)
    assert page.locator("html").get_attribute("lang") == "en"
    data = re.compile("|".join(re.escape(name) for name in sorted(heard, key=len, reverse=True)))
    left = [text for text in page.evaluate(SAID) if HAN.search(data.sub("", text))]
    assert left == [], "中文 on an English page that is no name from data"
    usable(page)


@pytest.mark.parametrize("place", EVERY_PAGE, ids=str)
def test_in_chinese(place: Place, visit: Visitor, names: set[str]) -> None:
    page, _ = opened(place, visit, "zh-CN", names)
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    english = set()
    for message in read_catalogue("en"):
        if message.id:
            english |= {message.string} if isinstance(message.string, str) else set(message.string)
    chinese = catalogue("zh-CN")
    sentences = {text for text in english if text.count(" ") >= 1 and chinese.t(text) == text and "{" not in text}
    assert set(page.evaluate(SAID)) & sentences == set()
    usable(page)


def usable(page: Any) -> None:
    """Hold what holds on every page: one heading, one main part, a name for each control, contrast, and files that are pinned."""
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(FAINT) == []
    assert page.evaluate(UNPINNED) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"
