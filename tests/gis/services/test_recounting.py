"""What is kept as counts equals a full recount, whatever happened in whatever order; and a wrong count is found and put right."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.visiting import INTERVALS_DAYS
from gis.services import recounting
from gis.services.counted import counted, settle
from gis.services.snapshots import Snapshots
from gis.store.session import Store
from tests.gis.services.conftest import G1, G2, account

TODAY = date(2026, 11, 20)
HOMES = [f"H{number:03d}" for number in (1, 2, 7, 8, 15)] + ["H900", "H901"]
HOME = st.sampled_from(HOMES)
GRID = st.sampled_from([G1, G2, None])
DAY = st.integers(-100, 3).map(lambda days: TODAY + timedelta(days=days))
BORN = st.sampled_from([date(1966, 11, 19), date(1966, 11, 20), date(1966, 11, 22), date(2013, 11, 20), date(2013, 11, 22), date(2012, 2, 29), date(1990, 1, 1)])

_GRID = "(SELECT id FROM grids WHERE code = :grid)"
_HOME = "(SELECT id FROM households WHERE code = :home)"
OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "born": (f"INSERT INTO residents (key, household_id, birth_date, birth_year, care_flags) SELECT gen_random_uuid()::text, {_HOME}, "
             "CAST(:born AS date), extract(year FROM CAST(:born AS date)), ARRAY['living_alone', 'disability']", {"home": HOME, "born": BORN}),
    "year only": (f"INSERT INTO residents (key, household_id, birth_year) SELECT gen_random_uuid()::text, {_HOME}, extract(year FROM CAST(:born AS date))",
                  {"home": HOME, "born": BORN}),
    "moves out": (f"UPDATE residents SET moved_out_on = :day WHERE household_id = {_HOME}", {"home": HOME, "day": DAY}),
    "moves": (f"UPDATE residents SET household_id = {_HOME} WHERE household_id = (SELECT id FROM households WHERE code = :other)", {"home": HOME, "other": HOME}),
    "dies out": (f"DELETE FROM residents WHERE household_id = {_HOME}", {"home": HOME}),
    "flags": (f"UPDATE residents SET care_flags = ARRAY['low_income'] WHERE household_id = {_HOME}", {"home": HOME}),
    "home moves": (f"UPDATE households SET grid_id = {_GRID}, grid_reason = CASE WHEN CAST(:grid AS text) IS NULL THEN 'outside every grid' END WHERE code = :home",
                   {"home": HOME, "grid": GRID}),
    "all move": (f"UPDATE households SET grid_id = {_GRID}, grid_reason = CASE WHEN CAST(:grid AS text) IS NULL THEN 'outside every grid' END "
                 "WHERE grid_id = (SELECT id FROM grids WHERE code = :other)", {"grid": GRID, "other": GRID}),
    "colour": ("UPDATE households SET colour = :colour WHERE code = :home", {"home": HOME, "colour": st.sampled_from(["red", "yellow", None])}),
    "need": (f"INSERT INTO needs (household_id, service, opened_on) SELECT {_HOME}, :service, :day",
             {"home": HOME, "service": st.sampled_from(["meal", "health"]), "day": DAY}),
    "closed": (f"UPDATE needs SET closed_on = greatest(opened_on, :day) WHERE household_id = {_HOME}", {"home": HOME, "day": DAY}),
    "need gone": (f"DELETE FROM needs WHERE household_id = {_HOME}", {"home": HOME}),
    "visit": (f"INSERT INTO visits (household_id, visited_on, outcome, missed, visited_by) SELECT {_HOME}, :day, 'met', :missed, 'x'",
              {"home": HOME, "day": DAY, "missed": st.booleans()}),
    "policy": ("INSERT INTO visit_policy VALUES ('red', :days) ON CONFLICT (colour) DO UPDATE SET interval_days = excluded.interval_days",
               {"days": st.integers(1, 20)}),
    "import": ("INSERT INTO residents (key, household_id, birth_year) SELECT gen_random_uuid()::text, h.id, 1950 FROM households h, generate_series(1, 3)", {}),
    "emptied": ("TRUNCATE visits", {}),
    "settle": ("SELECT linli_settle_counts(:day)", {"day": DAY}),
}  # fmt: skip
STEP = st.sampled_from(sorted(OPERATIONS)).flatmap(lambda name: st.tuples(st.just(name), st.fixed_dictionaries(OPERATIONS[name][1])))


def found(store: Store, day: date) -> list[recounting.Difference]:
    with store.owner_session() as session:
        return recounting.differences(session, day)[1]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=3, max_size=25), days=st.integers(-3, 40))
def test_kept_counts_equal_a_full_recount_after_anything(place: Store, steps: list[Any], days: int) -> None:
    for name, values in steps:
        with place.owner_session() as session:
            session.execute(text(OPERATIONS[name][0]), values)
    assert found(place, TODAY) == []
    assert found(place, TODAY + timedelta(days=days)) == []
    with place.owner_session() as session:
        settle(session, TODAY)
    assert found(place, TODAY) == []
    with place.owner_session() as session:
        assert session.execute(text("SELECT count(*) FROM grid_counts_due")).scalar_one() == 0


def test_time_alone_changes_ages(place: Store, session: Session) -> None:
    with place.owner_session() as owner:
        settle(owner, TODAY)
        owner.execute(text("UPDATE residents SET birth_date = '1966-11-25', birth_year = 1966 WHERE birth_year = 1990"))
        settle(owner, TODAY)
    before = counted(session, Snapshots(), TODAY).column("elders_60").sum()
    after = counted(session, Snapshots(), TODAY + timedelta(days=5)).column("elders_60").sum()
    assert after - before == 21  # one in each household


def test_two_who_do_not_see_each_other_lose_nothing(place: Store) -> None:
    """A household moves to another grid while somebody moves into it: whoever commits last, the new grid has counted both."""
    for last in ("home", "person"):
        with place.owner_session() as session:
            settle(session, TODAY)
        home, person = place.owner_engine.connect(), place.owner_engine.connect()
        home.execute(text("UPDATE households SET grid_id = (SELECT id FROM grids WHERE code = :to) WHERE code = 'H001'"), {"to": G2 if last == "home" else G1})
        person.execute(text("INSERT INTO residents (key, household_id, birth_year) SELECT :key, id, 1950 FROM households WHERE code = 'H001'"), {"key": last})
        for each in (person, home) if last == "home" else (home, person):
            each.commit()
            each.close()
            with place.owner_session() as session:
                settle(session, TODAY)
            assert found(place, TODAY) == []


def test_bulk_statements_mark_all_and_small_ones_what_they_touch(place: Store) -> None:
    with place.owner_session() as session:
        settle(session, TODAY)
        session.execute(text("UPDATE residents SET phone_hash = NULL"))  # counted nowhere
        assert session.execute(text("SELECT count(*) FROM grid_counts_due")).scalar_one() == 0
        session.execute(text("UPDATE residents SET care_flags = '{}' WHERE household_id = (SELECT id FROM households WHERE code = 'H001')"))
        assert session.execute(text("SELECT count(*) FROM grid_counts_due")).scalar_one() == 1
        session.execute(text("INSERT INTO households (code, grid_reason) SELECT 'N' || i, 'no position' FROM generate_series(1, 600) i"))
        session.execute(text("INSERT INTO residents (key, household_id, birth_year) SELECT code, id, 1950 FROM households WHERE code LIKE 'N%'"))
        assert session.execute(text("SELECT bool_or(household_id IS NULL AND grid_id IS NULL) FROM grid_counts_due")).scalar_one()
    assert found(place, TODAY) == []


def test_visits_fall_due_as_the_list_of_workers_has_it(place: Store, session: Session) -> None:
    with place.owner_session() as owner:
        owner.execute(text("UPDATE households SET colour = CASE WHEN code < 'H005' THEN 'red' WHEN code < 'H010' THEN 'yellow' ELSE 'green' END"))
        owner.execute(text("INSERT INTO visits (household_id, visited_on, outcome, visited_by) SELECT id, :day, 'met', 'x' FROM households"), {"day": TODAY})
    found = counted(session, Snapshots(), TODAY)
    for colour, days in INTERVALS_DAYS.items():
        homes = int(found.column(f"colour:{colour}").sum())
        assert int(found.between("due", TODAY + timedelta(days=days), TODAY + timedelta(days=days)).sum()) == homes > 0
    assert int(found.between("visited", TODAY, TODAY).sum()) == 23


@pytest.mark.parametrize("broken", ["UPDATE grid_counts SET counts = counts || '{\"residents\": 9999}'", "DELETE FROM grid_counts WHERE grid_id <> 0"])
def test_a_wrong_count_is_found_and_put_right(place: Store, broken: str) -> None:
    with place.owner_session() as session:
        settle(session, TODAY)
        session.execute(text(broken))
    assert {each.counts for each in found(place, TODAY)} == {"grid_counts"}
    with place.owner_session() as session:
        recounting.repair(session, TODAY)
    assert found(place, TODAY) == []


def test_a_wrong_day_of_events_is_found_and_put_right(place: Store) -> None:
    with place.owner_session() as session:
        session.execute(text("INSERT INTO event_days (grid_id, day, reported) VALUES (0, '2026-11-01', 3)"))
    assert [(each.measure, each.kept, each.counted) for each in found(place, TODAY)] == [("reported 2026-11-01", 3, 0)]
    with place.owner_session() as session:
        recounting.repair(session, TODAY)
    assert found(place, TODAY) == []


def test_readers_need_an_account_and_screens_may_read(place: Store) -> None:
    with pytest.raises(Exception, match="no account"), place.session(None) as session:
        session.execute(text("SELECT * FROM linli_counts(current_date)"))
    with place.session(account(place, "screen")) as session:
        assert session.execute(text("SELECT count(*) FROM linli_counts(current_date)")).scalar_one() == 3
    for private in ("SELECT * FROM grid_counts", "SELECT * FROM grid_counts_due", "SELECT * FROM linli_count_grids(current_date, NULL)"):
        with pytest.raises(Exception, match="permission denied"), place.session(account(place, "admin")) as session:
            session.execute(text(private))
