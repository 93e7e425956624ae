"""A town of many small numbers, and the figures about people that answers hold."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import text

from tests.gis.services.conftest import add_building

AREAS = {"county": "539901000000", "township": "539901001000", "community": "539901001001", "other": "539901001002"}
PEOPLE = {"elders_60": (1950, ["living_alone"]), "children_12": (2020, []), "adults": (1985, [])}
MONTHS = ["2026-03", "2026-04", "2026-05", "2026-06"]
SERVICES = ("meal", "health", "errand")


COUNTS = {
    "residents", "elders_60", "elders_60_covered", "children_12", "children_12_covered", "needs_open", "count", "total", "opened",
    "closed", "living_alone", "green", "needs_opened", "needs_closed", "visits_due", "visits_done", "due", "done",
}  # fmt: skip
"""Keys of answers under which people or needs are counted."""


@dataclass
class Town:
    """What is true: per building its grid, position and people; per need its building, service and month."""

    grids: list[str]
    grid_of: list[int]
    x_m: list[int]
    people: list[dict[str, int]]
    needs: Counter[tuple[int, str, str]]

    def in_grid(self, measure: str) -> list[int]:
        found = [0] * len(self.grids)
        for grid, counts in zip(self.grid_of, self.people, strict=True):
            found[grid] += sum(counts.values()) if measure == "residents" else counts[measure]
        return found


def add_homes(session: Any, town: Town, grid: int, x_m: int, random: np.random.Generator) -> None:
    """Add a building of six dwellings with a few people and needs."""
    number = len(town.people)
    add_building(session, f"B{number}", x_m, 500)
    session.execute(
        text(
            "INSERT INTO households (code, building_id, geometry, lon, lat, colour, grid_reason) "
            "SELECT :code || '-' || n, b.id, b.geometry, b.lon, b.lat, 'green', 'outside every grid' "
            "FROM buildings b, generate_series(1, 6) n WHERE b.code = :code"
        ),
        {"code": f"B{number}"},
    )
    town.grid_of.append(grid)
    town.x_m.append(x_m)
    town.people.append(dict.fromkeys(PEOPLE, 0))
    for name, most in (("elders_60", 5), ("children_12", 4), ("adults", 9)):
        for _ in range(int(random.integers(0, most + 1))):
            add_person(session, town, number, name)
    for month, service in itertools.product(MONTHS, SERVICES):
        for _ in range(int(random.integers(0, 3))):
            town.needs[number, service, month] += 1
            session.execute(
                text(
                    "INSERT INTO needs (household_id, service, opened_on) SELECT id, :service, CAST(:day AS date) FROM households WHERE code = :code"
                ),
                {"service": service, "day": f"{month}-{int(random.integers(1, 29)):02d}", "code": f"B{number}-1"},
            )


def add_person(session: Any, town: Town, building: int, kind: str) -> None:
    """Add a person to a building's first dwelling."""
    year, flags = PEOPLE[kind]
    town.people[building][kind] += 1
    session.execute(
        text(
            "INSERT INTO residents (key, household_id, birth_year, care_flags) SELECT :key, id, :year, :flags FROM households WHERE code = :code"
        ),
        {
            "key": f"{building} {kind} {town.people[building][kind]}",
            "year": year,
            "flags": flags,
            "code": f"B{building}-1",
        },
    )


def counted(answer: Any) -> Iterator[int]:
    """Give every count of people or needs in an answer."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            if key in COUNTS and isinstance(value, int):
                yield value
            else:
                yield from counted(value)
    elif isinstance(answer, list):
        for each in answer:
            yield from counted(each)
