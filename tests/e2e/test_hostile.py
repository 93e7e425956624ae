"""Names are text, whatever is in them, on every page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from shapely.geometry import shape

from tests.e2e.conftest import Program, Visitor
from tests.e2e.every_page import EVERY_PAGE, Place

NAME = """</script><img src=x onerror="alert(1)">'`&amp;{{7*7}}"""
LONG = "长" * 300
STATION = "E2E-HOSTILE"


@pytest.fixture(scope="module")
def place(program: Program) -> Iterator[dict[str, Any]]:
    """Give a worker's first grid a hostile name, and put a hostile station into it; take both back at the end."""
    with program.client("worker") as worker, program.client("admin") as admin:
        code = worker.get("/api/session").json()["grids"][0]
        before = admin.get(f"/api/grids/{code}").json()
        lon, lat = shape(before["geometry"]).representative_point().coords[0]
        _rename(admin, before, NAME)
        station = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {
                "code": STATION,
                "name": NAME,
                "kind": "<b>驿站</b>",
                "services": [{"kind": "rest", "hours": "24/7"}],
            },
        }
        admin.post("/api/stations", json=station).raise_for_status()
        yield {"code": code, "lon": lon, "lat": lat}
        _rename(admin, before, before["properties"]["name"])
        made = admin.get(f"/api/stations/{STATION}")
        admin.delete(f"/api/stations/{STATION}", headers={"If-Match": made.headers["ETag"]}).raise_for_status()


def _rename(admin: httpx.Client, grid: dict[str, Any], name: str) -> None:
    address = f"/api/grids/{grid['properties']['code']}"
    etag = admin.get(address).headers["ETag"]
    body = {"type": "Feature", "geometry": grid["geometry"], "properties": {"name": name}}
    admin.put(address, json=body, headers={"If-Match": etag}).raise_for_status()


def unharmed(page: Page) -> bool:
    """Tell whether no name has become an element."""
    return bool(page.evaluate("document.querySelectorAll('img[src=x], b:not(.linli-view b)').length === 0"))


def test_planner(visit: Visitor, place: dict[str, Any]) -> None:
    page = visit("planner").open("/")
    page.get_by_label("查找网格").fill(place["code"])
    page.keyboard.press("Enter")
    expect(page.locator("[data-summary] h2")).to_have_text(NAME)
    assert unharmed(page)


def test_worker(visit: Visitor, place: dict[str, Any]) -> None:
    position = {"longitude": place["lon"], "latitude": place["lat"], "accuracy": 5}
    page = visit("worker", 360, 740, geolocation=position, permissions=["geolocation"]).open("/worker")
    expect(page.locator(f"[data-my-grids] [data-grid='{place['code']}']")).to_contain_text(NAME)
    page.get_by_role("button", name="我在哪个网格").click()
    expect(page.locator("[data-here] .grid-name")).to_have_text(NAME)
    expect(page.locator("[data-stations] .name").filter(has_text="onerror")).to_have_text(NAME)
    assert unharmed(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_screen(visit: Visitor, place: dict[str, Any]) -> None:
    window = visit("screen", 1920, 1080)

    def renamed(route: Any) -> None:
        asked = {name: value for name, value in route.request.headers.items() if name != "if-none-match"}
        answer = route.fetch(headers=asked)
        body = answer.json()
        body["place"] = NAME
        body["rankings"]["needs_open"][0]["name"] = NAME
        body["rankings"]["needs_open"][1]["name"] = LONG
        body["coverage"][0]["label"] = NAME
        route.fulfill(response=answer, json=body)

    window.page.route("**/api/screen/summary", renamed)
    page = window.open("/screen")
    expect(page.locator("[data-place]")).to_have_text(NAME)
    expect(page.locator("[data-ranking] .label").first).to_have_text(NAME)
    assert unharmed(page)
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        1920,
        1080,
    ]


@pytest.mark.parametrize("path", ["/maps/needs", "/maps/coverage"])
def test_maps(visit: Visitor, place: dict[str, Any], path: str) -> None:
    window = visit("planner")
    page = window.open(path)
    page.wait_for_load_state("networkidle")
    assert unharmed(page)


def test_names_of_files(visit: Visitor) -> None:
    page = visit("admin").open("/")
    page.get_by_role("tab", name="导入").click()
    page.get_by_label("导入什么").select_option("stations")
    file = {
        "name": "<img src=x onerror=alert(1)>.csv",
        "mimeType": "text/csv",
        "buffer": b"code,name,kind,lon,lat,services\n<img src=x>,y,z,999,0,meal\n",
    }
    page.locator("#import-file").set_input_files(file)
    page.get_by_label("坐标系").first.select_option("EPSG:4326")
    page.get_by_role("button", name="上传并导入").click()
    job = page.locator(".job", has_text=str(file["name"]))
    expect(job).to_contain_text("读取 1 行，导入 0 行，拒绝 1 行", timeout=30_000)
    expect(job.locator(".file")).to_have_text(str(file["name"]))
    assert unharmed(page)


def test_what_is_asked_for_after_the_login_is_text(visit: Visitor) -> None:
    page = visit(None).open('/login?next=/"><img src=x onerror=alert(1)>')
    assert page.locator("form.login-form[data-next]").get_attribute("data-next") == '/"><img src=x onerror=alert(1)>'
    assert unharmed(page)


EVERYTHING = (
    "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>'\"`${window.hacked=1}&amp;{{7*7}}\u202egpj.exe\u202c"
    + LONG
)
NAMES = (
    "name",
    "place",
    "title",
    "organisation",
    "note",
    "station",
    "street",
    "kind_name",
    "assignee_name",
    "attribution",
)
SHOW_ALL = """() => {
  document.querySelectorAll("details").forEach((each) => { each.open = true; });
  for (const map of Object.values(window.linli?.maps ?? {})) map.eachLayer((layer) => {
    if (layer.getTooltip?.()) layer.openTooltip();
    if (layer.getPopup?.()) { layer.openPopup(); layer.closePopup(); }
  });
}"""


def spoilt(answer: Any, key: str = "") -> Any:
    """Return an answer of the interface with every name in it replaced by a hostile one."""
    if isinstance(answer, dict):
        return {inner: spoilt(value, inner) for inner, value in answer.items()}
    if isinstance(answer, list):
        return [spoilt(value, key) for value in answer]
    named = key in NAMES or key.endswith("_name")
    return EVERYTHING if isinstance(answer, str) and named else answer


@pytest.mark.parametrize("place_", [each for each in EVERY_PAGE if each.account], ids=str)
def test_whatever_the_interface_calls_things_is_shown_as_text(visit: Visitor, place_: Place) -> None:
    window = place_.visit(visit)
    changed: list[str] = []

    def spoil(route: Any) -> None:
        if route.request.method != "GET" or "changes" in route.request.url:
            route.continue_()
            return
        asked = {name: value for name, value in route.request.headers.items() if name != "if-none-match"}
        answer = route.fetch(headers=asked)
        if not answer.ok or "json" not in answer.headers.get("content-type", ""):
            route.fulfill(response=answer)
            return
        body = answer.json()
        bad = spoilt(body)
        if bad != body:
            changed.append(route.request.url)
        route.fulfill(response=answer, json=bad)

    window.page.route("**/api/**", spoil)
    if place_.path == "/accounts":  # an account's name is in the address of what is asked about it
        window.expect("status 404", "404 (Not Found)")
    page = window.open(place_.address(window.program))
    page.evaluate(SHOW_ALL)
    for grid in page.locator("[data-grid]").all()[:1]:
        grid.click()
    for event in page.locator("[data-event]").all()[:1]:
        event.click()
    window.settled()
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert (
        page.evaluate("document.querySelectorAll('img[src=x], script:not([src]):not([nonce]):not([type])').length") == 0
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a long name is wider than the window"
    if place_.path in ("/events", "/screen", "/maps/coverage", "/worker"):
        assert changed
        assert "</script><script>window.hacked" in page.locator("body").inner_text()
