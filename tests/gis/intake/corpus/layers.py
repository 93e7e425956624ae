"""Spatial files: GeoJSON that is none, Shapefiles without their parts, GeoPackages of none or two layers, curves, cuts."""

from __future__ import annotations

import json
import sqlite3
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from tests.gis.intake.corpus.archives import zipped
from tests.gis.intake.corpus.case import REFUSED, Case
from tests.gis.intake.files import geojson, square

_BROKEN = "损坏|格式不符|无法读取|不是"
CODES = ["530102001001011", "530102001001012"]


def _frame(crs: str | None = "EPSG:4326", **columns: Any) -> gpd.GeoDataFrame:
    shapes = [shapely.box(102.0, 25.0, 102.01, 25.01), shapely.box(102.01, 25.0, 102.02, 25.01)]
    frame = gpd.GeoDataFrame(
        {"code": CODES, "name": ["东风巷网格", "西坝网格"], **columns}, geometry=shapes, crs="EPSG:4326"
    )
    return frame.to_crs(crs) if crs else frame.set_crs(None, allow_override=True)


@cache
def _shapefile(crs: str | None = "EPSG:4326", encoding: str = "utf-8", **columns: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        _frame(crs, **{name: [value] * 2 for name, value in columns.items()}).to_file(
            Path(folder) / "grids.shp", encoding=encoding
        )
        return {part.name: part.read_bytes() for part in Path(folder).iterdir()}


@cache
def geopackage(crs: str | None = "EPSG:4326", layer: str = "grids") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        _frame(crs).to_file(Path(folder) / "f.gpkg", layer=layer, driver="GPKG")
        return (Path(folder) / "f.gpkg").read_bytes()


def _changed(*statements: str, raw: bytes | None = None, blob: bytes | None = None) -> bytes:
    """A GeoPackage after some SQL; ``?`` stands for a geometry."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.gpkg"
        path.write_bytes(raw or geopackage())
        with sqlite3.connect(path) as database:
            for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f'DROP TRIGGER "{trigger}"')
            for statement in statements:
                database.execute(statement, (blob,) if "?" in statement else ())
        database.close()
        return path.read_bytes()


def _blob(wkb: bytes, srs: int = 4326) -> bytes:
    return b"GP\0\x01" + struct.pack("<i", srs) + wkb


def _two_layers(other: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.gpkg"
        _frame().to_file(path, layer="一", driver="GPKG")
        _frame().to_file(path, layer=other, driver="GPKG")
        return path.read_bytes()


# A circle of two arcs: ISO WKB's CurvePolygon (10) of a CircularString (8).
_ARCS = ((102.0, 25.0), (102.005, 25.005), (102.01, 25.0), (102.005, 24.995), (102.0, 25.0))
CURVE = struct.pack("<BIIBII", 1, 10, 1, 1, 8, 5) + b"".join(struct.pack("<dd", *each) for each in _ARCS)
MULTISURFACE = struct.pack("<BII", 1, 12, 1) + CURVE
TRIANGLES = (
    struct.pack("<BII", 1, 16, 1)
    + struct.pack("<BIII", 1, 17, 1, 4)
    + b"".join(struct.pack("<dd", *each) for each in ((102, 25), (102.01, 25), (102, 25.01), (102, 25)))
)
OPEN_RING = struct.pack("<BIII", 1, 3, 1, 3) + b"".join(
    struct.pack("<dd", *each) for each in ((102, 25), (102.01, 25), (102.01, 25.01))
)
MANY_SAID = struct.pack("<BIII", 1, 3, 1, 4_000_000_000)
NANS = struct.pack("<BIII", 1, 3, 1, 4) + b"".join(
    struct.pack("<dd", *each) for each in ((float("nan"), 25), (102.01, 25), (102.01, 25.01), (float("nan"), 25))
)


def cases() -> list[Case]:
    geojson = [*_members(), *_coordinates(), *_collections_as_text()]
    return [*map(_geojson, geojson), *_shapefiles(), *_geopackages()]


def _two(**more: Any) -> dict[str, Any]:
    features = [({"code": code, "name": "网格"}, square(102 + n / 100, 25, 0.01)) for n, code in enumerate(CODES)]
    return json.loads(geojson(*features)) | more


Row = tuple[str, bytes | str, str, tuple[int, int] | None]
"""What is wrong, the file, what is said of it, and how many rows were read and loaded (None: it is refused)."""
BOX = json.dumps(square(102, 25, 0.01)["coordinates"])
FEATURE = (
    f'{{"type":"Feature","properties":{{"code":"{CODES[0]}"}},"geometry":{{"type":"Polygon","coordinates":{BOX}}}}}'
)


def _geojson(told: Row) -> Case:
    what, raw, says, outcome = told
    content = raw.encode() if isinstance(raw, str) else raw
    return Case("geojson", what, "grids", "格.geojson", content, says, outcome or REFUSED, None)


def _collection(features: str) -> str:
    return f'{{"type":"FeatureCollection","features":[{features}]}}'


def _members() -> list[Row]:
    """Members that are missing, or are something else."""
    name = {"type": "name", "properties": {}}
    gauss = {key: value for key, value in json.loads(_frame("EPSG:4543").to_json()).items() if key != "crs"}
    return [
        ("a crs member of another system", json.dumps(gauss | {"crs": name | {"properties": {"name": "urn:ogc:def:crs:EPSG::4543"}}}), "", (2, 2)),
        ("a crs member that there is not", json.dumps(_two(crs=name | {"properties": {"name": "EPSG:99999"}})), "", (2, 2)),
        ("a crs member that lies", json.dumps(_two(crs=name | {"properties": {"name": "EPSG:4543"}})), "超出范围|像是", (2, 0)),
        ("a crs member that is a number", json.dumps(_two(crs=4326)), "", (2, 2)),
        ("metres without a crs member", json.dumps(gauss), "像是投影坐标.*--crs", (2, 0)),
        ("a single feature", FEATURE, "", (1, 1)),
        ("a bare geometry", json.dumps(square(102, 25, 0.01)), "缺少必需的列|不是 GeoJSON", None),
        ("a list", f"[{FEATURE}]", "不是 GeoJSON", None),
        ("an object of something else", '{"type": "Topology", "objects": {}}', "不是 GeoJSON", None),
        ("TopoJSON with polygons", '{"type": "Topology", "objects": {"g": {"type": "Polygon", "arcs": [[0]]}}, "arcs": []}', _BROKEN, None),
        ("Esri JSON", '{"geometryType": "esriGeometryPolygon", "features": [{"attributes": {"code": "1"}, "geometry": {"rings": []}}]}', "不是 GeoJSON", None),
        ("a string", '"FeatureCollection"', "不是 GeoJSON", None),
        ("a number", "42", "不是 GeoJSON", None),
        ("null", "null", "不是 GeoJSON", None),
        ("no features", _collection(""), "缺少必需的列|没有数据|只有标题行", None),
        ("features that are null", '{"type":"FeatureCollection","features":null}', "文件损坏或格式不符", None),
        ("features that are a number", '{"type":"FeatureCollection","features":7}', "文件损坏或格式不符", None),
        ("a feature that is null", _collection(f"{FEATURE},null"), "不是要素", (2, 1)),
        ("a feature that is text", _collection(f'{FEATURE},"x"'), "不是要素", (2, 1)),
        ("a feature that is a geometry", _collection(f"{json.dumps(square(102, 25, 0.01))},{FEATURE}"), "不是要素", (2, 1)),
        ("a feature without a geometry", _collection(FEATURE + ',{"type":"Feature","properties":{"code":"1"},"geometry":null}'), "缺少值", (2, 1)),
        ("properties that are a list", _collection('{"type":"Feature","properties":[1],"geometry":null}'), "缺少列", None),
        ("no properties", _collection(FEATURE.replace(f'"properties":{{"code":"{CODES[0]}"}},', "")), "缺少必需的列", None),
        ("properties that are nested", _collection(FEATURE.replace(f'"{CODES[0]}"', '{"a":{"b":[1,2]}}')), "网格编码应为", (1, 0)),
        ("doubled keys", _collection(FEATURE.replace('"code":', '"code":"1","code":')), "", (1, 1)),
    ]  # fmt: skip


def _coordinates() -> list[Row]:
    return [
        ("NaN", _collection(FEATURE.replace("102.0,", "NaN,").replace("102,", "NaN,")), "几何无法读取", (1, 0)),
        ("Infinity", _collection(FEATURE.replace("25.01", "Infinity")), "坐标不是有限数", (1, 0)),
        ("1e999", _collection(FEATURE.replace("25.01", "1e999")), "文件损坏或格式不符", None),
        ("coordinates that are text", _collection(FEATURE.replace("25.01", '"25.01"')), r"coordinates\[0\]\[\d\] 有误", (1, 0)),
        ("coordinates that are null", _collection(FEATURE.replace("25.01", "null")), r"coordinates\[0\]\[\d\] 有误", (1, 0)),
        ("coordinates that are one number", _collection(FEATURE.replace(BOX, "102")), r"coordinates 有误", (1, 0)),
        ("coordinates one level too deep", _collection(FEATURE.replace(BOX, f"[{BOX}]")), r"coordinates\[0\]\[0\] 有误", (1, 0)),
        ("coordinates of one number each", _collection(FEATURE.replace(BOX, "[[[102],[103],[104],[102]]]")), r"coordinates\[0\]\[0\] 有误", (1, 0)),
        ("a type that there is not", _collection(FEATURE.replace('"Polygon"', '"Blob"')), r"Blob 无法识别", (1, 0)),
    ]  # fmt: skip


def _collections_as_text() -> list[Row]:
    """Files that are no JSON, or hardly."""
    good = json.dumps(_two(), ensure_ascii=False).encode()
    return [
        ("100,000 brackets", '{"type":"FeatureCollection","features":' + "[" * 100_000, _BROKEN, None),
        ("100,000 deep coordinates", _collection(FEATURE.replace(BOX, "[" * 100_000 + "]" * 100_000)), "文件损坏或格式不符", None),
        ("100,000 deep properties", _collection(FEATURE.replace(f'"{CODES[0]}"', '{"a":' * 100_000 + "1" + "}" * 100_000)), "文件损坏或格式不符", None),
        ("a comma too many", _collection(FEATURE + ","), "文件损坏或格式不符", None),
        ("comments", good.decode().replace('"features"', '/* 要素 */ "features"'), "文件损坏或格式不符", None),
        ("single quotes", good.decode().replace('"', "'"), "不是 GeoJSON", None),
        ("text behind it", good + b" the end", "文件损坏或格式不符", None),
        ("two collections", good + good, "文件损坏或格式不符", None),
        ("a line each", f"{FEATURE}\n\n{FEATURE}\r\n", "与第 1 行重复.*每行一个要素", (2, 1)),
        ("a line each, with separators", f"\x1e{FEATURE}\n\x1e{FEATURE}\n", "与第 1 行重复.*每行一个要素", (2, 1)),
        ("a line each, one of them broken", f"{FEATURE}\nXX{FEATURE}\n", "不是要素", (2, 1)),
        ("a line each, the last one cut", f"{FEATURE}\n{FEATURE[:40]}", "不是要素", (2, 1)),
        ("a NUL as an escape", good.replace(b'"name": "', b'"name": "\\u0000', 1), "第 1 个要素含有空字符", None),
        ("a backslash and u0000", good.replace(b'"name": "', b'"name": "\\\\u0000', 1), "", (2, 2)),
        ("a NUL inside", good.replace("网格".encode(), b"\0"), "不是文字", None),
        ("utf-16 without a BOM", good.decode().encode("utf-16-le"), "UTF-16", None),
        ("gb 18030", good.decode().encode("gb18030"), "", (2, 2)),
        ("a BOM", b"\xef\xbb\xbf" + good, "", (2, 2)),
        ("a broken escape", good.replace(b'"name": "', b'"name": "\\ud800'), "含有空字符或乱码", (2, 0)),
        ("2 MB of blanks before it", b" " * (2 << 20) + good, "不是 GeoJSON", None),
        ("empty", b"", "空文件", None),
        ("a GeoPackage by this name", geopackage(), "不是 UTF-8|UTF-16|不是 GeoJSON", None),
        *(
            (f"cut at {share:.0%}", good[: int(len(good) * share)], _BROKEN, None)
            for share in (0.05, 0.3, 0.5, 0.7, 0.9, 0.98)
        ),
    ]  # fmt: skip


def _shapefiles() -> list[Case]:
    def packed(
        *without: str, change: Callable[[dict[str, bytes]], None] | None = None, **options: Any
    ) -> Callable[[Path], bytes]:
        def make(_: Path) -> bytes:
            parts = {name: raw for name, raw in _shapefile(**options).items() if Path(name).suffix not in without}
            if change:
                change(parts)
            return zipped(parts)

        return make

    def cut(suffix: str, to: float) -> Callable[[dict[str, bytes]], None]:
        return lambda parts: parts.update(
            {f"grids{suffix}": parts[f"grids{suffix}"][: int(len(parts[f"grids{suffix}"]) * to)]}
        )

    def put(suffix: str, raw: bytes) -> Callable[[dict[str, bytes]], None]:
        return lambda parts: parts.update({f"grids{suffix}": raw})

    # GB 18030 text under a .cpg that says otherwise, and text that is neither.
    found: list[tuple[str, Callable[[Path], bytes], str, tuple[int, int] | None, str | None]] = [
        ("without .prj", packed(".prj"), "没有坐标系.*--crs", None, None),
        ("without .prj, told", packed(".prj"), "", (2, 2), "EPSG:4326"),
        ("without .cpg", packed(".cpg"), "", (2, 2), None),
        ("without .cpg, in gb 18030", packed(".cpg", encoding="gb18030"), "", (2, 2), None),
        ("a .cpg that lies", packed(change=put(".cpg", b"UTF-8"), encoding="gb18030"), "", (2, 2), None),
        ("a .cpg of a nonsense encoding", packed(change=put(".cpg", b"KLINGON")), "", (2, 2), None),
        ("a .cpg of a codec of two bytes", packed(change=put(".cpg", b"UTF-16")), "", (2, 2), None),
        ("a .cpg of no text codec", packed(change=put(".cpg", b"base64")), "", (2, 2), None),
        ("a .cpg of noise", packed(change=put(".cpg", bytes(range(256)))), "", (2, 2), None),
        ("without .dbf", packed(".dbf"), "缺少 .*dbf.*压缩成 ZIP", None, None),
        ("without .shx", packed(".shx"), "缺少 .*shx.*压缩成 ZIP", None, None),
        ("without .shp", packed(".shp"), "须恰有一个数据文件", None, None),
        ("only .shp", packed(".shx", ".dbf", ".prj", ".cpg"), "缺少 .*shx.*dbf", None, None),
        ("two Shapefiles", packed(change=lambda parts: parts.update({n.replace("grids", "一"): raw for n, raw in parts.items()} | {n.replace("grids", "二"): raw for n, raw in parts.items()})), "", (2, 2), None),
        ("two Shapefiles of other names", lambda _: zipped({n.replace("grids", stem): raw for stem in ("一", "二") for n, raw in _shapefile().items()}), "须恰有一个数据文件", None, None),
        ("names in capitals", lambda _: zipped({n.upper(): raw for n, raw in _shapefile().items()}), "", (2, 2), None),
        ("truncated field names", packed(crs="EPSG:4326", 统计用区划代码编号="1", description_of_the_grid="x"), "字段名.*被截断.*统计用", None, None),
        ("a .prj of another system", packed(crs="EPSG:4543"), "CGCS2000 按 WGS 84", (2, 2), None),
        ("a .prj that lies", packed(change=lambda parts: parts.update({"grids.prj": _shapefile(crs="EPSG:4543")["grids.prj"]})), "超出范围|像是", (2, 0), None),
        ("a .prj of noise", packed(change=put(".prj", b"\xff\xfeNOISE")), "没有坐标系|坐标系|损坏", None, None),
        ("an empty .prj", packed(change=put(".prj", b"")), "没有坐标系", None, None),
        ("a local system", packed(change=put(".prj", b'LOCAL_CS["site",UNIT["metre",1]]')), "坐标系", None, None),
        (".shp cut in the middle", packed(change=cut(".shp", 0.5)), "或", None, None),
        (".shp cut to its header", packed(change=cut(".shp", 0.3)), "或", None, None),
        (".shp of 10 bytes", packed(change=cut(".shp", 0.03)), _BROKEN, None, None),
        (".dbf cut in the middle", packed(change=cut(".dbf", 0.6)), "或", None, None),
        (".dbf cut to nothing", packed(change=cut(".dbf", 0.0)), ".dbf 损坏|空", None, None),
        (".dbf of noise", packed(change=put(".dbf", b"\xff" * 400)), "或", None, None),
        (".shx cut", packed(change=cut(".shx", 0.5)), "有", None, None),
        (".shx of another file", packed(change=put(".shx", b"\0" * 116)), "文件损坏或格式不符", None, None),
        (".shp that is a text", packed(change=put(".shp", b"code,name\n1,2\n")), "不是 Shapefile", None, None),
        ("text that is neither", packed(change=lambda parts: parts.update({"grids.dbf": parts["grids.dbf"].replace("东风巷网格".encode(), b"\xff\xfe\xfd\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")})), "既不是 UTF-8 也不是 GB 18030.*cpg", None, None),
    ]  # fmt: skip
    return [Case("shapefile", what, "grids", "格.zip", raw, says, outcome or REFUSED, crs) for what, raw, says, outcome, crs in found] + [
        Case("shapefile", "alone, without its others", "grids", "格.shp", lambda _: _shapefile()["grids.shp"], "缺少 .*shx.*dbf", crs=None)
    ]  # fmt: skip


def _geopackages() -> list[Case]:
    def curve(blob: bytes) -> Callable[[Path], bytes]:
        return lambda _: _changed("UPDATE grids SET geom = ? WHERE fid = 1", blob=blob)

    found: list[tuple[str, bytes | Callable[[Path], bytes], str, tuple[int, int] | None, str | None]] = [
        ("a curve polygon", curve(_blob(CURVE)), "几何无法读取（曲线", (2, 1), None),
        ("a surface of curves", curve(_blob(MULTISURFACE)), "几何无法读取（曲线", (2, 1), None),
        ("triangles", curve(_blob(TRIANGLES)), "几何无法读取", (2, 1), None),
        ("an open ring", curve(_blob(OPEN_RING)), "几何无法读取|面无效|", (2, 1), None),
        ("4,000,000,000 vertices said", curve(_blob(MANY_SAID)), "几何无法读取", (2, 1), None),
        ("NaN in a ring", curve(_blob(NANS)), "有限数|无法读取", (2, 1), None),
        ("a geometry of noise", curve(b"\xff" * 60), "缺少值", (2, 1), None),
        ("a geometry cut", curve(_blob(CURVE[:20])), "几何无法读取", (2, 1), None),
        ("a null geometry", lambda _: _changed("UPDATE grids SET geom = NULL WHERE fid = 1"), "缺少值", (2, 1), None),
        ("an empty geometry", curve(b"GP\0\x11" + struct.pack("<i", 4326) + struct.pack("<BII", 1, 3, 0)), "几何为空|缺少值", (2, 1), None),
        ("a geometry of another SRS", curve(_blob(shapely.to_wkb(shapely.box(500000, 2766000, 501000, 2767000)), 4543)), "像是投影坐标", (2, 1), None),
        ("a point in it", curve(_blob(shapely.to_wkb(shapely.Point(102, 25)))), "需要面，得到 Point", (2, 1), None),
        ("two layers", lambda _: _two_layers("二"), "有多个图层（一、二）.*命名为 grids", None, None),
        ("two layers, one named like the kind", lambda _: _two_layers("grids"), "", (2, 2), None),
        ("no layer", lambda _: _changed("DELETE FROM gpkg_contents", "DELETE FROM gpkg_geometry_columns", "DROP TABLE grids"), "图层|损坏|缺少", None, None),
        ("a layer whose table is gone", lambda _: _changed("DROP TABLE grids"), _BROKEN + "|缺少|图层", None, None),
        ("no features", lambda _: _changed("DELETE FROM grids"), "只有标题行|没有数据", (0, 0), None),
        ("an unknown SRS", lambda _: _changed("UPDATE gpkg_geometry_columns SET srs_id = 777777", "UPDATE gpkg_contents SET srs_id = 777777"), "没有坐标系|坐标系", None, None),
        ("no SRS", lambda _: _changed("UPDATE gpkg_geometry_columns SET srs_id = -1", "UPDATE gpkg_contents SET srs_id = -1"), "坐标系", None, None),
        ("another SRS", lambda _: geopackage("EPSG:32648"), "", (2, 2), None),
        ("Web Mercator", lambda _: geopackage("EPSG:3857"), "", (2, 2), None),
        ("a SRS of another country", lambda _: geopackage("EPSG:27700"), "", (2, 2), None),
        ("a wrong SRS declared", lambda _: geopackage(), "像是|超出范围", (2, 0), "EPSG:4543"),
        ("text that is no UTF-8", lambda _: _changed("UPDATE grids SET name = CAST(x'ff80fe41' AS TEXT) WHERE fid = 1"), "乱码", (2, 1), None),
        ("a code that is a number", lambda _: _changed("UPDATE grids SET code = 530102001001011.5 WHERE fid = 1"), "数字|位", (2, 1), None),
        ("a trigger that fires", lambda _: _changed("CREATE TRIGGER t AFTER INSERT ON grids BEGIN DELETE FROM grids; END"), "", (2, 2), None),
        ("a view for a table", lambda _: _changed("ALTER TABLE grids RENAME TO g", "CREATE VIEW grids AS SELECT * FROM g, g AS h, g AS i"), "与第", (8, 2), None),
        ("a view without end", lambda _: _changed("ALTER TABLE grids RENAME TO g", "CREATE VIEW grids AS WITH RECURSIVE r(fid) AS (SELECT 1 UNION ALL SELECT fid + 1 FROM r LIMIT 3000) SELECT r.fid, geom, code, name FROM r, g"), "与第", (6000, 2), None),
        ("a SQLite database of something else", lambda _: _sqlite(), _BROKEN + "|图层", None, None),
        ("a text", b"code,name\n", "不是 GeoPackage", None, None),
        ("only its first bytes", b"SQLite format 3\0", _BROKEN, None, None),
    ]  # fmt: skip
    whole = geopackage()
    found += [
        (f"cut at {share:.0%}", whole[: int(len(whole) * share)], _BROKEN, None, None)
        for share in (0.1, 0.3, 0.5, 0.8, 0.95)
    ]
    return [
        Case("geopackage", what, "grids", "格.gpkg", raw, says, outcome or REFUSED, crs)
        for what, raw, says, outcome, crs in found
    ]


def _sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        with sqlite3.connect(Path(folder) / "x.db") as database:
            database.execute("CREATE TABLE grids (code TEXT)")
        database.close()
        return (Path(folder) / "x.db").read_bytes()
