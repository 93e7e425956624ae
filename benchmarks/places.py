"""Filled places, each with a service on it, to be asked as people of each role ask."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pandas as pd
import psycopg
import shapely
from sqlalchemy import text

from benchmarks.servers import free_port, linli, serving
from benchmarks.year import fill_events, without_indexes
from fixtures.city import SyntheticCity
from gis.services.sign_ins import digest
from gis.store.assigning import assign
from gis.store.bulk import copy_frame
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store

PASSWORD = "measure-by-the-minute"
_RESIDENTS = """
INSERT INTO residents (key, household_id, birth_year, care_flags)
SELECT h.code || '/' || n, h.id, 1930 + (h.id * 7 + n * 31) % 95, CASE WHEN (h.id + n) % 20 = 0 THEN ARRAY['living_alone'] ELSE '{}' END
FROM households h CROSS JOIN generate_series(1, 3) n
"""
_NEEDS = """
INSERT INTO needs (household_id, service, opened_on, closed_on)
SELECT h.id, (ARRAY['meal', 'health', 'errand'])[1 + h.id % 3], current_date - (h.id % 360)::integer, CASE WHEN h.id % 5 > 0 THEN current_date - (h.id % 90)::integer END
FROM households h WHERE h.id % 20 = 0 AND (h.id % 5 = 0 OR h.id % 360 > h.id % 90)
"""


@dataclass(frozen=True)
class Place:
    """A filled database and a service on it; tokens by role."""

    store: Store
    city: SyntheticCity
    address: str
    env: dict[str, str]
    tokens: dict[str, str]
    township: str
    events: int = 0

    def client(self, role: str, address: str | None = None) -> httpx.Client:
        """Return a client that is signed in."""
        return httpx.Client(
            base_url=address or self.address, headers={"Authorization": f"Bearer {self.tokens[role]}"}, timeout=300
        )

    @property
    def summary(self) -> str:
        """The wall of a township of 40 communities, whatever the size of the place."""
        return f"/api/screen/summary?area={self.township}"


@contextlib.contextmanager
def place(
    server: EmbeddedServer,
    folder: Path,
    name: str,
    city: SyntheticCity,
    filled: Callable[[Store, SyntheticCity], dict[str, str]],
) -> Iterator[Place]:
    """Fill a database of its own with ``filled``, which returns tokens by role, and serve it."""
    with psycopg.connect(server.url(database="postgres").replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(f"bench_{name}")))
    urls = server.url(database=f"bench_{name}"), server.url(user=SERVICE_ROLE, database=f"bench_{name}")
    store = Store(*urls)
    store.migrate()
    tokens = filled(store, city)
    env = {
        "LINLI_DATABASE_URL": urls[0], "LINLI_SERVICE_DATABASE_URL": urls[1],
        "LINLI_DATA_DIR": str(folder / name), "LINLI_ADMIN_PASSWORD": PASSWORD,
    }  # fmt: skip
    port = free_port()
    try:
        with serving(linli(port), port, "/api/ready", env) as address:
            township = city.grids["code"].iloc[0][:9] + "000"
            yield Place(store, city, address, env, tokens, township)
    finally:
        store.close()


def fill(store: Store, city: SyntheticCity, events: int = 0) -> dict[str, str]:
    """Write areas, grids, households with three people each, needs, stations, three accounts and a year of events; return the tokens."""
    codes = city.grids["code"].to_numpy()
    shapes = shapely.multipolygons([[shape] for shape in city.grids.geometry])
    with store.owner_engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # all is marked as due from the start
        connection.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
        connection.execute(text("INSERT INTO place (metric_crs) VALUES ('EPSG:4543')"))
        areas = {code[:12]: "community" for code in codes} | {code[:9] + "000": "township" for code in codes}
        copy_frame(
            connection, "areas", pd.DataFrame({"code": list(areas), "name": list(areas), "level": list(areas.values())})
        )
        known = {row[0]: row[1] for row in connection.execute(text("SELECT code, id FROM areas"))}
        copy_frame(connection, "grids", pd.DataFrame({
            "code": codes, "name": city.grids["name"], "community_id": [known[code[:12]] for code in codes], "geometry": hexed(shapes),
        }))  # fmt: skip
        with without_indexes(connection, "households"):
            copy_frame(connection, "households", pd.DataFrame({
                "code": city.codes, "own_position": True, "lon": city.lon, "lat": city.lat, "geometry": hexed(shapely.points(city.lon, city.lat)),
                "colour": "green", "grid_reason": "outside every grid",
            }))  # fmt: skip
            assign(connection)
        with without_indexes(connection, "residents"):
            connection.execute(text(_RESIDENTS))
        connection.execute(text(_NEEDS))
        connection.execute(text(
            "INSERT INTO stations (code, name, kind, geometry) SELECT 'S' || n, '站' || n, '邻里驿站', ST_PointOnSurface(geometry) FROM "
            "(SELECT geometry, row_number() OVER (ORDER BY code) AS n FROM grids) g WHERE n % 20 = 1"
        ))  # fmt: skip
        connection.execute(
            text(
                "INSERT INTO station_services (station_id, kind) SELECT id, k FROM stations, unnest(ARRAY['meal', 'health', 'rest']) k"
            )
        )
    tokens = signed_in(store, "planner", "screen", "worker")
    if events:
        fill_events(store, events)
    return tokens


def signed_in(store: Store, *roles: str) -> dict[str, str]:
    """Make an account of each role with a session, tidy the tables, and return the tokens by role."""
    tokens = {}
    with store.owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for role in roles:
            tokens[role] = secrets.token_urlsafe()
            connection.execute(
                text("INSERT INTO accounts (name, password_hash, role) VALUES (:role, '', :role)"), {"role": role}
            )
            connection.execute(
                text(
                    "INSERT INTO sessions (account_id, token_digest, expires_at) SELECT id, :digest, now() + interval '1 day' FROM accounts WHERE name = :role"
                ),
                {"digest": digest(tokens[role]), "role": role},
            )
        connection.execute(text("VACUUM ANALYZE"))
    return tokens


def event(place: Place, number: int = 0) -> dict[str, Any]:
    """Return an event in one of the township's grids."""
    grids = place.city.grids[place.city.grids["code"].str.startswith(place.township[:9])]
    at = grids.geometry.iloc[number % len(grids)].representative_point()
    return {"id": str(uuid4()), "kind": "facility", "title": "路灯不亮", "lon": at.x, "lat": at.y}


def settled(place: Place) -> bool:
    """Tell whether all counts are kept."""
    with place.store.owner_session() as session:
        return session.execute(text("SELECT count(*) FROM grid_counts_due")).scalar_one() == 0


def until(condition: Callable[[], bool], limit_s: float = 300) -> None:
    """Wait for something."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.1)


def hexed(shapes: np.ndarray) -> np.ndarray:
    """Return geometries as hexadecimal EWKB in EPSG:4326."""
    return shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True)
