"""Sessions: what a token stands for, how long it lasts, who may end it; one look-up for sign-ins and screen keys."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.models import Account, LoginSession, RolePolicy, ScreenKey
from gis.store.auditing import note

TOKEN_BYTES = 32
KEY_PREFIX = "linli-screen-"
"""With which every screen key begins, so that one that has got about is recognised."""
SEEN_EVERY = timedelta(minutes=5)
"""How exactly it is known when a session was last used: enough for a time-out, no record of anybody's day."""
NEVER = timedelta(days=36_500)


@dataclass(frozen=True)
class Identity:
    """Who is signed in, and what they still have to do before anything else works."""

    account_id: int
    name: str
    role: str
    expires_at: datetime
    method: str = "password"
    session_id: UUID | None = None
    """None for a program that sends a screen key with every request."""
    pending: str | None = None
    """``code``: a second factor is set up and was not shown yet; ``password``: it must be changed; ``second_factor``: one must be set up."""

    @property
    def sees_exact(self) -> bool:
        """Tell whether people everywhere are counted one by one for this account; for all others in fives (gis/needs/disclosure.py)."""
        return self.role == "admin"


@dataclass(frozen=True)
class SignedIn:
    """A new session: the token is known to the caller alone, the store keeps its digest."""

    token: str
    identity: Identity


@dataclass(frozen=True)
class Opening:
    """How a session begins."""

    now: datetime
    lasts: timedelta
    method: str = "password"
    second_factor: str | None = None
    screen_key_id: UUID | None = None


def digest(token: str) -> bytes:
    """Return what the store keeps of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def open_session(session: Session, account: Account, how: Opening) -> SignedIn:
    """Open a session for an account that has proven who it is, and note it."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    expires_at = how.now + how.lasts
    session.execute(
        delete(LoginSession).where(
            LoginSession.account_id == account.id, LoginSession.expires_at < how.now - timedelta(days=1)
        )
    )
    session_id = session.execute(
        insert(LoginSession)
        .values(
            account_id=account.id,
            token_digest=digest(token),
            created_at=how.now,
            last_seen_at=how.now,
            expires_at=expires_at,
            method=how.method,
            second_factor=how.second_factor,
            screen_key_id=how.screen_key_id,
            address=func.nullif(func.current_setting("linli.address", True), ""),
        )
        .returning(LoginSession.id)
    ).scalar_one()
    detail = {"method": how.method, "second_factor": how.second_factor}
    note(session, "session.open", account_id=account.id, detail=detail)
    pending = _pending(
        how.method,
        how.second_factor,
        account.second_factor_at is not None,
        account.must_change_password,
        _required(session, account.role),
    )
    identity = Identity(account.id, account.name, account.role, expires_at, how.method, session_id, pending)
    return SignedIn(token, identity)


def account_of(session: Session, token: str, now: datetime, *, idle: timedelta = NEVER) -> Identity | None:
    """Return who holds a token or a screen key.

    Args:
        session: a transaction of the service without an account.
        token: as it came.
        now: the present moment, with zone.
        idle: how long a session may go unused; a screen's has nobody to use it and lasts on.

    Returns:
        None when it is unknown, has expired, was idle too long or was revoked, or the account is disabled.
    """
    if token.startswith(KEY_PREFIX):
        return _holder_of_key(session, token, now)
    row = session.execute(
        select(
            Account.id,
            Account.name,
            Account.role,
            Account.second_factor_at,
            Account.must_change_password,
            func.coalesce(RolePolicy.second_factor_required, False).label("required"),
            LoginSession.id.label("session_id"),
            LoginSession.expires_at,
            LoginSession.last_seen_at,
            LoginSession.method,
            LoginSession.second_factor,
        )
        .join(Account, Account.id == LoginSession.account_id)
        .outerjoin(RolePolicy, RolePolicy.role == Account.role)
        .where(LoginSession.token_digest == digest(token), *_in_force(now), Account.disabled.is_(False))
    ).one_or_none()
    if row is None:
        return None
    unused = now - row.last_seen_at
    if row.role != "screen" and unused > idle:
        return None
    if unused > min(SEEN_EVERY, idle / 4):
        session.execute(update(LoginSession).where(LoginSession.id == row.session_id).values(last_seen_at=now))
    pending = _pending(
        row.method, row.second_factor, row.second_factor_at is not None, row.must_change_password, row.required
    )
    return Identity(row.id, row.name, row.role, row.expires_at, row.method, row.session_id, pending)


def sign_out(session: Session, token: str, now: datetime) -> bool:
    """Revoke the session of a token; return whether there was one."""
    account_id = session.scalar(
        update(LoginSession)
        .where(LoginSession.token_digest == digest(token), LoginSession.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(LoginSession.account_id)
    )
    announce(session)
    if account_id is not None:
        note(session, "session.close", account_id=account_id)
    return account_id is not None


def list_sessions(
    session: Session, account_id: int, now: datetime, *, own: UUID | None, exact: bool
) -> list[dict[str, Any]]:
    """Return the sessions of an account that are in force, newest first.

    Args:
        session: a transaction of the account itself or of an admin.
        account_id: whose.
        now: the present moment, with zone.
        own: the caller's session, to be marked.
        exact: whether to tell the hour at which each was last used; of others only the day is told, their hours are nobody's business.
    """
    rows = session.scalars(
        select(LoginSession)
        .where(LoginSession.account_id == account_id, *_in_force(now))
        .order_by(LoginSession.created_at.desc(), LoginSession.id)
    )
    return [
        {
            "id": row.id,
            "began_at": row.created_at,
            "expires_at": row.expires_at,
            "last_seen": row.last_seen_at.isoformat() if exact else row.last_seen_at.date().isoformat(),
            "address": row.address,
            "method": row.method,
            "second_factor": row.second_factor,
            "own": row.id == own,
        }
        for row in rows
    ]


def revoke_session(session: Session, account_id: int, session_id: UUID, name: str) -> None:
    """End one session of an account.

    Raises:
        NotFound: the account has no such session in force.
    """
    done = session.scalar(
        update(LoginSession)
        .where(
            LoginSession.id == session_id,
            LoginSession.account_id == account_id,
            LoginSession.revoked_at.is_(None),
        )
        .values(revoked_at=func.now())
        .returning(LoginSession.id)
    )
    if done is None:
        raise NotFound("没有这次登录，或已结束 / there is no such session, or it has ended")
    announce(session)
    note(session, "session.revoke", f"account:{name}", detail={"sessions": 1})


def revoke_all(session: Session, account_id: int, *, keep: UUID | None = None, screen_key: UUID | None = None) -> int:
    """End every session of an account, but ``keep``; or those that ``screen_key`` has opened. Return how many.

    Every process is told, also where there was none: a screen key opens without a session.
    """
    which: list[ColumnElement[bool]] = [
        LoginSession.account_id == account_id,
        LoginSession.revoked_at.is_(None),
    ]
    if keep is not None:
        which.append(LoginSession.id != keep)
    if screen_key is not None:
        which.append(LoginSession.screen_key_id == screen_key)
    ended = session.execute(
        update(LoginSession).where(*which).values(revoked_at=func.now()).returning(LoginSession.id)
    ).all()
    announce(session)
    return len(ended)


def announce(session: Session) -> None:
    """Tell every process that sessions have ended or changed, so that none goes on believing a token it remembers."""
    session.execute(text("SELECT pg_notify('linli', 'sessions')"))


def _holder_of_key(session: Session, key: str, now: datetime) -> Identity | None:
    row = session.execute(
        select(ScreenKey.id, ScreenKey.last_used_on, Account.id.label("account_id"), Account.name, Account.role)
        .join(Account, Account.id == ScreenKey.account_id)
        .where(
            ScreenKey.digest == digest(key),
            ScreenKey.revoked_at.is_(None),
            Account.disabled.is_(False),
            Account.role == "screen",
        )
    ).one_or_none()
    if row is None:
        return None
    if row.last_used_on != now.date():
        session.execute(update(ScreenKey).where(ScreenKey.id == row.id).values(last_used_on=now.date()))
    return Identity(row.account_id, row.name, row.role, now + NEVER, "key")


def _in_force(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (LoginSession.revoked_at.is_(None), LoginSession.expires_at > now)


def _required(session: Session, role: str) -> bool:
    return bool(session.scalar(select(RolePolicy.second_factor_required).where(RolePolicy.role == role)))


def _pending(method: str, shown: str | None, has_factor: bool, must_change: bool, required: bool) -> str | None:
    """Return what a session's holder still has to do; see :attr:`Identity.pending`."""
    if method == "key":
        return None
    if has_factor and shown is None:
        return "code"
    if must_change and method == "password":
        return "password"
    if required and not has_factor and shown is None:
        return "second_factor"
    return None
