"""Vector tiles over HTTP: made anew against tipg, kept against an empty answer, and how soon a change is in them."""

from __future__ import annotations

import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pyogrio
from sqlalchemy import make_url, text

from benchmarks.locating import PASSWORD, fill
from benchmarks.measure import RUNS, Line, console, show
from benchmarks.servers import (
    CONNECTIONS,
    SECONDS,
    free_port,
    in_turn_a_request,
    linli,
    seconds_a_request,
    serving,
    uvicorn,
)
from fixtures.city import SyntheticCity, synthetic_city
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store

HOUSEHOLDS, GRIDS = 50_000, 4_000
ZOOM, HOT = 18, 400
"""At this zoom the city has more tiles than can be asked for in a turn; ``HOT`` of them are asked for again and again."""
VIEW = (6, 4)
"""Tiles to a browser's window; windows come in a random order."""
THEIRS = "/collections/public.buildings/tiles/WebMercatorQuad/{}?properties=code,name,floors"


@dataclass(frozen=True)
class Place:
    """Two processes of the service and tipg on one database, an administrator's token, and the tiles that hold something."""

    store: Store
    address: str
    other: str
    tipg: str
    empty: str
    token: str
    folder: Path
    tiles: list[str]

    @property
    def ours(self) -> list[str]:
        """Return the paths of the service."""
        return [f"/tiles/buildings/{each}" for each in self.tiles]

    @property
    def theirs(self) -> list[str]:
        """Return the paths of tipg for the same tiles."""
        return [THEIRS.format(each) for each in self.tiles]

    def get(self, address: str, path: str) -> httpx.Response:
        """Ask one of the servers."""
        headers = {} if address == self.tipg else {"Authorization": f"Bearer {self.token}"}
        return httpx.get(address + path, headers=headers, timeout=60).raise_for_status()


def main() -> None:
    """Measure and print."""
    with running() as place:
        same_content(place)
        made(place)
        kept(place)
        changed(place)


@contextlib.contextmanager
def running() -> Iterator[Place]:
    """Fill a database and serve it."""
    city = synthetic_city(HOUSEHOLDS, GRIDS, seed=1)
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedServer.start(folder / "data") as server:
            store = Store(server.url(), server.url(user=SERVICE_ROLE))
            store.migrate()
            fill(store, city)
            database = make_url(server.url())
            dsn = f"postgresql://{database.username}@{quote(str(database.query['host']), safe='')}:{database.query['port']}/{database.database}"
            env = {"LINLI_DATA_DIR": str(folder / "data"), "LINLI_ADMIN_PASSWORD": PASSWORD}
            one, two, three, four = (free_port() for _ in range(4))
            with (
                serving(linli(one), one, "/api/ready", env) as first,
                serving(linli(two), two, "/api/ready", env) as second,
                serving(uvicorn("tipg.main:app", three), three, "/collections", {"DATABASE_URL": dsn}) as tipg,
                serving(uvicorn("benchmarks.empty:app", four), four, "/") as empty,
            ):
                signed = httpx.post(
                    first + "/api/session", json={"username": "admin", "password": PASSWORD}, timeout=60
                )
                token = signed.raise_for_status().json()["access_token"]
                yield Place(store, first, second, tipg, empty, token, folder, tiles_of(city))
            store.close()


def tiles_of(city: SyntheticCity) -> list[str]:
    """Return the tiles of the city in the order in which windows on it would ask for them: ``z/x/y``."""
    x = ((np.array([city.lon.min(), city.lon.max()]) + 180) / 360 * 2**ZOOM).astype(int)
    north, south = np.radians([city.lat.max(), city.lat.min()])
    y = ((0.5 - np.arcsinh(np.tan([north, south])) / (2 * np.pi)) * 2**ZOOM).astype(int)
    windows = [(left, top) for left in range(x[0], x[1] + 1, VIEW[0]) for top in range(y[0], y[1] + 1, VIEW[1])]
    random.Random(1).shuffle(windows)
    return [f"{ZOOM}/{left + i}/{top + j}" for left, top in windows for j in range(VIEW[1]) for i in range(VIEW[0])]


def same_content(place: Place) -> None:
    """Make sure that both give the same buildings.

    Raises:
        AssertionError: some tile differs.
    """
    compared = 0
    for ours, theirs in zip(
        place.ours[:: len(place.tiles) // 60], place.theirs[:: len(place.tiles) // 60], strict=True
    ):
        ours_codes = codes_in(place.get(place.address, ours).content, "buildings", place.folder)
        theirs_codes = codes_in(place.get(place.tipg, theirs).content, "default", place.folder)
        # A tile reaches a little into its neighbours, ours and tipg's not equally far: what is well inside is in both.
        if len(ours_codes ^ theirs_codes) > max(2, len(ours_codes) // 4):
            raise AssertionError(f"{ours}: {sorted(ours_codes ^ theirs_codes)}")
        compared += len(ours_codes & theirs_codes)
    if compared < 50:
        raise AssertionError(f"only {compared} buildings compared")


def codes_in(content: bytes, layer: str, folder: Path) -> set[str]:
    """Return the codes of a tile's buildings, as GDAL reads them."""
    if not content:
        return set()
    path = folder / "0.mvt"
    path.write_bytes(content)
    if layer not in pyogrio.list_layers(path)[:, 0]:
        return set()
    return set(pyogrio.read_dataframe(path, layer=layer, read_geometry=False)["code"])


def made(place: Place) -> None:
    """Tiles that nothing is kept of, each asked for once: a change before each turn lets all that is kept go."""
    ours_s, tipg_s = [], []
    for turn in range(RUNS + 1):
        with place.store.owner_session() as session:
            session.execute(text("UPDATE buildings SET floors = coalesce(floors, 0) + 1 WHERE code = 'B000001'"))
        time.sleep(1)
        ours, theirs = once(place, place.address, place.ours, place.token), once(place, place.tipg, place.theirs, "")
        if turn:
            ours_s.append(ours)
            tipg_s.append(theirs)
    ours_median, tipg_median = statistics.median(ours_s), statistics.median(tipg_s)
    show(
        f"tiles of 30,000 buildings at zoom {ZOOM}, each once, one core, {CONNECTIONS} connections; seconds for 1,000 "
        f"({1 / ours_median:,.0f}/s, tipg {1 / tipg_median:,.0f}/s)",
        [Line("tiles made", "tipg, same layer and columns", ours_median * 1000, tipg_median * 1000, 3)],
    )


def once(place: Place, address: str, paths: Sequence[str], token: str) -> float:
    """Return seconds a request takes while no path is asked for twice.

    Raises:
        RuntimeError: there were too few paths for that.
    """
    taken = seconds_a_request(address, paths, place.folder, token)
    if SECONDS / taken > len(paths):
        raise RuntimeError(f"{SECONDS / taken:.0f} requests for {len(paths)} tiles: raise ZOOM")
    return taken


def kept(place: Place) -> None:
    """Tiles that lie ready, whole and unchanged, against an empty answer."""
    loads = [(place.address, place.ours[:HOT], place.token), (place.empty, ["/"], "")]
    ours_s, empty_s = in_turn_a_request(loads, place.folder, RUNS)
    show(
        f"tiles that are kept, signed in, one core; seconds for 1,000 ({1 / ours_s:,.0f}/s, empty {1 / empty_s:,.0f}/s)",
        [Line("tiles kept", "an empty answer of FastAPI", ours_s * 1000, empty_s * 1000, 0.8)],
    )


def changed(place: Place) -> None:
    """How soon after a commit the next tile shows it: in the process that made it, and in another one."""
    sizes = [(len(place.get(place.address, path).content), path) for path in place.ours[:HOT]]
    path = max(sizes)[1]
    code = min(codes_in(place.get(place.address, path).content, "buildings", place.folder))
    waits_s: list[float] = []
    with httpx.Client(headers={"Authorization": f"Bearer {place.token}"}, timeout=60) as client:
        for turn in range(4 * RUNS):
            name = f"turn{turn:04d}".encode()
            for address in (place.address, place.other):
                client.get(address + path)
            found = client.get(f"{place.address}/api/buildings/{code}")
            feature = {**found.json(), "properties": {**found.json()["properties"], "name": name.decode()}}
            client.put(
                f"{place.address}/api/buildings/{code}", json=feature, headers={"If-Match": found.headers["etag"]}
            ).raise_for_status()
            began = time.perf_counter()
            if name not in client.get(place.address + path).content:
                raise AssertionError("the process that has changed a building does not show it at once")
            while name not in client.get(place.other + path).content:
                time.sleep(0.002)
            waits_s.append(time.perf_counter() - began)
    console.print(
        f"a changed building is in the next tile of another process after {statistics.median(waits_s) * 1000:.0f} ms, "
        f"at most {max(waits_s) * 1000:.0f} ms (goal: 1 s {'✓' if max(waits_s) <= 1 else '✗'})"
    )
