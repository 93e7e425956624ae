"""Names written from right to left, and signs that turn direction, leave what stands beside them as it is: in the browser's own layout."""

from __future__ import annotations

import pytest

import maps
from gis.direction import one_line, unmarked
from maps.language import catalogue
from maps.printing.ground import tidy
from tests.maps.conftest import Watched
from tests.maps.place import CONFIG

pytestmark = pytest.mark.browser

NAMES = ("שלום", "שלום 12", "\u202eabc", "abc\u200f", "\u2067שלום", "\u2069\u202e\u2066שלום", "مركز\u202e")
# Where each digit stands on the screen, from left to right.
DIGITS = """(node) => {
    document.body.append(node);
    node.style.cssText = "position: absolute; white-space: nowrap; font: 20px sans-serif";
    const found = [];
    const walk = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const text = walk.currentNode;
      [...text.data].forEach((sign, i) => {
        if (!"789".includes(sign)) return;
        const range = document.createRange();
        range.setStart(text, i);
        range.setEnd(text, i + 1);
        found.push([range.getBoundingClientRect().left, sign]);
      });
    }
    node.remove();
    return found.sort((a, b) => a[0] - b[0]).map(([, sign]) => sign).join("");
}"""


def test_figures_beside_a_name_stay_in_their_order(watched: Watched) -> None:
    watched.draw(maps.planner_map(CONFIG))
    shown = f"""(name) => {{
        const digits = {DIGITS};
        const div = (...parts) => {{ const node = linli.el("div", {{}}, ...parts); return node; }};
        const inside = (...parts) => {{ const view = linli.el("div", {{ class: "linli-view" }}, div(...parts)); return view; }};
        return [
          digits(inside(linli.el("span", {{}}, name), " ", linli.el("b", {{}}, "7"), " ", linli.el("b", {{}}, "8"), " 9")),
          digits(inside(linli.t("{{name}}：{{a}} / {{b}} / 9", {{ name, a: 7, b: 8 }}))),
          digits(inside(linli.gridTip("7", name, [["8", "9"]]).querySelector("strong"), " 7, 8, 9")),
        ];
    }}"""
    for name in NAMES:
        assert watched.script(shown, name) == ["789", "789", "789"], ascii(name)


def test_what_the_server_writes_keeps_a_names_direction_too(watched: Watched) -> None:
    watched.draw(maps.planner_map(CONFIG))
    digits = f"(said) => {{ const node = document.createElement('div'); node.append(said); return ({DIGITS})(node); }}"
    for name in NAMES:
        said = catalogue("zh-CN").t("{name}：{a} / {b} / 9", name=name, a=7, b=8)
        assert watched.script(digits, said) == "789", ascii(name)
        assert watched.script(digits, f"{name}：7 / 8 / 9") != "789", "or nothing would be shown by this test"


def test_browser_and_server_leave_out_the_same_signs(watched: Watched) -> None:
    watched.draw(maps.planner_map(CONFIG))
    signs = [code for code in range(0x10000) if not 0xD800 <= code < 0xE000]  # a half of a pair is no sign
    changed = """(signs) => ["unmarked", "tidy"].map((name) => signs.filter((code) => {
      const text = `a${String.fromCharCode(code)}b`;
      return linli[name](text, 9) !== text;
    }))"""
    texts = {code: f"a{chr(code)}b" for code in signs}
    assert watched.script(changed, signs) == [
        [code for code, text in texts.items() if unmarked(text) != text],
        [code for code, text in texts.items() if one_line(text) != text],
    ]
    for name in (*NAMES, " 一\n二 ", "\u2068שלום\u2069", "长" * 10):
        assert watched.script("(name) => linli.tidy(name, 9)", name) == tidy(name, 9), ascii(name)
