"""A small place drawn by hand, in metres round (500 000, 2 770 000) of zone 34 (EPSG:4543), so that answers can be worked out on paper.

Two grids side by side, G1 from x = 0 to 1000 and G2 from 1000 to 3000 (y = 0 to 1000):

    building B1 at (100, 500): 6 households in G1, 2 elders and 1 child in each
    building B2 at (1900, 500): 8 households in G2, 1 elder in each
    building B3 at (2900, 500): 7 households in G2, 1 child in each
    household H900 with its own position (5000, 500): outside every grid
    household H901: no position

Station S1 at (100, 500) offers meals on weekdays 11:00-13:00 and health at all hours; S2 at (1900, 100) offers day care.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.crs import MetricCRS
from gis.services import import_queue
from gis.services.import_spool import Spool
from gis.services.snapshots import Snapshots
from gis.store.assigning import assign
from gis.store.session import Store
from gis.store.vault import vault_of

METRIC = MetricCRS("EPSG:4543")
ORIGIN = np.array([500_000.0, 2_770_000.0])
G1, G2 = "539901001001001", "539901001001002"


def lonlat(x_m: float, y_m: float) -> tuple[float, float]:
    lon, lat = METRIC.to_lonlat(np.array([ORIGIN[0] + x_m]), np.array([ORIGIN[1] + y_m]))
    return float(lon[0]), float(lat[0])


def ring(*corners: tuple[float, float]) -> shapely.Polygon:
    return shapely.Polygon([lonlat(x, y) for x, y in corners])


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return ring((west, south), (east, south), (east, north), (west, north))


@pytest.fixture
def place(store: Store) -> Store:
    with store.owner_session() as session:
        session.execute(text("INSERT INTO place (metric_crs) VALUES ('EPSG:4543')"))
        session.execute(
            text(
                "INSERT INTO areas (code, name, level) VALUES ('539901000000', '甲区', 'county'), "
                "('539901001000', '乙街道', 'township'), ('539901001001', '丙社区', 'community')"
            )
        )
        for code, name, shape in (
            (G1, "一网格", box(0, 0, 1000, 1000)),
            (G2, "二网格", box(1000, 0, 3000, 1000)),
        ):
            session.execute(
                text(
                    "INSERT INTO grids (code, name, community_id, geometry) SELECT :code, :name, id, "
                    "ST_Multi(ST_GeomFromWKB(:shape, 4326)) FROM areas WHERE level = 'community'"
                ),
                {"code": code, "name": name, "shape": shapely.to_wkb(shape)},
            )
        number = 0
        for code, x_m, homes, elders, children in (
            ("B1", 100, 6, 2, 1),
            ("B2", 1900, 8, 1, 0),
            ("B3", 2900, 7, 0, 1),
        ):
            add_building(session, code, x_m, 500)
            for _ in range(homes):
                number += 1
                add_household(session, f"H{number:03d}", code, elders, children)
        lon, lat = lonlat(5000, 500)
        session.execute(
            text(
                "INSERT INTO households (code, own_position, geometry, lon, lat, grid_reason) VALUES "
                "('H900', true, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :lon, :lat, 'outside every grid')"
            ),
            {"lon": lon, "lat": lat},
        )
        session.execute(text("INSERT INTO households (code, grid_reason) VALUES ('H901', 'no position')"))
        for code, x_m, y_m, services in (
            ("S1", 100, 500, [("meal", "Mo-Fr 11:00-13:00"), ("health", "24/7")]),
            ("S2", 1900, 100, [("day_care", "24/7")]),
        ):
            add_station(session, code, x_m, y_m, services)
        session.execute(
            text(
                "INSERT INTO accounts (name, password_hash, role) SELECT r, '', r FROM unnest(ARRAY['admin', 'planner', 'worker', 'screen']) r"
            )
        )
        assign(session.connection())
    return store


@pytest.fixture
def session(place: Store) -> Session:
    with place.session(account(place, "admin")) as opened:
        yield opened


@pytest.fixture
def snapshots() -> Snapshots:
    return Snapshots()


def account(store: Store, name: str) -> int:
    with store.owner_session() as session:
        return session.execute(text("SELECT id FROM accounts WHERE name = :name"), {"name": name}).scalar_one()


def add_building(session: Session, code: str, x_m: float, y_m: float) -> None:
    lon, lat = lonlat(x_m, y_m)
    session.execute(
        text(
            "INSERT INTO buildings (code, name, geometry) VALUES (:code, :code, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326))"
        ),
        {"code": code, "lon": lon, "lat": lat},
    )


def add_household(session: Session, code: str, building: str, elders: int, children: int) -> None:
    session.execute(
        text(
            "INSERT INTO households (code, building_id, geometry, lon, lat, colour, grid_reason) "
            "SELECT :code, id, ST_SetSRID(ST_MakePoint(lon, lat), 4326), lon, lat, 'green', 'outside every grid' "
            "FROM buildings WHERE code = :building"
        ),
        {"code": code, "building": building},
    )
    vault = vault_of(session)
    people = [(1950, ["living_alone"])] * elders + [(2020, [])] * children + [(1990, [])]
    for number, (year, flags) in enumerate(people):
        session.execute(
            text(
                "INSERT INTO residents (key, household_id, birth_year, name, phone_sealed, phone_hash, care_flags) "
                "SELECT :key, id, :year, '某人', :sealed, :hash, :flags FROM households WHERE code = :code"
            ),
            {
                "key": f"{code}/{number}",
                "year": year,
                "flags": flags,
                "code": code,
                "sealed": vault.seal_one("residents.phone_sealed", f"{code}/{number}", "19900001234"),
                "hash": vault.search.phone("19900001234"),
            },
        )


def add_station(session: Session, code: str, x_m: float, y_m: float, services: list[tuple[str, str]]) -> None:
    lon, lat = lonlat(x_m, y_m)
    session.execute(
        text(
            "INSERT INTO stations (code, name, kind, geometry) VALUES (:code, :code, '养老服务站', "
            "ST_SetSRID(ST_MakePoint(:lon, :lat), 4326))"
        ),
        {"code": code, "lon": lon, "lat": lat},
    )
    for kind, hours in services:
        session.execute(
            text(
                "INSERT INTO station_services (station_id, kind, hours) SELECT id, :kind, :hours FROM stations WHERE code = :code"
            ),
            {"code": code, "kind": kind, "hours": hours},
        )


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Spool]:
    """Give the private folder; at the end nothing may be left in it."""
    with Spool(tmp_path / "data") as opened:
        yield opened
        left = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and path.name != ".in-use"]
        assert left == []
    assert list((tmp_path / "data" / "spool").iterdir()) == []


@pytest.fixture
def run(folders: Spool):
    """Give a function that runs the next import."""
    return lambda store, **more: import_queue.run_next(store, folders, **more)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> object:
    from tests.gis.services.importing import Slow

    stand_in = Slow()
    monkeypatch.setattr(import_queue, "run_import", stand_in)
    return stand_in
