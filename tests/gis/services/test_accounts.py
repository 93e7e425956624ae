from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis.clock import TIME_ZONE
from gis.errors import Conflict, Invalid, NotFound
from gis.services.accounts import (
    Charge,
    add_account,
    delete_account,
    ensure_admin,
    find_account,
    get_account,
    grids_of,
    link_identity,
    list_accounts,
    set_charges,
    set_disabled,
    set_password,
    set_role,
)
from gis.services.sign_ins import SignedIn
from gis.services.signing_in import FREE_FAILURES
from gis.store.session import Store
from tests.gis.services.conftest import G1, G2
from tests.gis.services.test_signing_in import PASSWORD, WRONG, opened, signed_in, who


@pytest.fixture
def anna(store: Store) -> Store:
    with store.owner_session() as session:
        add_account(session, "anna", "planner", PASSWORD)
    return store


def test_a_new_password_ends_every_session_and_unlocks(anna: Store) -> None:
    token = signed_in(anna).token
    for _ in range(FREE_FAILURES + 1):
        opened(anna, password=WRONG)
    with anna.owner_session() as session:
        set_password(session, "anna", "another-good-one-5")
    assert who(anna, token) is None
    assert isinstance(opened(anna, password="another-good-one-5"), SignedIn)
    with pytest.raises(Invalid), anna.owner_session() as session:
        set_password(session, "anna", "short")
    with pytest.raises(NotFound), anna.owner_session() as session:
        set_password(session, "nobody", PASSWORD)


def test_disabling_ends_every_session(anna: Store) -> None:
    token = signed_in(anna).token
    with anna.owner_session() as session:
        set_disabled(session, "anna", True)
    assert who(anna, token) is None
    with anna.owner_session() as session:
        set_disabled(session, "anna", False)
    assert who(anna, token) is None
    assert isinstance(opened(anna), SignedIn)


def test_the_last_admin_stays(store: Store) -> None:
    with store.owner_session() as session:
        add_account(session, "first", "admin", PASSWORD)
        add_account(session, "second", "admin", PASSWORD)
        set_disabled(session, "first", True)
    with pytest.raises(Conflict), store.owner_session() as session:
        set_disabled(session, "second", True)


@pytest.mark.parametrize(
    ("name", "role", "password", "grids", "where"),
    [
        ("", "planner", PASSWORD, [], "name"),
        ("a b", "planner", PASSWORD, [], "name"),
        ("x" * 65, "planner", PASSWORD, [], "name"),
        ("<script>", "planner", PASSWORD, [], "name"),
        ("otto", "boss", PASSWORD, [], "role"),
        ("otto", "planner", "short", [], "password"),
        ("otto", "planner", PASSWORD, [G1], "grids"),
        ("otto", "worker", PASSWORD, [G1, "999"], "grids"),
    ],
)
def test_accounts_that_cannot_be(
    place: Store, name: str, role: str, password: str, grids: list[str], where: str
) -> None:
    with pytest.raises((Invalid, NotFound)) as caught, place.owner_session() as session:
        add_account(session, name, role, password, grids)
    assert [fault.where for fault in caught.value.faults] == [where]


def test_names_of_any_script_once_each(anna: Store) -> None:
    with anna.owner_session() as session:
        add_account(session, "张三.2_x-y@z", "screen", PASSWORD)
    with pytest.raises(Conflict), anna.owner_session() as session:
        add_account(session, "anna", "screen", PASSWORD)


def test_a_workers_grids_hold_by_their_dates(place: Store) -> None:
    with place.owner_session() as session:
        account_id = add_account(session, "wen", "worker", PASSWORD, [G2, G1, G1])
        assert grids_of(session, account_id) == [G1, G2]
        session.execute(
            text(
                "UPDATE account_grids SET valid_from = current_date - 9, valid_to = current_date - 1 "
                "WHERE account_id = :id AND grid_id = (SELECT id FROM grids WHERE code = :code)"
            ),
            {"id": account_id, "code": G1},
        )
        assert grids_of(session, account_id) == [G2]
        listed = {account["name"]: account for account in list_accounts(session)}
    assert listed["wen"]["grids"] == [G2]
    assert listed["planner"]["grids"] == []


def test_the_first_admin_is_made_once(store: Store) -> None:
    with store.owner_session() as session:
        made_up = ensure_admin(session, None)
        assert made_up is not None
        assert ensure_admin(session, None) is None
    assert isinstance(opened(store, "admin", made_up), SignedIn)


def test_the_first_admin_with_a_given_password(store: Store) -> None:
    with store.owner_session() as session:
        assert ensure_admin(session, PASSWORD) is None
        assert ensure_admin(session, "quite-another-one-3") is None
    assert isinstance(opened(store, "admin", PASSWORD), SignedIn)


TAKEN_AWAY: list[Callable[[Session, str], None]] = [
    lambda session, name: set_disabled(session, name, True),
    lambda session, name: set_role(session, name, "planner"),
    delete_account,
]


@pytest.mark.parametrize("act", TAKEN_AWAY, ids=["disable", "demote", "delete"])
def test_the_last_admin_stays_whatever_is_tried(store: Store, act: Callable[[Session, str], None]) -> None:
    with store.owner_session() as session:
        add_account(session, "only", "admin", PASSWORD)
        add_account(session, "asleep", "admin", PASSWORD)
        set_disabled(session, "asleep", True)
    with pytest.raises(Conflict), store.owner_session() as session:
        act(session, "only")
    assert isinstance(opened(store, "only"), SignedIn)
    with store.owner_session() as session:
        set_disabled(session, "asleep", False)
        act(session, "only")


@pytest.mark.parametrize("act", TAKEN_AWAY, ids=["disable", "demote", "delete"])
def test_two_admins_cannot_take_each_other_away_at_once(store: Store, act: Callable[[Session, str], None]) -> None:
    """Both transactions have acted before either commits: the second waits for the first, and is refused when it has committed."""
    with store.owner_session() as session:
        for name in ("first", "second"):
            add_account(session, name, "admin", PASSWORD)
    acted, refused = threading.Event(), []

    def other() -> None:
        acted.wait(30)
        try:
            with store.owner_session() as session:
                act(session, "first")
        except Conflict as error:
            refused.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    with store.owner_session() as session:
        act(session, "second")
        acted.set()
        _wait_for_lock(store)
    thread.join(30)
    assert len(refused) == 1
    with store.owner_session() as session:
        left = session.scalars(text("SELECT name FROM accounts WHERE role = 'admin' AND NOT disabled")).all()
    assert left == ["first"]


def _wait_for_lock(store: Store) -> None:
    """Wait until another transaction of this database waits for a lock: only then do the two overlap."""
    waiting = text(
        "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()"
    )
    for _ in range(3000):
        with store.owner_engine.connect() as connection:
            if connection.scalar(waiting):
                return
        threading.Event().wait(0.01)
    pytest.fail("the second transaction never waited for the first")


def test_raw_sql_of_the_service_gives_nobody_rights(anna: Store) -> None:
    """Whatever a route forgets: an account that is no admin changes no account's role, name or state, its own neither."""
    with anna.owner_session() as session:
        anna_id = find_account(session, "anna").id
        add_account(session, "boss", "admin", PASSWORD)
    for change in ("role = 'admin'", "name = 'boss2'", "disabled = true"):
        with pytest.raises(DBAPIError), anna.session(anna_id) as session:
            session.execute(text(f"UPDATE accounts SET {change} WHERE id = :id"), {"id": anna_id})
        with anna.session(anna_id) as session:
            changed = session.execute(text(f"UPDATE accounts SET {change} WHERE name = 'boss' RETURNING id"))
            assert changed.all() == []
    with pytest.raises(DBAPIError), anna.session(anna_id) as session:
        session.execute(text("INSERT INTO accounts (name, password_hash, role) VALUES ('me2', '', 'admin')"))
    with anna.session(anna_id) as session:
        assert session.execute(text("DELETE FROM accounts RETURNING id")).all() == []


def test_a_new_role_ends_every_session_and_lays_down_the_grids(place: Store) -> None:
    with place.owner_session() as session:
        account_id = add_account(session, "wen", "worker", PASSWORD, [G1])
    token = signed_in(place, name="wen").token
    with place.owner_session() as session:
        set_role(session, "wen", "worker")
    assert who(place, token) == "wen"
    with place.owner_session() as session:
        set_role(session, "wen", "planner")
        assert grids_of(session, account_id) == []
    assert who(place, token) is None
    with pytest.raises(Invalid), place.owner_session() as session:
        set_role(session, "wen", "boss")


def test_a_deleted_account_is_gone_with_its_sessions_and_its_deeds_stay(place: Store) -> None:
    with place.owner_session() as session:
        add_account(session, "wen", "worker", PASSWORD, [G1])
    token = signed_in(place, name="wen").token
    with place.owner_session() as session:
        delete_account(session, "wen")
    assert who(place, token) is None
    with pytest.raises(NotFound), place.owner_session() as session:
        get_account(session, "wen")
    with place.owner_session() as session:
        deeds = session.scalars(
            text("SELECT action FROM audit_log WHERE account = 'wen' OR subject = 'account:wen' ORDER BY id")
        )
        assert deeds.all() == ["account.add", "session.open", "account.delete"]


def test_grids_with_dates_are_seen_by_row_security_alike(place: Store) -> None:
    """From the first day to the last, both included, by the place's calendar: what the list says is what the policies let through."""
    with place.owner_session() as session:
        account_id = add_account(session, "wen", "worker", PASSWORD)
        today: date = session.scalars(text("SELECT linli_today()")).one()
    day = timedelta(days=1)
    cases = [
        (None, None, True),
        (today, today, True),
        (today - day, today, True),
        (today + day, None, False),
        (today - 2 * day, today - day, False),
    ]
    for since, until, sees in cases:
        with place.owner_session() as session:
            set_charges(session, "wen", [Charge(G1, since, until)])
            assert grids_of(session, account_id) == ([G1] if sees else [])
        with place.session(account_id) as session:
            seen = session.execute(
                text("SELECT (SELECT count(*) FROM households) > 0, (SELECT count(*) FROM residents) > 0")
            ).one()
        assert tuple(seen) == (sees, sees), (since, until)


def test_a_day_begins_in_the_place(place: Store) -> None:
    """At 20:00 in Greenwich it is already tomorrow in Shanghai, whatever clock the database's server keeps; no function has another clock of its own."""
    with place.owner_session() as session:
        assert session.scalar(text("SELECT linli_zone()")) == TIME_ZONE.key
        for zone in ("Pacific/Kiritimati", "Pacific/Niue"):  # always different days
            session.execute(text("SELECT set_config('TimeZone', :zone, true)"), {"zone": zone})
            assert session.scalar(
                text("SELECT linli_today() = (now() AT TIME ZONE :zone)::date"), {"zone": TIME_ZONE.key}
            )
        own = text(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosrc ~* 'current_date|asia/|localtime' AND proname <> 'linli_zone'"
        )
        assert session.scalars(own).all() == []


def test_charges_that_cannot_be(place: Store) -> None:
    with place.owner_session() as session:
        add_account(session, "wen", "worker", PASSWORD, [G2])
    first, last = date(2026, 1, 1), date(2026, 6, 30)
    wrong = [
        [Charge(G1, last, first)],
        [Charge(G1, first, last), Charge(G1, last, None)],
        [Charge(G1, first, None), Charge(G1, last, None)],
    ]
    for charges in wrong:
        with pytest.raises(Invalid) as caught, place.owner_session() as session:
            set_charges(session, "wen", charges)
        assert G1 in caught.value.faults[0].message
    with pytest.raises(NotFound), place.owner_session() as session:
        set_charges(session, "wen", [Charge("999")])
    with pytest.raises(Invalid), place.owner_session() as session:
        set_charges(session, "planner", [Charge(G1)])
    with place.owner_session() as session:
        assert get_account(session, "wen")["grids"] == [G2]
        set_charges(session, "wen", [Charge(G1, first, last), Charge(G1, date(2026, 7, 1))])
        assert [each["until"] for each in get_account(session, "wen")["charges"]] == [last, None]


def test_a_subject_belongs_to_one_account(anna: Store) -> None:
    with anna.owner_session() as session:
        add_account(session, "otto", "planner", PASSWORD)
        link_identity(session, "anna", "https://id.example", "s-1")
    with pytest.raises(Conflict), anna.owner_session() as session:
        link_identity(session, "otto", "https://id.example", "s-1")
    with anna.owner_session() as session:
        link_identity(session, "anna", "https://id.example", None)
        link_identity(session, "otto", "https://id.example", "s-1")
        assert get_account(session, "otto")["subject"] == "s-1"
        assert get_account(session, "anna")["subject"] is None
    for subject in ("", "x" * 256):
        with pytest.raises(Invalid), anna.owner_session() as session:
            link_identity(session, "otto", "https://id.example", subject)


def test_only_a_screen_needs_no_password(store: Store) -> None:
    with store.owner_session() as session:
        add_account(session, "wall", "screen", None)
        add_account(session, "boss", "admin", PASSWORD)
    with pytest.raises(Invalid), store.owner_session() as session:
        add_account(session, "otto", "planner", None)
    with pytest.raises(Conflict), store.owner_session() as session:
        set_role(session, "wall", "admin")
    assert not isinstance(opened(store, "wall", ""), SignedIn)
