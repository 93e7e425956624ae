"""Maps on paper: what stands on the sheet is read back from the PDF, and its colours from the PNG."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace

import httpx
import numpy as np
import pypdfium2
import pytest
import shapely
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import text

from api.routes import printing as route
from gis.store.session import Store
from maps import fonts
from maps.palettes import smooth
from maps.printing.frame import MAP, PAIR, Frame
from maps.printing.themes import GRID_OPACITY
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2, METRIC, ORIGIN, lonlat

LAND = np.array([0xF5, 0xF3, 0xED])


@pytest.fixture
def needing(peopled: Store) -> Iterator[Store]:
    with peopled.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO needs (id, household_id, service, opened_on) SELECT gen_random_uuid(), h.id, 'meal', DATE '2026-10-05' "
                "FROM households h CROSS JOIN generate_series(1, 3) WHERE h.code LIKE 'H0%'"
            )
        )
    return peopled


def read(pdf: bytes) -> tuple[str, tuple[float, float]]:
    """Return the text of the one page, without line breaks, and its size in millimetres."""
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    page = document[0]
    said = page.get_textpage().get_text_bounded()
    return re.sub(r"\s+", " ", said), (page.get_width() * 25.4 / 72, page.get_height() * 25.4 / 72)


def test_the_sheet_says_what_it_shows_at_which_scale_of_which_day(
    client: TestClient, as_: SignIn, needing: Store
) -> None:
    asked = {"measure": "elders_60", "k": "3"}
    shown = client.get("/api/grids/measures", params=asked, headers=as_("planner")).json()
    answered = client.get("/api/print/grids.pdf", params=asked, headers=as_("planner"))
    assert answered.status_code == 200
    assert answered.headers["content-type"] == "application/pdf"
    assert answered.headers["cache-control"] == "private, no-store"
    said, size = read(answered.content)
    assert size == pytest.approx((420, 297), abs=0.1)
    for words in (
        "网格地图",
        "60岁及以上老人（人）",
        "图例",
        "1:12 500",
        "北",
        "以五取整",
        shown["date"],
        "邻里 linli",
        "CGCS2000",
        "不得对外发布",
    ):
        assert words in said, words
    assert "一网格" in said
    assert "二网格" in said
    for value in {value for value in shown["values"].values() if value is not None}:
        assert f"{value:g}" in said


def test_a_picture_has_the_screens_colours_and_the_dots_of_its_paper(
    client: TestClient, as_: SignIn, needing: Store
) -> None:
    asked = {"measure": "households", "dpi": "150"}
    shown = client.get("/api/grids/measures", params=asked, headers=as_("planner")).json()
    picture = Image.open(io.BytesIO(client.get("/api/print/grids.png", params=asked, headers=as_("planner")).content))
    assert picture.size == pytest.approx((420 / 25.4 * 150, 297 / 25.4 * 150), abs=1.5)
    assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    whole = shapely.box(*shapely.MultiPoint([lonlat(x, y) for x in (0, 3000) for y in (0, 1000)]).bounds)
    frame = Frame.round(METRIC.geometry_to_m(np.array([whole], dtype=object))[0].bounds)
    for code, (x_m, y_m) in ((G1, (250.0, 800.0)), (G2, (2500.0, 800.0))):
        place = shapely.get_coordinates(frame.to_page(shapely.points([ORIGIN + np.array([x_m, y_m])])))[0] / 25.4 * 150
        seen = np.array(picture.convert("RGB").getpixel(tuple(np.round(place).astype(int).tolist())))
        value = shown["values"][code]
        at = int(np.searchsorted(shown["breaks"][1:], value, side="left"))
        colour = np.array([int(shown["colours"][at][i : i + 2], 16) for i in (1, 3, 5)])
        assert np.abs(seen - (colour * GRID_OPACITY + LAND * (1 - GRID_OPACITY))).max() <= 2, code


def test_the_frame_is_true_to_scale() -> None:
    frame = Frame.round((500_000, 2_770_000, 503_000, 2_771_000))
    assert frame.scale == 10_000
    ends = shapely.get_coordinates(frame.to_page(shapely.points([[500_000, 2_770_000], [501_000, 2_770_000]])))
    assert np.hypot(*(ends[1] - ends[0])) == pytest.approx(100)
    corners = frame.to_page(shapely.points([[frame.west, frame.north], [frame.east, frame.south]]))
    assert shapely.get_coordinates(corners).tolist() == pytest.approx(
        np.array([[MAP.x, MAP.y], [MAP.x + MAP.width, MAP.y + MAP.height]])
    )


def test_needs_and_coverage_are_printed_too_and_nothing_small(client: TestClient, as_: SignIn, needing: Store) -> None:
    said, _ = read(
        client.get("/api/print/needs.pdf?mode=count&service=meal&size_m=200", headers=as_("planner")).content
    )
    for words in ("需求地图", "助餐", "数量过小", "200 m"):
        assert words in said, words
    for mode in ("rate", "spots"):
        assert (
            "每百户"
            in read(client.get(f"/api/print/needs.pdf?by=grids&mode={mode}", headers=as_("planner")).content)[0]
        )
    asked = "service=meal&at=any&minutes=10&shade=elders_60"
    said, _ = read(client.get(f"/api/print/coverage.pdf?{asked}", headers=as_("planner")).content)
    for words in ("10分钟覆盖率", "未覆盖楼栋", "服务圈", "服务站点", "S1", "直线距离"):
        assert words in said, words


def test_what_cannot_be_printed_says_why(
    client: TestClient, as_: SignIn, needing: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = as_("planner")
    assert client.get("/api/print/grids.pdf?measure=nonsense", headers=asked).status_code == 404
    far = client.get("/api/print/grids.pdf?bbox=10,10,11,11", headers=asked)
    assert (far.status_code, far.json()["errors"][0]["where"]) == (422, "query.bbox")
    with monkeypatch.context() as busy:
        busy.setattr(route, "_PATIENCE_S", 0.01)
        for _ in range(route._AT_ONCE):
            assert route._drawing.acquire(timeout=1)
        try:
            full = client.get("/api/print/grids.pdf", headers=asked)
        finally:
            for _ in range(route._AT_ONCE):
                route._drawing.release()
    assert (full.status_code, "retry-after" in full.headers) == (503, True)
    monkeypatch.setattr(fonts, "FOLDERS", ())
    fontless = client.get("/api/print/grids.pdf", headers=asked)
    assert (fontless.status_code, "fonts-noto-cjk" in fontless.json()["detail"]) == (503, True)


def test_an_area_without_grids_is_an_empty_sheet(client: TestClient, as_: SignIn, peopled: Store) -> None:
    with peopled.owner_session() as session:
        session.execute(text("INSERT INTO areas (code, name, level) VALUES ('530102999000', '尚未划网格', 'township')"))
    answered = client.get("/api/print/coverage.pdf?area=530102999000", headers=as_("planner"))
    assert answered.status_code == 200, answered.text
    exported = client.get("/api/export/coverage.csv?area=530102999000", headers=as_("planner"))
    assert exported.status_code == 200
    assert len(exported.text.splitlines()) == 1


def pixels(answer: httpx.Response) -> np.ndarray:
    """Return a sheet's picture as (rows, columns, 3)."""
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


def at(picture: np.ndarray, page_mm: np.ndarray, dpi: int = 150) -> np.ndarray:
    column, row = np.round(page_mm / 25.4 * dpi).astype(int)
    return picture[row, column]


def test_heat_on_paper_is_the_density_that_the_screen_draws(client: TestClient, as_: SignIn, needing: Store) -> None:
    asked = "service=meal&size_m=100&mode=heat&radius_m=200&dpi=150"
    picture = pixels(client.get(f"/api/print/needs.png?{asked}", headers=as_("planner")))
    cells = client.get("/api/needs/cells?service=meal&size_m=100", headers=as_("planner")).json()["features"]
    known = [one for one in cells if one["properties"]["count"]]
    assert known
    middles = [np.mean(np.array(one["geometry"]["coordinates"][0])[[0, 2]], axis=0) for one in known]
    places = shapely.get_coordinates(METRIC.geometry_to_m(shapely.points(np.array(middles))))
    weight = np.array([one["properties"]["count"] for one in known], dtype=float)

    def dense(point: np.ndarray) -> float:
        """As maps/static/heat.js has it."""
        near = np.clip(1 - ((places - point) ** 2).sum(axis=1) / 200**2, 0, None)
        return float((3 * weight / (np.pi * 200**2) * 1e4 * near**2).sum())

    whole = shapely.box(*shapely.MultiPoint([lonlat(x, y) for x in (0, 3000) for y in (0, 1000)]).bounds)
    frame = Frame.round(METRIC.geometry_to_m(np.array([whole], dtype=object))[0].bounds)
    top, colours = max(dense(place) for place in places), smooth("ember")
    hottest = places[int(np.argmax([dense(place) for place in places]))]
    for away_m in (0.0, 90.0, 150.0, 260.0):
        point = hottest + np.array([0.0, away_m])
        share = min(1.0, dense(point) / top)
        colour = np.array([int(colours[min(63, int(share * 64))][i : i + 2], 16) for i in (1, 3, 5)])
        cover = 0.0 if share < 0.02 else min(0.78, 0.1 + 1.5 * share)
        seen = at(picture, shapely.get_coordinates(frame.to_page(shapely.points([point])))[0])
        assert np.abs(seen - (colour * cover + LAND * (1 - cover))).max() <= 8, away_m
    said, _ = read(client.get(f"/api/print/needs.pdf?{asked}", headers=as_("planner")).content)
    for words in ("需求密度（件/公顷）", "热力半径 200 米", f"{round(top, 1):g}"):
        assert words in said, words
    refused = client.get("/api/print/needs.pdf?mode=heat&by=grids", headers=as_("planner"))
    assert (refused.status_code, refused.json()["errors"][0]["where"]) == (422, "query.by")


def test_two_maps_stand_side_by_side_with_one_legend(client: TestClient, as_: SignIn, needing: Store) -> None:
    asked = "left=elders_60&right=residents&common=true&scheme=equal&dpi=150"
    shown = client.get(f"/api/comparison?{asked}", headers=as_("planner")).json()
    assert shown["common"]
    picture = pixels(client.get(f"/api/print/comparison.png?{asked}", headers=as_("planner")))
    whole = shapely.box(*shapely.MultiPoint([lonlat(x, y) for x in (0, 3000) for y in (0, 1000)]).bounds)
    frame = Frame.round(METRIC.geometry_to_m(np.array([whole], dtype=object))[0].bounds, PAIR[0])
    looks = set()
    for side, box in zip(("left", "right"), PAIR, strict=True):
        place = shapely.points([ORIGIN + np.array([250.0, 900.0])])
        page = shapely.get_coordinates(replace(frame, box=box).to_page(place))[0]
        told = shown[side]
        look = told["colours"][int(np.searchsorted(told["breaks"][1:], told["values"][G1], side="left"))]
        colour = np.array([int(look[i : i + 2], 16) for i in (1, 3, 5)])
        assert np.abs(at(picture, page) - (colour * GRID_OPACITY + LAND * (1 - GRID_OPACITY))).max() <= 2, side
        looks.add(look)
    assert len(looks) == 2
    said, _ = read(client.get(f"/api/print/comparison.pdf?{asked}", headers=as_("planner")).content)
    assert said.count("图例") == 1
    assert "两图用同一分级" in said
    said, _ = read(
        client.get(
            "/api/print/comparison.pdf?left=elders_60&right=need_rate&common=true", headers=as_("planner")
        ).content
    )
    assert "左图 · 60岁及以上老人" in said
    assert "右图 · 每百户未办结需求" in said


def test_coverage_is_shaded_by_hours_of_the_week_and_by_places(client: TestClient, as_: SignIn, needing: Store) -> None:
    asked = "service=meal&at=any&minutes=10"
    for shade, path, key in (("week", "week", "week_h"), ("capacity", "capacity", "places_per_100")):
        answer = client.get(f"/api/coverage/{path}?{asked}", headers=as_("planner")).json()["grids"]
        factor, of = (168, "share") if shade == "week" else (1, "places_per_100")
        told = {row["code"]: row[of] for row in answer if row[of] is not None}
        exported = client.get(f"/api/export/coverage.geojson?{asked}&shade={shade}", headers=as_("planner")).json()
        found = {one["properties"]["code"]: one["properties"][key] for one in exported["features"]}
        assert {code: value for code, value in found.items() if value is not None} == pytest.approx(
            {code: round(value * factor, 2) for code, value in told.items()}
        )
        said, _ = read(client.get(f"/api/print/coverage.pdf?{asked}&shade={shade}", headers=as_("planner")).content)
        assert ("每周能用上的时间" if shade == "week" else "每百名需要者的名额") in said
    refused = client.get(f"/api/print/coverage.pdf?{asked}&shade=difference&method=buffer", headers=as_("planner"))
    assert (refused.status_code, refused.json()["errors"][0]["where"]) == (422, "query.shade")


HAN = re.compile("[\u3001-\u303f\u4e00-\u9fff\uff00-\uffef]")


def test_paper_and_files_are_in_the_readers_language_alone(client: TestClient, as_: SignIn, needing: Store) -> None:
    with needing.owner_session() as session:
        for table in ("grids", "stations", "streets", "areas"):
            session.execute(text(f"UPDATE {table} SET name = 'Name'"))
    english = {**as_("planner"), "Accept-Language": "en"}
    queries = (
        "grids.{}?measure=flag:living_alone",
        "grids.{}?measure=needs_opened",
        "needs.{}?mode=heat&service=meal&colour=red&age=80%2B&from=2026-09-01&to=2026-10-31",
        "needs.{}?mode=count",
        "needs.{}?mode=spots&by=grids",
        "coverage.{}?service=meal&at=any",
        "coverage.{}?service=meal&shade=week",
        "coverage.{}?service=meal&shade=capacity&beside=true",
        "comparison.{}?left=elders_60&right=need_rate",
        "comparison.{}?left=needs_opened&right=needs_closed&common=true",
    )
    for query in queries:
        said, _ = read(client.get(f"/api/print/{query.format('pdf')}", headers=english).content)
        assert not HAN.search(said.replace("邻里", "")), (query, said)
        assert "Legend" in said
        exported = client.get(f"/api/export/{query.format('geojson')}", headers=english)
        assert not HAN.search(re.sub('邻里|"unit":"[^"]*"', "", exported.text)), (query, exported.text[:1500])
        chinese, _ = read(client.get(f"/api/print/{query.format('pdf')}", headers=as_("planner")).content)
        assert "Legend" not in chinese
        assert not re.search("[A-Za-z]{4,}", re.sub("Name|linli|Gauss|Kruger|degree|CGCS|Getis|Ord", "", chinese)), (
            query,
            chinese,
        )
    heads = client.get("/api/export/grids.csv", headers=english).text.splitlines()[0]
    assert "Aged 60 or over (people)" in heads
    named = client.get("/api/export/grids.csv", headers=english).headers["content-disposition"]
    assert "UTF-8''Grid%20map_" in named
