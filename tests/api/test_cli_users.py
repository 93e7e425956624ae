"""``linli user``, ``linli second-factor``, ``linli screen-key``: the way back in, and out, from the machine itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import text

from gis.services.accounts import find_account
from gis.services.second_factor import begin, confirm
from gis.services.signing_in import Refused, sign_in
from gis.store.session import Store
from tests.api.conftest import PASSWORD
from tests.api.test_cli import outside, run  # noqa: F401 - a fixture
from tests.gis.services.conftest import G1, G2


def words(*parts: str, code: int = 0, given: str = "") -> str:
    result = run(*parts, given=given)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.stderr
    return " ".join((result.stdout + result.stderr).split())


def session_of(store: Store, name: str) -> None:
    with store.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO sessions (account_id, token_digest, expires_at) "
                "SELECT id, decode(md5(random()::text), 'hex'), now() + interval '1 h' FROM accounts WHERE name = :name"
            ),
            {"name": name},
        )


def open_sessions(store: Store, name: str) -> int:
    with store.owner_session() as session:
        query = "SELECT count(*) FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.name = :name AND s.revoked_at IS NULL"
        return int(session.scalar(text(query), {"name": name}) or 0)


def test_a_role_is_changed_and_sessions_end(place: Store) -> None:
    session_of(place, "planner")
    assert "planner worker" in words("user", "role", "planner", "worker")
    assert open_sessions(place, "planner") == 0
    assert "planner 规划员" in words("user", "role", "planner", "boss", code=2)
    assert "last admin" in words("user", "role", "admin", "planner", code=2)


def test_grids_are_given_with_their_days(place: Store) -> None:
    shown = words("user", "grids", "worker", f"{G1}@2026-01-01..2026-06-30，{G2}@2026-07-01")
    assert f"{G1} 2026-01-01..2026-06-30" in shown and f"{G2} 2026-07-01.." in shown
    assert "2026-01-01..2026-06-30" in words("user", "grids", "worker", f"{G1}@yesterday", code=2)
    shown = words("user", "grids", "worker", G2)
    assert G1 not in shown and G2 in shown


def test_an_account_is_signed_out_and_deleted(place: Store) -> None:
    session_of(place, "screen")
    session_of(place, "screen")
    assert "ended 2" in words("user", "sign-out", "screen")
    assert open_sessions(place, "screen") == 0
    assert "screen" in words("user", "delete", "screen")
    assert "screen" not in words("user", "list")
    assert "screen" in words("user", "delete", "screen", code=2)
    assert "last admin" in words("user", "delete", "admin", code=2)


def test_a_link_needs_a_provider(place: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "LINLI_OIDC_ISSUER" in words("user", "link", "planner", "sub-1", code=2)
    monkeypatch.setenv("LINLI_OIDC_ISSUER", "https://id.example.org")
    monkeypatch.setenv("LINLI_OIDC_CLIENT_ID", "linli")
    monkeypatch.setenv("LINLI_OIDC_CLIENT_SECRET", "a-secret-of-the-test")
    assert "linked" in words("user", "link", "planner", "sub-1")
    with place.owner_session() as session:
        assert session.scalar(text("SELECT subject FROM account_identities")) == "sub-1"
    assert "unlinked" in words("user", "link", "planner")


def test_second_factors_are_asked_for_and_taken_away(place: Store) -> None:
    assert "required: planner worker" in words("second-factor", "require", "planner", "worker")
    assert "required: -" in words("second-factor", "require")
    assert "boss" in words("second-factor", "require", "boss", code=2)
    words("user", "passwd", "planner", given=PASSWORD + "\n")
    now = datetime.now(UTC)
    with place.owner_session() as session:
        account = find_account(session, "planner")
        confirm(
            session,
            account,
            pyotp.TOTP(begin(session, account).secret).at(now - timedelta(seconds=60)),
            now - timedelta(seconds=60),
        )
    with place.session(None) as session:
        refused = sign_in(session, "planner", PASSWORD, now)
        assert isinstance(refused, Refused)
    assert "reset" in words("second-factor", "reset", "planner")
    with place.session(None) as session:
        assert not isinstance(sign_in(session, "planner", PASSWORD, now), Refused)
    assert "no second factor" in words("second-factor", "reset", "planner", code=2)


def test_a_wall_gets_its_key_once(place: Store) -> None:
    key = words("screen-key", "add", "wall-1", "--label", "指挥大厅")
    assert len(key.split()[-1]) >= 32
    listed = words("screen-key", "list")
    assert "wall-1" in listed and key.split()[-1] not in listed
    with place.owner_session() as session:
        dump = str(session.execute(text("SELECT * FROM screen_keys")).all())
    assert key.split()[-1] not in dump
    assert "revoked" in words("screen-key", "revoke", "wall-1")
    assert "no such key" in words("screen-key", "revoke", "wall-1", code=2)
