"""Small files made for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from openpyxl import Workbook

COMMUNITY = "530102001001"
WEST, EAST = COMMUNITY + "001", COMMUNITY + "002"


def square(x: float, y: float, side: float) -> dict[str, Any]:
    """A polygon with its lower left corner at x, y."""
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def point(x: float, y: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [x, y]}


def line(*xy: Sequence[float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": [list(pair) for pair in xy]}


def geojson(*features: tuple[dict[str, Any], dict[str, Any] | None], crs: str | None = None) -> str:
    """A FeatureCollection of (properties, geometry)."""
    collection: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": p, "geometry": g} for p, g in features],
    }
    if crs:
        collection["crs"] = {"type": "name", "properties": {"name": crs}}
    return json.dumps(collection, ensure_ascii=False)


def two_grids() -> str:
    """Two squares side by side: 102.00–102.01 and 102.01–102.02 E, 25.00–25.01 N."""
    return geojson(
        ({"code": WEST, "name": "西"}, square(102.0, 25.0, 0.01)),
        ({"code": EAST, "name": "东"}, square(102.01, 25.0, 0.01)),
    )


BUILDINGS = "code,lon,lat\nB1,102.005,25.005\nB2,102.015,25.005\n"
HOUSEHOLDS = "code,building\nH1,B1\nH2,B1\nH3,B2\n"


def workbook(*records: Sequence[Any], title: str = "Sheet1") -> bytes:
    """An XLSX of one sheet."""
    book = Workbook()
    sheet = book.active
    sheet.title = title
    for record in records:
        sheet.append(list(record))
    return saved(book)


def saved(book: Workbook) -> bytes:
    target = BytesIO()
    book.save(target)
    return target.getvalue()
