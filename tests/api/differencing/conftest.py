"""The town stands in for the small place of tests/gis/services."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gis.store.assigning import assign
from gis.store.session import Store
from tests.api.conftest import password_hash
from tests.api.differencing.town import AREAS, Town, add_homes
from tests.gis.services.conftest import add_station, box


@pytest.fixture
def place(store: Store) -> Store:
    """Stand in for the small place of tests/gis/services: six grids in two communities, five buildings each, few people in any."""
    random = np.random.default_rng(20)
    town = Town([], [], [], [], Counter())
    with store.owner_session() as session:
        session.execute(text("INSERT INTO place (metric_crs) VALUES ('EPSG:4543')"))
        for level, code in zip(("county", "township", "community", "community"), AREAS.values(), strict=True):
            session.execute(
                text("INSERT INTO areas (code, name, level) VALUES (:code, :code, :level)"),
                {"code": code, "level": level},
            )
        for i in range(6):
            community = AREAS["community"] if i < 3 else AREAS["other"]
            town.grids.append(f"{community}{i % 3 + 1:03d}")
            session.execute(
                text(
                    "INSERT INTO grids (code, name, community_id, geometry) SELECT :code, :code, id, "
                    "ST_Multi(ST_GeomFromWKB(:shape, 4326)) FROM areas WHERE code = :community"
                ),
                {
                    "code": town.grids[i],
                    "community": community,
                    "shape": shapely.to_wkb(box(i * 1000, 0, i * 1000 + 1000, 1000)),
                },
            )
            for j in range(5):
                add_homes(session, town, i, i * 1000 + 100 + j * 200, random)
        add_station(session, "S1", 250, 500, [("meal", "24/7"), ("health", "24/7")])
        add_station(session, "S2", 4100, 500, [("meal", "24/7")])
        session.execute(
            text(
                "INSERT INTO accounts (name, password_hash, role) SELECT r, '', r FROM unnest(ARRAY['admin', 'planner', 'worker', 'screen']) r"
            )
        )
        assign(session.connection())
    store.town = town  # type: ignore[attr-defined]
    return store


@pytest.fixture
def peopled(place: Store) -> Store:
    with place.owner_session() as session:
        session.execute(text("UPDATE accounts SET password_hash = :hash"), {"hash": password_hash()})
    return place


@pytest.fixture
def town(place: Store) -> Town:
    return place.town  # type: ignore[attr-defined, no-any-return]
