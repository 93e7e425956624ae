"""Tiles against a real PostGIS, decoded by GDAL: what is in them, where, how much, and that people are not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.services.snapshots import Snapshots
from gis.services.tile_cache import TileCache
from gis.services.tiles import BLOCK_SIDE, LAYERS, MAX_ZOOM, block, tile
from gis.store.journal import read_versions
from gis.store.session import Store

LON, LAT = 102.7143, 25.0387
"""A made-up place's middle; its tile at zoom 16 is (51466, 28057), worked out from the WebMercatorQuad formulas."""
Z, X, Y = 16, 51466, 28057

PLACE = """
INSERT INTO areas (code, name, level) VALUES ('530102001001', '甲社区', 'community');
INSERT INTO grids (code, name, community_id, geometry)
  SELECT '530102001001001', '甲网格', id, ST_Multi(ST_MakeEnvelope(102.7120, 25.0370, 102.7150, 25.0400, 4326)) FROM areas;
INSERT INTO grids (code, name, community_id, geometry, valid_from, valid_to)
  SELECT '530102001001009', '旧网格', id, ST_Multi(ST_MakeEnvelope(102.7120, 25.0370, 102.7150, 25.0400, 4326)), '2020-01-01', '2021-01-01' FROM areas;
INSERT INTO buildings (code, name, floors, geometry) VALUES
  ('B1', '一号楼', 7, ST_MakeEnvelope(102.7135, 25.0380, 102.7138, 25.0382, 4326)),
  ('B2', NULL, NULL, ST_SetSRID(ST_MakePoint(102.7140, 25.0390), 4326));
INSERT INTO streets (code, name, kind, bridge, geometry) VALUES
  ('S1', '人民路', 'primary', false, ST_SetSRID(ST_MakeLine(ST_MakePoint(102.7020, 25.0385), ST_MakePoint(102.7320, 25.0385)), 4326)),
  ('S2', NULL, 'footway', true, ST_SetSRID(ST_MakeLine(ST_MakePoint(102.7130, 25.0375), ST_MakePoint(102.7130, 25.0395)), 4326));
INSERT INTO backdrop (code, name, kind, geometry) VALUES
  ('W1', '盘龙江', 'water', ST_MakeEnvelope(102.7145, 25.0280, 102.7148, 25.0480, 4326)),
  ('G1', '翠湖', 'green', ST_MakeEnvelope(102.7122, 25.0372, 102.7126, 25.0376, 4326));
INSERT INTO stations (code, name, kind, geometry) VALUES ('T1', '幸福食堂', 'meal_hall', ST_SetSRID(ST_MakePoint(102.7137, 25.0387), 4326));
INSERT INTO station_services (station_id, kind, hours) SELECT id, unnest(ARRAY['meal', 'health']), '24/7' FROM stations;
INSERT INTO households (code, building_id, geometry, lon, lat, grid_id)
  SELECT 'H-SECRET', b.id, ST_SetSRID(ST_MakePoint(102.7136, 25.0381), 4326), 102.7136, 25.0381, g.id
  FROM buildings b, grids g WHERE b.code = 'B1' AND g.valid_to IS NULL;
INSERT INTO residents (key, household_id, birth_year, name, guardian_name) SELECT 'k', id, 1950, '张密密', '王密密' FROM households;
"""


@pytest.fixture
def place(store: Store) -> Store:
    with store.owner_session() as session:
        for statement in PLACE.split(";\n"):
            if statement.strip():
                session.execute(text(statement))
    return store


def decode(content: bytes, folder: Path, z: int = Z, x: int = X, y: int = Y) -> dict[str, gpd.GeoDataFrame]:
    """Return the layers of a tile in EPSG:4326, read by GDAL."""
    path = folder / str(z) / str(x) / f"{y}.pbf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if not content:
        return {}
    names = [row[0] for row in pyogrio.list_layers(path)]
    return {name: pyogrio.read_dataframe(path, layer=name, CLIP="NO").to_crs(4326) for name in names}


def as_service(place: Store) -> Session:
    return Session(place.service_engine)


def test_each_layer_holds_its_rows_where_they_are(place: Store, tmp_path: Path) -> None:
    with as_service(place) as session:
        base = decode(tile(session, "base", Z, X, Y), tmp_path)
        grids = decode(tile(session, "grids", Z, X, Y), tmp_path)
        stations = decode(tile(session, "stations", Z, X, Y), tmp_path)["stations"]
    assert set(base) == {"backdrop", "backdrop_names", "streets", "buildings", "building_names"}
    assert sorted(base["backdrop"]["kind"]) == ["green", "water"]
    assert sorted(base["backdrop_names"]["name"]) == ["盘龙江", "翠湖"]
    assert dict(zip(base["streets"]["kind"], base["streets"]["bridge"], strict=True)) == {
        "primary": False,
        "footway": True,
    }
    assert sorted(base["buildings"]["code"]) == ["B1", "B2"]
    assert list(base["building_names"]["name"]) == ["一号楼"]
    assert list(grids["grids"]["code"]) == ["530102001001001"], "a grid that has ended is not drawn"
    assert list(grids["grid_names"]["name"]) == ["甲网格"]
    assert list(stations["services"]) == ["health;meal"]
    station = stations.geometry.iloc[0]
    assert abs(station.x - 102.7137) < 1e-6 and abs(station.y - 25.0387) < 1e-6
    house = base["buildings"].set_index("code").geometry["B1"]
    expected = shapely.box(102.7135, 25.0380, 102.7138, 25.0382)
    assert house.symmetric_difference(expected).area < 0.02 * expected.area


def test_a_shape_reaches_into_the_buffer_and_is_cut_there(place: Store, tmp_path: Path) -> None:
    with as_service(place) as session:
        street = decode(tile(session, "streets", Z, X, Y), tmp_path)["streets"].set_index("kind").geometry["primary"]
    west, _, east, _ = street.bounds
    width = 360 / 2**Z
    assert west == pytest.approx(-180 + X * width - width * 96 / 4096, abs=width / 1000)
    assert east == pytest.approx(-180 + (X + 1) * width + width * 96 / 4096, abs=width / 1000)


def test_a_grid_is_named_where_its_name_has_room(place: Store, tmp_path: Path) -> None:
    """Its 300 m are some 17 pixels of a map that draws from tiles of zoom 12, and 70 of one that draws from 14; at 16 none is left out."""

    def drawn(z: int) -> dict[str, gpd.GeoDataFrame]:
        x, y = X >> (Z - z), Y >> (Z - z)
        return decode(tile(session, "grids", z, x, y), tmp_path, z, x, y)

    with as_service(place) as session:
        layers = {z: drawn(z) for z in (12, 14, 16)}
        session.rollback()
    assert [("grid_names" in layers[z], list(layers[z]["grids"].get("name", []))) for z in layers] == [
        (False, []), (True, ["甲网格"]), (True, ["甲网格"]),
    ]  # fmt: skip
    assert list(layers[12]["grids"]["code"]) == ["530102001001001"], "a map asks for the name of one that is pointed at"
    exact = shapely.box(102.7120, 25.0370, 102.7150, 25.0400)
    for z, layer in layers.items():
        step = 360 / 2**z / (512 if z < 14 else 4096)
        assert (
            layer["grids"]
            .geometry.iloc[0]
            .intersection(exact)
            .hausdorff_distance(exact.intersection(shapely.box(*layer["grids"].total_bounds)))
            < 1.5 * step
        ), "within the tile a corner is off by no more than rounding"


def test_grids_side_by_side_meet_without_a_gap_however_coarse(place: Store, tmp_path: Path) -> None:
    edge = [(102.7150 + 0.00004 * (i % 3), 25.0370 + 0.0001 * i) for i in range(31)]
    left = shapely.Polygon([(102.7120, 25.0370), *edge, (102.7120, 25.0400)])
    right = shapely.Polygon([(102.7180, 25.0400), *edge[::-1], (102.7180, 25.0370)])
    with place.owner_session() as session:
        session.execute(
            text("UPDATE grids SET geometry = ST_Multi(ST_GeomFromText(:wkt, 4326)) WHERE valid_to IS NULL"),
            {"wkt": left.wkt},
        )
        session.execute(
            text(
                "INSERT INTO grids (code, name, community_id, geometry) SELECT '530102001001002', '乙网格', id, ST_Multi(ST_GeomFromText(:wkt, 4326)) FROM areas"
            ),
            {"wkt": right.wkt},
        )
    x, y = X >> 4, Y >> 4
    with as_service(place) as session:
        one, other = decode(tile(session, "grids", 12, x, y), tmp_path, 12, x, y)["grids"].geometry
    pixel = 360 / 2**12 / 512
    seam = shapely.union_all([one, other])
    between = shapely.union_all([shapely.convex_hull(seam).difference(seam), one.intersection(other)])
    assert shapely.area(between) < 0.5 * pixel * 0.0030, "on average not half a pixel along their common edge"


def test_nothing_is_drawn_elsewhere(place: Store) -> None:
    with as_service(place) as session:
        assert [tile(session, layer, Z, X + 40, Y) for layer in LAYERS] == [b""] * len(LAYERS)


def test_small_things_wait_for_their_zoom(place: Store, tmp_path: Path) -> None:
    def kinds(z: int) -> set[str]:
        shift = Z - z
        x, y = X >> shift, Y >> shift
        layers = decode(tile(session, "base", z, x, y), tmp_path, z, x, y)
        streets = set(layers["streets"]["kind"]) if "streets" in layers else set()
        return streets | ({"building"} if "buildings" in layers else set())

    with as_service(place) as session:
        assert kinds(15) == {"primary", "footway", "building"}
        assert kinds(14) == {"primary", "building"}
        assert kinds(12) == {"primary"}
        assert kinds(9) == set()


def test_shapes_are_simplified_to_what_the_zoom_can_show(place: Store, tmp_path: Path) -> None:
    with place.owner_session() as session:
        session.execute(
            text(
                "UPDATE grids SET geometry = ST_Multi(ST_Buffer(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 0.001, 2000)) WHERE valid_to IS NULL"
            ),
            {"lon": LON, "lat": LAT},
        )
    with as_service(place) as session:
        far, near = (len(tile(session, "grids", z, X >> (Z - z), Y >> (Z - z))) for z in (12, 16))
        at_12 = decode(tile(session, "grids", 12, X >> 4, Y >> 4), tmp_path, 12, X >> 4, Y >> 4)["grids"].geometry.iloc[
            0
        ]
    assert far < 300 and near < 3000, "8,000 vertices are far more than a screen can show"
    circle = shapely.Point(LON, LAT).buffer(0.001)
    pixel = 360 / 2**12 / 512
    assert at_12.boundary.hausdorff_distance(circle.boundary) < 1.25 * pixel


def test_a_tile_is_bounded(place: Store) -> None:
    with place.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO stations (code, name, kind, geometry) SELECT 'N' || i, '站点', 'x', "
                "ST_SetSRID(ST_MakePoint(102.7137 + (i % 100) * 1e-6, 25.0387 + (i / 100) * 1e-6), 4326) FROM generate_series(1, 8000) i"
            )
        )
    with as_service(place) as session:
        assert len(tile(session, "stations", Z, X, Y)) < 200_000


def test_nobody_is_in_any_tile(place: Store) -> None:
    with as_service(place) as session:
        everything = b"".join(tile(session, layer, Z, X, Y) for layer in LAYERS)
    for secret in ("H-SECRET", "张密密", "王密密"):
        assert secret.encode() not in everything


@pytest.mark.parametrize(
    ("layer", "z", "x", "y"),
    [
        ("households", 16, X, Y),
        ("base", MAX_ZOOM + 1, 0, 0),
        ("base", -1, 0, 0),
        ("base", 3, 8, 0),
        ("base", 3, 0, -1),
    ],
)
def test_what_is_not_a_tile_is_refused(place: Store, layer: str, z: int, x: int, y: int) -> None:
    with as_service(place) as session, pytest.raises(NotFound):
        tile(session, layer, z, x, y)


def test_the_whole_world_is_a_tile(place: Store) -> None:
    with as_service(place) as session:
        assert isinstance(tile(session, "grids", 0, 0, 0), bytes)
        assert isinstance(tile(session, "base", MAX_ZOOM, 2**MAX_ZOOM - 1, 2**MAX_ZOOM - 1), bytes)


def test_a_block_holds_the_very_tiles_that_are_asked_for_one_by_one(place: Store) -> None:
    with as_service(place) as session:
        for layer in LAYERS:
            for z in (0, 1, 14, Z):
                x, y = X >> (Z - z), Y >> (Z - z)
                found = block(session, layer, z, x, y)
                side = min(BLOCK_SIDE, 2**z)
                assert len(found) == side * side
                assert found[x, y] == tile(session, layer, z, x, y), layer
                if z == Z:
                    assert all(content == tile(session, layer, z, *at) for at, content in found.items()), layer


def test_a_kept_tile_is_made_again_when_what_it_shows_has_changed_and_not_for_anything_else(
    place: Store,
) -> None:
    cache, asked = TileCache(Snapshots(), lambda _: None), []

    @contextmanager
    def opened() -> Iterator[Session]:
        asked.append(1)
        with as_service(place) as session:
            yield session

    def get(layer: str) -> tuple[bytes, bool]:
        """Return a tile, and whether the database made it for that."""
        with as_service(place) as session:
            place.journal.offer(read_versions(session, place.journal.clock))  # as the listener does at every notice
        asked.clear()
        return cache.tile(place.journal, opened, layer, Z, X, Y).content, bool(asked)

    before = {layer: get(layer)[0] for layer in LAYERS}
    assert not any(get(layer)[1] for layer in LAYERS)
    with place.owner_session() as session:
        session.execute(text("UPDATE streets SET name = '新名路' WHERE code = 'S1'"))
        session.execute(text("UPDATE residents SET name = '李密密'"))
    after = {layer: get(layer) for layer in LAYERS}
    assert {layer for layer in LAYERS if after[layer][1]} == {"base", "streets"}
    assert "新名路".encode() in after["streets"][0]
    assert "新名路".encode() not in before["streets"]
    assert cache.at_hand(place.journal, f"grids/{Z}/{X}/{Y}") is not None
    place.journal.committed()
    assert cache.at_hand(place.journal, f"grids/{Z}/{X}/{Y}") is None, (
        "after a commit of its own the process asks first"
    )


def test_no_more_is_kept_than_is_allowed(place: Store) -> None:
    cache = TileCache(Snapshots(), lambda _: None, most_bytes=20 * 600)
    for x in range(0, 40, BLOCK_SIDE):
        cache.tile(place.journal, lambda: as_service(place), "grids", Z, x, 0)
    assert cache._bytes <= 20 * 600
    assert cache._bytes == sum(tile.size for tile in cache._kept.values())


def test_a_tile_that_is_asked_for_outlasts_those_that_nobody_wants(place: Store) -> None:
    """However it was answered: what lies ready is answered without passing the lock."""
    cache = TileCache(Snapshots(), lambda _: None, most_bytes=20 * 600)
    wanted = f"grids/{Z}/{X}/{Y}"

    def ask(x: int, y: int) -> None:
        cache.tile(place.journal, lambda: place.session(None), "grids", Z, x, y)

    ask(X, Y)
    for step in range(1, 20):
        with place.session(None) as session:
            place.journal.offer(read_versions(session, place.journal.clock))
        assert cache.at_hand(place.journal, wanted) is not None, step
        ask(X + step * BLOCK_SIDE, Y)
    assert cache.at_hand(place.journal, f"grids/{Z}/{X + BLOCK_SIDE}/{Y}") is None
