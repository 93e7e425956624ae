"""The wall: what a summary costs as the place grows, how many a core answers, a year of a large city's events, and a hundred of them in a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pandas as pd
import psycopg
import shapely
from sqlalchemy import text

from benchmarks import walls
from benchmarks.measure import RUNS, Line, console, show
from benchmarks.servers import free_port, in_turn_a_request, linli, serving, uvicorn
from benchmarks.year import fill_events, without_indexes
from fixtures.city import SyntheticCity, synthetic_city
from gis.services.recounting import differences
from gis.services.sign_ins import digest
from gis.store.assigning import assign
from gis.store.bulk import copy_frame
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store

PASSWORD = "measure-by-the-minute"
BURST, WALLS, BURSTS = 100, 200, 3
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
class Size:
    """Households, grids, and events of a year in the small and the large place."""

    small: tuple[int, int, int]
    large: tuple[int, int, int]


FULL = Size((100_000, 500, 100_000), (1_000_000, 4_000, 2_467_722))
QUICK = Size((10_000, 250, 20_000), (50_000, 1_000, 200_000))


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


def main(*, quick: bool = False) -> None:
    """Measure and print."""
    size = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedServer.start(folder / "data") as server, contextlib.ExitStack() as open_places:
            places = []
            for which, (households, grids, count) in (("small", size.small), ("large", size.large)):
                begun = time.perf_counter()
                opened = place(
                    server, folder, which, synthetic_city(households, grids, seed=1), partial(fill, events=count)
                )
                places.append(replace(open_places.enter_context(opened), events=count))
                console.print(
                    f"filled with {households:,} households, {grids:,} grids, {count:,} events: {time.perf_counter() - begun:.0f} s"
                )
            small, large = places
            cost(small, large)
            throughput(large, folder)
            events(small, large)
            for _ in range(1 if quick else BURSTS):
                burst(large)
            for each in places:
                with each.store.owner_session() as session:
                    compared, found = differences(session, pd.Timestamp.now("Asia/Shanghai").date())
                console.print(
                    f"linli recount --check: compared {compared:,}, different {len(found)} {'✗' if found else '✓'}"
                )


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
    shapes = shapely.to_wkb(
        shapely.multipolygons([[shape] for shape in city.grids.geometry]), hex=True, include_srid=True
    )
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
            "code": codes, "name": city.grids["name"], "community_id": [known[code[:12]] for code in codes], "geometry": _placed(shapes),
        }))  # fmt: skip
        points = shapely.to_wkb(shapely.points(city.lon, city.lat), hex=True)
        with without_indexes(connection, "households"):
            copy_frame(connection, "households", pd.DataFrame({
                "code": city.codes, "own_position": True, "lon": city.lon, "lat": city.lat, "geometry": _placed(points),
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


def cost(small: Place, large: Place) -> None:
    """A township's wall in a small and in a large place: as it lies ready; after an event; after a person's change."""
    with (
        small.client("screen") as near,
        large.client("screen") as far,
        small.client("planner") as at_near,
        large.client("planner") as at_far,
    ):
        for client, each in ((near, small), (far, large)):
            begun = time.perf_counter()
            client.get(each.summary).raise_for_status()
            console.print(
                f"first answer, nothing in memory, {len(each.city.codes):,} households: {time.perf_counter() - begun:.2f} s"
            )
            until(partial(settled, each))
            client.get(each.summary).raise_for_status()

        def ready(client: httpx.Client, each: Place) -> float:
            begun = time.perf_counter()
            for _ in range(20):
                client.get(each.summary)
            return (time.perf_counter() - begun) / 20

        def after_event(client: httpx.Client, planner: httpx.Client, each: Place) -> float:
            planner.post("/api/events", json=event(each)).raise_for_status()
            begun = time.perf_counter()
            client.get(each.summary).raise_for_status()
            return time.perf_counter() - begun

        def after_person(client: httpx.Client, each: Place) -> float:
            def people() -> int:
                return int(client.get(each.summary).raise_for_status().json()["totals"]["residents"])

            before = people()
            with each.store.owner_session() as session:
                session.execute(text("INSERT INTO residents (key, household_id, birth_year) SELECT gen_random_uuid()::text, id, 1950 FROM households, generate_series(1, 6) WHERE id = "
                                     "(SELECT min(id) FROM households WHERE grid_id = (SELECT min(id) FROM grids))"))  # fmt: skip
            begun = time.perf_counter()
            while people() == before:
                time.sleep(0.005)
            return time.perf_counter() - begun

        lines = []
        for what, tasks in (
            ("lies ready", (lambda: ready(near, small), lambda: ready(far, large))),
            (
                "after an event was reported",
                (lambda: after_event(near, at_near, small), lambda: after_event(far, at_far, large)),
            ),
            (
                "from a person's commit to the wall",
                (lambda: after_person(near, small), lambda: after_person(far, large)),
            ),
        ):
            small_s, large_s = paired(*tasks, runs=2 * RUNS)
            lines.append(Line(f"summary, {what}", f"{len(small.city.codes):,} households", large_s, small_s, 1 / 1.5))
        show(
            f"GET {large.summary}: {len(large.city.codes):,} households and {len(large.city.grids):,} grids against fewer",
            lines,
        )


def throughput(place: Place, folder: Path) -> None:
    """How many summaries one core answers, against an empty answer of FastAPI."""
    port = free_port()
    with serving(uvicorn("benchmarks.empty:app", port), port, "/") as empty:
        ours_s, theirs_s = in_turn_a_request(
            [(place.address, [place.summary], place.tokens["screen"]), (empty, ["/"], "")], folder, 3
        )
    show("summaries a core answers", [Line("summary", "an empty answer of FastAPI", ours_s, theirs_s, 0.3)])


def events(small: Place, large: Place) -> None:
    """Lists and indicators at a few events in the small place and at a year of a large city's in the large one, in turn."""
    there = f"area={small.township}"
    queries = [
        ("planner", {
            "newest": "", "of a kind": "kind=safety", "in a state": "state=handling", "open": "state=open", "of a kind in a state": "kind=safety&state=handling",
            "of a township": there, "of a kind there": f"{there}&kind=safety", "in a state there": f"{there}&state=handling",
            "overdue": "overdue=true", "overdue there": f"{there}&overdue=true", "nearly so": "warned=true", "nearly so there": f"{there}&warned=true",
        }),
        ("worker", {
            "newest": "", "of a kind": "kind=safety", "in a state": "state=handling", "overdue": "overdue=true", "of a township": there,
        }),
    ]  # fmt: skip
    with contextlib.ExitStack() as clients:
        at = {
            role: [clients.enter_context(each.client(role)) for each in (small, large)]
            for role in ("planner", "screen", "worker")
        }

        def listed(client: httpx.Client, path: str) -> float:
            begun = time.perf_counter()
            client.get(path).raise_for_status()
            return time.perf_counter() - begun

        def indicators(planner: httpx.Client, screen: httpx.Client, place: Place) -> float:
            planner.post("/api/events", json=event(place)).raise_for_status()
            return listed(screen, place.summary)

        tasks = {
            f"list, {role}'s: {name}": [partial(listed, client, f"/api/events?{query}") for client in at[role]]
            for role, lists in queries
            for name, query in lists.items()
        }
        tasks["indicators: summary anew"] = [
            partial(indicators, *each) for each in zip(at["planner"], at["screen"], (small, large), strict=True)
        ]
        lines = []
        for what, both in tasks.items():
            few, many = paired(*both, runs=2 * RUNS)
            lines.append(Line(what, f"at {small.events:,}", many, few, 1 / 3))
    show(f"{large.events:,} events against {small.events:,}", lines)


def burst(place: Place) -> None:
    """A hundred events in a second, reported to one process, watched by two hundred walls on another: when each wall had each event, and showed all."""
    port = free_port()
    # Neither is about one core: the processes may use all of them.
    with (
        serving(everywhere(linli(port)), port, "/api/ready", place.env) as other,
        place.client("planner") as planner,
        place.client("screen", other) as screen,
    ):
        before = screen.get(place.summary).raise_for_status().json()["events"]["reported"] or 0
        planner.get("/api/events").raise_for_status()
        reported: dict[str, float] = {}
        begun = 0.0

        def journal(query: str) -> list[tuple[int, ...]]:
            with place.store.owner_session() as session:
                return [tuple(row) for row in session.execute(text(query))]

        async def report() -> tuple[int, int]:
            nonlocal begun, reported
            begun = time.perf_counter()
            reported = await walls.report(
                place.address, place.tokens["planner"], [event(place, number) for number in range(BURST)], 1 / BURST
            )
            ((newest, total),) = journal("SELECT newest, changes FROM linli_versions() WHERE topic = 'events'")
            return newest, total

        with place.store.owner_session() as session:
            session.execute(text(_NOTE_LINES))
        lines = dict(journal("SELECT id, newest FROM changes WHERE topic = 'events'"))
        told = asyncio.run(
            walls.watch(
                other, place.tokens["screen"], place.summary, WALLS, report, lambda seen: _shown(seen) >= before + BURST
            )
        )
        with place.store.owner_session() as session:  # which change is which event's: the same transaction wrote both
            numbers = session.execute(
                text(
                    "SELECT n.newest, e.id::text FROM events e JOIN lines_noted n ON n.xmin = e.xmin WHERE e.id = ANY (CAST(:ids AS uuid[]))"
                ),
                {"ids": list(reported)},
            )
            committed = {number: reported[made] for number, made in numbers}
        sums = {}
        for newest, line in journal("SELECT newest, line FROM lines_noted ORDER BY newest"):
            lines[line] = newest
            sums[newest] = sum(lines.values())
        sent, delays = max(reported.values()), told.delays_s(committed, sums)
        counts = {
            sum(number <= newest for number in sums) if sums.get(newest) == total else -1
            for _, newest, total in (wall.heard[-1] for wall in told.walls)
        }
        shown = {_shown(wall.figures) - before for wall in told.walls}
        last = (
            max(wall.shown_at for wall in told.walls) - begun - 1
        )  # they were due within a second, however long reporting them took
        right = counts == shown == {BURST} and len(committed) == BURST
        mark = "✓" if right and max(delays) < 2 and last < 2 else "✗"
        console.print(
            f"{BURST} events in {sent - begun:.2f} s, {WALLS} walls on another process: a wall was told of an event {statistics.median(delays):.3f} s (median), "
            f"{max(delays):.3f} s (at most) after its report was answered; changes told {sorted(counts)}, events shown {sorted(shown)}; "
            f"the last wall showed all {last:.2f} s after the second in which they came (goal: 2 s, none lost, none twice) {mark}"
        )


_NOTE_LINES = """
DROP TABLE IF EXISTS lines_noted CASCADE;
CREATE TABLE lines_noted (newest bigint, line bigint);
CREATE OR REPLACE FUNCTION note_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO public.lines_noted VALUES (NEW.newest, NEW.id); RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER note_line AFTER INSERT OR UPDATE ON changes FOR EACH ROW WHEN (NEW.topic = 'events') EXECUTE FUNCTION note_line();
"""
"""Each change of events in a table of its own, by the line of the journal that it was written into."""


def everywhere(command: list[str]) -> list[str]:
    """Return a command that may use every processor, whatever it is started with."""
    return ["taskset", "-c", f"0-{(os.cpu_count() or 1) - 1}", *command] if shutil.which("taskset") else command


def _shown(summary: dict[str, Any]) -> int:
    """Return how many events of the last days a wall shows."""
    return int(summary.get("events", {}).get("reported") or 0)


def event(place: Place, number: int = 0) -> dict[str, Any]:
    """Return an event in one of the township's grids."""
    grids = place.city.grids[place.city.grids["code"].str.startswith(place.township[:9])]
    at = grids.geometry.iloc[number % len(grids)].representative_point()
    return {"id": str(uuid4()), "kind": "facility", "title": "路灯不亮", "lon": at.x, "lat": at.y}


def paired(*tasks: Callable[[], float], runs: int = RUNS) -> list[float]:
    """Run tasks that time themselves in turn, the first turn not counted; return each one's median seconds."""
    taken: list[list[float]] = [[] for _ in tasks]
    for turn in range(runs + 1):
        for task, times in zip(tasks, taken, strict=True):
            seconds = task()
            if turn:
                times.append(seconds)
    return [statistics.median(times) for times in taken]


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


def _placed(hexes: Any) -> list[str]:
    """Return WKB in hexadecimal as PostGIS takes it, with EPSG:4326."""
    shapes = shapely.set_srid(shapely.from_wkb(hexes), 4326)
    return [str(each) for each in shapely.to_wkb(shapes, hex=True, include_srid=True)]
