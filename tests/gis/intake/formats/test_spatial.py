"""Spatial files, written by GDAL and by hand."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gis.errors import Invalid
from gis.intake.formats.geojson import find_features, open_geojson
from gis.intake.formats.source import Source
from gis.intake.formats.spatial import open_geopackage, open_shapefile
from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import geojson, point, square, two_grids

FRAME = gpd.GeoDataFrame(
    {"编码": ["B1", "B2"], "名称": ["幸福里一号", None], "层数": [6.0, None]},
    geometry=[shapely.box(102.0, 25.0, 102.001, 25.001), shapely.Point(102.01, 25.0).buffer(0.0001)],
    crs="EPSG:4490",
)


def content(source: Source) -> tuple[list[int], list[list[str | None]], list[shapely.Geometry | None]]:
    rows, columns, shapes = [], [[] for _ in source.headings], []
    for batch in source.batches():
        rows += batch.rows.tolist()
        for column, values in zip(columns, batch.columns, strict=True):
            column += values.to_pylist()
        shapes += list(batch.geometry if batch.geometry is not None else [])
    return rows, columns, shapes


def shapefile(folder: Path, encoding: str = "utf-8") -> Path:
    FRAME.to_file(folder / "楼栋.shp", encoding=encoding)
    return folder / "楼栋.shp"


def test_geopackage(tmp_path: Path) -> None:
    FRAME.to_file(tmp_path / "f.gpkg")
    source = open_geopackage(tmp_path / "f.gpkg", "f.gpkg", "buildings")
    rows, columns, shapes = content(source)
    assert (source.headings, source.crs, source.total) == (["编码", "名称", "层数"], "EPSG:4490", 2)
    assert rows == [1, 2]
    assert columns == [["B1", "B2"], ["幸福里一号", None], ["6", None]]
    assert shapely.equals(shapes, FRAME.geometry.to_numpy()).all()


def test_of_several_layers_the_one_named_like_the_kind(tmp_path: Path) -> None:
    FRAME.to_file(tmp_path / "f.gpkg", layer="a")
    FRAME.iloc[:1].to_file(tmp_path / "f.gpkg", layer="Buildings")
    assert open_geopackage(tmp_path / "f.gpkg", "f.gpkg", "buildings").total == 1
    with pytest.raises(Invalid) as caught:
        open_geopackage(tmp_path / "f.gpkg", "f.gpkg", "grids")
    assert "a、Buildings" in caught.value.faults[0].message


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "gbk"])
@pytest.mark.parametrize("cpg", [None, "right", "wrong", "nonsense"])
def test_shapefile_encodings(tmp_path: Path, encoding: str, cpg: str | None) -> None:
    path = shapefile(tmp_path, encoding)
    said = path.with_suffix(".cpg")
    said.unlink(missing_ok=True)
    if cpg is not None:
        said.write_text({"right": encoding, "wrong": "utf-8", "nonsense": "klingon"}[cpg])
    source = open_shapefile(path, "楼栋.shp")
    _, columns, _ = content(source)
    assert source.headings == ["编码", "名称", "层数"]
    assert columns[1] == ["幸福里一号", None]


def test_a_shapefile_has_the_crs_of_its_prj_and_none_without(tmp_path: Path) -> None:
    path = shapefile(tmp_path)
    assert open_shapefile(path, "楼栋.shp").crs == "EPSG:4490"
    path.with_suffix(".prj").unlink()
    assert open_shapefile(path, "楼栋.shp").crs is None


@pytest.mark.parametrize("suffix", [".shx", ".dbf"])
def test_a_shapefile_without_its_parts_is_refused(tmp_path: Path, suffix: str) -> None:
    path = shapefile(tmp_path)
    path.with_suffix(suffix).unlink()
    with pytest.raises(Invalid) as caught:
        open_shapefile(path, "楼栋.shp")
    assert f"楼栋{suffix}" in caught.value.faults[0].message


def test_geojson_encodings(tmp_path: Path) -> None:
    text = two_grids()
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        path = tmp_path / "f.geojson"
        path.write_bytes(text.encode(encoding))
        source = open_geojson(path, "f.geojson", tmp_path)
        assert content(source)[1][1] == ["西", "东"]
        assert source.crs == "EPSG:4326"
        assert bool(source.notices) == (encoding == "gb18030")


def test_geojson_may_name_another_crs(tmp_path: Path) -> None:
    path = tmp_path / "f.geojson"
    path.write_text(geojson(({"code": "B1"}, point(500000, 2770000)), crs="urn:ogc:def:crs:EPSG::4543"))
    source = open_geojson(path, "f.geojson", tmp_path)
    assert source.crs == "EPSG:4543"
    assert content(source)[2] == [shapely.Point(500000, 2770000)]


def test_geometry_that_cannot_be_read_is_told_from_none(tmp_path: Path) -> None:
    path = tmp_path / "f.geojson"
    path.write_text(
        geojson(
            ({"code": "1"}, None),
            ({"code": "2"}, {"type": "Polygon", "coordinates": [[[1, 1], [2, 2], [2, 1]]]}),
        )
    )
    (batch,) = open_geojson(path, "f.geojson", tmp_path).batches()
    assert batch.unreadable is not None
    assert batch.unreadable.tolist() == [False, True]


def test_json_that_makes_gdal_open_other_files_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.geojson"
    secret.write_text(two_grids())
    trick = tmp_path / "f.geojson"
    for extra in ({}, {"note": '"type": "FeatureCollection"'}, {"x": {"type": "FeatureCollection"}}):
        trick.write_text(
            json.dumps(
                {
                    "type": "gdal_streamed_alg",
                    "command_line": f"gdal vector pipeline ! read {secret}",
                    **extra,
                }
            )
        )
        with pytest.raises(Invalid):
            open_geojson(trick, "f.geojson", tmp_path)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("f.geojson", b"{"),
        ("f.geojson", b"[1, 2]"),
        ("f.geojson", b'{"type": "FeatureCollection", "features": [{"type": "Fea'),
        ("f.geojson", b"<OGRVRTDataSource></OGRVRTDataSource>"),
        ("f.gpkg", b"SQLite format 3\0 and nothing more"),
        ("f.gpkg", b"<OGRVRTDataSource></OGRVRTDataSource>"),
        ("f.shp", b"\x00\x00\x27\x0a"),
        ("f.shp", b"not a shapefile"),
    ],
)
def test_damaged_files_are_refused(importer: Importer, name: str, raw: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        importer.run("grids", name, raw)
    assert caught.value.faults[0].where.startswith(name)


def test_cut_files_end_in_a_message(importer: Importer, tmp_path: Path) -> None:
    FRAME.to_file(tmp_path / "whole.gpkg")
    shapefile(tmp_path)
    for name in ("whole.gpkg", "楼栋.shp", "楼栋.dbf", "楼栋.shx"):
        raw = (tmp_path / name).read_bytes()
        for share in (0.1, 0.5, 0.9):
            folder = tmp_path / f"{name}-{share}"
            folder.mkdir()
            for part in tmp_path.glob(f"{Path(name).stem}.???*"):
                if part.is_dir():
                    continue
                (folder / part.name).write_bytes(part.read_bytes())
            (folder / name).write_bytes(raw[: int(len(raw) * share)])
            main = folder / (name if name.endswith("gpkg") else "楼栋.shp")
            try:
                importer.run("buildings", main.name, main, dry_run=True)
            except Invalid as error:
                assert " / " in str(error)


def test_a_zipped_shapefile_with_chinese_names(importer: Importer, tmp_path: Path) -> None:
    path = shapefile(tmp_path, "gb18030")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for part in path.parent.glob("楼栋.*"):
            target.write(part, f"数据/{part.name}")
    report = importer.ok("buildings", "楼栋.zip", packed.getvalue())
    assert (report.read, report.crs) == (2, "EPSG:4490")
    assert importer.rows("SELECT code, name, floors FROM buildings ORDER BY code") == [
        ("B1", "幸福里一号", 6),
        ("B2", None, None),
    ]


def test_a_shapefile_without_crs_is_refused_with_the_choices(importer: Importer, tmp_path: Path) -> None:
    path = shapefile(tmp_path)
    path.with_suffix(".prj").unlink()
    with pytest.raises(Invalid) as caught:
        importer.run("buildings", path.name, path)
    assert any("GCJ-02" in fault.message for fault in caught.value.faults)
    assert importer.ok("buildings", path.name, path, crs="EPSG:4490").loaded == 2


def test_properties_of_every_type_become_text(importer: Importer) -> None:
    properties = {"code": 7, "name": 1.5, "floors": "6", "compound": True, "extra": [1, 2], "more": {"a": 1}}
    report = importer.ok("buildings", "f.geojson", geojson((properties, square(102, 25, 0.001))))
    assert importer.rows("SELECT code, name, floors FROM buildings") == [("7", "1.5", 6)]
    assert report.notices[0].startswith("未使用的列：extra、more")


def test_text_that_is_no_utf8_is_rejected_where_it_stands(importer: Importer, tmp_path: Path) -> None:
    FRAME.to_file(tmp_path / "f.gpkg")
    raw = (tmp_path / "f.gpkg").read_bytes()
    spoilt = raw.replace("幸福里".encode(), "幸福里".encode()[:5] + b"1" + "福里".encode()[3:])
    assert spoilt != raw
    report = importer.run("buildings", "f.gpkg", spoilt)
    assert [(fault.where, fault.message.split(" /")[0]) for fault in report.faults] == [
        ("f.gpkg:1:名称", "含有空字符或乱码")
    ]


_WORDS = st.text(max_size=6) | st.sampled_from(['"features":[', "\\", '\\"', "[{", "}]", ",", "\u4e2d"])
_VALUES = st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | _WORDS, lambda v: st.lists(v, max_size=3) | st.dictionaries(_WORDS, v, max_size=3), max_leaves=8)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(_WORDS, _VALUES, max_size=3),
    st.lists(_VALUES, max_size=6),
    st.booleans(),
    st.integers(1, 40),
    st.sampled_from([None, 1]),
)
@example({'x"features': [1, 2]}, [3], True, 7, None)
@example({"more": {"features": [1]}}, [], True, 3, 1)
def test_features_are_found_wherever_the_file_is_cut(
    tmp_path: Path, others: dict[str, object], members: list[object], ascii_only: bool, piece: int, indent: int | None
) -> None:
    path = tmp_path / "f.geojson"
    others.pop("features", None)
    path.write_text(
        json.dumps({**others, "features": members, "more": others}, ensure_ascii=ascii_only, indent=indent),
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gis.intake.formats.geojson._PIECE", piece)
        found = find_features(path)
    assert found is not None
    content = path.read_bytes()
    assert [json.loads(content[start:end]) for start, end in found] == members


def test_members_that_are_no_features_keep_the_numbers_right(tmp_path: Path) -> None:
    def feature(i: int, geometry: object) -> dict[str, object]:
        return {"type": "Feature", "properties": {"code": str(i)}, "geometry": geometry}

    point = {"type": "Point", "coordinates": [102, 25]}
    members = [
        None,
        *(feature(i, point) for i in range(2, 9000)),
        "x",
        feature(9001, {"type": "Point", "coordinates": ["a", 1]}),
        point,
    ]
    path = tmp_path / "f.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": members}), encoding="utf-8")
    source = open_geojson(path, "f.geojson", tmp_path)
    batches = list(source.batches())
    assert source.total == 9002
    assert [row.row for batch in batches for row in batch.broken] == [1, 9000, 9002]
    rows = np.concatenate([batch.rows for batch in batches])
    assert [str(row) for row in rows] == [code.as_py() for batch in batches for code in batch.columns[0]]
    (why,) = [reason for batch in batches for reason in batch.why.values()]
    assert "coordinates 有误" in why
    assert [int(batch.rows[at]) for batch in batches for at in batch.why] == [9001]
