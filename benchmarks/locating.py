"""Look-ups over HTTP and a moved boundary: a city of 1,000,000 households, 4,000 grids, 30,000 buildings, in the real service."""

from __future__ import annotations

import contextlib
import gc
import http.client
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import numpy as np
import orjson
import pandas as pd
import shapely
from shapely.geometry import mapping
from sqlalchemy import make_url, text

from benchmarks.measure import RUNS, Line, console, in_turn, show
from benchmarks.places import hexed
from benchmarks.servers import CONNECTIONS, free_port, in_turn_a_request, linli, serving, uvicorn
from fixtures.city import SyntheticCity, synthetic_city
from gis.grids.assignment import GridIndex
from gis.store.assigning import assign
from gis.store.bulk import copy_frame
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store

HOUSEHOLDS, GRIDS, BUILDINGS, POINTS, ASKED = 1_000_000, 4_000, 30_000, 100_000, 2_000
PASSWORD = "measure-by-the-minute"
STRIP_DEG = 0.0004
"""About 40 m."""


@dataclass(frozen=True)
class Place:
    """The city in the store, and two processes of the service on it with an administrator's token."""

    city: SyntheticCity
    store: Store
    address: str
    other: str
    token: str
    database: str
    folder: Path

    def client(self, address: str | None = None) -> httpx.Client:
        """Return a client that is signed in."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=address or self.address, headers=headers, timeout=120)


def main() -> None:
    """Measure and print."""
    with running() as place:
        one_position(place)
        many_positions(place)
        moved_boundary(place)


@contextlib.contextmanager
def running() -> Iterator[Place]:
    """Fill a database and serve it twice."""
    city = synthetic_city(HOUSEHOLDS, GRIDS, seed=1)
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedServer.start(folder / "data") as server:
            store = Store(server.url(), server.url(user=SERVICE_ROLE))
            store.migrate()
            fill(store, city)
            env = {"LINLI_DATA_DIR": str(folder / "data"), "LINLI_ADMIN_PASSWORD": PASSWORD}
            one, two = free_port(), free_port()
            with (
                serving(linli(one), one, "/api/ready", env) as first,
                serving(linli(two), two, "/api/ready", env) as second,
            ):
                signed = httpx.post(
                    first + "/api/session", json={"username": "admin", "password": PASSWORD}, timeout=60
                )
                token = signed.raise_for_status().json()["access_token"]
                yield Place(city, store, first, second, token, server.url(), folder)
            store.close()


def fill(store: Store, city: SyntheticCity) -> None:
    """Write grids, households and buildings (6 × 12 m) into the tables, and assign them."""
    codes, shapes = city.grids["code"].to_numpy(), city.grids.geometry.to_numpy()
    homes = np.random.default_rng(3).integers(0, len(city.codes), BUILDINGS)
    lon, lat = city.lon[homes], city.lat[homes]
    footprints = shapely.box(lon - 3e-5, lat - 6e-5, lon + 3e-5, lat + 6e-5)
    names = [f"B{number:06d}" for number in range(BUILDINGS)]
    with store.owner_engine.begin() as connection:
        connection.execute(text("INSERT INTO place (metric_crs) VALUES ('EPSG:4543')"))
        areas = sorted({code[:12] for code in codes})
        copy_frame(connection, "areas", pd.DataFrame({"code": areas, "name": areas, "level": "community"}))
        known = dict(connection.execute(text("SELECT code, id FROM areas")).all())
        grids = {
            "code": codes,
            "name": city.grids["name"],
            "community_id": [known[code[:12]] for code in codes],
        }
        copy_frame(
            connection,
            "grids",
            pd.DataFrame({**grids, "geometry": hexed(shapely.multipolygons([[s] for s in shapes]))}),
        )
        points = hexed(shapely.points(city.lon, city.lat))
        households = {
            "code": city.codes,
            "own_position": True,
            "lon": city.lon,
            "lat": city.lat,
            "geometry": points,
        }
        copy_frame(connection, "households", pd.DataFrame({**households, "grid_reason": "outside every grid"}))
        copy_frame(
            connection,
            "buildings",
            pd.DataFrame({"code": names, "name": names, "geometry": hexed(footprints)}),
        )
        assign(connection)
    with store.owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def one_position(place: Place) -> None:
    """``GET /api/grids/locate``, signed in, against an empty answer of FastAPI and tipg's filter by point."""
    inside = np.flatnonzero(
        GridIndex(place.city.grids.geometry.to_numpy(), list(place.city.grids["code"])).assign(
            place.city.lon, place.city.lat
        )
        >= 0
    )
    places = [(place.city.lon[i], place.city.lat[i]) for i in inside[:: len(inside) // ASKED]]
    ours = [f"/api/grids/locate?lon={lon:.7f}&lat={lat:.7f}" for lon, lat in places]
    filters = [quote(f"S_INTERSECTS(geometry,POINT({lon:.7f} {lat:.7f}))") for lon, lat in places]
    theirs = [f"/collections/public.grids/items?filter-lang=cql2-text&limit=1&filter={each}" for each in filters]
    database = make_url(place.database)
    dsn = f"postgresql://{database.username}@{quote(str(database.query['host']), safe='')}:{database.query['port']}/{database.database}"
    one, two = free_port(), free_port()
    with (
        serving(uvicorn("benchmarks.empty:app", one), one, "/") as empty,
        serving(uvicorn("tipg.main:app", two), two, theirs[0], {"DATABASE_URL": dsn}) as tipg,
    ):
        same_answers(place, tipg, ours[:20], theirs[:20])
        loads = [(place.address, ours, place.token), (empty, ["/"], ""), (tipg, theirs, "")]
        ours_s, empty_s, tipg_s = in_turn_a_request(loads, place.folder, RUNS)
    show(
        f"GET /api/grids/locate, signed in, one core, {CONNECTIONS} connections; seconds for 1,000 requests "
        f"({1 / ours_s:,.0f}/s, empty {1 / empty_s:,.0f}/s, tipg {1 / tipg_s:,.0f}/s)",
        [
            Line("locate", "an empty answer of FastAPI", ours_s * 1000, empty_s * 1000, 0.8),
            Line("locate", "tipg, filter by point", ours_s * 1000, tipg_s * 1000, 8),
        ],
    )


def same_answers(place: Place, tipg: str, ours: list[str], theirs: list[str]) -> None:
    """Make sure that both answer the same question."""
    with place.client() as client:
        for path, peer in zip(ours, theirs, strict=True):
            code = client.get(path).raise_for_status().json()["grid"]["code"]
            found = httpx.get(tipg + peer, timeout=60).raise_for_status().json()["features"][0]["properties"]["code"]
            if code != found:
                raise AssertionError(f"{path}: {code}, {found}")


def many_positions(place: Place) -> None:
    """``POST /api/grids/locate`` with 100,000 points, against parsing the same body and assigning the same points in memory."""
    points = np.column_stack([place.city.lon[:POINTS], place.city.lat[:POINTS]])
    body = orjson.dumps({"points": points.tolist()})
    index = GridIndex(place.city.grids.geometry.to_numpy(), place.city.grids["code"].tolist())
    at = urlsplit(place.address)
    connection = http.client.HTTPConnection(str(at.hostname), at.port)
    headers = {"Authorization": f"Bearer {place.token}", "Content-Type": "application/json"}

    def ours() -> bytes:
        connection.request("POST", "/api/grids/locate", body, headers)
        return connection.getresponse().read()

    def limit() -> None:
        orjson.loads(body)
        index.assign(points[:, 0], points[:, 1])

    gc.collect()
    gc.freeze()  # else Python's collector walks through this program's half a million objects whenever orjson makes a list of lists
    codes = orjson.loads(ours())["codes"]
    found = index.assign(points[:, 0], points[:, 1])
    if codes != [None if i < 0 else index.codes[i] for i in found]:
        raise AssertionError("the service and the memory disagree")
    ours_s, limit_s = in_turn(ours, limit)
    show(
        f"POST /api/grids/locate, {POINTS:,} points",
        [
            Line(
                "over HTTP, codes as JSON",
                "orjson.loads of the body + assignment in memory",
                ours_s,
                limit_s,
                1 / 1.5,
            )
        ],
    )
    connection.close()
    gc.unfreeze()


def moved_boundary(place: Place) -> None:
    """``PUT /api/grids/{code}``: 40 m of one grid given to its neighbour and back, against assigning all households again."""
    shapes = place.city.grids.geometry.to_numpy()
    giver = len(shapes) // 2
    taker = int(
        next(
            i
            for i in np.flatnonzero(shapely.touches(shapes, shapes[giver]))
            if shapely.length(shapely.intersection(shapes[i], shapes[giver])) > 0
        )
    )
    strip = shapely.intersection(shapely.buffer(shapes[taker], STRIP_DEG), shapes[giver])
    smaller, larger = shapely.difference(shapes[giver], strip), shapely.union(shapes[taker], strip)
    codes = place.city.grids["code"].tolist()
    both, each, seen = [], [], []
    with place.client() as client, place.client(place.other) as other:

        def put(which: int, shape: shapely.Geometry) -> tuple[float, int]:
            tag = client.get(f"/api/grids/{codes[which]}").headers["ETag"]
            feature = {"type": "Feature", "geometry": mapping(shape), "properties": {}}
            start = time.perf_counter()
            answer = client.put(f"/api/grids/{codes[which]}", json=feature, headers={"If-Match": tag})
            taken = time.perf_counter() - start
            return taken, sum(answer.raise_for_status().json()[key] for key in ("moved_in", "moved_out"))

        at = shapely.point_on_surface(strip)
        path = f"/api/grids/locate?lon={at.x}&lat={at.y}"
        for _ in range(RUNS + 1):
            gone, homes = put(giver, smaller)
            come, again = put(taker, larger)
            start = time.perf_counter()
            while (told := other.get(path)).status_code != 200 or told.json()["grid"]["code"] != codes[taker]:
                time.sleep(0.002)
            seen.append(time.perf_counter() - start)
            both.append(gone + come)
            each.append([gone, come])
            if homes != again:
                raise AssertionError(f"{homes} left, {again} came")
            put(taker, shapes[taker])
            put(giver, shapes[giver])

    def whole() -> None:
        with place.store.owner_engine.begin() as connection:
            assign(connection)

    (whole_s,) = in_turn(whole)
    both_s, put_s = statistics.median(both[1:]), statistics.median(chain.from_iterable(each[1:]))
    show(
        f"PUT /api/grids/{{code}}, a boundary moved between two neighbours ({homes} households), {HOUSEHOLDS:,} households",
        [
            Line("one PUT, over HTTP", "assign all again, nothing to write", put_s, whole_s, 50),
            Line("both PUTs together", "the same", both_s, whole_s, 50),
        ],
    )
    console.print(
        f"another process answers by the new boundary {statistics.median(seen[1:]) * 1000:.0f} ms after the answer (most: {max(seen[1:]) * 1000:.0f} ms)"
    )
