"""Published needs after a change, from what is in memory, are those that would be counted from nothing; and what did not change is not counted again."""

import random

import numpy as np
import pandas as pd
from sqlalchemy import text

from gis.services import need_tables
from gis.services.needs import NeedQuery, count_in_cells, count_in_grids
from gis.services.snapshots import Snapshots
from gis.store.session import Store
from tests.gis.services.conftest import account

ALL = (
    NeedQuery(),
    NeedQuery(services=("meal",)),
    NeedQuery(colours=("red",)),
    NeedQuery(ages=("80+",)),
    NeedQuery(exact=True),
)
CHANGES = (
    "INSERT INTO needs (household_id, service, opened_on) SELECT id, :service, DATE '2026-01-01' + :n * 17 FROM households ORDER BY code OFFSET :n % 20 LIMIT 9",
    "DELETE FROM needs WHERE id IN (SELECT id FROM needs ORDER BY id OFFSET :n LIMIT 3)",
    "UPDATE needs SET closed_on = opened_on WHERE id IN (SELECT id FROM needs ORDER BY id OFFSET :n LIMIT 4)",
    "UPDATE needs SET service = :service WHERE id IN (SELECT id FROM needs ORDER BY id OFFSET :n LIMIT 4)",
    "UPDATE households SET colour = 'red' WHERE id IN (SELECT id FROM households ORDER BY code OFFSET :n % 20 LIMIT 2)",
    "UPDATE households SET own_position = true, building_id = NULL, lon = 102.7125, lat = 25.0401 WHERE id IN (SELECT id FROM households ORDER BY code OFFSET :n % 20 LIMIT 1)",
)


def told(place: Store, snapshots: Snapshots) -> list[np.ndarray]:
    today = pd.Timestamp("2026-11-20").date()
    with place.session(account(place, "admin")) as session:
        found = []
        for query in ALL:
            cells = count_in_cells(session, snapshots, query)
            found += [cells.column, cells.row, cells.count, cells.households]
            found += count_in_grids(session, snapshots, query, today)
        return found


def test_after_any_change_they_are_as_if_counted_from_nothing(place: Store) -> None:
    """Two dozen times: fives of the same secret, whatever was in memory before."""
    chance = random.Random(6)
    kept = Snapshots()
    seen = set()
    for _ in range(24):
        with place.owner_session() as session:
            session.execute(
                text(chance.choice(CHANGES)),
                {"n": chance.randrange(30), "service": chance.choice(["meal", "health"])},
            )
        ours, afresh = told(place, kept), told(place, Snapshots())
        for one, other in zip(ours, afresh, strict=True):
            np.testing.assert_array_equal(one, other)
        seen.add(tuple(int(one.sum()) for one in ours))
    assert len(seen) > 5, "the changes change something"


def test_a_closed_need_leaves_the_tables_as_they_are(place: Store) -> None:
    kept = Snapshots()
    with place.owner_session() as session:
        session.execute(text(CHANGES[0]), {"n": 3, "service": "meal"})
    told(place, kept)

    def tables() -> list[object]:
        return [kept.former(("needs",)), kept.former(("needs in cells",)), kept.former(("needs in grids",))]

    before = tables()
    with place.owner_session() as session:
        session.execute(text("UPDATE needs SET closed_on = opened_on"))
    told(place, kept)
    assert all(one is other for one, other in zip(tables(), before, strict=True))
    with place.owner_session() as session:
        session.execute(text("DELETE FROM needs"))
    told(place, kept)
    assert not any(one is other for one, other in zip(tables(), before, strict=True))


def test_only_new_units_are_named(place: Store, monkeypatch) -> None:
    kept, named = Snapshots(), []
    real = need_tables.offsets
    monkeypatch.setattr(
        need_tables,
        "offsets",
        lambda key, measure, units: named.append(len(units)) or real(key, measure, units),
    )
    with place.owner_session() as session:
        session.execute(text(CHANGES[0]), {"n": 3, "service": "meal"})
    told(place, kept)
    begun = sum(named)
    assert begun >= 4
    with place.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO needs (household_id, service, opened_on) SELECT household_id, 'errand', opened_on FROM needs ORDER BY id LIMIT 1"
            )
        )
    told(place, kept)
    assert sum(named) - begun in (1, 2), "one unit of each table, and no other"
