"""Export, erasure and the retention policy."""

# ruff: noqa: F811 - a fixture is named by its parameter
from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from gis.errors import Denied, Invalid, NotFound, Stale
from gis.services import rights
from gis.services.audit import AuditQuery, export_csv, prune, search, verify
from gis.services.rights import RetentionPolicy, purge
from gis.store.auditing import note
from gis.store.session import Store
from tests.gis.services.conftest import account
from tests.gis.services.test_residents import (  # noqa: F401 - a fixture
    CHILD,
    ELDER,
    FOREIGN,
    ID_NUMBER,
    TODAY,
    noted,
    number_of,
    staffed,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo("Asia/Shanghai"))


def test_one_persons_data(staffed: Store) -> None:
    number = number_of(staffed, ELDER)
    with staffed.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO needs (household_id, service, opened_on, note) SELECT id, 'meal', '2026-01-01', '少盐' FROM households WHERE code = 'H001'"
            )
        )
        session.execute(text("UPDATE households SET colour = 'red', colour_reason = '独居' WHERE code = 'H001'"))
        session.execute(
            text(
                "INSERT INTO visits (household_id, visited_on, outcome, note, visited_by) "
                "SELECT id, '2026-01-02', 'met', code || '所见', 'worker' FROM households WHERE code IN ('H001', 'H002')"
            )
        )
        session.execute(
            text(
                "WITH c AS (INSERT INTO contacts (name) VALUES ('长孙') RETURNING id) INSERT INTO household_contacts (household_id, contact_id, valid_from) "
                "SELECT h.id, c.id, '2026-01-01' FROM households h, c WHERE h.code = 'H001'"
            )
        )
    with staffed.session(account(staffed, "worker")) as session:
        found = rights.export(session, number, "subject_request", NOW)
    assert found["resident"]["phone"] == "19900001234" and found["resident"]["id_number"] == ID_NUMBER
    assert found["household"]["code"] == "H001" and found["household_needs"][0]["note"] == "少盐"
    assert [visit["note"] for visit in found["household_visits"]] == ["H001所见"]
    assert [contact["name"] for contact in found["household_contacts"]] == ["长孙"]
    assert {"residents.phone_sealed", "visits.note", "households.colour_reason"} <= set(found["purposes"])
    assert noted(staffed)[-1] == (
        "worker",
        "resident.export",
        f"resident:{number}",
        {"household": "H001"},
        "subject_request",
    )


def test_a_childs_data_is_for_the_guardian_by_an_admin(staffed: Store) -> None:
    number = number_of(staffed, CHILD)
    for role, request, refusal in (
        ("worker", "guardian_request", Denied),
        ("admin", "subject_request", Invalid),
        ("admin", "whim", Invalid),
    ):
        with staffed.session(account(staffed, role)) as session, pytest.raises(refusal):
            rights.export(session, number, request, NOW)
    with staffed.session(account(staffed, "admin")) as session:
        assert rights.export(session, number, "guardian_request", NOW)["resident"]["name"] == "小明"
    with staffed.session(account(staffed, "worker")) as session, pytest.raises(NotFound):
        rights.export(session, number_of(staffed, FOREIGN), "subject_request", NOW)


def test_erasure_leaves_nothing_but_a_number(staffed: Store) -> None:
    number = number_of(staffed, CHILD)
    with staffed.session(account(staffed, "admin")) as session:
        version = session.execute(text("SELECT version FROM residents WHERE id = :id"), {"id": number}).scalar_one()
        with pytest.raises(Stale):
            rights.erase(session, number, "guardian_request", version + 1, TODAY)
        rights.erase(session, number, "guardian_request", version, TODAY)
    with staffed.owner_session() as session:
        tables = session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'spatial_ref_sys'")
        ).all()
        dump = "".join(str(session.execute(text(f"SELECT t::text FROM {table} t")).all()) for table in tables)
    assert "小明" not in dump and "张妈妈" not in dump
    assert noted(staffed)[-1][:3] == ("admin", "resident.erase", f"resident:{number}")


def left(store: Store) -> tuple[int, int, int, int]:
    with store.owner_session() as session:
        return tuple(
            session.execute(
                text(
                    "SELECT (SELECT count(*) FROM residents), (SELECT count(*) FROM needs WHERE note IS NOT NULL), "
                    "(SELECT count(*) FROM import_pieces), (SELECT count(*) FROM sessions)"
                )
            ).one()
        )


def test_the_retention_policy(staffed: Store) -> None:
    with staffed.owner_session() as session:
        for key, days in ((ELDER, 366), (CHILD, 365), (FOREIGN, 364)):
            session.execute(
                text("UPDATE residents SET moved_out_on = :day WHERE key = :key"),
                {"day": TODAY - timedelta(days=days), "key": key},
            )
        session.execute(
            text(
                "INSERT INTO needs (household_id, service, opened_on, closed_on, note) SELECT id, 'meal', '2020-01-01', d, 'x' FROM households, "
                "unnest(ARRAY[NULL, :today - 1095, :today - 1094]::date[]) d WHERE code = 'H001'"
            ),
            {"today": TODAY},
        )
        session.execute(
            text(
                "WITH ended AS (INSERT INTO imports (kind, file_name, sha256, finished_at) SELECT 'needs', 'x', '', d "
                "FROM unnest(ARRAY[CAST(:today AS date) - 30, :today - 29]::date[]) d RETURNING id) "
                "INSERT INTO import_pieces (import_id, part, number, sealed) SELECT id, 'rejected', 0, '\\x01' FROM ended"
            ),
            {"today": TODAY},
        )
        session.execute(
            text(
                "INSERT INTO sessions (account_id, token_digest, expires_at, revoked_at) SELECT id, convert_to(d::text, 'UTF8'), :today + 9, d "
                "FROM accounts, unnest(ARRAY[NULL, :today - 184, :today - 183]::date[]) d WHERE name = 'admin' AND d IS NOT NULL"
            ),
            {"today": TODAY},
        )
        session.execute(
            text(
                "INSERT INTO visits (household_id, visited_on, outcome, note, visited_by) SELECT h.id, d, 'met', '所见', 'worker' "
                "FROM households h, unnest(ARRAY[CAST(:today AS date) - 1095, :today - 1094]::date[]) d WHERE h.code = 'H001'"
            ),
            {"today": TODAY},
        )
    before = left(staffed)
    would = purge(staffed, RetentionPolicy(), TODAY, dry_run=True)
    assert left(staffed) == before and noted(staffed) == []
    done = purge(staffed, RetentionPolicy(), TODAY, batch=1)
    assert [(each.rule.name, each.rows) for each in done] == [(each.rule.name, each.rows) for each in would] == [
        ("moved_out", 2), ("closed_need_notes", 1), ("visit_notes", 1), ("file_history", 0), ("former_chiefs", 0), ("former_contacts", 0),
        ("rejected_rows", 1), ("ended_sessions", 1),
    ]  # fmt: skip
    assert left(staffed) == tuple(was - gone for was, gone in zip(before, (2, 1, 1, 1), strict=True))
    assert [each[1] for each in noted(staffed)] == ["retention.purge"] * 6
    assert [each.rows for each in purge(staffed, RetentionPolicy(), TODAY)] == [0] * 8
    with staffed.owner_session() as session:
        assert session.execute(text("SELECT visited_on, note FROM visits ORDER BY visited_on")).all() == [
            (TODAY - timedelta(days=3 * 365), None), (TODAY - timedelta(days=3 * 365 - 1), "所见"),
        ]  # fmt: skip
    assert left(staffed)[0] > 0
    forever = RetentionPolicy(moved_out_days=9999)
    assert purge(staffed, forever, TODAY, dry_run=True)[0].rows == 0


def old_entries(store: Store, ages_days: list[int]) -> None:
    """Write entries that are some days old, chained as the database chains them."""
    for age in ages_days:
        with store.owner_session() as session:
            session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
            note(session, "account.add", f"account:{age}")
        with store.owner_session() as session:
            rechain = text(
                """
                WITH e AS (UPDATE audit_log SET at = at - make_interval(days => :age) WHERE id = (SELECT max(id) FROM audit_log) RETURNING *),
                h AS (SELECT e.id, sha256(convert_to(concat_ws(',', linli_audit_part(e.id::text),
                  linli_audit_part(to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), linli_audit_part(e.account_id::text),
                  linli_audit_part(e.account), linli_audit_part(e.role), linli_audit_part(e.action), linli_audit_part(e.subject),
                  linli_audit_part(e.detail), linli_audit_part(e.reason), linli_audit_part(e.address), linli_audit_part(e.request_id),
                  linli_audit_part(encode(e.previous, 'hex'))), 'UTF8')) AS hash FROM e)
                UPDATE audit_head SET hash = h.hash FROM h RETURNING h.id, h.hash
                """
            )
            number, digest = session.execute(rechain, {"age": age}).one()
            session.execute(text("UPDATE audit_log SET hash = :hash WHERE id = :id"), {"hash": digest, "id": number})
            session.execute(text("ALTER TABLE audit_log ENABLE TRIGGER USER"))


def test_old_entries_go_and_the_rest_can_still_be_verified(place: Store) -> None:
    old_entries(place, [400, 300, 200, 190, 170, 0])
    with place.owner_engine.connect() as connection:
        assert verify(connection).fault is None
    with place.owner_session() as session, pytest.raises(Invalid):
        prune(session, 183, datetime.now(NOW.tzinfo))
    with place.owner_session() as session:
        assert prune(session, 184, datetime.now(NOW.tzinfo)) == 4
    with place.owner_engine.connect() as connection:
        report = verify(connection)
    assert (report.fault, report.rows, report.first_id) == (None, 3, 5)
    with place.owner_session() as session:
        assert prune(session, 184, datetime.now(NOW.tzinfo)) == 0
        session.execute(text("SELECT set_config('linli.audit_prune', 'on', true)"))
        session.execute(text("DELETE FROM audit_log WHERE id = 5"))
    with place.owner_engine.connect() as connection:
        assert verify(connection).bad_id == 6, "what went without a prune entry is missed"


def test_search_and_export(place: Store) -> None:
    with place.owner_session() as session:
        session.execute(text("INSERT INTO accounts (name, password_hash, role) VALUES ('auditor', '', 'auditor')"))
    for number in range(7):
        with place.session(account(place, "worker")) as session:
            note(session, "household.read" if number % 2 else "household.change", f"household:H{number}", reason="=1+1")
    with place.session(account(place, "auditor")) as session:
        first = search(session, AuditQuery(action="household."), 4, None)
        rest = search(session, AuditQuery(action="household."), 4, first["next"])
        assert [each["id"] for each in first["items"] + rest["items"]] == [7, 6, 5, 4, 3, 2, 1] and rest["next"] is None
        assert len(search(session, AuditQuery(action="household.read"), 9, None)["items"]) == 3
        assert len(search(session, AuditQuery(subject="household:H3", account="worker"), 9, None)["items"]) == 1
        assert search(session, AuditQuery(account="admin"), 9, None)["items"] == []
        at = search(session, AuditQuery(), 1, "5")["items"][0]["at"]
        assert [each["id"] for each in search(session, AuditQuery(since=at), 9, None)["items"]] == [7, 6, 5, 4]
        assert len(search(session, AuditQuery(until=at), 9, None)["items"]) == 3
        with pytest.raises(Invalid):
            search(session, AuditQuery(), 9, "x")
        table = b"".join(export_csv(session, AuditQuery())).decode("utf-8-sig").splitlines()
    assert len(table) == 8 and table[0].startswith("id,at,account")
    assert all(",'=1+1," in line for line in table[1:]), "no cell is a formula"
