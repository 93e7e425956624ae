"""The wall: what a summary costs as the place grows, how many a core answers, a year of a large city's events, and a hundred of them in a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
from sqlalchemy import text

from benchmarks import walls
from benchmarks.measure import RUNS, Line, console, paired, show
from benchmarks.places import Place, event, fill, place, settled, until
from benchmarks.servers import free_port, in_turn_a_request, linli, serving, uvicorn
from fixtures.city import synthetic_city
from gis.services.recounting import differences
from gis.store.embedded import EmbeddedServer

BURST, WALLS, BURSTS = 100, 200, 3


@dataclass(frozen=True)
class Size:
    """Households, grids, and events of a year in the small and the large place."""

    small: tuple[int, int, int]
    large: tuple[int, int, int]


FULL = Size((100_000, 500, 100_000), (1_000_000, 4_000, 2_467_722))
QUICK = Size((10_000, 250, 20_000), (50_000, 1_000, 200_000))


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

        async def report() -> tuple[int, int]:
            nonlocal begun, reported
            begun = time.perf_counter()
            reported = await walls.report(
                place.address, place.tokens["planner"], [event(place, number) for number in range(BURST)], 1 / BURST
            )
            ((newest, total),) = _journal(place, "SELECT newest, changes FROM linli_versions() WHERE topic = 'events'")
            return newest, total

        with place.store.owner_session() as session:
            session.execute(text(_NOTE_LINES))
        lines = dict(_journal(place, "SELECT id, newest FROM changes WHERE topic = 'events'"))
        told = asyncio.run(
            walls.watch(
                other, place.tokens["screen"], place.summary, WALLS, report, lambda seen: _shown(seen) >= before + BURST
            )
        )
        committed, sums = _journalled(place, lines, reported)
        sent, delays = max(reported.values()), told.delays_s(committed, sums)
        counts = {
            sum(number <= newest for number in sums) if sums.get(newest) == total else -1
            for _, newest, total in (wall.heard[-1] for wall in told.walls)
        }
        shown = {_shown(wall.figures) - before for wall in told.walls}
        # They were due within a second, however long reporting them took.
        last = max(wall.shown_at for wall in told.walls) - begun - 1
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


def _journal(place: Place, query: str, **params: Any) -> list[tuple[Any, ...]]:
    with place.store.owner_session() as session:
        return [tuple(row) for row in session.execute(text(query), params)]


def _journalled(
    place: Place, lines: dict[int, int], reported: dict[str, float]
) -> tuple[dict[int, float], dict[int, int]]:
    """Return when the event of each change was answered, and the sum over the journal's lines after each change; ``lines`` as they were before."""
    # Which change is which event's: the same transaction wrote both.
    numbers = _journal(
        place,
        "SELECT n.newest, e.id::text FROM events e JOIN lines_noted n ON n.xmin = e.xmin WHERE e.id = ANY (CAST(:ids AS uuid[]))",
        ids=list(reported),
    )
    lines, sums = dict(lines), {}
    for newest, line in _journal(place, "SELECT newest, line FROM lines_noted ORDER BY newest"):
        lines[line] = newest
        sums[newest] = sum(lines.values())
    return {number: reported[made] for number, made in numbers}, sums


def everywhere(command: list[str]) -> list[str]:
    """Return a command that may use every processor, whatever it is started with."""
    return ["taskset", "-c", f"0-{(os.cpu_count() or 1) - 1}", *command] if shutil.which("taskset") else command


def _shown(summary: dict[str, Any]) -> int:
    """Return how many events of the last days a wall shows."""
    return int(summary.get("events", {}).get("reported") or 0)
