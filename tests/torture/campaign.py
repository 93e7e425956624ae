"""One campaign: load, a kill at a random moment, back to work without a hand, checks; again and again."""

from __future__ import annotations

import contextlib
import random
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.scratch import scratch_folder
from tests.torture import checks, phases, place
from tests.torture.load import Load, Seen
from tests.torture.programs import Programs, kill

WEIGHTS = {
    "backend": 25, "postmaster": 20, "all of PostgreSQL": 5, "service": 20, "worker": 12, "keeper": 3, "everything": 5, "command line": 5,
    "while it starts": 5,
}  # fmt: skip
"""How often what is killed."""
_REST_EVERY = 25
_END_WITHIN_S = 180
_COMMANDS_FROM = 5000
"""The marks of files that the command line brings in."""


@dataclass
class Outcome:
    """What came of a campaign."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    """What an import was at when something was killed."""
    wrong: list[str] = field(default_factory=list)
    back_s: dict[str, list[float]] = field(default_factory=dict)
    """How long the service took to be ready again, by what was killed; its own start included where it was killed itself."""
    imports: Counter[str] = field(default_factory=Counter)
    compared: checks.Compared = field(default_factory=Counter)
    seen: Seen = field(default_factory=Seen)

    def report(self) -> str:
        """Return the outcome in words."""
        back = (f"{name} {statistics.median(each):.1f}/{max(each):.1f}" for name, each in sorted(self.back_s.items()))
        lines = [
            f"seed {self.seed}: {self.kills.total()} kills: {_listed(self.kills)}",
            f"imports were at the moment of a kill: {_listed(self.phases)}",
            f"imports came to their end: {_listed(self.imports)}",
            f"compared: {_listed(self.compared)}",
            f"answers: {_listed(self.seen.answers)}",
            f"ready again after (s, median/longest): {', '.join(back)}",
            *(f"WRONG {each}" for each in self.wrong),
            "nothing lost" if not self.wrong else f"{len(self.wrong)} faults",
        ]
        return "\n".join(lines)


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common())


@contextlib.contextmanager
def _programs() -> Iterator[Programs]:
    folder = scratch_folder("linli-torture-")
    programs = Programs(folder)
    try:
        yield programs
    finally:
        programs.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(kills: int, seed: int, say: Callable[[str], None], keep_log: Path | None = None) -> Outcome:
    """Run a campaign.

    Args:
        kills: how many.
        seed: of what is killed, when, and of the load; the machine's own timing adds chance of its own.
        say: told how it goes.
        keep_log: where to keep what the programs wrote.
    """
    outcome = Outcome(seed)
    chance = random.Random(seed)
    with _programs() as programs:
        load = _fill(programs, seed, outcome)
        outcome.seen = load.seen
        load.start()
        try:
            for number in range(1, kills + 1):
                time.sleep(chance.uniform(0.1, 2.0))
                name, phase = _kill_one(programs, number, chance)
                outcome.kills[name] += 1
                outcome.phases[phase] += 1
                programs.start()
                back_s = programs.wait_until_ready()
                outcome.back_s.setdefault(name, []).append(back_s)
                wrong = checks.at_any_moment(programs, outcome.compared)
                if number % _REST_EVERY == 0:
                    wrong += _rest(programs, load, outcome)
                outcome.wrong += [f"after kill {number} ({name}, {phase}): {each}" for each in wrong]
                say(
                    f"kill {number} of {kills}: {name} ({phase}), ready after {back_s:.1f} s, {len(outcome.wrong) + len(load.seen.faults)} faults"
                )
            outcome.wrong += [f"at the end: {each}" for each in _rest(programs, load, outcome)]
            outcome.imports.update(_states(programs))
        finally:
            load.stop()
            outcome.wrong += load.seen.faults
            if keep_log is not None:
                shutil.copy(programs.log, keep_log)
    return outcome


def _fill(programs: Programs, seed: int, outcome: Outcome) -> Load:
    """Start everything for the first time and bring in the place."""
    programs.start()
    programs.wait_until_ready()
    load = Load(programs, programs.sign_in(), seed)
    place_files = {"grids": place.grids(0), "households": place.steady()}
    for kind, content in place_files.items():
        path = programs.files / f"first-{kind}.{'geojson' if kind == 'grids' else 'csv'}"
        path.write_bytes(content)
        done = programs.program("import", kind, str(path), "--crs", "EPSG:4326")
        assert done.wait(120) == 0, programs.log.read_text()
    for kind in ("households", "stations"):
        load.import_now(kind)
    assert not _rest(programs, load, outcome)
    return load


def _kill_one(programs: Programs, number: int, chance: random.Random) -> tuple[str, str]:
    """Kill something, seldom a program that has only just begun; return what it was, and what the imports were at."""
    name = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    if name == "command line":
        return name, _kill_a_command(programs, number, chance)
    if name == "while it starts":
        kill(programs.victims(chance)["everything"])
        programs.start()
        time.sleep(chance.uniform(0.1, 4.0))
        name_now = chance.choice(("everything", "service"))
        kill(programs.victims(chance).get(name_now, []))
        return name, phases.AWAY
    moment = phases.before_a_kill(programs, chance)
    victims = programs.victims(chance, moment.pid)
    while name not in victims:  # it has ended in this moment, or could not start while the database was away
        time.sleep(0.05)
        programs.start()
        victims = programs.victims(chance)
    kill(victims[name])
    return name, moment.phase


def _kill_a_command(programs: Programs, number: int, chance: random.Random) -> str:
    """Begin an import on the command line, and kill it before or after it stands in the queue."""
    path = programs.files / f"households-{_COMMANDS_FROM + number}.csv"
    path.write_bytes(place.households(_COMMANDS_FROM + number))
    running = programs.program("import", "households", str(path), "--crs", "EPSG:4326")
    with programs.connect() as connection:
        connection.autocommit = True
        if chance.random() < 0.8:
            while (
                running.poll() is None
                and not connection.execute("SELECT FROM imports WHERE file_name = %s", [path.name]).fetchone()
            ):
                time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 1.0))
        moment = phases.now(connection)
    running.kill()
    running.wait()
    return moment.phase


def _rest(programs: Programs, load: Load, outcome: Outcome) -> list[str]:
    """Let the load pause and every import end, and check everything."""
    load.rest(True)
    deadline = time.monotonic() + _END_WITHIN_S
    while time.monotonic() < deadline:
        waiting = load.get("/api/imports?limit=100")
        if waiting is not None and not any(each["state"] in ("queued", "running") for each in waiting["items"]):
            break
        time.sleep(0.2)
    time.sleep(1.0)  # requests that were under way
    wrong = checks.at_rest(programs, load, outcome.compared)
    load.rest(False)
    return wrong


def _states(programs: Programs) -> dict[str, int]:
    """Return how many imports were whole, and how many came to nothing, and of which a kill had cut an attempt off."""
    query = """
        SELECT CASE WHEN state = 'done' THEN 'whole' ELSE state || ', nothing of it there' END
               || CASE WHEN attempts > 1 THEN ', begun anew after a kill' ELSE '' END, count(*)
        FROM imports GROUP BY 1 ORDER BY 1"""
    with programs.connect() as connection:
        return dict(connection.execute(query).fetchall())
