"""Sessions at the moved clock, who sees and ends whose, and screen keys."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from gis.errors import Conflict, Invalid, NotFound
from gis.services.accounts import add_account, find_account, set_disabled, set_role
from gis.services.screen_keys import add_key, list_keys, revoke_key
from gis.services.sign_ins import KEY_PREFIX, SEEN_EVERY, SignedIn, list_sessions, revoke_all, revoke_session
from gis.services.signing_in import Lasting, Refused, sign_in_with_key
from gis.store.session import Origin, Store
from tests.gis.services.test_signing_in import NOW, PASSWORD, signed_in, who

HOUR = timedelta(hours=1)


@pytest.fixture
def anna(store: Store) -> Store:
    with store.owner_session() as session:
        add_account(session, "anna", "planner", PASSWORD)
        add_account(session, "boss", "admin", PASSWORD)
    return store


def test_an_idle_session_ends_and_a_used_one_lasts_to_its_end(anna: Store) -> None:
    idle = signed_in(anna, lasting=Lasting(12)).token
    used = signed_in(anna, lasting=Lasting(12)).token
    for minutes in range(10, 12 * 60, 10):
        assert who(anna, used, NOW + timedelta(minutes=minutes), idle=HOUR) == "anna"
    assert who(anna, used, NOW + 12 * HOUR, idle=HOUR) is None, "used or not, it ends"
    assert who(anna, idle, NOW + timedelta(minutes=59), idle=HOUR) == "anna"
    assert who(anna, idle, NOW + timedelta(minutes=59) + HOUR + SEEN_EVERY, idle=HOUR) is None


def test_an_idle_session_is_not_woken_by_being_tried(anna: Store) -> None:
    token = signed_in(anna).token
    for _ in range(2):
        assert who(anna, token, NOW + timedelta(minutes=61), idle=HOUR) is None


def test_a_wall_is_never_idle(anna: Store) -> None:
    with anna.owner_session() as session:
        add_account(session, "wall", "screen", PASSWORD)
    token = signed_in(anna, name="wall", lasting=Lasting(1, 720)).token
    assert who(anna, token, NOW + 700 * HOUR, idle=HOUR) == "wall"
    assert who(anna, token, NOW + 720 * HOUR, idle=HOUR) is None


def test_what_is_told_of_a_session(anna: Store) -> None:
    with anna.session(None, Origin("10.1.2.3")) as session:
        from gis.services.signing_in import sign_in

        opened = sign_in(session, "anna", PASSWORD, NOW)
    assert isinstance(opened, SignedIn)
    account_id, own = opened.identity.account_id, opened.identity.session_id
    with anna.session(account_id) as session:
        (mine,) = list_sessions(session, account_id, NOW, own=own, exact=True)
    assert (mine["address"], mine["method"], mine["second_factor"], mine["own"]) == ("10.1.2.3", "password", None, True)
    assert mine["last_seen"] == NOW.isoformat()
    with anna.owner_session() as session:
        (told,) = list_sessions(session, account_id, NOW, own=None, exact=False)
    assert told["last_seen"] == NOW.date().isoformat(), "of others the day, not the hour"
    assert "token_digest" not in told


def test_sessions_are_ones_own_by_row_security(anna: Store) -> None:
    token = signed_in(anna).token
    mine = signed_in(anna, name="boss").identity
    with anna.owner_session() as session:
        otto = add_account(session, "otto", "planner", PASSWORD)
        anna_id = find_account(session, "anna").id
    with anna.session(otto) as session:
        assert list_sessions(session, anna_id, NOW, own=None, exact=True) == []
        assert revoke_all(session, anna_id) == 0
    assert who(anna, token) == "anna"
    with anna.session(mine.account_id) as session:
        assert len(list_sessions(session, anna_id, NOW, own=None, exact=False)) == 1
        assert revoke_all(session, anna_id) == 1
    assert who(anna, token) is None


def test_ending_one_and_ending_the_others(anna: Store) -> None:
    first, second, third = (signed_in(anna) for _ in range(3))
    account_id = first.identity.account_id
    assert second.identity.session_id is not None
    with anna.session(account_id) as session:
        revoke_session(session, account_id, second.identity.session_id, "anna")
    assert [who(anna, each.token) for each in (first, second, third)] == ["anna", None, "anna"]
    with anna.session(account_id) as session:
        assert revoke_all(session, account_id, keep=first.identity.session_id) == 1
    assert [who(anna, each.token) for each in (first, third)] == ["anna", None]
    for gone in (second.identity.session_id, uuid4()):
        with pytest.raises(NotFound), anna.session(account_id) as session:
            revoke_session(session, account_id, gone, "anna")


def keyed(store: Store, key: str) -> SignedIn | Refused:
    with store.session(None) as session:
        return sign_in_with_key(session, key, NOW, Lasting(1, 720))


def test_a_screen_key_from_its_making_to_its_end(anna: Store) -> None:
    with anna.owner_session() as session:
        key = add_key(session, "大厅", "一楼大厅")
        (listed,) = list_keys(session)
    assert key.startswith(KEY_PREFIX)
    assert (listed["account"], listed["label"], listed["last_used_on"]) == ("大厅", "一楼大厅", None)
    assert who(anna, key) == "大厅"
    exchanged = keyed(anna, key)
    assert isinstance(exchanged, SignedIn)
    assert (exchanged.identity.role, exchanged.identity.method) == ("screen", "key")
    assert who(anna, exchanged.token, NOW + 700 * HOUR) == "大厅"
    with anna.owner_session() as session:
        assert list_keys(session)[0]["last_used_on"] == NOW.date()
        kept = str(session.execute(text("SELECT k::text FROM screen_keys k")).all())
        assert key not in kept and key.encode().hex() not in kept
        with pytest.raises(Conflict, match="revoke"):
            add_key(session, "大厅")
        revoke_key(session, account_name="大厅")
        fresh = add_key(session, "大厅")
    assert who(anna, key) is None
    assert who(anna, exchanged.token) is None, "what the key has opened ends with it"
    assert isinstance(keyed(anna, key), Refused)
    assert who(anna, fresh) == "大厅"
    with pytest.raises(NotFound), anna.owner_session() as session:
        revoke_key(session, uuid4())


def test_a_key_is_good_for_a_screen_alone(anna: Store) -> None:
    with anna.owner_session() as session:
        key = add_key(session, "wall")
    with pytest.raises(Conflict), anna.owner_session() as session:
        add_key(session, "boss")
    with pytest.raises(Invalid), anna.owner_session() as session:
        add_key(session, "wall2", "x" * 101)
    with anna.owner_session() as session:
        set_disabled(session, "wall", True)
    assert who(anna, key) is None
    assert isinstance(keyed(anna, key), Refused)
    with anna.owner_session() as session:
        set_disabled(session, "wall", False)
        session.execute(text("UPDATE accounts SET password_hash = 'x' WHERE name = 'wall'"))
        set_role(session, "wall", "planner")
    assert who(anna, key) is None, "an account that has risen takes its old key nowhere"
    assert isinstance(keyed(anna, key), Refused)
