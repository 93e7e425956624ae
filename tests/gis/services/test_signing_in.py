from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gis.errors import TooMany, Unauthenticated
from gis.services.accounts import add_account, set_disabled
from gis.services.sign_ins import SignedIn, account_of, digest, sign_out
from gis.services.signing_in import FREE_FAILURES, LONGEST_LOCK_S, Lasting, Refused, lock_seconds, sign_in
from gis.store.session import Store

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
PASSWORD, WRONG = "a-long-enough-secret-7", "a-wrong-password-7"


def opened(
    store: Store, name: str = "anna", password: str = PASSWORD, now: datetime = NOW, **more: Any
) -> SignedIn | Refused:
    with store.session(None) as session:
        return sign_in(session, name, password, now, **more)


def signed_in(store: Store, **more: object) -> SignedIn:
    outcome = opened(store, **more)  # type: ignore[arg-type]
    assert isinstance(outcome, SignedIn)
    return outcome


def who(store: Store, token: str, now: datetime = NOW, **more: Any) -> str | None:
    with store.session(None) as session:
        found = account_of(session, token, now, **more)
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
    outcome = signed_in(anna, lasting=Lasting(2))
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
        assert session.execute(text("SELECT token_digest FROM sessions")).scalar_one() == digest(outcome.token)
        assert PASSWORD not in session.execute(text("SELECT accounts::text FROM accounts")).scalar_one()


def test_when_last_seen(anna: Store) -> None:
    token = signed_in(anna).token

    def seen() -> datetime:
        with anna.owner_session() as session:
            return session.execute(text("SELECT last_seen_at FROM sessions")).scalar_one()

    who(anna, token, NOW + timedelta(minutes=4))
    assert seen() == NOW
    who(anna, token, NOW + timedelta(minutes=6))
    assert seen() == NOW + timedelta(minutes=6)


def test_ended_sessions_are_swept_away(anna: Store) -> None:
    signed_in(anna, lasting=Lasting(1))
    signed_in(anna, now=NOW + timedelta(days=2))
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
