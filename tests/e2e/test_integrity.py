"""A module or a style sheet that is not what the page was made with is refused by the browser, also a module that another imports."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Visit

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("tampered", "refused"), [(None, False), ("planner.js", True), ("common.js", True)])
def test_a_tampered_module_is_refused(visit: Any, tampered: str | None, refused: bool) -> None:
    window: Visit = visit("planner")
    window.expected += ["integrity", "/static/js/"] if tampered else []
    asked: list[str] = []

    def changed(route: Any) -> None:
        asked.append(route.request.url)
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "\n// a word more")

    if tampered:
        window.page.route(lambda url: f"/static/js/{tampered}" in url, changed)
    told: list[str] = []
    window.page.on("console", lambda message: told.append(message.text))
    page = window.open("/")
    page.locator("#grid-find").fill("青禾")
    if refused:
        page.wait_for_timeout(1500)
        assert asked
        assert all("?v=" in url for url in asked)
        assert any("integrity" in text.lower() for text in told), told
        assert page.locator("#grid-found [role=option]").count() == 0
    else:
        page.locator("#grid-found [role=option]").first.wait_for()
        scripts = page.evaluate(
            "() => performance.getEntriesByType('resource').map((e) => e.name).filter((n) => n.includes('/static/js/'))"
        )
        assert scripts
        assert all("?v=" in url for url in scripts), scripts


@pytest.mark.parametrize("tampered", ["base.css", "desk.css", "linli.css", "leaflet.css"])
def test_a_tampered_style_sheet_is_refused(visit: Any, tampered: str) -> None:
    window: Visit = visit("planner")
    window.expect("integrity", tampered)
    asked: list[str] = []

    def changed(route: Any) -> None:
        asked.append(route.request.url)
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "\nbody { --tampered: yes }")

    window.page.route(lambda url: f"/{tampered}" in url, changed)
    window.page.goto(window.program.base + "/")
    window.page.wait_for_load_state("load")
    assert asked
    loaded = "() => [...document.styleSheets].map((each) => each.href)"
    assert not any(tampered in href for href in window.page.evaluate(loaded)), "it is left out as a whole"
    assert len(window.page.evaluate(loaded)) == window.page.locator("link[rel=stylesheet]").count() - 1, "alone"
    value = "() => getComputedStyle(document.body).getPropertyValue('--tampered')"
    assert window.page.evaluate(value) == ""
