"""The audit log in the database: appended to by one way only, and by nobody to be changed."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gis.services.audit import verify
from gis.store.auditing import note
from gis.store.session import Origin, Store


@pytest.fixture
def people(store: Store) -> Store:
    with store.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO accounts (name, password_hash, role) SELECT r, '', r FROM unnest(ARRAY['worker', 'auditor', 'admin']) r"
            )
        )
    return store


def account(store: Store, name: str) -> int:
    with store.owner_session() as session:
        return session.execute(text("SELECT id FROM accounts WHERE name = :name"), {"name": name}).scalar_one()


def write(store: Store, count: int = 1, name: str = "worker") -> None:
    for number in range(count):
        with store.session(account(store, name), Origin("10.0.0.1", "r1")) as session:
            note(session, "household.read", f"household:H{number}", detail={"b": "邻", "a": 1}, reason="回访")


def entries(store: Store) -> list[tuple]:
    with store.owner_session() as session:
        return [
            tuple(row)
            for row in session.execute(
                text(
                    "SELECT id, account, role, action, subject, detail, reason, address, request_id FROM audit_log ORDER BY id"
                )
            )
        ]


def fault(store: Store) -> int | None:
    with store.owner_engine.connect() as connection:
        report = verify(connection)
    assert (report.bad_id is None) == (report.fault is None)
    return report.bad_id


def test_who_did_what_from_where_and_why(people: Store) -> None:
    write(people, 2)
    assert entries(people) == [
        (n + 1, "worker", "worker", "household.read", f"household:H{n}", '{"a":1,"b":"邻"}', "回访", "10.0.0.1", "r1")
        for n in range(2)
    ]
    assert fault(people) is None, "the database and gis/secrecy/chain.py hash alike"


def test_the_machine_itself_is_named(people: Store) -> None:
    with people.owner_session() as session:
        note(session, "account.add", "account:x")
    assert entries(people)[0][1].startswith("system:") and entries(people)[0][2] is None
    assert fault(people) is None


def test_what_fails_leaves_no_entry(people: Store) -> None:
    with pytest.raises(RuntimeError), people.session(account(people, "worker")) as session:
        note(session, "household.read")
        raise RuntimeError
    assert entries(people) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_log (id, at, action, detail, previous, hash) VALUES (9, now(), 'x.y', '{}', '', '')",
        "UPDATE audit_log SET account = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE audit_head SET id = 0",
        "DELETE FROM audit_head",
        "SELECT linli_audit_append(1, 'admin', 'admin', 'x.y', NULL, NULL, NULL)",
        "SELECT linli_audit_prune(now() - interval '1 year', 'x')",
        "SELECT linli_audit('audit.prune', NULL, '{}', NULL, linli_account())",
        "SELECT linli_audit('nothing', NULL, '{}', NULL, linli_account())",
        "SELECT linli_audit('x.y', NULL, '{}', NULL, linli_account() + 1)",
        "SELECT linli_audit('x.y', NULL, '{}', NULL, NULL)",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "SELECT * FROM field_keys",
        "SELECT * FROM field_secrets",
    ],
)
def test_the_service_can_only_append_in_its_accounts_name(people: Store, statement: str) -> None:
    write(people, 2)
    for name in ("worker", "admin", "auditor"):
        with pytest.raises(DBAPIError), people.session(account(people, name)) as session:
            session.execute(text(statement))
    assert len(entries(people)) == 2 and fault(people) is None


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET reason = ''", "DELETE FROM audit_log", "TRUNCATE audit_log", "DELETE FROM audit_head"],
)
def test_even_the_owner_must_take_the_guard_away_first(people: Store, statement: str) -> None:
    write(people)
    with pytest.raises(DBAPIError, match="appended to"), people.owner_session() as session:
        session.execute(text(statement))


def test_auditors_alone_may_read(people: Store) -> None:
    write(people, 3)
    seen = {}
    for name in ("worker", "admin", "auditor"):
        with people.session(account(people, name)) as session:
            seen[name] = session.scalar(text("SELECT count(*) FROM audit_log"))
    with people.session(None) as session:
        assert session.scalar(text("SELECT count(*) FROM audit_log")) == 0
    assert seen == {"worker": 0, "admin": 0, "auditor": 3}


@pytest.mark.parametrize(
    ("spoil", "bad"),
    [
        ("UPDATE audit_log SET account = 'other' WHERE id = 3", 3),
        ("UPDATE audit_log SET at = at + interval '1 microsecond' WHERE id = 3", 3),
        ('UPDATE audit_log SET detail = \'{"b":"邻", "a":1}\' WHERE id = 3', 3),
        ("DELETE FROM audit_log WHERE id = 3", 4),
        ("DELETE FROM audit_log WHERE id <= 2", 3),
        ("DELETE FROM audit_log WHERE id >= 4", 4),
        ("DELETE FROM audit_log", 1),
        ("UPDATE audit_log SET id = 6 - id WHERE id IN (2, 4)", 2),
        (
            "INSERT INTO audit_log SELECT 6, at, account_id, account, role, action, subject, detail, reason, address, request_id, hash, hash FROM audit_log WHERE id = 5",
            6,
        ),
        ("UPDATE audit_head SET hash = decode(repeat('11', 32), 'hex')", 5),
        ("DELETE FROM audit_head", 1),
    ],
)
def test_whatever_the_owner_spoils_is_found(people: Store, spoil: str, bad: int) -> None:
    write(people, 5)
    assert fault(people) is None
    with people.owner_session() as session:
        for table in ("audit_log", "audit_head"):
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        if "6 - id" in spoil:
            session.execute(text("ALTER TABLE audit_log DROP CONSTRAINT pk_audit_log"))
        session.connection().exec_driver_sql(spoil)
    assert fault(people) == bad


def test_many_at_once_make_one_chain(people: Store) -> None:
    number = account(people, "worker")
    failed: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(15):
                with people.session(number) as session:
                    note(session, "household.read", "household:H")
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [row[0] for row in entries(people)] == list(range(1, 121))
    assert fault(people) is None
