from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from api.sessions import ADDRESS_FAILURES, REMEMBERED_S, Gate, Sessions
from gis.errors import TooMany, Unauthenticated
from gis.services.signing_in import FREE_FAILURES, Refused, locked, wrong_password
from gis.store.session import Store
from tests.api.conftest import PASSWORD


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(peopled: Store, clock: Clock) -> Sessions:
    return Sessions(peopled, hours=1, screen_hours=100, clock=clock)


def test_a_token_is_known_until_it_is_closed(sessions: Sessions) -> None:
    token = sessions.open("planner", PASSWORD, "1.1.1.1").token
    assert sessions.remembered(token) is None
    found = sessions.look_up(token)
    assert found is not None
    assert (found.name, found.role) == ("planner", "planner")
    assert sessions.remembered(token) == found
    sessions.close(token)
    assert sessions.remembered(token) is None
    assert sessions.look_up(token) is None


def test_a_token_is_remembered_for_a_moment_only(sessions: Sessions, clock: Clock) -> None:
    token = sessions.open("planner", PASSWORD, "1.1.1.1").token
    sessions.look_up(token)
    clock.now += REMEMBERED_S + 0.1
    assert sessions.remembered(token) is None


def test_a_token_in_use_is_asked_for_again_before_it_is_too_old(
    peopled: Store, sessions: Sessions, clock: Clock
) -> None:
    def renewed() -> None:
        sessions._renewer.submit(lambda: None).result(30)  # they are made one after the other

    token = sessions.open("planner", PASSWORD, "1.1.1.1").token
    found = sessions.look_up(token)
    clock.now += REMEMBERED_S - 0.1
    assert sessions.remembered(token) == found
    renewed()
    clock.now += REMEMBERED_S - 0.1
    assert sessions.remembered(token) == found
    renewed()
    with peopled.owner_session() as session:  # without a notice
        session.execute(text("UPDATE sessions SET revoked_at = :now"), {"now": datetime.now(UTC)})
    clock.now += REMEMBERED_S - 0.1
    assert sessions.remembered(token) == found
    renewed()
    assert sessions.remembered(token) is None


def test_what_was_looked_up_before_a_revocation_is_not_remembered_after_it(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api import sessions as module

    token = sessions.open("planner", PASSWORD, "1.1.1.1").token
    found = module.account_of

    def slow(*args: object, **more: object) -> object:
        answer = found(*args, **more)  # type: ignore[arg-type]
        sessions.forget()
        return answer

    monkeypatch.setattr(module, "account_of", slow)
    assert sessions.look_up(token) is not None
    assert sessions.remembered(token) is None


def test_screens_stay_signed_in_longer(sessions: Sessions) -> None:
    now = datetime.now(UTC)
    assert sessions.open("planner", PASSWORD, "").identity.expires_at - now < timedelta(hours=2)
    assert sessions.open("screen", PASSWORD, "").identity.expires_at - now > timedelta(hours=99)


def test_unknown_names_behave_like_known_ones(sessions: Sessions) -> None:
    """The same answers in the same order, so that nobody learns which names exist."""

    def answers(name: str) -> list[type[Exception]]:
        kinds: list[type[Exception]] = []
        for _ in range(FREE_FAILURES + 3):
            with pytest.raises((Unauthenticated, TooMany)) as caught:
                sessions.open(name, "wrong-password-1", "")
            kinds.append(caught.type)
        return kinds

    expected = [Unauthenticated] * (FREE_FAILURES + 1) + [TooMany] * 2
    assert answers("planner") == expected
    assert answers("nobody") == expected


def test_a_right_password_is_refused_while_locked(peopled: Store, clock: Clock) -> None:
    moment = datetime.now(UTC)
    sessions = Sessions(peopled, hours=1, screen_hours=100, clock=clock, now=lambda: moment)
    for _ in range(FREE_FAILURES + 1):
        with pytest.raises(Unauthenticated):
            sessions.open("planner", "wrong-password-1", "")
    with pytest.raises(TooMany) as caught:
        sessions.open("planner", PASSWORD, "")
    assert 1 <= caught.value.retry_after_s <= 5
    moment += timedelta(seconds=6)
    assert sessions.open("planner", PASSWORD, "").identity.name == "planner"
    with peopled.owner_session() as session:
        assert session.execute(text("SELECT failed_logins FROM accounts WHERE name = 'planner'")).scalar_one() == 0


def refused(known: bool = False) -> Refused:
    return Refused(wrong_password(), known)


def test_the_gate_locks_names_for_a_growing_time(clock: Clock) -> None:
    gate = Gate(clock)
    waits = []
    for _ in range(8):
        gate.failed("ghost", "a", refused())
        waits.append(gate.name_locked_s("ghost"))
        clock.now += waits[-1]
    assert waits == [0, 0, 0, 0, 5, 10, 20, 40]
    assert gate.name_locked_s("other") == 0


def test_the_gate_slows_an_address_that_sprays_names(clock: Clock) -> None:
    gate = Gate(clock)
    for number in range(ADDRESS_FAILURES - 1):
        gate.failed(f"name{number}", "9.9.9.9", refused(known=True))
    gate.check_address("9.9.9.9")
    gate.failed("last", "9.9.9.9", refused())
    with pytest.raises(TooMany) as caught:
        gate.check_address("9.9.9.9")
    assert caught.value.retry_after_s == 5
    gate.check_address("8.8.8.8")
    clock.now += 6
    gate.check_address("9.9.9.9")


def test_the_gate_forgets_old_failures_and_those_of_locked_names(clock: Clock) -> None:
    gate = Gate(clock)
    for number in range(ADDRESS_FAILURES * 3):
        gate.failed("planner", "9.9.9.9", Refused(locked(5), known=True, counted=False))
        if number % 10 == 0:
            gate.failed(f"n{number}", "9.9.9.9", refused())
            clock.now += 16 * 60
    gate.check_address("9.9.9.9")


def test_the_gate_is_bounded(clock: Clock) -> None:
    gate = Gate(clock, most=10)
    for number in range(100):
        gate.failed(f"n{number}", f"a{number}", refused())
    assert len(gate._names) == 10
    assert len(gate._addresses) == 10
