from __future__ import annotations

from pathlib import Path

import pytest

from api.pages import rendering
from api.pages.rendering import show, static_url


def test_a_static_address_changes_with_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "STATIC", tmp_path)
    (tmp_path / "a.css").write_text("a {}")
    first = static_url("a.css")
    assert first.startswith("/static/a.css?v=") and static_url("a.css") == first
    (tmp_path / "a.css").write_text("a { color: red }")
    assert static_url("a.css") != first


def test_values_are_escaped_and_gaps_are_errors() -> None:
    more = {"problem": None, "oidc_label": None, "oidc_address": "/login/oidc"}
    page = show("login.html", next='"><script>', cookie_lost=False, **more)
    assert b'"><script>' not in page.body
    assert b"&#34;&gt;&lt;script&gt;" in page.body
    with pytest.raises(Exception, match="cookie_lost"):
        show("login.html", next="", **more)


@pytest.mark.parametrize("template", sorted((rendering.FOLDER / "templates").glob("*.html")))
def test_no_template_writes_scripts_or_handlers_inline(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    for script in text.split("<script")[1:]:
        opening = script.split(">")[0]
        assert "src=" in opening or "application/json" in opening
    for forbidden in (
        " onclick",
        " onload",
        " onerror",
        " style=",
        "javascript:",
        "|safe",
        "| safe",
        "http://",
        "https://",
    ):
        assert forbidden not in text


@pytest.mark.parametrize("script", sorted(rendering.STATIC.glob("js/*.js")))
def test_no_script_parses_text_as_html_or_code(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "http://",
        "https://",
    ):
        assert forbidden not in text.replace("http://www.w3.org/2000/svg", "")
