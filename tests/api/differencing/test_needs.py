"""Attacks on needs told apart by colour and age: every combination is asked for, subtracted, solved, and watched."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.models.vocabulary import AGE_GROUPS, COLOURS
from gis.needs.hotspots import find_spots, touching_cells
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.api.differencing.town import MONTHS, SERVICES, Town, counted

AGES = list(AGE_GROUPS)
SUBSETS = [chosen for size in range(5) for chosen in itertools.combinations(AGES, size)]
BORN = {"0-12": 2020, "13-59": 1985, "60-79": 1955, "80+": 1935}


@pytest.fixture
def mixed(peopled: Store) -> Store:
    """Spread the town's needs over its dwellings, and give these all colours (or none) and all kinds of people."""
    random = np.random.default_rng(5)
    with peopled.owner_session() as session:
        homes = session.execute(text("SELECT id FROM households ORDER BY code")).scalars().all()
        session.execute(text("DELETE FROM residents"))
        for home in homes:
            colour = random.choice(["red", "yellow", "green", ""])
            session.execute(
                text("UPDATE households SET colour = nullif(:colour, '') WHERE id = :home"),
                {"colour": str(colour), "home": home},
            )
            for group in random.choice(AGES, int(random.integers(0, 4))):
                add_resident(session, home, BORN[str(group)])
        session.execute(
            text(
                "UPDATE needs n SET household_id = (SELECT o.id FROM households o JOIN households h ON h.building_id = o.building_id "
                "WHERE h.id = n.household_id ORDER BY md5(n.id::text || o.id) LIMIT 1)"
            )
        )
    return peopled


def add_resident(session: Any, home: int, year: int) -> None:
    session.execute(
        text("INSERT INTO residents (key, household_id, birth_year) VALUES (gen_random_uuid()::text, :home, :year)"),
        {"home": home, "year": year},
    )


def truth(store: Store) -> list[tuple[str, str, str, str, frozenset[str]]]:
    """Return building, service, month, colour and ages of every need, read by another way than the program's."""
    with store.owner_session() as session:
        rows = session.execute(
            text(
                "SELECT b.code, n.service, to_char(n.opened_on, 'YYYY-MM'), coalesce(h.colour, ''), "
                "ARRAY(SELECT r.birth_year FROM residents r WHERE r.household_id = h.id) "
                "FROM needs n JOIN households h ON h.id = n.household_id JOIN buildings b ON b.id = h.building_id"
            )
        ).all()
    group = {year: name for name, year in BORN.items()}
    return [
        (code, service, month, colour, frozenset(group[year] for year in years))
        for code, service, month, colour, years in rows
    ]


def ask(client: TestClient, as_: SignIn, kind: str, role: str = "planner", **asked: Any) -> Any:
    answered = client.get(f"/api/needs/{kind}", params=asked, headers=as_(role))
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_every_slice_is_in_fives_and_slices_add_up(client: TestClient, as_: SignIn, mixed: Store) -> None:
    """What is left of all when the colours are taken away are the households without one: in fives too, and never less than none."""
    for kind, size in (("cells", 100), ("cells", 400), ("grids", 100)):
        for service, ages in itertools.product(([], ["meal"], ["meal", "errand"]), SUBSETS):
            asked = {"service": service, "age": list(ages), "size_m": size}
            whole = ask(client, as_, kind, **asked)
            by_colour = [ask(client, as_, kind, colour=colour, **asked) for colour in COLOURS]
            figures = [n for answer in (whole, *by_colour) for n in counted(answer)]
            assert all(n % 5 == 0 and n >= 0 for n in figures)
            together = ask(client, as_, kind, colour=list(COLOURS), **asked)
            assert (together["total"] or 0) == sum(each["total"] or 0 for each in by_colour) <= (whole["total"] or 0)
            if kind == "grids":
                for row, *parts in zip(together["grids"], *(each["grids"] for each in by_colour), strict=True):
                    assert (row["count"] or 0) == sum(part["count"] or 0 for part in parts)
                assert sum(row["count"] or 0 for row in whole["grids"]) + (whole["outside"] or 0) == (
                    whole["total"] or 0
                )


def test_admins_count_every_slice_one_by_one(client: TestClient, as_: SignIn, mixed: Store) -> None:
    needs = truth(mixed)
    for colour, ages in itertools.product(("", *COLOURS), SUBSETS):
        expected = sum((not colour or c == colour) and (not ages or bool(a & set(ages))) for _, _, _, c, a in needs)
        for kind in ("cells", "grids"):
            found = ask(client, as_, kind, "admin", age=list(ages), **({"colour": colour} if colour else {}))
            assert found["people_in"] == 1
            assert found["total"] == (expected if expected == 0 or expected >= 5 else None)


def test_linear_algebra_over_all_filters_finds_parts_in_fives_only(
    client: TestClient, as_: SignIn, mixed: Store
) -> None:
    """Every union of ages for every colour and month, solved for what each set of ages has: all are multiples of five, no small number is found."""
    kinds = [frozenset(chosen) for chosen in SUBSETS if chosen]
    rows = np.array([[bool(kind & set(chosen)) for kind in kinds] for chosen in SUBSETS if chosen], dtype=float)
    assert np.linalg.matrix_rank(rows) == len(kinds)
    true = Counter((month, colour, ages) for _, service, month, colour, ages in truth(mixed) if service == "meal")
    small_found = small = 0
    for month, colour in itertools.product(MONTHS, COLOURS):
        period = {"from": f"{month}-01", "to": f"{month}-28", "service": "meal", "colour": colour}
        answers = [
            ask(client, as_, "cells", size_m=5000, age=list(chosen), **period)["total"] or 0
            for chosen in SUBSETS
            if chosen
        ]
        solved = np.linalg.solve(rows, np.array(answers, dtype=float))
        assert np.abs(solved / 5 - np.round(solved / 5)).max() < 1e-6
        assert solved.min() > -1e-6
        for kind, found in zip(kinds, solved, strict=True):
            count = true[month, colour, kind]
            small += 0 < count < 5
            small_found += 0 < count < 5 and bool(np.isclose(found, count))
    assert small > 20
    assert small_found == 0


def test_needs_that_come_one_by_one_are_seen_every_fifth_time_and_in_their_own_part(
    client: TestClient, as_: SignIn, mixed: Store
) -> None:
    with mixed.owner_session() as session:
        home = session.execute(text("SELECT id FROM households WHERE code = 'B3-2'")).scalar_one()
        session.execute(text("DELETE FROM residents WHERE household_id = :home"), {"home": home})
        session.execute(text("UPDATE households SET colour = 'red' WHERE id = :home"), {"home": home})
        add_resident(session, home, BORN["80+"])

    def look() -> dict[tuple[str, str, str], int]:
        return {
            (kind, colour, age): ask(client, as_, kind, service="errand", colour=colour, age=age)["total"] or 0
            for kind in ("cells", "grids")
            for colour in COLOURS
            for age in AGES
        }

    before = look()
    steps: dict[str, list[int]] = {"cells": [], "grids": []}
    for _ in range(10):
        with mixed.owner_session() as session:
            session.execute(
                text("INSERT INTO needs (household_id, service, opened_on) VALUES (:home, 'errand', '2026-06-20')"),
                {"home": home},
            )
        after = look()
        changed = {key: after[key] - before[key] for key in after if after[key] != before[key]}
        assert {key[1:] for key in changed} <= {("red", "80+")}
        for kind, seen in steps.items():
            seen.append(changed.get((kind, "red", "80+"), 0))
        before = after
    for seen in steps.values():
        assert set(seen) <= {0, 5} and sum(seen) == 10 and seen[:5] == seen[5:]


def test_spots_are_made_of_what_is_shown_and_of_nothing_else(
    client: TestClient,
    as_: SignIn,
    mixed: Store,
    town: Town,
) -> None:
    """Whoever has the cells can work out the same z-scores, so these give nothing away."""
    for measure, colour in itertools.product(("count", "rate"), ("", "red")):
        asked = {"size_m": 200, **({"colour": colour} if colour else {})}
        shown = ask(client, as_, "cells", **asked)["features"]
        found = ask(client, as_, "hotspots", by="cells", measure=measure, **asked)
        # All buildings stand on one line: a cell's place is its rank from the west, 200 m apart.
        order = sorted(range(len(shown)), key=lambda i: shown[i]["geometry"]["coordinates"][0][0][0])
        facts = [shown[i]["properties"] for i in order]
        assert len(facts) == len(town.people) == found["tested"] and all(one["households"] == 6 for one in facts)
        values = np.array([one[measure] or 0 for one in facts], dtype=float)
        own = find_spots(values, touching_cells(np.arange(len(values)), np.zeros(len(values), dtype=int)))
        told = [found["features"][i]["properties"] for i in order]
        assert [{k: v for k, v in one.items() if k not in ("z", "q", "spot")} for one in told] == facts
        if np.ptp(values) > 0:
            assert [one["z"] for one in told] == pytest.approx(own.z.tolist(), abs=0.02)


def test_a_wall_is_refused_what_it_may_not_tell(client: TestClient, as_: SignIn, mixed: Store) -> None:
    for asked in ("colour=red", "age=80%2B", "age=0-12&service=meal"):
        assert client.get(f"/api/needs/cells?{asked}", headers=as_("screen")).status_code == 403
    assert client.get("/api/needs/cells?service=meal", headers=as_("screen")).status_code == 200
    for path in ("grids", "hotspots"):
        assert client.get(f"/api/needs/{path}", headers=as_("screen")).status_code == 403


def test_services_and_months_add_up_within_a_slice(client: TestClient, as_: SignIn, mixed: Store) -> None:
    asked = {"colour": ["red", "yellow"], "age": ["60-79", "80+"]}
    for kind in ("cells", "grids"):
        whole = ask(client, as_, kind, **asked)["total"] or 0
        assert whole == sum(ask(client, as_, kind, service=service, **asked)["total"] or 0 for service in SERVICES)
        months = [{"from": f"{month}-01", "to": f"{month}-28"} for month in MONTHS]
        assert whole == sum(ask(client, as_, kind, **asked, **month)["total"] or 0 for month in months)
