"""Buildings and streets store the same whether their indexes are made last or stay."""

from __future__ import annotations

import pytest

from gis.intake import guards
from gis.intake.kinds import buildings as kind
from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import geojson, point, square, two_grids

STORED = {
    "buildings": "SELECT b.code, b.name, b.floors, c.code, g.code, ST_AsEWKT(b.geometry), b.lon, b.lat, b.version FROM buildings b "
    "LEFT JOIN compounds c ON c.id = b.compound_id LEFT JOIN grids g ON g.id = b.grid_id ORDER BY b.code",
    "streets": "SELECT code, name, kind, foot, bridge, layer, ST_AsEWKT(geometry) FROM streets ORDER BY code",
}
FILES = {
    "buildings": geojson(
        *(
            ({"code": f"B{n}", "compound": f"C{n % 3}" if n % 4 else None}, square(102.0005 + n / 2000, 25.004, 0.0004))
            for n in range(50)
        ),
        ({"code": "P"}, point(103, 25)),
    ),
    "streets": geojson(
        (
            {"code": "S1", "kind": "支路", "name": "一路"},
            {"type": "LineString", "coordinates": [[102, 25], [102.01, 25]]},
        ),
        (
            {"code": "S2", "kind": "steps", "foot": "YES", "layer": 1},
            {"type": "MultiLineString", "coordinates": [[[102, 25], [102.01, 25]], [[102, 25.1], [102.01, 25.1]]]},
        ),
        ({"code": "S2~part1", "kind": "path"}, {"type": "LineString", "coordinates": [[102, 26], [102.01, 26]]}),
        ({"code": None, "kind": "path"}, {"type": "LineString", "coordinates": [[102, 27], [102.01, 27]]}),
    ),
}


def both(
    importer: Importer, name: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    importer.ok("grids", "g.geojson", two_grids())
    said = importer.ok(name, "f.geojson", FILES[name]).notices
    staged = importer.rows(STORED[name])
    with importer.store.owner_engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {name}, compounds CASCADE")
    monkeypatch.setattr(guards, "_MANY_ROWS", 1)
    made: list[str] = []
    make = guards.Guards.make
    monkeypatch.setattr(guards.Guards, "make", lambda self: (made.append(name), make(self))[1])
    assert importer.ok(name, "f.geojson", FILES[name]).notices == said
    assert made == [name]
    return staged, importer.rows(STORED[name])


@pytest.mark.parametrize("name", ["buildings", "streets"])
def test_both_ways_store_the_same(importer: Importer, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    kept, last = both(importer, name, monkeypatch)
    assert last == kept
    importer.ok(name, "f.geojson", FILES[name])
    assert importer.rows(STORED[name]) == last, "the same file again changes nothing"


@pytest.mark.parametrize("many", [False, True])
def test_a_point_that_the_database_finds_elsewhere_decides(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    """Another GEOS may find another point on a shape: the stored one decides."""
    if many:
        monkeypatch.setattr(guards, "_MANY_ROWS", 1)
    importer.ok("grids", "g.geojson", two_grids())
    importer.ok("buildings", "f.geojson", FILES["buildings"])
    rightly = importer.rows(STORED["buildings"])
    with importer.store.owner_engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE buildings, compounds CASCADE")
    monkeypatch.setattr(
        kind.shapely, "point_on_surface", lambda shapes: kind.shapely.points([[102.0195, 25.004]] * len(shapes))
    )
    versions = []
    for _ in range(2):
        importer.ok("buildings", "f.geojson", FILES["buildings"])
        found = importer.rows(STORED["buildings"])
        assert [row[:-1] for row in found] == [row[:-1] for row in rightly]
        versions.append([row[-1] for row in found])
    assert versions[0] == versions[1], "the same file again changes nothing"
