"""Layers over HTTP: imported, listed by area, box and kind, counted by grid and area, drawn as tiles."""

from __future__ import annotations

from math import asinh, floor, pi, radians, tan

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.intake import run_import
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2, box, lonlat

COMMUNITY = "539901001001"


@pytest.fixture
def filled(peopled: Store, tmp_path) -> Store:  # type: ignore[no-untyped-def]
    """Two cameras and a hydrant in G1, a camera in G2, one outside every grid; shops; compounds; a street unit."""

    def at(x_m: float) -> str:
        lon, lat = lonlat(x_m, 500)
        return f"{lon:.7f},{lat:.7f}"

    things = "".join(
        f"{code},{kind},{at(x_m)}\n"
        for code, kind, x_m in (
            ("T1", "摄像头", 100),
            ("T2", "摄像头", 900),
            ("T3", "消火栓", 500),
            ("T4", "摄像头", 2000),
            ("T5", "摄像头", 9000),
        )
    )
    merchants = f"M1,面馆,餐饮,人民路,营业,{at(200)}\nM2,超市,零售,人民路,停业,{at(1500)}\n"
    compounds = f"C1,一小区,{at(100)}\nC2,二小区,{at(1900)}\nC3,三小区,,\n"
    files = (
        ("things", "t.csv", f"code,kind,lon,lat\n{things}"),
        ("merchants", "m.csv", f"code,name,kind,street,state,lon,lat\n{merchants}"),
        ("compounds", "c.csv", f"code,name,lon,lat\n{compounds}"),
        (
            "renovation",
            "r.csv",
            "compound,state,started_on,finished_on\nC1,started,2025-03-01,\nC2,finished,2024-01-01,2025-01-01\nC3,not_started,,\n",
        ),
        ("street_units", "u.csv", f'code,name,geometry\nU1,老街,"{box(1100, 100, 1300, 900).wkt}"\n'),
    )
    for kind, name, content in files:
        (tmp_path / name).write_text(content, encoding="utf-8")
        with peopled.owner_engine.connect() as connection, connection.begin():
            report = run_import(connection, kind, tmp_path / name, crs="4326" if kind != "renovation" else None)
            assert report.rejected == 0, report.faults
    return peopled


def codes(client: TestClient, who: dict[str, str], address: str) -> list[str]:
    answered = client.get(f"/api/layers/{address}", headers=who)
    assert answered.status_code == 200, answered.text
    return [feature["properties"]["code"] for feature in answered.json()["features"]]


def test_lists_by_area_box_and_kind(client: TestClient, as_: SignIn, filled: Store) -> None:
    for name in ("planner", "worker", "screen"):
        assert codes(client, as_(name), "things") == ["T1", "T2", "T3", "T4", "T5"]
    planner = as_("planner")
    assert client.get("/api/layers/things", headers=as_("auditor")).status_code == 403
    assert codes(client, planner, "things?kind=摄像头") == ["T1", "T2", "T4", "T5"]
    assert codes(client, planner, f"things?area={COMMUNITY}") == ["T1", "T2", "T3", "T4"]
    (west, south), (east, north) = lonlat(0, 0), lonlat(1000, 1000)
    assert codes(client, planner, f"things?bbox={west},{south},{east},{north}&kind=摄像头") == ["T1", "T2"]
    assert codes(client, planner, "merchants?kind=餐饮") == ["M1"]
    assert codes(client, planner, f"renovation?area={COMMUNITY}") == ["C1", "C2"]
    assert codes(client, planner, "renovation?kind=not_started") == ["C3"]
    assert codes(client, planner, "street_units") == ["U1"]
    assert client.get("/api/layers/nothing", headers=planner).status_code == 422
    page = client.get("/api/layers/things?limit=3", headers=planner).json()
    rest = client.get(page["next"], headers=planner).json()
    assert [feature["properties"]["code"] for feature in rest["features"]] == ["T4", "T5"] and rest["next"] is None
    facts = client.get("/api/layers/renovation", headers=planner).json()["features"][1]["properties"]
    assert (facts["state"], facts["label"], facts["started_on"], facts["finished_on"]) == (
        "finished",
        "已完工",
        "2024-01-01",
        "2025-01-01",
    )


def test_counts_by_grid_and_area(client: TestClient, as_: SignIn, filled: Store) -> None:
    planner = as_("planner")
    found = client.get("/api/layers/things/counts", headers=planner).json()
    assert (found["total"], found["outside"], found["kinds"]) == (5, 1, {"摄像头": 4, "消火栓": 1})
    assert found["units"] == [
        {"code": G1, "total": 3, "kinds": {"摄像头": 2, "消火栓": 1}},
        {"code": G2, "total": 1, "kinds": {"摄像头": 1}},
    ]
    inside = client.get(f"/api/layers/things/counts?area={COMMUNITY}&by=township", headers=planner).json()
    assert (inside["total"], inside["outside"]) == (4, 0)
    assert [(unit["code"], unit["total"]) for unit in inside["units"]] == [("539901001000", 4)]
    renovation = client.get("/api/layers/renovation/counts", headers=planner).json()
    assert renovation["kinds"] == {"started": 1, "finished": 1, "not_started": 1} and renovation["outside"] == 1
    with filled.owner_session() as session:  # a change is counted at once
        session.execute(text("DELETE FROM things WHERE code = 'T1'"))
    assert client.get("/api/layers/things/counts", headers=planner).json()["total"] == 4


@pytest.mark.parametrize(
    ("layer", "x_m", "word"),
    [
        ("things", 100, "摄像头"),
        ("merchants", 200, "面馆"),
        ("renovation", 100, "started"),
        ("street_units", 1200, "老街"),
    ],
)
def test_tiles(client: TestClient, as_: SignIn, filled: Store, layer: str, x_m: float, word: str) -> None:
    lon, lat = lonlat(x_m, 500)
    z = 15
    x, y = floor((lon + 180) / 360 * 2**z), floor((1 - asinh(tan(radians(lat))) / pi) / 2 * 2**z)
    answered = client.get(f"/tiles/{layer}/{z}/{x}/{y}", headers=as_("planner"))
    assert answered.status_code == 200 and word.encode() in answered.content
    assert client.get(f"/tiles/{layer}/{z}/0/0", headers=as_("planner")).content == b""
