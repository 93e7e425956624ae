from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from gis.errors import Conflict, Invalid, NotFound, TooMany, Unauthenticated
from gis.services.accounts import (
    FREE_FAILURES,
    LONGEST_LOCK_S,
    Refused,
    SignedIn,
    account_of,
    add_account,
    digest,
    ensure_admin,
    grids_of,
    list_accounts,
    lock_seconds,
    set_disabled,
    set_password,
    sign_in,
    sign_out,
)
from gis.store.session import Store
from tests.gis.services.conftest import G1, G2

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
PASSWORD, WRONG = "a-long-enough-secret-7", "a-wrong-password-7"


def opened(
    store: Store, name: str = "anna", password: str = PASSWORD, now: datetime = NOW, **more: float
) -> SignedIn | Refused:
    with store.session(None) as session:
        return sign_in(session, name, password, now, **more)


def signed_in(store: Store, **more: object) -> SignedIn:
    outcome = opened(store, **more)  # type: ignore[arg-type]
    assert isinstance(outcome, SignedIn)
    return outcome


def who(store: Store, token: str, now: datetime = NOW) -> str | None:
    with store.session(None) as session:
        found = account_of(session, token, now)
    return found.name if found else None


@pytest.fixture
def anna(store: Store) -> Store:
    with store.owner_session() as session:
        add_account(session, "anna", "planner", PASSWORD)
    return store


def test_locks_grow_and_are_bounded() -> None:
    waits = [lock_seconds(n) for n in range(12)]
    assert waits == [0, 0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 320]
    assert lock_seconds(10**6) == LONGEST_LOCK_S


def test_a_session_from_beginning_to_end(anna: Store) -> None:
    outcome = signed_in(anna, hours=2)
    assert (outcome.identity.name, outcome.identity.role) == ("anna", "planner")
    assert outcome.identity.expires_at == NOW + timedelta(hours=2)
    assert len(outcome.token) >= 43
    assert who(anna, outcome.token) == "anna"
    assert who(anna, outcome.token + "x") is None
    assert who(anna, outcome.token, NOW + timedelta(hours=2)) is None
    with anna.session(None) as session:
        assert sign_out(session, outcome.token, NOW)
    with anna.session(None) as session:
        assert not sign_out(session, outcome.token, NOW)
    assert who(anna, outcome.token) is None


def test_two_sessions_are_apart(anna: Store) -> None:
    first, second = signed_in(anna), signed_in(anna)
    assert first.token != second.token
    with anna.session(None) as session:
        sign_out(session, first.token, NOW)
    assert who(anna, second.token) == "anna"


def test_only_digests_are_stored(anna: Store) -> None:
    outcome = signed_in(anna)
    with anna.owner_session() as session:
        assert session.execute(text("SELECT token_digest FROM sessions")).scalar_one() == digest(
            outcome.token
        )
        assert PASSWORD not in session.execute(text("SELECT accounts::text FROM accounts")).scalar_one()


def test_when_last_seen(anna: Store) -> None:
    token = signed_in(anna).token

    def seen() -> datetime:
        with anna.owner_session() as session:
            return session.execute(text("SELECT last_seen_at FROM sessions")).scalar_one()

    who(anna, token, NOW + timedelta(seconds=30))
    assert seen() == NOW
    who(anna, token, NOW + timedelta(seconds=90))
    assert seen() == NOW + timedelta(seconds=90)


def test_ended_sessions_are_swept_away(anna: Store) -> None:
    signed_in(anna, hours=1)
    signed_in(anna, now=NOW + timedelta(hours=3))
    with anna.owner_session() as session:
        assert session.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 1


def test_wrong_passwords_lock_for_a_growing_time(anna: Store) -> None:
    for _ in range(FREE_FAILURES + 1):
        outcome = opened(anna, password=WRONG)
        assert isinstance(outcome, Refused)
        assert isinstance(outcome.error, Unauthenticated)
    for _ in range(3):
        locked = opened(anna)
        assert isinstance(locked, Refused)
        assert isinstance(locked.error, TooMany)
    assert locked.error.retry_after_s == 5  # what is refused while locked counts no further
    now = NOW
    for wait_s in (5, 10, 20):
        now += timedelta(seconds=wait_s)
        again = opened(anna, password=WRONG, now=now)
        assert isinstance(again, Refused)
        assert isinstance(again.error, Unauthenticated)
    now += timedelta(seconds=40)
    assert isinstance(opened(anna, now=now), SignedIn)
    assert isinstance(opened(anna, password=WRONG, now=now), Refused)
    assert isinstance(opened(anna, now=now), SignedIn)


def test_guesses_at_once_are_each_counted(anna: Store) -> None:
    threads = [threading.Thread(target=opened, args=(anna, "anna", WRONG)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with anna.owner_session() as session:
        assert session.execute(text("SELECT failed_logins FROM accounts")).scalar_one() == FREE_FAILURES + 1


def test_unknown_and_disabled_look_like_a_wrong_password(anna: Store) -> None:
    with anna.owner_session() as session:
        add_account(session, "boss", "admin", PASSWORD)
        set_disabled(session, "anna", True)
    answers = [opened(anna), opened(anna, name="nobody"), opened(anna, name="boss", password=WRONG)]
    assert all(isinstance(answer, Refused) for answer in answers)
    assert len({answer.error.detail for answer in answers}) == 1  # type: ignore[union-attr]
    assert [answer.known for answer in answers] == [True, False, True]  # type: ignore[union-attr]
    locked = opened(anna, name="nobody", unknown_locked_s=7)
    assert isinstance(locked, Refused)
    assert isinstance(locked.error, TooMany)
    assert isinstance(opened(anna, name="boss", unknown_locked_s=7), SignedIn)


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
