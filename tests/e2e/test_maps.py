"""The maps of needs and of coverage within their pages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from api.pages.directory import pages_of
from tests.e2e.conftest import Visitor, numbers


def test_needs_are_counted_as_the_interface_counts_them(visit: Visitor) -> None:
    window = visit("planner")
    page = window.open("/maps/needs")
    with window.program.client("planner") as client:
        every = client.get("/api/needs/cells", params={"size_m": 100}).json()["total"]
        meals = client.get("/api/needs/cells", params={"size_m": 100, "service": "meal"}).json()["total"]
    expect(page.locator("[data-total]")).to_have_text(f"{every:,}")
    page.get_by_text("助餐", exact=True).click()
    expect(page.locator("[data-total]")).to_have_text(f"{meals:,}")
    assert meals < every
    expect(page.get_by_role("link", name="需求")).to_have_attribute("aria-current", "page")


def test_coverage_is_what_the_interface_says(visit: Visitor) -> None:
    window = visit("planner")
    page = window.open("/maps/coverage")
    figure = page.locator("[data-figure=households] .of")
    expect(figure).to_be_visible()
    service = page.locator("input[name=service]:checked").get_attribute("value")
    method = page.locator("input[name=method]:checked").get_attribute("value")
    assert method == "walk", "where streets are known people walk"
    for minutes in (15, 5):
        page.get_by_text(f"{minutes} 分钟", exact=True).click()
        with window.program.client("planner") as client:
            totals = client.get(
                "/api/coverage",
                params={"service": service, "minutes": minutes, "method": method, "at": "any"},
            ).json()["totals"]
        expect(figure).to_have_text(f"{totals['covered']:,} / {totals['households']:,}")
    assert numbers(figure.inner_text())[1] > 10_000


@pytest.mark.parametrize("path", ["/maps/needs", "/maps/coverage"])
def test_the_way_round_leads_to_every_page(visit: Visitor, path: str) -> None:
    window = visit("planner")
    page = window.open(path)
    ways = page.get_by_role("navigation").get_by_role("link")
    expect(ways).to_have_text([each.name for each in pages_of("planner")])
    assert [each.get_attribute("href") for each in ways.all()] == [each.path for each in pages_of("planner")]
    ways.filter(has_text="网格").click()
    page.wait_for_url(window.program.base + "/")
    window.settled()
