"""OpenStreetMap files, drawn by hand and real ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import shapely

from gis.errors import Invalid
from gis.intake.formats.osm import open_osm
from tests.gis.intake.conftest import Importer

REAL = Path(__file__).parents[4].parent / "shared" / "data"

NODES = {
    1: (102.0, 25.0),
    2: (102.001, 25.0),
    3: (102.001, 25.001),
    4: (102.0, 25.001),
    5: (102.0005, 25.0005),
}


def node(key: int, **tags: str) -> str:
    lon, lat = NODES[key]
    return f"<node id='{key}' lon='{lon}' lat='{lat}'>{tagged(tags)}</node>"


def way(key: int, refs: list[int], **tags: str) -> str:
    inner = "".join(f"<nd ref='{ref}'/>" for ref in refs)
    return f"<way id='{key}'>{inner}{tagged(tags)}</way>"


def relation(key: int, members: dict[int, str], **tags: str) -> str:
    inner = "".join(f"<member type='way' ref='{ref}' role='{role}'/>" for ref, role in members.items())
    return f"<relation id='{key}'>{inner}{tagged({'type': 'multipolygon', **tags})}</relation>"


def tagged(tags: dict[str, str]) -> str:
    return "".join(f"<tag k='{key.replace('__', ':')}' v='{value}'/>" for key, value in tags.items())


def osm(*things: str) -> str:
    nodes = [node(key) for key in NODES if not any(f"<node id='{key}'" in thing for thing in things)]
    in_order = sorted(things, key=lambda thing: ("<node", "<way ", "<rela").index(thing[:5]))
    return f"<osm version='0.6'>{''.join([*nodes, *in_order])}</osm>"


def read(tmp_path: Path, kind: str, *things: str) -> Iterator[tuple[dict[str, str | None], shapely.Geometry | None]]:
    path = tmp_path / "f.osm"
    path.write_text(osm(*things))
    source = open_osm(path, "f.osm", kind)
    for batch in source.batches():
        assert batch.geometry is not None
        columns = [column.to_pylist() for column in batch.columns]
        for i, shape in enumerate(batch.geometry):
            yield (
                {heading: column[i] for heading, column in zip(source.headings, columns, strict=True)},
                shape,
            )


def test_streets_keep_their_tags_and_are_not_split(tmp_path: Path) -> None:
    rows = list(
        read(
            tmp_path,
            "streets",
            way(10, [1, 2, 3], highway="residential", name="春华路", bridge="yes", layer="1"),
            way(11, [1, 9], highway="path"),
            way(12, [1, 2], highway="construction"),
            way(13, [1, 2, 3, 1], highway="pedestrian"),
            way(14, [1, 2], waterway="river"),
            node(4, highway="crossing"),
        )
    )
    assert [row["code"] for row, _ in rows] == ["osm:w10", "osm:w11", "osm:w13"]
    assert rows[0][0] == {
        "code": "osm:w10",
        "name": "春华路",
        "kind": "residential",
        "foot": None,
        "bridge": "true",
        "tunnel": "false",
        "layer": "1",
    }
    assert rows[0][1] == shapely.LineString([NODES[1], NODES[2], NODES[3]])
    assert rows[1][1] is None  # its other node is not in the file
    assert rows[2][1].geom_type == "LineString"


def test_buildings_are_ways_relations_and_nodes(tmp_path: Path) -> None:
    rows = {
        row["code"]: shape
        for row, shape in read(
            tmp_path,
            "buildings",
            way(20, [1, 2, 3, 4, 1], building="yes"),
            way(21, [1, 3, 2, 4, 1], building="yes"),
            way(22, [1, 2, 3], building="yes"),
            way(23, [1, 2, 3, 1]),
            relation(30, {23: "outer"}, building="yes"),
            relation(31, {99: "outer"}, building="yes"),
            node(5, building="yes"),
        )
    }
    assert set(rows) == {"osm:w20", "osm:w21", "osm:w22", "osm:r30", "osm:r31", "osm:n5"}
    assert rows["osm:w20"].equals(shapely.box(102.0, 25.0, 102.001, 25.001))
    assert rows["osm:w21"].geom_type == "Polygon" and not rows["osm:w21"].is_valid  # for the checks to name its fault
    assert rows["osm:w22"].geom_type == "LineString"
    assert rows["osm:r30"].geom_type == "Polygon"
    assert rows["osm:r31"] is None
    assert rows["osm:n5"] == shapely.Point(NODES[5])


def test_stations_are_points_with_hours(tmp_path: Path) -> None:
    rows = list(
        read(
            tmp_path,
            "stations",
            way(
                40,
                [1, 2, 3, 4, 1],
                amenity="library",
                opening_hours="Mo-Fr 09:00-17:00; PH off",
                name="图书馆",
            ),
            node(5, amenity="clinic", opening_hours="常开"),
            node(4, amenity="cafe", name="学院路社会服务中心"),
        )
    )
    (clinic, at), (library, inside) = sorted(rows, key=lambda row: str(row[0]["code"]))
    assert library["services"] == "culture@Mo-Fr 09:00-17:00; PH off;rest@Mo-Fr 09:00-17:00; PH off"
    assert shapely.box(102.0, 25.0, 102.001, 25.001).contains(inside)
    assert (clinic["name"], clinic["services"]) == ("卫生服务站", "health")
    assert at == shapely.Point(NODES[5])


def test_backdrop_is_areas_and_lines_of_water(tmp_path: Path) -> None:
    rows = {
        row["code"]: (row["kind"], shape.geom_type)
        for row, shape in read(
            tmp_path,
            "backdrop",
            way(50, [1, 2, 3, 4, 1], natural="water"),
            way(51, [1, 2, 3], waterway="river"),
            way(52, [1, 2, 3], landuse="grass"),
            way(53, [1, 2, 3, 4, 1], leisure="park"),
            node(5, natural="water"),
        )
    }
    assert rows == {
        "osm:w50": ("water", "Polygon"),
        "osm:w51": ("water", "LineString"),
        "osm:w53": ("green", "Polygon"),
    }


def test_notices_and_rejected_objects(importer: Importer) -> None:
    content = osm(
        node(5, amenity="clinic", opening_hours="常开"),
        way(20, [1, 3, 2, 4, 1], building="yes"),
        way(22, [1, 2, 3], building="yes"),
    )
    report = importer.ok("stations", "f.osm", content)
    assert [notice.split("，")[0] for notice in report.notices] == [
        "1 个站点没有名称",
        "1 个站点的营业时间看不懂",
    ]
    report = importer.run("buildings", "f.osm", content)
    assert (report.read, report.loaded, report.crs) == (2, 0, "EPSG:4326")
    assert "面无效" in report.faults[0].message
    assert "需要点或面，得到 LineString" in report.faults[1].message


def test_only_some_kinds_are_in_osm_files(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        open_osm(tmp_path / "f.osm", "f.osm", "grids")
    assert "streets" in caught.value.faults[0].message


@pytest.mark.parametrize("raw", [b"<osm", b"nothing", b"<html></html>"])
def test_damaged_files_are_refused(importer: Importer, raw: bytes) -> None:
    for name in ("f.osm", "f.osm.pbf"):
        with pytest.raises(Invalid) as caught:
            importer.run("streets", name, raw)
        assert "OSM 文件损坏" in caught.value.faults[0].message


@pytest.mark.skipif(not REAL.is_dir(), reason="the real places are not beside the repository")
@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("haidian/beijing_tsinghua", {"streets": 684, "buildings": 529, "stations": 6, "backdrop": 54}),
        ("haidian/beijing_xueqing", {"streets": 301, "buildings": 258, "stations": 7, "backdrop": 19}),
        ("guixi/guixi", {"streets": 170, "buildings": 165, "stations": 2, "backdrop": 15}),
    ],
)
def test_real_places(importer: Importer, file: str, counts: dict[str, int]) -> None:
    for kind, count in counts.items():
        report = importer.run(kind, f"{Path(file).name}.osm.pbf", REAL / f"{file}.osm.pbf")
        assert report.loaded == count
        assert report.rejected == (file == "guixi/guixi" and kind == "backdrop")
        table = importer.one(f"SELECT count(*) FROM {kind}")
        assert table == count
    assert importer.rows("SELECT 1 FROM stations WHERE name = '学院路社会服务中心'") == []
    assert importer.one("SELECT metric_crs FROM place") == "EPSG:4548"
