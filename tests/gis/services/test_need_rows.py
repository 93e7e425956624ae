"""Needs read anew only of households in which something changed: always what a whole reading gives, whoever commits when, and never more than that."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gis.services import need_rows
from gis.services.need_rows import NeedSet, load_needs
from gis.services.snapshots import Snapshots
from gis.store.session import Store
from tests.gis.services.conftest import account

_HOME = "(SELECT id FROM households ORDER BY code OFFSET :n LIMIT 1)"
_NEED = "(SELECT id FROM needs ORDER BY service, opened_on, id OFFSET :n LIMIT 1)"
_PERSON = "(SELECT id FROM residents ORDER BY id OFFSET :n LIMIT 1)"
OPENED = f"INSERT INTO needs (household_id, service, opened_on) SELECT {_HOME}, :service, DATE '2026-01-01' + :n"
ELDER = f"INSERT INTO residents (key, household_id, birth_year) SELECT gen_random_uuid(), {_HOME}, :year"
OPERATIONS = {
    "opened": OPENED,
    "closed": f"UPDATE needs SET closed_on = opened_on WHERE id = {_NEED}",
    "of another kind": f"UPDATE needs SET service = :service WHERE id = {_NEED}",
    "of another day": f"UPDATE needs SET opened_on = opened_on - 4000, closed_on = NULL WHERE id = {_NEED}",
    "of another household": f"UPDATE needs SET household_id = {_HOME} WHERE id = {_NEED}",
    "gone": f"DELETE FROM needs WHERE id = {_NEED}",
    "moved": f"UPDATE households SET own_position = true, building_id = NULL, lon = 102.71, lat = 25.04, geometry = ST_SetSRID(ST_MakePoint(102.71, 25.04), 4326) WHERE id = {_HOME}",
    "position lost": f"UPDATE households SET own_position = false, lon = NULL, lat = NULL, geometry = NULL WHERE id = {_HOME}",
    "out of every grid": f"UPDATE households SET grid_id = NULL, grid_reason = 'outside every grid' WHERE id = {_HOME}",
    "coloured": f"UPDATE households SET colour = CASE colour WHEN 'red' THEN 'green' ELSE 'red' END WHERE id = {_HOME}",
    "year corrected": f"UPDATE residents SET birth_year = :year, birth_date = NULL WHERE id = {_PERSON}",
    "day given": f"UPDATE residents SET birth_date = make_date(birth_year, 1, 1 + :n) WHERE id = {_PERSON}",
    "somebody came": ELDER,
    "somebody moved": f"UPDATE residents SET household_id = {_HOME} WHERE id = {_PERSON}",
    "erased": f"DELETE FROM residents WHERE id = {_PERSON}",
    "all older": "UPDATE residents SET birth_year = birth_year - 10, birth_date = NULL WHERE birth_year > 1900",
    "nobody left": "TRUNCATE residents CASCADE",
    "emptied": "TRUNCATE needs CASCADE",
    "marks forgotten": "SELECT linli_forget_need_marks()",
    "marks lost": "TRUNCATE need_marks",
}
STEP = st.tuples(
    st.sampled_from(sorted(OPERATIONS)),
    st.integers(0, 4),
    st.sampled_from(["meal", "health"]),
    st.integers(1900, 2030),
)
# Nothing here knows of marks.
PLAINLY = """
SELECT n.household_id, h.lon, h.lat, h.grid_id, n.service, n.opened_on, coalesce(h.colour, ''),
       coalesce((SELECT sum(DISTINCT CASE WHEN age < 13 THEN 1 WHEN age < 60 THEN 2 WHEN age < 80 THEN 4 ELSE 8 END)
                 FROM (SELECT linli_age(r.birth_date, r.birth_year, n.opened_on) AS age FROM residents r WHERE r.household_id = n.household_id) a
                 WHERE age >= 0), 0)::integer
FROM needs n JOIN households h ON h.id = n.household_id
"""


def change(place: Store, name: str, **values: Any) -> None:
    with place.owner_session() as session:
        session.execute(text(OPERATIONS[name]), {"n": 0, "service": "meal", "year": 1940, **values})


def read(place: Store, snapshots: Snapshots) -> NeedSet:
    with place.session(account(place, "planner")) as session:
        return load_needs(session, snapshots)


def told(needs: NeedSet) -> list[str]:
    """Return all that is known of each need, in an order of its own."""
    rows = needs.frame.assign(x_m=needs.x_m, y_m=needs.y_m)
    return sorted(map(str, rows.itertuples(index=False, name=None)))


def plainly(place: Store) -> list[str]:
    with place.owner_session() as session:
        rows = session.execute(text(PLAINLY)).all()
    return sorted(
        str(
            (
                *(float("nan") if each is None else float(each) for each in row[1:4]),
                row[4],
                pd.Timestamp(row[5]),
                row[6],
                row[7],
                row[0],
            )
        )
        for row in rows
    )


def as_plain(needs: NeedSet) -> list[str]:
    names = ["lon", "lat", "grid_id", "service", "opened_on", "colour", "ages", "household_id"]
    return sorted(str(tuple(row)) for row in needs.frame[names].astype(object).itertuples(index=False, name=None))


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[list[int] | None]:
    """Give the households whose needs were read, reading by reading; None: all."""
    homes: list[list[int] | None] = []
    real = need_rows._needs

    def note(session: Any, snapshots: Snapshots, chosen: list[int] | None) -> NeedSet:
        homes.append(chosen)
        return real(session, snapshots, chosen)

    monkeypatch.setattr(need_rows, "_needs", note)
    return homes


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=4, max_size=20))
def test_what_is_read_piece_by_piece_equals_all_rows(place: Store, steps: list[Any]) -> None:
    running = Snapshots()
    for n in range(6):
        change(place, "opened", n=n % 4)
        change(place, "somebody came", n=n)
    for name, n, service, year in steps:
        change(place, name, n=n, service=service, year=year)
        ours = read(place, running)
        assert as_plain(ours) == plainly(place), name
        assert told(ours) == told(read(place, Snapshots())), name


def test_every_change_is_seen(place: Store) -> None:
    """Each by itself, of a household that has asked for something."""
    for name in OPERATIONS:
        running = Snapshots()
        for n in range(3):
            change(place, "opened", n=n)
            change(place, "somebody came", n=n)
        read(place, running)
        change(place, name, n=1, service="health", year=1990)
        assert as_plain(read(place, running)) == plainly(place), name


@pytest.mark.parametrize("first", ["earlier", "later"])
def test_who_began_before_a_reading_and_commits_after_it_is_not_missed(place: Store, first: str) -> None:
    """Also where a younger transaction has committed in between, and where the older one commits last."""
    running = Snapshots()
    read(place, running)
    earlier, later = place.owner_engine.connect(), place.owner_engine.connect()
    for n, connection in enumerate((earlier, later)):
        connection.execute(text(OPENED), {"n": n, "service": "meal"})
        connection.execute(text(ELDER), {"n": n, "year": 1940})
    assert len(read(place, running).frame) == 0
    order = (earlier, later) if first == "earlier" else (later, earlier)
    for n, connection in enumerate(order, 1):
        connection.commit()
        connection.close()
        ours = read(place, running)
        assert len(ours.frame) == n
        assert as_plain(ours) == plainly(place)


def test_one_change_reads_one_household(place: Store, noted: list[list[int] | None]) -> None:
    running = Snapshots()
    for n in range(5):
        change(place, "opened", n=n)
    read(place, running)
    assert noted == [None]
    for name in ("opened", "closed", "coloured", "somebody came", "gone"):
        change(place, name)
        read(place, running)
    assert [len(homes or ()) for homes in noted[1:]] == [1] * 5
    change(place, "of another household", n=3)
    read(place, running)
    assert len(noted[-1] or ()) in (1, 2)
    so_far = len(noted)
    with place.owner_session() as session:
        session.execute(text("UPDATE residents SET name = '李四'"))
        session.execute(text("UPDATE households SET unit = '1'"))
    read(place, running)
    assert len(noted) == so_far, "nothing that a need reads by has changed"


def test_a_closed_need_gives_the_very_same_set(place: Store) -> None:
    running = Snapshots()
    for n in range(5):
        change(place, "opened", n=n)
    before = read(place, running)
    change(place, "closed", n=2)
    assert read(place, running) is before
    change(place, "of another day", n=2)
    assert read(place, running) is not before


def test_beyond_five_hundred_households_all_are_read(place: Store, noted: list[list[int] | None]) -> None:
    running = Snapshots()
    change(place, "opened")
    read(place, running)
    with place.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO households (code, grid_reason) SELECT 'X' || n, 'no position' FROM generate_series(1, 501) n"
            )
        )
        session.execute(
            text(
                "INSERT INTO needs (household_id, service, opened_on) SELECT id, 'meal', DATE '2026-01-01' FROM households WHERE code LIKE 'X%'"
            )
        )
        assert (
            session.execute(
                text("SELECT max(household_id) FROM need_marks WHERE touched_in = pg_current_xact_id()::text::bigint")
            ).scalar_one()
            == 0
        )
    ours = read(place, running)
    assert noted == [None, None]
    assert as_plain(ours) == plainly(place) and len(ours.frame) == 502
    change(place, "closed")
    read(place, running)
    assert len(noted[-1] or ()) == 1


def test_marks_go_now_and_then(place: Store) -> None:
    """At every thousandth transaction; who has not seen those that go is told to read all."""
    with place.owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        change(place, "opened")
        assert connection.execute(text("SELECT count(*) FROM need_marks WHERE household_id > 0")).scalar_one() > 0
        while connection.execute(text("SELECT pg_current_xact_id()::text::bigint % 1000")).scalar_one() != 999:
            pass
        connection.execute(text(OPENED), {"n": 3, "service": "meal"})
        assert connection.execute(text("SELECT array_agg(household_id) FROM need_marks")).scalar_one() == [0]
