"""Printing and exporting from the maps: what is asked of the server is what the map shows."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import maps
from tests.maps.conftest import Watched
from tests.maps.place import CONFIG

pytestmark = pytest.mark.browser


def taken(watched: Watched, which: str) -> tuple[str, dict[str, list[str]], Path]:
    """Press a button of the control; return the path and query that were asked for, and the file that came."""
    page = watched.page
    if not page.locator(".linli-take[open]").count():
        page.locator(".linli-take > summary").click()
    with page.expect_download() as coming:
        page.locator(f"[data-take='{which}']").click()
    saved = coming.value
    parts = urlsplit(next(one for one in reversed(watched.stub.asked) if one.startswith(("/api/print", "/api/export"))))
    return parts.path, parse_qs(parts.query), Path(saved.suggested_filename)


def test_the_grid_map_goes_with_its_measure_and_its_view(watched: Watched) -> None:
    watched.stub.answers["/api/print/grids.pdf"] = {"any": "file"}
    watched.stub.answers["/api/export/grids.gpkg"] = {"any": "file"}
    page = watched.draw(maps.planner_map(CONFIG))
    page.locator("[data-measure]").select_option("elders_60")
    watched.settled()
    path, query, name = taken(watched, "print.pdf")
    assert (path, query["measure"], query["scheme"], "bbox" in query) == (
        "/api/print/grids.pdf",
        ["elders_60"],
        ["quantiles"],
        False,
    )
    assert name.name == "grids.pdf"
    page.locator(".linli-take > summary").click()
    page.get_by_label("只印当前视野").check()
    _, query, _ = taken(watched, "print.pdf")
    west, south, east, north = map(float, query["bbox"][0].split(","))
    view = watched.script(
        "() => { const b = Object.values(linli.maps)[0].getBounds(); return [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()]; }"
    )
    assert [west, south, east, north] == pytest.approx(view, abs=1e-5)
    path, query, _ = taken(watched, "export.gpkg")
    assert (path, query["measure"], "bbox" in query) == ("/api/export/grids.gpkg", ["elders_60"], False)
    assert watched.faults == []


def test_needs_and_coverage_go_with_their_filters(watched: Watched) -> None:
    watched.stub.answers["/api/print/needs.png"] = {"any": "file"}
    page = watched.draw(maps.needs_map(CONFIG))
    page.locator("[data-mode][value=rate]").check(force=True)
    page.locator("[data-size]").select_option("200")
    watched.settled()
    shown = watched.stub.queries("/api/needs/cells")[-1]
    # The form is of the answer to the map, not of the file; all months need not be named.
    for one in ("form", "from", "to"):
        shown.pop(one, None)
    path, query, _ = taken(watched, "print.png")
    assert (path, query["mode"], query["by"]) == ("/api/print/needs.png", ["rate"], ["cells"])
    assert {key: query[key] for key in shown} == shown
    watched.stub.answers["/api/export/coverage.csv"] = {"any": "file"}
    watched.draw(maps.coverage_map(CONFIG))
    shown = watched.stub.queries("/api/coverage")[-1]
    shown.pop("form", None)
    path, query, _ = taken(watched, "export.csv")
    assert path == "/api/export/coverage.csv"
    assert {key: query[key] for key in shown} == shown


def test_paper_has_the_heat_and_the_months_that_are_chosen_now(watched: Watched) -> None:
    watched.stub.answers["/api/print/needs.pdf"] = {"any": "file"}
    page = watched.draw(maps.needs_map(CONFIG))
    _, query, _ = taken(watched, "print.pdf")
    assert (query["mode"], query["radius_m"], "from" in query) == (["heat"], ["200"], False)
    page.locator("[data-month-from]").evaluate(
        "(slider) => { slider.value = slider.max; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    page.wait_for_timeout(400)
    watched.settled()
    _, query, _ = taken(watched, "print.pdf")
    assert query["from"][0][:7] == query["to"][0][:7] == CONFIG.month_list()[-1]
    page.locator("[data-month-from]").evaluate(
        "(slider) => { slider.value = 0; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    page.wait_for_timeout(400)
    watched.settled()
    _, query, _ = taken(watched, "print.pdf")
    assert "from" not in query, "all months again, though nothing had to be asked for"


def test_a_refusal_is_told_on_the_map(watched: Watched) -> None:
    refused = {"title": "暂不可用", "detail": "本机没有中文字体 / no Chinese font on this machine"}
    watched.stub.answers["/api/print/grids.pdf"] = lambda _: (503, refused)
    page = watched.draw(maps.planner_map(CONFIG))
    page.locator(".linli-take > summary").click()
    page.locator("[data-take='print.pdf']").click()
    page.locator(".linli-notice", has_text="没有中文字体").wait_for()
    assert [fault for fault in watched.faults if "503" not in fault] == []
    watched.faults.clear()
