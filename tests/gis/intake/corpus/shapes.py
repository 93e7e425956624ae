"""Geometries: rings that cross, holes outside, curves, collections, coordinates that are none; in GeoJSON and as WKT."""

from __future__ import annotations

import json
import math
from typing import Any

from tests.gis.intake.corpus.case import Case, csv, row
from tests.gis.intake.files import geojson, line, point, square

_NO = "几何无法读取"
_INVALID = "面无效"
_NEEDS = "需要面，得到"


def ring(*xy: tuple[float, ...]) -> list[list[float]]:
    return [[102 + x, 25 + y, *more] for x, y, *more in xy]


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


BOX = ((0, 0), (0.01, 0), (0.01, 0.01), (0, 0.01), (0, 0))
BOWTIE = ring((0, 0), (0.01, 0.01), (0.01, 0), (0, 0.01), (0, 0))
HOLE_OUTSIDE = ring((0.02, 0.02), (0.03, 0.02), (0.03, 0.03), (0.02, 0.02))
HOLE_LARGER = ring((-0.01, -0.01), (0.02, -0.01), (0.02, 0.02), (-0.01, 0.02), (-0.01, -0.01))
SLIVER = ring((0, 0.0100001), (0.01, 0.0100001), (0.01, 0.01000011), (0, 0.0100001))


def multi(*polygons: list[list[list[float]]]) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": list(polygons)}


def collection(*shapes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "GeometryCollection", "geometries": list(shapes)}


POLYGONS: list[tuple[str, Any, str, tuple[int, int]]] = [
    ("a ring that crosses itself", polygon(BOWTIE), f"{_INVALID}.*位于 102", (3, 2)),
    ("a ring that touches itself", polygon(ring((0, 0), (0.01, 0), (0.005, 0.005), (0.01, 0.01), (0, 0.01), (0.005, 0.005), (0, 0))), "面无效|自动修复|", (3, 3)),
    ("a spike", polygon(ring((0, 0), (0.01, 0), (0.01, 0.01), (0.02, 0.02), (0.01, 0.01), (0, 0.01), (0, 0))), "自动修复 1 个面", (3, 3)),
    ("a hole outside", polygon(ring(*BOX), HOLE_OUTSIDE), "面无效|自动修复", (3, 2)),
    ("a hole larger than its ring", polygon(ring(*BOX), HOLE_LARGER), _INVALID, (3, 2)),
    ("a hole that is the ring", polygon(ring(*BOX), ring(*BOX)), _INVALID, (3, 2)),
    ("a hole that crosses the ring", polygon(ring(*BOX), ring((0.005, 0.005), (0.02, 0.005), (0.02, 0.008), (0.005, 0.005))), _INVALID, (3, 2)),
    ("two holes that overlap", polygon(ring(*BOX), ring((0.001, 0.001), (0.005, 0.001), (0.005, 0.005), (0.001, 0.001)), ring((0.002, 0.001), (0.006, 0.001), (0.006, 0.005), (0.002, 0.001))), "面无效|自动修复", (3, 2)),
    ("doubled vertices", polygon(ring((0, 0), (0, 0), (0.01, 0), (0.01, 0), (0.01, 0.01), (0, 0.01), (0, 0))), "", (3, 3)),
    ("without area", polygon(ring((0, 0), (0.01, 0.01), (0.02, 0.02), (0, 0))), "面积为零", (3, 2)),
    ("one place four times", polygon(ring((0, 0), (0, 0), (0, 0), (0, 0))), _INVALID, (3, 2)),
    ("out and back", polygon(ring((0, 0), (0.01, 0), (0, 0), (0, 0))), _INVALID, (3, 2)),
    ("two corners", polygon(ring((0, 0), (0.01, 0), (0, 0))), f"{_NO}|{_INVALID}|空", (3, 2)),
    ("an unclosed ring", polygon(ring(*BOX[:-1])), "几何无法读取", (3, 2)),
    ("no ring", polygon(), "几何为空|缺|空", (3, 2)),
    ("an empty ring", polygon([]), "几何为空|缺|空|无法读取", (3, 2)),
    ("parts with a sliver", multi([ring(*BOX)], [SLIVER]), "", (3, 3)),
    ("parts that overlap", multi([ring(*BOX)], [ring((0.005, 0.005), (0.015, 0.005), (0.015, 0.015), (0.005, 0.005))]), "面无效|自动修复", (3, 2)),
    ("twice the same part", multi([ring(*BOX)], [ring(*BOX)]), "面无效|自动修复", (3, 2)),
    ("parts that cross themselves", multi([BOWTIE], [ring(*BOX)]), _INVALID, (3, 2)),
    ("no parts", multi(), "几何为空|缺|空", (3, 2)),
    ("a point", point(102, 25), f"{_NEEDS} Point", (3, 2)),
    ("a line", line([102, 25], [102.01, 25]), f"{_NEEDS} LineString", (3, 2)),
    ("a closed line", line(*ring(*BOX)), f"{_NEEDS} LineString", (3, 2)),
    ("points", {"type": "MultiPoint", "coordinates": [[102, 25], [102.01, 25]]}, f"{_NEEDS} MultiPoint", (3, 2)),
    ("lines", {"type": "MultiLineString", "coordinates": [ring(*BOX)]}, f"{_NEEDS} MultiLineString|{_NEEDS} LineString", (3, 2)),
    ("a collection", collection(polygon(ring(*BOX)), point(102, 25)), f"{_NEEDS} GeometryCollection", (3, 2)),
    ("a collection of one polygon", collection(polygon(ring(*BOX))), "", (3, 3)),
    ("a collection of nothing", collection(), "几何为空|缺|空", (3, 2)),
    ("collections in collections", collection(collection(collection(polygon(ring(*BOX))))), "需要面", (3, 2)),
    ("no geometry", None, "缺|空", (3, 2)),
    ("heights", polygon(ring(*((x, y, 1890.0) for x, y in BOX))), "", (3, 3)),
    ("heights and measures", polygon(ring(*((x, y, 1890.0, 7.0) for x, y in BOX))), "", (3, 3)),
    ("a height now and then", polygon([[102, 25], [102.01, 25, 5], [102.01, 25.01], [102, 25]]), "", (3, 3)),
    ("swapped axes", polygon([[y, x] for x, y in ring(*BOX)]), "经纬度可能颠倒", (3, 2)),
    ("at 0, 0", polygon([[x - 102, y - 25] for x, y in ring(*BOX)]), "0,0|超出范围", (3, 2)),
    ("metres", polygon([[500_000 + x * 1e5, 2_766_000 + y * 1e5] for x, y in BOX]), "像是投影坐标", (3, 2)),
    ("half in another country", polygon(ring((0, 0), (60, 0), (60, 1), (0, 0))), "经度超出范围", (3, 2)),
    ("round the world", polygon([[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]), "超出范围", (3, 2)),
    ("a number too large", polygon([[1e300, 25], [102.01, 25], [102.01, 25.01], [1e300, 25]]), "像是投影坐标|超出范围|有限", (3, 2)),
    ("20,000 vertices on one spot", polygon(ring(*[(0, 0)] * 20_000)), _INVALID, (3, 2)),
    ("a scribble of 3,000 strokes", polygon(ring(*[(n * 7919 % 3001 / 3e5, n * 3571 % 2999 / 3e5) for n in range(3000)], (0, 0))), "边界自相交太多", (3, 2)),
    ("a comb of 2,000 teeth that cross", polygon(ring(*[(n % 2 * 0.01, (n * 7 % 2000) * 5e-6) for n in range(2000)], (0, 0))), _INVALID, (3, 2)),
]  # fmt: skip
"""What is wrong with the polygon in the middle, what is said, rows read and loaded."""


def cases() -> list[Case]:
    good = [square(102.0, 25.0, 0.003), square(102.005, 25.0, 0.003)]
    found = []
    for name, shape, says, outcome in POLYGONS:
        features = [({"code": f"53010200100101{n}"}, each) for n, each in enumerate([good[0], shape, good[1]])]
        where = "2:geometry" if outcome == (3, 2) else ""
        found.append(
            Case("shapes", name, "grids", "格.geojson", geojson(*features).encode(), says, outcome, None, where)
        )
    lines = [
        ("a polygon", square(102, 25, 0.01), "需要线，得到 Polygon", (1, 0)),
        ("a point", point(102, 25), "需要线，得到 Point", (1, 0)),
        ("no length", line([102, 25], [102, 25]), "线的长度为零", (1, 0)),
        ("one vertex", line([102, 25]), "无法读取|空|零", (1, 0)),
        ("swapped axes", line([25, 102], [25.1, 102]), "经纬度可能颠倒", (1, 0)),
        ("no geometry", None, "缺|空", (1, 0)),
    ]
    for name, shape, says, outcome in lines:
        found.append(
            Case(
                "shapes",
                f"street {name}",
                "streets",
                "路.geojson",
                geojson(({"code": "W1"}, shape)).encode(),
                says,
                outcome,
                None,
                "1:geometry",
            )
        )
    for kind, shape in (
        ("stations", square(102, 25, 0.01)),
        ("stations", line([102, 25], [102.1, 25])),
        ("households", square(102, 25, 0.01)),
    ):
        cells = {key: value for key, value in row(kind, 11).items() if key not in ("lon", "lat")}
        found.append(
            Case(
                "shapes",
                f"{shape['type']} where a point is expected",
                kind,
                "点.geojson",
                geojson((cells, shape)).encode(),
                "需要点，得到",
                (1, 0),
                None,
                "1:geometry",
            )
        )
    return [*found, *_wkt(), *_together()]


def _wkt() -> list[Case]:
    written = [
        ("an open ring", "POLYGON((102 25,102.01 25,102.01 25.01))", _NO, (1, 0)),
        ("a curve polygon", "CURVEPOLYGON(CIRCULARSTRING(102 25,102.01 25.01,102.02 25,102.01 24.99,102 25))", _NO, (1, 0)),
        ("a compound curve", "CURVEPOLYGON(COMPOUNDCURVE((102 25,102.01 25),(102.01 25,102 25)))", _NO, (1, 0)),
        ("a surface of triangles", "TIN(((102 25,102.01 25,102.01 25.01,102 25)))", _NO, (1, 0)),
        ("nan", "POLYGON((nan 25,102.01 25,102.01 25.01,nan 25))", f"{_NO}|有限", (1, 0)),
        ("a word", "在五华山", _NO, (1, 0)),
        ("half a WKT", "POLYGON((102 25,102.01 25", _NO, (1, 0)),
        ("GeoJSON", json.dumps(square(102, 25, 0.01)), _NO, (1, 0)),
        ("empty", "POLYGON EMPTY", "几何为空", (1, 0)),
        ("blank", "", "缺|空", (1, 0)),
        ("with an SRID", "SRID=4326;POLYGON((102 25,102.01 25,102.01 25.01,102 25))", "几何无法读取", (1, 0)),
        ("5,000 brackets", "POLYGON" + "(" * 5000, _NO, (1, 0)),
        ("measures", "POLYGON M((102 25 1,102.01 25 1,102.01 25.01 1,102 25 1))", "", (1, 1)),
        ("heights", "POLYGON Z((102 25 1,102.01 25 1,102.01 25.01 1,102 25 1))", "", (1, 1)),
    ]  # fmt: skip
    return [
        Case("shapes", f"WKT {name}", "grids", "格.csv", csv([row("grids", 11, geometry=text)]), says, outcome, "EPSG:4326", "2:geometry" if outcome[1] == 0 else "")
        for name, text, says, outcome in written
    ]  # fmt: skip


def _together() -> list[Case]:
    """What is wrong between the features of a file."""
    overlapping = geojson(
        ({"code": "530102001001011"}, square(102, 25, 0.01)), ({"code": "530102001001012"}, square(102.005, 25, 0.01))
    )
    same = geojson(
        ({"code": "530102001001011"}, square(102, 25, 0.01)), ({"code": "530102001001012"}, square(102, 25, 0.01))
    )
    twice = geojson(
        ({"code": "530102001001011"}, square(102, 25, 0.01)), ({"code": "530102001001011"}, square(102.01, 25, 0.01))
    )
    numbered = geojson(
        *(
            (
                {"code": f"U{n if n < 948 else (n - 948) * 3}", "units": 3},
                point(102 + n % 31 * 0.0006, 25 + n // 31 * 0.0003),
            )
            for n in range(974)
        )
    )
    circle = polygon(
        [
            [102 + 0.01 * math.cos(n / 50_000 * math.tau), 25 + 0.01 * math.sin(n / 50_000 * math.tau)]
            for n in range(50_000)
        ]
        + [[102.01, 25]]
    )
    return [
        Case("shapes", "neighbours that overlap", "grids", "格.geojson", overlapping.encode(), "重叠", (2, 2), None),
        Case("shapes", "two grids on one place", "grids", "格.geojson", same.encode(), "重叠", (2, 2), None),
        Case("shapes", "one code twice", "grids", "格.geojson", twice.encode(), "与第 1 行重复", (2, 1), None, "2:code"),
        Case("shapes", "26 duplicate numbers in 974 units", "buildings", "楼.geojson", numbered.encode(), "与第 1 行重复", (974, 948), None, "949:code"),
        Case("shapes", "50,000 vertices", "grids", "格.geojson", geojson(({"code": "530102001001011"}, circle)).encode(), "", (1, 1), None),
    ]  # fmt: skip
