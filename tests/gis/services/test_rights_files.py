"""Export, erasure and retention of what belongs to files: residencies, chiefs, the ledger, history."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import text

from gis.services import moves, rights
from gis.services.rights import RetentionPolicy, purge
from gis.store.session import Store
from tests.gis.services.conftest import account

TODAY = date(2026, 11, 21)
OLD = TODAY - timedelta(days=3 * 365)


def resident(store: Store) -> int:
    with store.owner_session() as session:
        return session.scalar(text("SELECT id FROM residents WHERE key = 'H001/0'")) or 0


def test_ones_own_export_holds_where_one_lived_and_what_was_changed(place: Store) -> None:
    number = resident(place)
    with place.session(account(place, "admin")) as session:
        moves.move_within(session, number, "H002", date(2026, 5, 1), 1, TODAY)
        session.execute(
            text(
                "INSERT INTO building_chiefs (building_id, resident_id, name, valid_from) SELECT id, :id, '某人', '2026-06-01' FROM buildings WHERE code = 'B1'"
            ),
            {"id": number},
        )
    with place.session(account(place, "admin")) as session:
        given = rights.export(session, number, "subject_request", datetime(2026, 11, 21))
    assert given["resident"]["moved_in_on"] == date(2026, 5, 1)
    assert given["lived_before"] == [{"household": "H001", "from_on": None, "until_on": date(2026, 5, 1)}]
    assert given["chief_of"][0]["building"] == "B1"
    assert set(given["history"][0]["changes"]) == {"household_id", "moved_in_on"}
    assert "history.changes" in given["purposes"]


def test_what_is_long_past_goes(place: Store) -> None:
    with place.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO building_chiefs (building_id, name, valid_from, valid_to) SELECT b.id, 'x', '2019-01-01', d "
                "FROM buildings b, unnest(ARRAY[NULL, CAST(:old AS date) - 1, :old]::date[]) d WHERE b.code = 'B1'"
            ),
            {"old": OLD},
        )
        session.execute(text("INSERT INTO contacts (name) VALUES ('y')"))
        session.execute(
            text(
                "INSERT INTO household_contacts (household_id, contact_id, valid_from, valid_to) SELECT h.id, c.id, '2019-01-01', "
                "CASE h.code WHEN 'H001' THEN CAST(:old AS date) - 1 WHEN 'H002' THEN :old END FROM households h, contacts c"
            ),
            {"old": OLD},
        )
        session.execute(
            text(
                "INSERT INTO history (at, account, household_id, subject, subject_id, changes) SELECT d, 'x', h.id, 'household', '1', '{}' "
                "FROM households h, unnest(ARRAY[CAST(:old AS date) - 1, :old]::timestamptz[]) d WHERE h.code = 'H001'"
            ),
            {"old": OLD},
        )
    done = {each.rule.name: each.rows for each in purge(place, RetentionPolicy(), TODAY)}
    assert (done["former_chiefs"], done["former_contacts"], done["file_history"]) == (1, 1, 1)
    with place.owner_session() as session:
        assert session.scalar(text("SELECT count(*) FROM building_chiefs")) == 2
        assert session.scalar(text("SELECT count(*) FROM household_contacts")) == 22
        assert session.scalar(text("SELECT count(*) FROM history")) == 1
