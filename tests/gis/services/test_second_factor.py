"""The second factor at the moved clock: codes count once, windows end, papers are single-use, roles may ask for it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pyotp
import pytest
import segno
from sqlalchemy import text

from gis.errors import CodeNeeded, Conflict, Invalid, TooMany
from gis.services import second_factor
from gis.services.accounts import add_account, find_account
from gis.services.second_factor import RECOVERY_CODES, begin, check, confirm, remove, require
from gis.services.sign_ins import SignedIn, account_of
from gis.services.signing_in import FREE_FAILURES, Refused
from gis.store.session import Store
from tests.gis.services.test_signing_in import NOW, PASSWORD, opened, signed_in

STEP = timedelta(seconds=30)


@pytest.fixture
def anna(store: Store) -> Store:
    with store.owner_session() as session:
        add_account(session, "anna", "planner", PASSWORD)
    return store


def enrolled(store: Store, name: str = "anna") -> tuple[pyotp.TOTP, list[str]]:
    with store.owner_session() as session:
        account = find_account(session, name)
        totp = pyotp.TOTP(begin(session, account).secret)
        codes = confirm(session, account, totp.at(NOW - 4 * STEP), NOW - 4 * STEP)
    assert codes is not None
    return totp, codes


def test_without_a_code_the_password_opens_nothing(anna: Store) -> None:
    totp, _ = enrolled(anna)
    asked = opened(anna)
    assert isinstance(asked, Refused)
    assert isinstance(asked.error, CodeNeeded)
    assert not asked.counted
    got_in = opened(anna, code=f" {totp.at(NOW)[:3]} {totp.at(NOW)[3:]} ")
    assert isinstance(got_in, SignedIn)
    assert got_in.identity.pending is None


def test_a_code_counts_once_and_an_older_one_no_more(anna: Store) -> None:
    totp, _ = enrolled(anna)
    assert isinstance(opened(anna, code=totp.at(NOW)), SignedIn)
    assert isinstance(opened(anna, code=totp.at(NOW)), Refused)
    assert isinstance(opened(anna, code=totp.at(NOW - STEP)), Refused)
    assert isinstance(opened(anna, code=totp.at(NOW + STEP)), SignedIn)
    assert isinstance(opened(anna, code=totp.at(NOW), now=NOW + STEP), Refused)


def test_the_same_code_at_once_opens_one_session(anna: Store) -> None:
    totp, _ = enrolled(anna)
    outcomes: list[object] = []
    threads = [threading.Thread(target=lambda: outcomes.append(opened(anna, code=totp.at(NOW)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_neighbouring_step_is_taken_too(anna: Store, steps: int, taken: bool) -> None:
    totp, _ = enrolled(anna)
    assert isinstance(opened(anna, code=totp.at(NOW + steps * STEP)), SignedIn) == taken


def test_wrong_codes_lock_like_wrong_passwords(anna: Store) -> None:
    totp, _ = enrolled(anna)
    for _ in range(FREE_FAILURES + 1):
        outcome = opened(anna, code="000000")
        assert isinstance(outcome, Refused)
        assert isinstance(outcome.error, CodeNeeded)
    shut = opened(anna, code=totp.at(NOW))
    assert isinstance(shut, Refused)
    assert isinstance(shut.error, TooMany)
    assert shut.error.retry_after_s == 5
    later = NOW + timedelta(seconds=6)
    assert isinstance(opened(anna, code=totp.at(later), now=later), SignedIn)


def test_asking_for_the_code_does_not_forget_wrong_ones(anna: Store) -> None:
    """Else whoever knows the password could guess codes for ever: one right password between two guesses."""
    enrolled(anna)
    for _ in range(FREE_FAILURES + 1):
        opened(anna, code="000000")
        opened(anna)
    with anna.owner_session() as session:
        assert find_account(session, "anna").failed_logins == FREE_FAILURES + 1


def test_a_recovery_code_opens_once(anna: Store) -> None:
    _, codes = enrolled(anna)
    assert len(set(codes)) == RECOVERY_CODES
    typed = codes[0].lower().replace("-", " ").replace("o", "0")
    assert isinstance(opened(anna, code=typed), SignedIn)
    assert isinstance(opened(anna, code=codes[0]), Refused)
    assert isinstance(opened(anna, code=codes[1]), SignedIn)
    with anna.owner_session() as session:
        assert second_factor.recovery_codes_left(session, find_account(session, "anna").id) == RECOVERY_CODES - 2
        fresh = second_factor.new_recovery_codes(session, find_account(session, "anna"))
    assert isinstance(opened(anna, code=codes[2]), Refused)
    assert isinstance(opened(anna, code=fresh[0]), SignedIn)


def test_nothing_readable_is_stored(anna: Store) -> None:
    totp, codes = enrolled(anna)
    with anna.owner_session() as session:
        kept = str(session.execute(text("SELECT s::text FROM second_factors s")).all())
        kept += str(session.execute(text("SELECT r::text FROM recovery_codes r")).all())
        noted = str(session.execute(text("SELECT l::text FROM audit_log l")).all())
    secret = totp.secret
    for place in (kept, noted):
        assert secret not in place
        assert secret.encode().hex() not in place
        assert not any(code in place for code in codes)


def test_setting_up_needs_a_right_code_and_can_be_begun_anew(anna: Store) -> None:
    with anna.owner_session() as session:
        account = find_account(session, "anna")
        first = begin(session, account)
        second = begin(session, account)
        assert confirm(session, account, pyotp.TOTP(first.secret).at(NOW), NOW) is None
        assert account.second_factor_at is None
        assert check(session, account, pyotp.TOTP(second.secret).at(NOW), NOW) is None
        assert confirm(session, account, pyotp.TOTP(second.secret).at(NOW), NOW) is not None
        with pytest.raises(Conflict):
            begin(session, account)
        with pytest.raises(Conflict):
            confirm(session, account, "000000", NOW)
        remove(session, account)
    assert isinstance(opened(anna), SignedIn)


def test_the_picture_says_what_the_text_says(anna: Store) -> None:
    with anna.owner_session() as session:
        begun = begin(session, find_account(session, "anna"))
    parsed = pyotp.parse_uri(begun.uri)
    assert parsed.secret == begun.secret
    assert (parsed.name, parsed.issuer) == ("anna", second_factor.ISSUER)
    assert "<svg" in begun.qr_svg
    assert "<script" not in begun.qr_svg
    assert begun.qr_svg.count("<path") == 2, segno.__version__


def test_a_secret_belongs_to_its_account(anna: Store) -> None:
    """Moved to another row it does not open: whoever can write the table cannot give somebody their own generator."""
    with anna.owner_session() as session:
        add_account(session, "boss", "admin", PASSWORD)
    mine, _ = enrolled(anna)
    enrolled(anna, "boss")
    with anna.owner_session() as session:
        session.execute(
            text(
                "UPDATE second_factors SET secret_sealed = (SELECT secret_sealed FROM second_factors f JOIN accounts a "
                "ON a.id = f.account_id WHERE a.name = 'anna') WHERE account_id = (SELECT id FROM accounts WHERE name = 'boss')"
            )
        )
    with pytest.raises(Exception, match="sealed value"):
        opened(anna, "boss", code=mine.at(NOW))


def test_a_role_may_have_to_have_one(anna: Store) -> None:
    open_before = signed_in(anna).token
    with anna.owner_session() as session:
        require(session, ["planner", "admin"])
        assert second_factor.required_roles(session) == ["admin", "planner"]

    def owes(token: str) -> str | None:
        with anna.session(None) as session:
            found = account_of(session, token, NOW)
        assert found is not None
        return found.pending

    assert owes(open_before) == "second_factor"
    assert signed_in(anna).identity.pending == "second_factor"
    totp, _ = enrolled(anna)
    assert signed_in(anna, code=totp.at(NOW)).identity.pending is None
    assert owes(open_before) == "code"
    with anna.owner_session() as session:
        require(session, [])
        remove(session, find_account(session, "anna"))
    assert owes(open_before) is None
    for wrong in (["screen"], ["boss"]):
        with pytest.raises(Invalid), anna.owner_session() as session:
            require(session, wrong)


def test_row_security_keeps_second_factors_apart(anna: Store) -> None:
    with anna.owner_session() as session:
        other = add_account(session, "otto", "planner", PASSWORD)
        mine = find_account(session, "anna").id
    enrolled(anna)
    count = text("SELECT (SELECT count(*) FROM second_factors) + (SELECT count(*) FROM recovery_codes)")
    for account, seen in ((None, 0), (other, 0), (mine, 1 + RECOVERY_CODES)):
        with anna.session(account) as session:
            assert session.execute(count).scalar_one() == seen
    with anna.session(other) as session:
        assert session.execute(text("DELETE FROM second_factors RETURNING 1")).all() == []
