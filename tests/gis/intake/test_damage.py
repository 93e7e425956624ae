"""Damaged files: whatever happens to their bytes, there is a report or a message, never a traceback, and nothing half-written."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from gis.errors import Invalid
from gis.intake import run_import
from tests.gis.intake.conftest import TODAY, Importer
from tests.gis.intake.files import geojson, line, square, workbook

SHAPES = gpd.GeoDataFrame(
    {"编码": [f"B{i}" for i in range(20)], "名称": ["幸福里"] * 20},
    geometry=[shapely.box(102 + i / 100, 25, 102.005 + i / 100, 25.005) for i in range(20)],
    crs="EPSG:4326",
)
TABLE = [
    ["code", "name", "lon", "lat", "floors"],
    *[[f"B{i}", "一号", 102.0 + i / 100, 25.0, i] for i in range(20)],
]


def _csv(folder: Path) -> bytes:
    return "\n".join(",".join(map(str, record)) for record in TABLE).encode()


def _gpkg(folder: Path) -> bytes:
    SHAPES.to_file(folder / "whole.gpkg")
    return (folder / "whole.gpkg").read_bytes()


def _zip(folder: Path) -> bytes:
    SHAPES.to_file(folder / "whole.shp", encoding="gb18030")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for part in sorted(folder.glob("whole.*")):
            target.write(part, part.name)
    return packed.getvalue()


def _geojson(folder: Path) -> bytes:
    features = [({"code": f"B{i}", "name": "一号"}, square(102 + i / 100, 25, 0.005)) for i in range(20)]
    return geojson(*features, ({"code": "R"}, line([102, 25], [102.1, 25]))).encode()


def _osm(folder: Path) -> bytes:
    nodes = "".join(f"<node id='{i}' lon='{102 + i % 2 / 1000}' lat='{25 + i // 2 / 1000}'/>" for i in range(1, 9))
    ways = "".join(
        f"<way id='{k}'><nd ref='1'/><nd ref='2'/><nd ref='{k % 8 + 1}'/><nd ref='1'/><tag k='building' v='yes'/></way>"
        for k in range(10, 20)
    )
    return f"<osm version='0.6'>{nodes}{ways}</osm>".encode()


FILES: dict[str, Callable[[Path], bytes]] = {
    "f.csv": _csv,
    "f.xlsx": lambda folder: workbook(*TABLE),
    "f.gpkg": _gpkg,
    "f.zip": _zip,
    "f.geojson": _geojson,
    "f.osm": _osm,
}


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """Cut, overwrite, repeat or drop some bytes."""
    spoilt = bytearray(raw)
    for _ in range(chance.choice([1, 1, 3, 20])):
        at = chance.randrange(len(spoilt) or 1)
        match chance.randrange(5):
            case 0:
                spoilt[at : at + 1] = chance.randbytes(1)
            case 1:
                del spoilt[at : at + chance.choice([1, 10, 500])]
            case 2:
                spoilt[at:at] = spoilt[at : at + chance.choice([1, 10, 500])]
            case 3:
                del spoilt[at if at > len(spoilt) // 2 else len(spoilt) :]
            case 4:
                spoilt[at : at + 4] = chance.choice(
                    [b"\0\0\0\0", b"\xff\xff\xff\xff", b'"""\n', b",,,,", "编码".encode("gbk"), b"1e99"]
                )
    return bytes(spoilt)


@pytest.mark.parametrize("name", list(FILES))
def test_damaged_files_end_in_a_report_or_a_message(importer: Importer, tmp_path: Path, name: str) -> None:
    whole = FILES[name](tmp_path)
    assert importer.run("buildings", name, whole, crs="EPSG:4326", dry_run=True).loaded > 0
    chance = random.Random(name)
    outcomes = {"read": 0, "refused": 0}
    path = tmp_path / name
    with importer.store.owner_engine.connect() as connection, connection.begin() as transaction:
        for _ in range(60):
            path.write_bytes(damaged(whole, chance))
            try:
                report = run_import(connection, "buildings", path, crs="EPSG:4326", dry_run=True, today=TODAY)
            except Invalid as error:
                assert " / " in str(error)
                assert error.faults and all(fault.where for fault in error.faults)
                outcomes["refused"] += 1
            else:
                assert report.read == report.loaded + report.rejected
                outcomes["read"] += 1
            assert connection.exec_driver_sql("SELECT count(*) FROM buildings").scalar_one() == 0
        transaction.rollback()
    assert sum(outcomes.values()) == 60
