"""The planner's desk: what is clicked on the map is told beside it, and files come in."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Page, expect
from shapely.geometry import Point, shape

from tests.e2e.conftest import Program, Visitor, numbers

MAP = 'linli.maps["planner-map"]'


@pytest.fixture(scope="module")
def admin(program: Program) -> Any:
    with program.client("admin") as client:
        yield client


@pytest.fixture(scope="module")
def planner(program: Program) -> Any:
    with program.client("planner") as client:
        yield client


def first_grid(client: httpx.Client) -> dict[str, Any]:
    return client.get("/api/grids", params={"limit": 1}).json()["features"][0]


def click_grid(page: Page, grid: dict[str, Any]) -> None:
    """Click inside a grid where no marker or panel lies over the map."""
    polygon = shape(grid["geometry"])
    west, south, east, north = polygon.bounds
    spots = [
        [west + (east - west) * i / 12, south + (north - south) * j / 12]
        for i in range(1, 12)
        for j in range(1, 12)
        if polygon.buffer(-1e-4).contains(Point(west + (east - west) * i / 12, south + (north - south) * j / 12))
    ]
    spot = page.evaluate(
        """spots => {
          const map = MAP, box = map.getContainer().getBoundingClientRect();
          for (const [lon, lat] of spots) {
            const at = map.latLngToContainerPoint([lat, lon]), x = box.left + at.x, y = box.top + at.y;
            const top = document.elementFromPoint(x, y);
            if (top && map.getContainer().contains(top) && !top.closest(".leaflet-marker-icon, .leaflet-control, .linli-panel")) return [x, y];
          }
          return null;
        }""".replace("MAP", MAP),
        spots,
    )
    assert spot is not None, "the grid is hidden"
    page.mouse.click(*spot)


def test_a_clicked_grid_is_summarised(visit: Visitor, admin: httpx.Client, planner: httpx.Client) -> None:
    grid = first_grid(admin)
    expected = planner.get(f"/api/grids/{grid['properties']['code']}/summary").json()
    window = visit("planner")
    page = window.open("/")
    click_grid(page, grid)
    panel = page.locator("[data-summary]")
    expect(panel.get_by_role("heading", name=grid["properties"]["name"])).to_be_visible()
    expect(panel).to_contain_text(grid["properties"]["code"])
    for key in ("households", "residents", "elders_60", "children_12"):
        assert numbers(panel.locator(f"[data-figure={key}]").inner_text()) == [expected[key]]
    for words in ("三色管理", "未办结需求", "15分钟服务覆盖", "特殊关怀", "独居", "助餐"):
        expect(panel).to_contain_text(words)
    meal = panel.locator(".bars li").filter(has_text="助餐").locator(".value")
    assert float(meal.inner_text().rstrip("%")) == pytest.approx(expected["covered_share"]["meal"] * 100, abs=0.051)


def test_a_grid_is_found_by_name_with_the_keyboard(visit: Visitor, admin: httpx.Client) -> None:
    grid = first_grid(admin)["properties"]
    window = visit("planner")
    page = window.open("/")
    page.get_by_label("查找网格").focus()
    page.keyboard.type(grid["name"])
    page.keyboard.press("Enter")
    expect(page.locator("[data-summary]").get_by_role("heading", name=grid["name"])).to_be_visible()
    page.get_by_label("查找网格").fill("没有这样的网格")
    expect(page.get_by_role("listbox")).to_contain_text("没有找到")
    page.keyboard.press("Enter")
    expect(page.locator("[data-summary]").get_by_role("heading", name=grid["name"])).to_be_visible()


def test_the_measure_on_the_map_can_be_chosen(visit: Visitor) -> None:
    window = visit("planner")
    page = window.open("/")
    legend = page.locator("[data-legend-title]")
    expect(legend).to_contain_text("户数")
    page.get_by_label("指标").select_option("elders_60")
    expect(legend).to_contain_text("60岁及以上")
    assert page.locator("[data-legend] li").count() >= 3
    expect(page.locator("[data-legend]")).to_contain_text("无数据")


def test_the_map_is_painted(visit: Visitor) -> None:
    window = visit("planner")
    page = window.open("/")
    page.wait_for_load_state("networkidle")
    colours = page.evaluate(
        """() => { const seen = new Set();
          for (const canvas of document.querySelectorAll(".linli-sheet")) {
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            for (let i = 0; i < data.length; i += 4 * 53) if (data[i + 3] > 100) seen.add(`${data[i] >> 4},${data[i + 1] >> 4},${data[i + 2] >> 4}`);
          }
          return seen.size; }"""
    )
    assert colours >= 8
    assert page.locator(".leaflet-marker-icon").count() >= 10


def test_zoning_warnings_agree_with_the_interface(visit: Visitor, admin: httpx.Client) -> None:
    report = admin.get("/api/zoning").json()
    total = sum(len(report[kind]["features"]) for kind in ("overlaps", "gaps", "strays", "oversize", "undersize"))
    page = visit("planner").open("/")
    expect(page.locator("[data-zoning-count]")).to_have_text(str(total))
    page.get_by_role("tab", name="划分检查").click()
    oversize = page.locator("details").filter(has_text="规模偏大")
    assert numbers(oversize.locator(".badge").inner_text()) == [len(report["oversize"]["features"])]
    oversize.locator("summary").click()
    first = oversize.get_by_role("button").first
    expect(first).to_contain_text("户")
    first.click()
    expect(page.locator(".leaflet-outline-pane path")).not_to_have_count(0)


def test_tabs_follow_the_arrow_keys(visit: Visitor) -> None:
    page = visit("admin").open("/")
    page.get_by_role("tab", name="网格").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="划分检查")).to_be_focused()
    expect(page.locator("#panel-zoning")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="导入")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="网格")).to_be_focused()


def test_only_admins_may_import(visit: Visitor) -> None:
    page = visit("planner").open("/")
    expect(page.get_by_role("tab", name="导入")).to_have_count(0)
    expect(page.locator("[data-import]")).to_have_count(0)


def upload(page: Page, kind: str, name: str, content: str, crs: str | None, *, dry_run: bool = False) -> None:
    page.get_by_role("tab", name="导入").click()
    page.get_by_label("导入什么").select_option(kind)
    page.get_by_label("文件", exact=False).first.set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content.encode()}
    )
    if crs:
        page.get_by_label("坐标系").first.select_option(crs)
    if dry_run:
        page.get_by_label("只检查").check()
    page.get_by_role("button", name="上传并导入").click()


def test_a_file_comes_in_and_its_rejected_rows_come_back(visit: Visitor, admin: httpx.Client, tmp_path: Path) -> None:
    lon, lat = shape(first_grid(admin)["geometry"]).representative_point().coords[0]
    rows = [
        ["code", "name", "kind", "lon", "lat", "services"],
        ["E2E-1", "试用食堂", "幸福食堂", lon, lat, "meal"],
        ["E2E-2", "远方", "幸福食堂", 999, lat, "meal"],
    ]
    content = "\n".join(",".join(str(cell) for cell in row) for row in rows)
    window = visit("admin")
    page = window.open("/")
    try:
        upload(page, "stations", "canteens.csv", content, "EPSG:4326")
        job = page.locator(".job", has_text="canteens.csv")
        expect(job.locator(".badge", has_text="上传中")).to_have_count(0, timeout=30_000)
        expect(job.locator(".badge", has_text="完成")).to_be_visible(timeout=30_000)
        expect(job).to_contain_text("读取 2 行，导入 1 行，拒绝 1 行")
        with page.expect_download() as download:
            job.get_by_role("link", name="下载被拒的行").click()
        saved = tmp_path / "rejected.csv"
        download.value.save_as(saved)
        rejected = list(csv.DictReader(io.StringIO(saved.read_text(encoding="utf-8-sig"))))
        assert [row["code"] for row in rejected] == ["E2E-2"]
        assert admin.get("/api/stations/E2E-1").json()["properties"]["name"] == "试用食堂"
        page.reload()
        page.get_by_role("tab", name="导入").click()
        expect(page.locator(".job").first).to_contain_text("canteens.csv")
    finally:
        made = admin.get("/api/stations/E2E-1")
        if made.status_code == 200:
            admin.delete("/api/stations/E2E-1", headers={"If-Match": made.headers["ETag"]}).raise_for_status()


def test_an_import_is_followed_and_cancelled_on_the_page(visit: Visitor, admin: httpx.Client, program: Program) -> None:
    """Somebody else holds the station's row, so the import has read its file and waits while it writes."""
    station = admin.get("/api/stations?limit=1").json()["features"][0]
    code, kept = station["properties"]["code"], admin.get(f"/api/stations/{station['properties']['code']}").json()
    lon, lat = station["geometry"]["coordinates"]
    page = visit("admin").open("/")
    with psycopg.connect(host=str(program.data_dir / "postgres"), port=5432, user="linli", dbname="linli") as held:
        held.execute("SELECT FROM stations WHERE code = %s FOR UPDATE", [code])
        upload(
            page,
            "stations",
            "held.csv",
            f"code,name,kind,lon,lat,services\n{code},改名,幸福食堂,{lon},{lat},meal\n",
            "EPSG:4326",
        )
        job = page.locator(".job", has_text="held.csv")
        expect(job.locator(".badge", has_text="导入中")).to_be_visible(timeout=30_000)
        expect(job).to_contain_text("读取 1 行", timeout=30_000)
        expect(job.get_by_role("progressbar")).to_be_visible()
        job.get_by_role("button", name="取消").click()
        expect(job.locator(".badge", has_text="已取消")).to_be_visible(timeout=30_000)
        expect(job.get_by_role("progressbar")).to_be_hidden()
    assert admin.get(f"/api/stations/{code}").json() == kept


def test_a_check_changes_nothing(visit: Visitor, admin: httpx.Client) -> None:
    lon, lat = shape(first_grid(admin)["geometry"]).representative_point().coords[0]
    page = visit("admin").open("/")
    upload(
        page,
        "stations",
        "check.csv",
        f"code,name,kind,lon,lat,services\nE2E-3,只查,食堂,{lon},{lat},meal\n",
        "EPSG:4326",
        dry_run=True,
    )
    job = page.locator(".job", has_text="check.csv")
    expect(job.locator(".badge", has_text="上传中")).to_have_count(0, timeout=30_000)
    expect(job.locator(".badge", has_text="完成")).to_be_visible(timeout=30_000)
    expect(job).to_contain_text("只检查")
    assert admin.get("/api/stations/E2E-3").status_code == 404


def test_a_table_without_its_system_is_refused_with_the_reason(visit: Visitor) -> None:
    window = visit("admin")
    window.expect("422")
    page = window.open("/")
    upload(page, "stations", "nowhere.csv", "code,name,kind,lon,lat,services\nE2E-4,无,食堂,102,25,meal\n", None)
    expect(page.locator("[data-import-error]")).to_contain_text("坐标系")
    expect(page.locator("[data-import-error]")).to_contain_text("GCJ-02")
    expect(page.locator(".job").filter(has_text="nowhere.csv")).to_have_count(0)


def test_an_import_without_a_file_is_not_sent(visit: Visitor) -> None:
    page = visit("admin").open("/")
    page.get_by_role("tab", name="导入").click()
    page.get_by_role("button", name="上传并导入").click()
    expect(page.locator("[data-import-error]")).to_contain_text("请先选择文件")


def test_the_desk_fits_its_window(visit: Visitor) -> None:
    for width, height in ((1280, 720), (1920, 1080)):
        page = visit("admin", width, height).open("/")
        assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
            width,
            height,
        ]
    page = visit("admin", 360, 740).open("/")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
