"""Maps on paper: what stands on the sheet is read back from the PDF, and its colours from the PNG."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

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
from maps.printing.sheet import MAP_HEIGHT, MAP_WIDTH, MAP_X, MAP_Y, Frame
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


def test_the_sheet_says_what_it_shows_at_which_scale_of_which_day(client: TestClient, as_: SignIn, needing: Store) -> None:
    asked = {"measure": "elders_60", "k": "3"}
    shown = client.get("/api/grids/measures", params=asked, headers=as_("planner")).json()
    answered = client.get("/api/print/grids.pdf", params=asked, headers=as_("planner"))
    assert answered.status_code == 200
    assert answered.headers["content-type"] == "application/pdf"
    assert answered.headers["cache-control"] == "private, no-store"
    said, size = read(answered.content)
    assert size == pytest.approx((420, 297), abs=0.1)
    for words in ("网格地图：60岁及以上老人", "图例", "1:12 500", "北 N", "以五取整", shown["date"], "邻里 linli", "CGCS2000", "不得对外发布"):
        assert words in said, words
    assert "一网格" in said
    assert "二网格" in said
    for value in {value for value in shown["values"].values() if value is not None}:
        assert f"{value:g}" in said


def test_a_picture_has_the_screens_colours_and_the_dots_of_its_paper(client: TestClient, as_: SignIn, needing: Store) -> None:
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
    assert shapely.get_coordinates(corners).tolist() == pytest.approx(np.array([[MAP_X, MAP_Y], [MAP_X + MAP_WIDTH, MAP_Y + MAP_HEIGHT]]))


def test_needs_and_coverage_are_printed_too_and_nothing_small(client: TestClient, as_: SignIn, needing: Store) -> None:
    said, _ = read(client.get("/api/print/needs.pdf?mode=count&service=meal&size_m=200", headers=as_("planner")).content)
    for words in ("需求地图：需求", "助餐", "数量过小", "200 m"):
        assert words in said, words
    for mode in ("rate", "spots"):
        assert "每百户" in read(client.get(f"/api/print/needs.pdf?by=grids&mode={mode}", headers=as_("planner")).content)[0]
    asked = "service=meal&at=any&minutes=10&group=elders_60"
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
