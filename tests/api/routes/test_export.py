"""Files of what the maps show: read by other programs, and compared with what the maps' own answers say."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pyogrio
import pypdfium2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2

HOSTILE = '=HYPERLINK("http://evil","点我")'


@pytest.fixture
def needing(peopled: Store) -> Iterator[Store]:
    """Give a place where needs are open, and a grid with a name that is a formula."""
    with peopled.owner_session() as session:
        session.execute(text("UPDATE grids SET name = :name WHERE code = :code"), {"name": HOSTILE, "code": G1})
        session.execute(
            text(
                "INSERT INTO needs (id, household_id, service, opened_on) SELECT gen_random_uuid(), h.id, 'meal', DATE '2026-10-05' "
                "FROM households h CROSS JOIN generate_series(1, 3) WHERE h.code LIKE 'H0%'"
            )
        )
    return peopled


def csv_rows(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def opened(content: bytes, folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_file_says_of_every_grid_what_the_map_says(
    client: TestClient, as_: SignIn, needing: Store, tmp_path: Path
) -> None:
    asked = as_("planner")
    found = client.get("/api/export/grids.geojson", headers=asked)
    assert found.status_code == 200
    assert found.headers["cache-control"] == "private, no-store"
    assert found.headers["content-disposition"].startswith('attachment; filename="grids-')
    document = found.json()
    facts = {one["properties"]["code"]: one["properties"] for one in document["features"]}
    measures = [each["key"] for each in client.get("/api/grids/measures", headers=asked).json()["measures"]]
    assert {"elders_60", "need_rate", "flag:living_alone", "covered:meal"} <= set(measures)
    for measure in measures:
        shown = client.get("/api/grids/measures", params={"measure": measure}, headers=asked).json()
        key = measure.replace(":", "_")
        assert {code: facts[code][key] for code in facts} == shown["values"], measure
        assert {code for code in facts if key in (facts[code]["suppressed"] or "").split(";")} == set(
            shown["suppressed"]
        )
        assert shown["unit"] == document["columns"][key]["unit"]
    assert any(one["suppressed"] for one in facts.values())
    assert set(facts) == {G1, G2}
    assert "五取整" in document["facts"]["counting"]

    path = opened(client.get("/api/export/grids.gpkg", headers=asked).content, tmp_path, "grids.gpkg")
    frame = gpd.read_file(path, layer="grids").set_index("code")
    assert frame.crs == "EPSG:4326"
    for code, one in facts.items():
        for key in ("households", "elders_60", "need_rate"):
            told = frame.loc[code, key]
            assert (told != told and one[key] is None) or told == one[key]
    with sqlite3.connect(path) as database:
        titles = dict(database.execute("SELECT column_name, title FROM gpkg_data_columns WHERE table_name = 'grids'"))
        about = dict(database.execute("SELECT key, text FROM about"))
    assert titles["elders_60"] == "60岁及以上老人（人）"
    assert about["date"] == document["date"]
    assert pyogrio.read_info(path, layer="grids")["dataset_metadata"]["source"] == about["source"]

    rows = csv_rows(client.get("/api/export/grids.csv", headers=asked).content)
    assert [row["网格编码"] for row in rows] == sorted(facts)
    for row in rows:
        told = facts[row["网格编码"]]["elders_60"]
        assert row["60岁及以上老人（人）"] == ("" if told is None else str(told))
        assert row["截至日期"] == document["date"]


def test_no_text_becomes_a_formula(client: TestClient, as_: SignIn, needing: Store, tmp_path: Path) -> None:
    rows = csv_rows(client.get("/api/export/grids.csv", headers=as_("planner")).content)
    assert rows[0]["网格名称"] == f"'{HOSTILE}"
    content = client.get("/api/export/grids.xlsx", headers=as_("planner")).content
    book = openpyxl.load_workbook(opened(content, tmp_path, "grids.xlsx"))
    assert book.sheetnames == ["网格", "说明"]
    cell = book["网格"]["B2"]
    assert (cell.value, cell.data_type, cell.quotePrefix) == (HOSTILE, "s", True)
    facts = {row[0]: row[1] for row in book["说明"].iter_rows(values_only=True)}
    assert facts["坐标系"].startswith("EPSG:4326")


def test_no_sign_turns_the_direction_of_what_stands_beside_a_name(
    client: TestClient, as_: SignIn, needing: Store
) -> None:
    marks = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    with needing.owner_session() as session:
        session.execute(
            text("UPDATE grids SET name = :name WHERE code = :code"), {"name": f"שלום{marks}北", "code": G1}
        )
        session.execute(text("UPDATE buildings SET code = 'שלום' || :marks || code"), {"marks": marks})
    layers = {"grids": "שלום北", "coverage": "שלוםB"}
    for (name, whole), form in itertools.product(layers.items(), ("csv", "geojson")):
        asked = {"service": "meal", "at": "any", "layer": "uncovered"} if name == "coverage" else {}
        told = client.get(f"/api/export/{name}.{form}", params=asked, headers=as_("planner")).text
        assert whole in told
        assert not set(told) & set(marks)
    paper = client.get("/api/print/grids.pdf", headers=as_("planner")).content
    printed = pypdfium2.PdfDocument(paper)[0].get_textpage().get_text_bounded()
    assert not set(printed) & set(marks)


def test_cells_of_needs_are_those_of_the_map(client: TestClient, as_: SignIn, needing: Store) -> None:
    asked = {"service": "meal", "from": "2026-10-01", "to": "2026-10-31", "size_m": "200"}
    cells = client.get("/api/needs/cells", params=asked, headers=as_("planner")).json()
    document = client.get("/api/export/needs.geojson", params=asked, headers=as_("planner")).json()
    names = ("count", "households", "rate")
    assert [[one["properties"][name] for name in names] for one in document["features"]] == [
        [one["properties"][name] for name in names] for one in cells["features"]
    ]
    for one in document["features"]:
        facts = one["properties"]
        assert ("count" in (facts["suppressed"] or "")) == (facts["count"] is None)
    assert any(one["properties"]["count"] for one in document["features"])
    assert document["facts"]["period"] == "2026-10-01 – 2026-10-31"
    assert client.get("/api/export/needs.csv?service=nonsense", headers=as_("planner")).status_code == 422


def test_coverage_goes_with_the_buildings_left_out_and_no_names(
    client: TestClient, as_: SignIn, needing: Store, tmp_path: Path
) -> None:
    with needing.owner_session() as session:
        session.execute(text("UPDATE buildings SET name = '秘密楼名'"))
    asked = {"service": "meal", "at": "any", "minutes": "10"}
    shown = client.get("/api/coverage", params=asked, headers=as_("planner")).json()
    content = client.get("/api/export/coverage.gpkg", params=asked, headers=as_("planner")).content
    assert "秘密楼名".encode() not in content
    path = opened(content, tmp_path, "coverage.gpkg")
    grids = gpd.read_file(path, layer="grids").set_index("code")
    for row in shown["grids"]:
        assert {key: grids.loc[row["code"], key] for key in ("households", "covered", "elders_60_covered")} == {
            key: row[key] for key in ("households", "covered", "elders_60_covered")
        }
    left_out = gpd.read_file(path, layer="uncovered")
    assert sorted(left_out["code"]) == ["B2", "B3"]
    rows = csv_rows(
        client.get("/api/export/coverage.csv", params={**asked, "layer": "uncovered"}, headers=as_("planner")).content
    )
    assert sorted(row["楼栋编码"] for row in rows) == ["B2", "B3"]
    assert float(rows[0]["经度（EPSG:4326）"]) == pytest.approx(left_out.geometry.x[0], abs=1e-6)


def test_an_export_is_noted(client: TestClient, as_: SignIn, needing: Store) -> None:
    client.get("/api/export/coverage.xlsx", headers=as_("planner"))
    with needing.owner_session() as session:
        noted: list[Any] = session.execute(
            text("SELECT action, subject, detail FROM audit_log ORDER BY id DESC LIMIT 1")
        ).one()
    detail = noted[2] if isinstance(noted[2], dict) else json.loads(noted[2])
    assert (noted[0], noted[1], detail) == ("map.export", "map:coverage", {"format": "xlsx", "rows": 2})
