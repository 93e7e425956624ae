"""Counts that are kept: what marks them, who may read them, and that a wrong one is found and put right (that none goes wrong: test_interleaving.py)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.visiting import INTERVALS_DAYS
from gis.services import recounting
from gis.services.counted import counted, settle
from gis.services.snapshots import Snapshots
from gis.store.session import Store
from tests.gis.services.conftest import G1, G2, account

TODAY = date(2026, 11, 20)


def found(store: Store, day: date) -> list[recounting.Difference]:
    with store.owner_session() as session:
        return recounting.differences(session, day)[1]


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
        home.execute(
            text("UPDATE households SET grid_id = (SELECT id FROM grids WHERE code = :to) WHERE code = 'H001'"),
            {"to": G2 if last == "home" else G1},
        )
        person.execute(
            text(
                "INSERT INTO residents (key, household_id, birth_year) SELECT :key, id, 1950 FROM households WHERE code = 'H001'"
            ),
            {"key": last},
        )
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
        session.execute(
            text(
                "UPDATE residents SET care_flags = '{}' WHERE household_id = (SELECT id FROM households WHERE code = 'H001')"
            )
        )
        assert session.execute(text("SELECT count(*) FROM grid_counts_due")).scalar_one() == 1
        session.execute(
            text(
                "INSERT INTO households (code, grid_reason) SELECT 'N' || i, 'no position' FROM generate_series(1, 600) i"
            )
        )
        session.execute(
            text(
                "INSERT INTO residents (key, household_id, birth_year) SELECT code, id, 1950 FROM households WHERE code LIKE 'N%'"
            )
        )
        assert session.execute(
            text("SELECT bool_or(household_id IS NULL AND grid_id IS NULL) FROM grid_counts_due")
        ).scalar_one()
    assert found(place, TODAY) == []


def test_visits_fall_due_as_the_list_of_workers_has_it(place: Store, session: Session) -> None:
    with place.owner_session() as owner:
        owner.execute(
            text(
                "UPDATE households SET colour = CASE WHEN code < 'H005' THEN 'red' WHEN code < 'H010' THEN 'yellow' ELSE 'green' END"
            )
        )
        owner.execute(
            text(
                "INSERT INTO visits (household_id, visited_on, outcome, visited_by) SELECT id, :day, 'met', 'x' FROM households"
            ),
            {"day": TODAY},
        )
    found = counted(session, Snapshots(), TODAY)
    for colour, days in INTERVALS_DAYS.items():
        homes = int(found.column(f"colour:{colour}").sum())
        assert int(found.between("due", TODAY + timedelta(days=days), TODAY + timedelta(days=days)).sum()) == homes > 0
    assert int(found.between("visited", TODAY, TODAY).sum()) == 23


@pytest.mark.parametrize(
    "broken",
    ["UPDATE grid_counts SET counts = counts || '{\"residents\": 9999}'", "DELETE FROM grid_counts WHERE grid_id <> 0"],
)
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
    for private in (
        "SELECT * FROM grid_counts",
        "SELECT * FROM grid_counts_due",
        "SELECT * FROM linli_count_grids(current_date, NULL)",
    ):
        with pytest.raises(Exception, match="permission denied"), place.session(account(place, "admin")) as session:
            session.execute(text(private))
