"""Water and green."""

from __future__ import annotations

from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import geojson, line, point, square


def test_areas_and_lines(importer: Importer) -> None:
    content = geojson(
        ({"类别": "水域", "名称": "盘龙江"}, line([102, 25], [102.01, 25])),
        ({"类别": "green"}, square(102, 25, 0.01)),
    )
    importer.ok("backdrop", "b.geojson", content)
    importer.ok("backdrop", "b.geojson", content)
    shown = "SELECT kind, name, GeometryType(geometry), starts_with(code, 'geo:') FROM backdrop ORDER BY kind"
    assert importer.rows(shown) == [("green", None, "POLYGON", True), ("water", "盘龙江", "LINESTRING", True)]


def test_bad_parts(importer: Importer) -> None:
    content = geojson(
        ({"kind": "road"}, square(102, 25, 0.01)),
        ({"kind": "water"}, point(102, 25)),
        ({"kind": None}, square(102, 25, 0.01)),
    )
    report = importer.run("backdrop", "b.geojson", content)
    assert [fault.where.split(":", 1)[1] for fault in report.faults] == ["1:kind", "2:geometry", "3:kind"]
