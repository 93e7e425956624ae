"""The planner's maps in a real browser, against the plain folium page of the same needs and grids."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from playwright.sync_api import Browser
from rich.table import Table
from sqlalchemy import text

from benchmarks import plain
from benchmarks.browser import Opened, chromium, opened, parts
from benchmarks.locating import fill
from benchmarks.measure import RUNS, console, paired
from benchmarks.places import Place, hexed, place, signed_in
from benchmarks.servers import free_port, serving, uvicorn
from fixtures.city import SyntheticCity, synthetic_city
from fixtures.homes import opaque_codes
from gis.crs import MetricCRS
from gis.store.bulk import copy_frame
from gis.store.embedded import EmbeddedServer
from gis.store.session import Store

METRIC = MetricCRS("EPSG:4543")
CELL_M, STREETS_M = 100.0, 250.0
BUDGET_BYTES = 300_000
PAGES = ("/maps/needs", "/", "/maps/coverage")
# A tenth of the households has asked for something, within a year.
_NEEDS = """
INSERT INTO needs (household_id, service, opened_on)
SELECT id, (ARRAY['meal', 'health', 'errand'])[1 + n % 3], current_date - (n * 7 % 360)::integer
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM households) h WHERE n % 10 = 0
"""
_STATIONS = """
INSERT INTO stations (code, name, kind, geometry) SELECT 'S' || n, '站' || n, '邻里驿站', ST_PointOnSurface(geometry)
FROM (SELECT geometry, row_number() OVER (ORDER BY code) AS n FROM grids) g WHERE n % 20 = 1
"""


@dataclass(frozen=True)
class Size:
    """Households of the small place, how many times as many the large one has in the same cells, and grids of both."""

    households: int
    times: int
    grids: int


FULL = Size(10_000, 100, 4_000)
QUICK = Size(2_000, 10, 400)


@dataclass(frozen=True)
class Row:
    """One comparison: what ``ours`` may at most be of ``theirs``."""

    what: str
    against: str
    ours: float
    theirs: float
    unit: str
    goal: float


def main(*, quick: bool = False) -> None:
    """Measure and print."""
    size = QUICK if quick else FULL
    sparse = synthetic_city(size.households, size.grids, seed=1)
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with (
            EmbeddedServer.start(folder / "data") as server,
            contextlib.ExitStack() as opened_places,
            chromium() as browser,
        ):
            small, large = (
                opened_places.enter_context(place(server, folder, each, city, filled))
                for each, city in (("sparse", sparse), ("dense", crowded(sparse, size.times)))
            )
            asked = over_the_wire(browser, small, large)
            html = server_time(large, asked)
            plain.put_down(html, folder)
            port = free_port()
            command = [*uvicorn("benchmarks.plain:app", port), "--factory"]
            with serving(command, port, plain.PAGE, {plain.FOLDER_VARIABLE: str(folder / "served")}) as theirs:
                in_browser(browser, large, theirs + plain.PAGE)


def crowded(city: SyntheticCity, times: int) -> SyntheticCity:
    """Return a city with so many times the households, in the same cells of 100 m."""
    rng = np.random.default_rng(5)
    x_m, y_m = (np.repeat(np.floor(axis / CELL_M) * CELL_M, times) for axis in METRIC.to_m(city.lon, city.lat))
    lon, lat = METRIC.to_lonlat(x_m + rng.uniform(0, CELL_M, len(x_m)), y_m + rng.uniform(0, CELL_M, len(y_m)))
    return replace(city, lon=lon, lat=lat, codes=opaque_codes(len(lon), rng))


def filled(store: Store, city: SyntheticCity) -> dict[str, str]:
    """Write the city with needs, stations and streets into the tables; return a planner's token."""
    fill(store, city)
    west, south, east, north = shapely.total_bounds(city.grids.geometry.to_numpy())
    (x0, x1), (y0, y1) = METRIC.to_m([west, east], [south, north])
    xs, ys = np.arange(x0, x1, STREETS_M), np.arange(y0, y1, STREETS_M)
    lines = [shapely.linestrings(np.stack([xs, np.full(len(xs), y)], axis=1)) for y in ys]
    lines += [shapely.linestrings(np.stack([np.full(len(ys), x), ys], axis=1)) for x in xs]
    shapes = METRIC.geometry_to_lonlat(np.array(lines, dtype=object))
    kinds = ["tertiary" if number % 8 == 0 else "residential" for number in range(len(lines))]
    codes = [f"w{number:05d}" for number in range(len(lines))]
    with store.owner_engine.begin() as connection:
        copy_frame(
            connection,
            "streets",
            pd.DataFrame({"code": codes, "name": codes, "kind": kinds, "geometry": hexed(shapes)}),
        )
        connection.execute(text(_NEEDS))
        connection.execute(text(_STATIONS))
        connection.execute(
            text(
                "INSERT INTO station_services (station_id, kind) SELECT id, k FROM stations, unnest(ARRAY['meal', 'health']) k"
            )
        )
    return signed_in(store, "planner")


def over_the_wire(browser: Browser, small: Place, large: Place) -> list[str]:
    """Count what comes over the wire until each page has nothing more to load; return what the needs page asked the server to make."""
    asked: list[str] = []
    rows = []
    for path in PAGES:
        sizes: dict[str, list[int]] = {"small": [], "large": []}
        for turn in range(RUNS + 1):
            for name, each in (("small", small), ("large", large)):
                with opened(browser, each.address + path, each.tokens["planner"]) as told:
                    told.settle()
                    if turn:
                        sizes[name].append(told.bytes())
                    if turn == RUNS:
                        console.print(f"{path}, {len(each.city.codes):,} households: {described(told)}")
                    if path == PAGES[0] and name == "large":
                        asked = made_by_server(told)
        few, many = (statistics.median(sizes[name]) for name in ("small", "large"))
        rows.append(Row(f"{path} with its data", "budget", many, BUDGET_BYTES, "bytes", 1))
        rows.append(Row(f"{path} with its data", f"{len(small.city.codes):,} households", many, few, "bytes", 1.5))
    tell(
        f"compressed bytes over the wire, cache empty, {len(large.city.codes):,} households in the same cells",
        rows,
    )
    return asked


def described(told: Opened) -> str:
    """Return bytes by kind and the number of requests."""
    return ", ".join(f"{kind} {size:,}" for kind, size in parts(told).items()) + f"; {len(told.bytes_of)} requests"


def made_by_server(told: Opened) -> list[str]:
    """Return the paths of the page, its answers and its tiles: all that is not a file."""
    paths = []
    for address in told.bytes_of:
        at = urlsplit(address)
        if not at.path.startswith(("/assets", "/static", "/favicon")):
            paths.append(at.path + (f"?{at.query}" if at.query else ""))
    return paths


def server_time(large: Place, asked: list[str]) -> str:
    """Make the page with all its data after a need was changed, against folium from data in memory; return folium's HTML."""
    with large.store.owner_engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT h.lat, h.lon, g.code FROM needs n JOIN households h ON h.id = n.household_id LEFT JOIN grids g ON g.id = h.grid_id"
            )
        ).all()
    points = np.array([row[:2] for row in found], dtype=float)
    counts = pd.Series([row[2] for row in found]).value_counts()
    grids = gpd.GeoDataFrame(
        {"code": large.city.grids["code"], "name": large.city.grids["name"], "needs": large.city.grids["code"].map(counts).fillna(0).astype(int)},
        geometry=large.city.grids.geometry, crs="EPSG:4326",
    )  # fmt: skip
    made: list[str] = []
    with large.client("planner") as client:

        def all_of_it() -> float:
            begun = time.perf_counter()
            for path in asked:
                client.get(path).raise_for_status()
            return time.perf_counter() - begun

        def changed() -> float:
            with large.store.owner_session() as session:
                session.execute(
                    text(
                        "UPDATE needs SET closed_on = CASE WHEN closed_on IS NULL THEN opened_on END WHERE id = (SELECT id FROM needs ORDER BY id LIMIT 1)"
                    )
                )
            time.sleep(0.6)  # until every process has read the journal
            return all_of_it()

        def theirs() -> float:
            begun = time.perf_counter()
            made[:] = [plain.page(points, grids)]
            return time.perf_counter() - begun

        again_s, changed_s, theirs_s = paired(all_of_it, changed, theirs)
    what = f"{PAGES[0]} and all it asks for ({len(asked)} requests, one after the other)"
    against = f"folium, {len(points):,} needs and {len(grids):,} grids ({len(made[0]) / 1e6:.1f} MB)"
    tell("server time to make the page", [
        Row(what, against, again_s * 1000, theirs_s * 1000, "ms", 0.1),
        Row("the same after a need was changed", against, changed_s * 1000, theirs_s * 1000, "ms", 0.1),
    ])  # fmt: skip
    return made[0]


def in_browser(browser: Browser, large: Place, theirs: str) -> None:
    """Open both pages in turn in an empty browser: heat painted, dragged, heap; and the map of grids, which has no heat, dragged in the same turn."""
    taken: dict[str, list[tuple[float, ...]]] = {"ours": [], "theirs": []}
    dragged: list[tuple[float, float]] = []
    wire: dict[str, str] = {}
    for turn in range(RUNS + 1):
        for name, address, token in (
            ("ours", large.address + PAGES[0], large.tokens["planner"]),
            ("theirs", theirs, ""),
        ):
            with opened(browser, address, token) as told:
                painted = told.painted_ms()
                told.settle()
                mean, most = told.frame_ms()
                if turn:
                    taken[name].append((painted, mean, most, told.heap_bytes() / 1e6))
                wire[name] = f"{told.bytes() / 1000:,.0f} kB"
        with opened(browser, large.address + PAGES[1], large.tokens["planner"]) as told:
            told.settle()
            frames = told.frame_ms()
            if turn:
                dragged.append(frames)
    ours, other = (
        [statistics.median(column) for column in zip(*taken[name], strict=True)] for name in ("ours", "theirs")
    )
    mean_ms, most_ms = (statistics.median(column) for column in zip(*dragged, strict=True))
    console.print(f"over the wire: ours {wire['ours']}, theirs {wire['theirs']}")
    tell("in Chromium, cache empty, against the saved folium page", [
        Row("from navigation to painted heat", "folium", ours[0], other[0], "ms", 0.5),
        Row("a frame while dragging, mean", "folium", ours[1], other[1], "ms", 0.5),
        Row("a frame while dragging, the longest", "folium", ours[2], other[2], "ms", 0.5),
        Row(f"{PAGES[1]}, a frame while dragging, mean", "folium", mean_ms, other[1], "ms", 0.5),
        Row(f"{PAGES[1]}, a frame while dragging, the longest", "folium", most_ms, other[2], "ms", 0.5),
        Row("JS heap after collection", "folium", ours[3], other[3], "MB", 1 / 3),
    ])  # fmt: skip


def tell(title: str, rows: list[Row]) -> None:
    """Print a table of comparisons."""
    table = Table(title=title, title_justify="left")
    for heading in ("what", "against", "ours", "theirs", "", "ours ÷ theirs", "goal"):
        table.add_column(heading, justify="left" if heading in {"what", "against"} else "right")
    for row in rows:
        share, digits = row.ours / row.theirs, 0 if row.theirs >= 1000 else 1
        table.add_row(
            row.what, row.against, f"{row.ours:,.{digits}f}", f"{row.theirs:,.{digits}f}", row.unit, f"{share:.2f}",
            f"≤ {row.goal:.2f} {'✓' if share <= row.goal else '✗'}",
        )  # fmt: skip
    console.print(table)
