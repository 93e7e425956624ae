"""Walking coverage of a city against pandana, and what an HTTP request adds; needs ``make bench``, which installs pandana."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import resource
import socket
import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
import uvicorn
from scipy.sparse.csgraph import dijkstra
from sqlalchemy import Connection, text

from api import logs
from api.app import create_app
from api.serving import Server
from api.settings import Settings
from benchmarks.measure import Line, console, in_turn, show
from benchmarks.places import PASSWORD, hexed
from benchmarks.town import METRIC, Town, town
from gis.accessibility.coverage import cover_by_distance, nearest_by_air_m, tally
from gis.accessibility.graph import StreetGraph, build_graph
from gis.accessibility.policy import WalkPolicy
from gis.accessibility.snapping import Snapped, snap
from gis.accessibility.walking import cover_by_walk, walk_to_nearest
from gis.secrecy.keys import FieldKey, Keyring
from gis.services.accounts import add_account
from gis.store.bulk import copy_frame
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store
from gis.store.vault import GivenKeys

HOUSEHOLDS, GRIDS, STATIONS, JUNCTIONS = 1_000_000, 4_000, 800, 120
MINUTES = 15
POLICY = WalkPolicy()
KEYS = GivenKeys(Keyring((FieldKey(bytes(range(32))),)))
HTTP_RUNS = 25
"""Requests take a few milliseconds: more of them, so that the median means something."""


def main() -> None:
    """Measure in memory, then over HTTP, then a scenario on a district."""
    city = town(HOUSEHOLDS, GRIDS, STATIONS, JUNCTIONS)
    graph, homes, stations = in_memory(city)
    against_pandana(city, graph, homes, stations)
    over_http(city, graph, homes, stations)
    scenario(town(HOUSEHOLDS // 10, GRIDS // 10, STATIONS // 10, 38))
    growth()


def in_memory(city: Town) -> tuple[StreetGraph, Snapped, Snapped]:
    """Prepare the network once; return it with what joins it, and tell the seconds of one coverage."""
    start = time.perf_counter()
    graph = build_graph(city.ways())
    built = time.perf_counter()
    homes = snap(graph, city.sites.x_m, city.sites.y_m)
    snapped = time.perf_counter()
    stations = snap(graph, *city.stations_m.T)
    (covered_s,) = in_turn(lambda: ours(city, graph, homes, stations))
    console.print(
        f"{HOUSEHOLDS:,} households in {len(city.sites):,} buildings, {graph.n_edges:,} edges, {STATIONS} stations: "
        f"graph {built - start:.3f} s, homes joined {snapped - built:.3f} s (each once for a state of the data), coverage {covered_s:.3f} s"
    )
    return graph, homes, stations


def ours(city: Town, graph: StreetGraph, homes: Snapped, stations: Snapped) -> Any:
    """From data in memory to totals per grid, each group at its own speed."""
    covered = cover_by_walk(graph, homes, [stations], POLICY.walk_reaches_m(MINUTES, "own"))
    return tally(city.sites, covered, city.n_grids)


def against_pandana(city: Town, graph: StreetGraph, homes: Snapped, stations: Snapped) -> None:
    """The same with pandana: homes and stations at their nearest nodes, one household a row, groups at their own speed."""
    import pandana

    u, v = graph.edge_u, graph.edge_v
    start = time.perf_counter()
    network = pandana.Network(
        pd.Series(graph.node_x_m),
        pd.Series(graph.node_y_m),
        pd.Series(u),
        pd.Series(v),
        pd.DataFrame({"m": graph.edge_length_m}),
    )
    reach_m = POLICY.walk_reaches_m(MINUTES, "own")
    network.precompute(max(reach_m.values()))
    built_s = time.perf_counter() - start
    owner = np.repeat(np.arange(len(city.sites)), city.sites.households)
    people = pd.DataFrame({"x": city.sites.x_m[owner], "y": city.sites.y_m[owner], "grid": city.sites.grid[owner]})
    for name in ("elders_60", "children_12"):
        people[name] = (getattr(city.sites, name) / np.maximum(city.sites.households, 1))[owner]

    def theirs() -> pd.DataFrame:
        people["node"] = network.get_node_ids(people["x"], people["y"])
        network.set_pois("station", max(reach_m.values()), 1, *(pd.Series(values) for values in city.stations_m.T))
        nearest = network.nearest_pois(max(reach_m.values()), "station", num_pois=1)[1]
        distance_m = nearest.loc[people["node"]].to_numpy()
        near, nearer = distance_m < reach_m["households"], distance_m <= reach_m["elders_60"]
        counted = pd.DataFrame(
            {
                "grid": people["grid"],
                "covered": near,
                "elders": people["elders_60"] * nearer,
                "children": people["children_12"] * near,
            }
        )
        return counted.groupby("grid").sum()

    ours_s, theirs_s = in_turn(lambda: ours(city, graph, homes, stations), theirs)
    show(
        f"coverage of one service, in memory to totals per grid (pandana's network: {built_s:.2f} s, not counted)",
        [Line("walk from every building along edges", "pandana, household by household", ours_s, theirs_s, 10)],
    )
    exact_m = walk_to_nearest(graph, homes, stations).distance_m
    nodes = network.get_node_ids(pd.Series(city.sites.x_m), pd.Series(city.sites.y_m))
    snapped_m = network.nearest_pois(max(reach_m.values()), "station", num_pois=1)[1].loc[nodes].to_numpy()
    both = (exact_m < max(reach_m.values())) & (snapped_m < max(reach_m.values()))
    differing = np.abs(exact_m - snapped_m)[both]
    share = float(theirs()["covered"].sum()) / HOUSEHOLDS
    found = ours(city, graph, homes, stations).totals["covered"] / HOUSEHOLDS
    console.print(
        f"covered: {found:.4f} of households along edges, {share:.4f} by pandana; pandana's snapping to nodes moves the walk by "
        f"{np.median(differing):.0f} m (median), {np.percentile(differing, 99):.0f} m (99 %)"
    )


@contextlib.contextmanager
def serving(city: Town) -> Iterator[Caller]:
    """Run the real service, in a process of its own, on a database that holds the city; give a signed-in caller."""
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedServer.start(folder / "data") as server:
            urls = server.url(), server.url(user=SERVICE_ROLE)
            store = Store(*urls, keys=KEYS)
            store.migrate()
            store.open_vault()
            fill(store, city)
            with store.owner_session() as session:
                add_account(session, "planner", "planner", PASSWORD, [])
            store.close()
            with socket.create_server(("127.0.0.1", 0)) as listening:
                port = listening.getsockname()[1]
            service = get_context("spawn").Process(target=serve, args=(urls, folder / "data", port), daemon=True)
            service.start()
            try:
                yield Caller(port)
            finally:
                service.terminate()
                service.join()


def serve(urls: tuple[str, str], data: Path, port: int) -> None:
    """Be the service, as ``linli serve`` is: its server, with its log in a file."""
    store = Store(*urls, keys=KEYS)
    store.open_vault()
    app = create_app(store, Settings.load(data_dir=data))
    config = uvicorn.Config(app, port=port, log_config=None, access_log=False, server_header=False)
    with (data / "requests.log").open("w", buffering=1) as log, contextlib.redirect_stderr(log):
        logs.configure("json")
        Server(config, shared=False, closing=app.state.office.feed.end_streams, ready=lambda: True).run()


class Caller:
    """One connection that is kept open; bodies are read whole and, when timed, not unpacked: that is the reader's work."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Accept-Encoding": "gzip", "Content-Type": "application/json"}
        self._wait()
        answer = self.send("POST", "/api/session", {"username": "planner", "password": PASSWORD})
        self._headers["Authorization"] = f"Bearer {answer['access_token']}"

    def call(self, method: str, path: str, body: Any = None) -> tuple[bytes, str]:
        """Return the body as it comes, and how it is packed."""
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content, answer.headers.get("Content-Encoding", "")

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Return the body unpacked."""
        content, packed = self.call(method, path, body)
        return json.loads(gzip.decompress(content) if packed == "gzip" else content)

    def _wait(self) -> None:
        for _ in range(600):
            with contextlib.suppress(OSError):
                self.call("GET", "/api/health")
                return
            self._connection.close()
            time.sleep(0.1)
        raise RuntimeError("the service does not answer")


def fill(store: Store, city: Town) -> None:
    """Write the city into the tables: grids, buildings, households, one resident in each, stations, streets."""
    with store.owner_engine.begin() as connection:
        connection.execute(text("INSERT INTO place (metric_crs) VALUES (:crs)"), {"crs": METRIC.text})
        codes = _fill_grids(connection, city)
        _fill_homes(connection, city, codes)
        _fill_services(connection, city)
    with store.owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _fill_grids(connection: Connection, city: Town) -> list[str]:
    """Write a community of square grids; return their codes."""
    columns = round(np.sqrt(city.n_grids))
    size_m = city.side_m / columns
    row, column = np.divmod(np.arange(city.n_grids), columns)
    west, south = 500_000 + column * size_m, 2_770_000 + row * size_m
    boxes = METRIC.geometry_to_lonlat(shapely.box(west, south, west + size_m, south + size_m))
    made = text("INSERT INTO areas (code, name, level) VALUES ('539901001001', '城', 'community') RETURNING id")
    codes, community = [f"539901001001{i:04d}" for i in range(city.n_grids)], connection.execute(made).scalar_one()
    shapes = hexed(shapely.multipolygons([[box] for box in boxes]))
    grids = pd.DataFrame({"code": codes, "name": codes, "community_id": community, "geometry": shapes})
    copy_frame(connection, "grids", grids)
    return codes


def _fill_homes(connection: Connection, city: Town, codes: list[str]) -> None:
    names, points = [f"B{i:06d}" for i in range(len(city.sites))], METRIC.to_lonlat(city.sites.x_m, city.sites.y_m)
    buildings = pd.DataFrame({"code": names, "geometry": hexed(shapely.points(*points))})
    copy_frame(connection, "buildings", buildings)
    grid = np.array(codes, dtype=object)[city.sites.grid]
    connection.execute(text("CREATE TEMP TABLE homes (building text, n bigint, grid text) ON COMMIT DROP"))
    copy_frame(connection, "homes", pd.DataFrame({"building": names, "n": city.sites.households, "grid": grid}))
    connection.execute(
        text(
            "INSERT INTO households (code, building_id, geometry, lon, lat, grid_id) "
            "SELECT b.code || '-' || i, b.id, b.geometry, b.lon, b.lat, g.id FROM homes JOIN buildings b ON b.code = homes.building "
            "JOIN grids g ON g.code = homes.grid CROSS JOIN LATERAL generate_series(1, homes.n) i"
        )
    )
    connection.execute(
        text("INSERT INTO residents (key, household_id, birth_year) SELECT code, id, 1940 + id % 80 FROM households")
    )


def _fill_services(connection: Connection, city: Town) -> None:
    """Write the stations, which all offer meals, and the streets."""
    points, lines = METRIC.to_lonlat(*city.stations_m.T), METRIC.geometry_to_lonlat(city.lines)
    codes = [f"S{i:04d}" for i in range(len(city.stations_m))]
    stations = {"code": codes, "name": "食堂", "kind": "幸福食堂", "geometry": hexed(shapely.points(*points))}
    copy_frame(connection, "stations", pd.DataFrame(stations))
    connection.execute(text("INSERT INTO station_services (station_id, kind) SELECT id, 'meal' FROM stations"))
    streets = {"code": [f"w{i:05d}" for i in range(len(lines))], "kind": "residential", "geometry": hexed(lines)}
    copy_frame(connection, "streets", pd.DataFrame(streets))


def over_http(city: Town, graph: StreetGraph, homes: Snapped, stations: Snapped) -> None:
    """Ask the service for coverage: the first time, and again for other minutes each time, so that no answer is a kept one.

    Warm is what does not depend on the minutes: the graph, who joins it where, and straight distances (the answer tells what a straight line
    says beside the walk). The walk itself and all counts are made anew, there as here.
    """
    by_air_m = nearest_by_air_m(city.sites, city.stations_m)
    minutes = (MINUTES - 1 + number / 100 for number in itertools.count())

    def here() -> Any:
        asked = next(minutes)
        covered = cover_by_walk(graph, homes, [stations], POLICY.walk_reaches_m(asked, "own"))
        straight = cover_by_distance(city.sites, [by_air_m], POLICY.buffer_radii_m(asked, "own"))
        return tally(city.sites, covered, city.n_grids), tally(city.sites, straight, city.n_grids)

    def path() -> str:
        return f"/api/coverage?service=meal&at=any&method=walk&minutes={next(minutes):.2f}"

    with serving(city) as caller:
        start = time.perf_counter()
        caller.call("GET", path())
        cold_s = time.perf_counter() - start
        here_s, warm_s, empty_s = in_turn(
            here, lambda: caller.call("GET", path()), lambda: caller.call("GET", "/api/health"), runs=HTTP_RUNS
        )
        check = caller.send("GET", f"/api/coverage?service=meal&at=any&method=walk&minutes={MINUTES}")
    if check["totals"]["covered"] != ours(city, graph, homes, stations).totals["covered"]:
        raise RuntimeError("the service counts other households than the computation in memory")
    console.print(f"HTTP: cold {cold_s:.2f} s, warm {warm_s:.4f} s, an empty request {empty_s:.4f} s")
    show(
        "coverage by HTTP, warm, other minutes each time, against twice the time in memory",
        [Line("HTTP, database and all", "2 × in memory, the straight line beside it", warm_s, 2 * here_s, 1)],
    )


def scenario(district: Town) -> None:
    """One moved station on a district, elsewhere each time, against one raw Dijkstra on the same graph and the empty request."""
    graph = build_graph(district.ways())
    stations = snap(graph, *district.stations_m.T)
    sources = np.unique(graph.edge_u[stations.edge])

    def raw() -> Any:
        return dijkstra(graph.matrix, directed=False, indices=sources, min_only=True)

    with serving(district) as caller:
        here = caller.send("GET", "/api/stations?limit=1")["features"][0]
        lon, lat = here["geometry"]["coordinates"]
        shifts = (number * 1e-5 for number in itertools.count(300))

        def body() -> Any:
            station = {"code": here["properties"]["code"], "lon": lon + next(shifts), "lat": lat}
            parameters = {"service": ["meal"], "at": "any", "method": "walk"}
            return {"parameters": parameters, "edits": [{"op": "move", "station": station}]}

        changed = len(caller.send("POST", "/api/coverage/scenario", body())["grids"])
        ours_s, raw_s, empty_s = in_turn(
            lambda: caller.call("POST", "/api/coverage/scenario", body()),
            raw,
            lambda: caller.call("GET", "/api/health"),
            runs=HTTP_RUNS,
        )
    limit_s = 5 * raw_s + empty_s
    console.print(
        f"scenario {ours_s:.4f} s, {changed} grids change; one raw Dijkstra {raw_s:.4f} s, empty request {empty_s:.4f} s"
    )
    show(
        "a scenario with one moved station, 100,000 households, by HTTP",
        [Line("scenario", "5 × raw Dijkstra + an empty request", ours_s, limit_s, 1)],
    )


def growth() -> None:
    """Time and memory at a tenth and at the whole: no worse than linear."""
    seconds = []
    for households in (HOUSEHOLDS // 10, HOUSEHOLDS):
        city = town(households, GRIDS, STATIONS, JUNCTIONS)
        graph = build_graph(city.ways())
        homes, stations = snap(graph, city.sites.x_m, city.sites.y_m), snap(graph, *city.stations_m.T)
        (taken_s,) = in_turn(lambda c=city, g=graph, h=homes, s=stations: ours(c, g, h, s))
        seconds.append(taken_s)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        console.print(
            f"{households:,} households: coverage {taken_s:.4f} s, peak memory of the process so far {peak_mb:.0f} MB"
        )
    show(
        "ten times the households",
        [Line("1,000,000", "10 × the time at 100,000", seconds[1], 10 * seconds[0], 1)],
    )
