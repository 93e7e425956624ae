"""Accounts: making them, signing in with growing lock-out, and sessions that end and can be revoked."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gis.errors import Conflict, Fault, Invalid, LinliError, NotFound, TooMany, Unauthenticated
from gis.models import Account, AccountGrid, Grid, LoginSession
from gis.models.vocabulary import ROLES
from gis.services.passwords import check_password, hash_password, make_password, verify_password
from gis.store.auditing import note

FREE_FAILURES = 4
"""Wrong passwords in a row before an account is locked for a time."""
FIRST_LOCK_S = 5
LONGEST_LOCK_S = 3600
TOKEN_BYTES = 32
_SEEN_EVERY = timedelta(minutes=1)
MAX_NAME = 64


@dataclass(frozen=True)
class Identity:
    """Who is signed in."""

    account_id: int
    name: str
    role: str
    expires_at: datetime

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
class Refused:
    """A sign-in that failed; returned rather than raised so that the count of failures is committed."""

    error: LinliError
    known: bool
    """Whether there is an account of that name; for the caller's own bookkeeping, never to be told."""


def lock_seconds(failures: int) -> int:
    """Return for how long an account is locked after so many wrong passwords in a row, s: 0, then 5 and twice as long each time."""
    if failures <= FREE_FAILURES:
        return 0
    return min(LONGEST_LOCK_S, FIRST_LOCK_S * 2 ** min(failures - FREE_FAILURES - 1, 20))


def wrong_password() -> Unauthenticated:
    """Return the one answer to a wrong name and to a wrong password."""
    return Unauthenticated("账号或密码错误 / wrong name or password")


def locked(seconds: float) -> TooMany:
    """Return the answer while a name is locked."""
    wait_s = max(1, int(seconds + 0.999))
    return TooMany(
        f"尝试次数过多，请在 {wait_s} 秒后再试 / too many attempts; try again in {wait_s} s", wait_s
    )


def sign_in(
    session: Session,
    name: str,
    password: str,
    now: datetime,
    *,
    hours: float = 12,
    screen_hours: float | None = None,
    unknown_locked_s: float = 0,
) -> SignedIn | Refused:
    """Check a password and open a session.

    The account's row is locked meanwhile, so that parallel guesses at one account wait for each other and each is counted.

    Args:
        session: a transaction of the service without an account.
        name: the account's name as typed.
        password: the password as typed.
        now: the present moment, with zone.
        hours: how long the session lasts.
        screen_hours: the same for a screen, which has nobody to sign in again.
        unknown_locked_s: for how long the caller wants this name locked if there is no such account, so that an unknown name
            behaves like a known one.

    Returns:
        The session; or the refusal, after which the caller must still commit.
    """
    account = session.scalar(select(Account).where(Account.name == name).with_for_update())
    if account is not None and account.locked_until is not None and account.locked_until > now:
        return Refused(locked((account.locked_until - now).total_seconds()), known=True)
    if account is None and unknown_locked_s > 0:
        return Refused(locked(unknown_locked_s), known=False)
    right, newer = verify_password(password, account.password_hash if account else None)
    if account is None:
        return Refused(wrong_password(), known=False)
    if not right or account.disabled:
        account.failed_logins += 1
        wait_s = lock_seconds(account.failed_logins)
        account.locked_until = now + timedelta(seconds=wait_s) if wait_s else None
        note(
            session,
            "session.refuse",
            detail={"why": "disabled" if account.disabled else "password", "locked_s": wait_s},
            account_id=account.id,
        )
        return Refused(wrong_password(), known=True)
    account.failed_logins = 0
    account.locked_until = None
    if newer is not None:
        account.password_hash = newer
    lasts = screen_hours if account.role == "screen" and screen_hours is not None else hours
    expires_at = now + timedelta(hours=lasts)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.execute(
        delete(LoginSession).where(LoginSession.account_id == account.id, LoginSession.expires_at < now)
    )
    session.execute(
        insert(LoginSession).values(
            account_id=account.id,
            token_digest=digest(token),
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at,
        )
    )
    note(session, "session.open", account_id=account.id)
    return SignedIn(token, Identity(account.id, account.name, account.role, expires_at))


def account_of(session: Session, token: str, now: datetime) -> Identity | None:
    """Return who holds a token; None when it is unknown, has expired or was revoked, or the account is disabled."""
    row = session.execute(
        select(
            Account.id,
            Account.name,
            Account.role,
            LoginSession.id,
            LoginSession.expires_at,
            LoginSession.last_seen_at,
        )
        .join(Account, Account.id == LoginSession.account_id)
        .where(
            LoginSession.token_digest == digest(token),
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now,
            Account.disabled.is_(False),
        )
    ).one_or_none()
    if row is None:
        return None
    account_id, name, role, session_id, expires_at, seen_at = row
    if now - seen_at > _SEEN_EVERY:
        session.execute(update(LoginSession).where(LoginSession.id == session_id).values(last_seen_at=now))
    return Identity(account_id, name, role, expires_at)


def sign_out(session: Session, token: str, now: datetime) -> bool:
    """Revoke the session of a token; return whether there was one."""
    account_id = session.scalar(
        update(LoginSession)
        .where(LoginSession.token_digest == digest(token), LoginSession.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(LoginSession.account_id)
    )
    _announce(session)
    if account_id is not None:
        note(session, "session.close", account_id=account_id)
    return account_id is not None


def add_account(session: Session, name: str, role: str, password: str, grids: list[str] | None = None) -> int:
    """Make an account.

    Args:
        session: a transaction that may write accounts.
        name: unique; letters of any script, digits, and ``. _ - @``.
        role: one of the roles.
        password: checked against the rules.
        grids: codes of the grids a worker looks after from today.

    Returns:
        The account's id.

    Raises:
        Invalid, Conflict, NotFound: a field is wrong; the name is taken; a grid is unknown.
    """
    _check_name(name)
    if role not in ROLES:
        choices = ", ".join(f"{role} {label}" for role, label in ROLES.items())
        message = f"角色应为其中之一 / the role must be one of: {choices}"
        raise Invalid(message, [Fault("role", message)])
    if grids and role != "worker":
        message = "只有网格员可以指定网格 / only a worker looks after grids"
        raise Invalid(message, [Fault("grids", message)])
    check_password(name, password)
    ids = _grid_ids(session, grids or [])
    account = Account(name=name, role=role, password_hash=hash_password(password))
    try:
        with session.begin_nested():
            session.add(account)
            session.flush()
    except IntegrityError as error:
        raise Conflict(f"账号 {name} 已存在 / account {name} exists already") from error
    session.add_all([AccountGrid(account_id=account.id, grid_id=grid_id) for grid_id in ids])
    session.flush()
    note(session, "account.add", f"account:{name}", detail={"role": role, "grids": grids or []})
    return account.id


def set_password(session: Session, name: str, password: str) -> None:
    """Give an account a new password, unlock it, and end all its sessions."""
    account = _account(session, name)
    check_password(name, password)
    account.password_hash = hash_password(password)
    account.failed_logins = 0
    account.locked_until = None
    _revoke_all(session, account.id)
    note(session, "account.password", f"account:{name}")


def set_disabled(session: Session, name: str, disabled: bool) -> None:
    """Disable an account and end all its sessions, or enable it again.

    Raises:
        NotFound, Conflict: no such account; it is the last admin who can still sign in.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('linli admins'))"))
    account = _account(session, name)
    if disabled and account.role == "admin":
        others = session.scalar(
            select(func.count()).where(
                Account.role == "admin", Account.disabled.is_(False), Account.id != account.id
            )
        )
        if not others:
            raise Conflict("不能停用最后一个管理员 / the last admin cannot be disabled")
    account.disabled = disabled
    note(session, "account.disable" if disabled else "account.enable", f"account:{name}")
    if disabled:
        _revoke_all(session, account.id)
    else:
        account.failed_logins = 0
        account.locked_until = None


def list_accounts(session: Session) -> list[dict[str, Any]]:
    """Return every account: name, role, disabled, locked_until and the codes of the grids it looks after today."""
    grids = (
        select(func.array_agg(Grid.code.distinct()))
        .join(AccountGrid, AccountGrid.grid_id == Grid.id)
        .where(AccountGrid.account_id == Account.id, *_today())
        .correlate(Account)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            Account.name, Account.role, Account.disabled, Account.locked_until, grids.label("grids")
        ).order_by(Account.name)
    )
    return [{**row, "grids": sorted(row["grids"] or [])} for row in rows.mappings()]


def grids_of(session: Session, account_id: int) -> list[str]:
    """Return the codes of the grids that an account looks after today."""
    return list(
        session.scalars(
            select(Grid.code)
            .join(AccountGrid, AccountGrid.grid_id == Grid.id)
            .where(AccountGrid.account_id == account_id, *_today())
            .distinct()
            .order_by(Grid.code)
        )
    )


def ensure_admin(session: Session, password: str | None) -> str | None:
    """Make account ``admin`` if there is none yet.

    Args:
        session: a transaction of the owner.
        password: what the settings give; None to have one made up.

    Returns:
        The made-up password, to be shown once; None where nothing was made up.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('linli admins'))"))
    if session.scalar(select(Account.id).where(Account.name == "admin")) is not None:
        return None
    made_up = None if password else make_password()
    add_account(session, "admin", "admin", password or str(made_up))
    return made_up


def digest(token: str) -> bytes:
    """Return what the store keeps of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def _today() -> tuple[Any, Any]:
    """Return the conditions under which a row of account_grids holds today."""
    return (
        AccountGrid.valid_from <= func.current_date(),
        func.coalesce(AccountGrid.valid_to, func.current_date()) >= func.current_date(),
    )


def _account(session: Session, name: str) -> Account:
    account = session.scalar(select(Account).where(Account.name == name).with_for_update())
    if account is None:
        raise NotFound(f"没有账号 {name} / no account is called {name}")
    return account


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= MAX_NAME or not all(c.isalnum() or c in "._-@" for c in name):
        message = f"账号名为 1–{MAX_NAME} 个字母、数字或 . _ - @ / a name is 1 to {MAX_NAME} letters, digits or . _ - @"
        raise Invalid(message, [Fault("name", message)])


def _grid_ids(session: Session, codes: list[str]) -> list[int]:
    wanted = select(Grid.code, Grid.id).where(Grid.code.in_(codes), Grid.valid_to.is_(None))
    known = {row.code: row.id for row in session.execute(wanted)}
    missing = [code for code in codes if code not in known]
    if missing:
        raise NotFound(
            f"没有这些网格 / no such grids: {', '.join(missing)}",
            [Fault("grids", f"没有编码为 {code} 的网格 / no grid has code {code}") for code in missing],
        )
    return [known[code] for code in dict.fromkeys(codes)]


def _revoke_all(session: Session, account_id: int) -> None:
    session.execute(
        update(LoginSession)
        .where(LoginSession.account_id == account_id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )
    _announce(session)


def _announce(session: Session) -> None:
    """Tell every process that sessions have ended, so that none goes on believing a token it remembers."""
    session.execute(text("SELECT pg_notify('linli', 'sessions')"))
