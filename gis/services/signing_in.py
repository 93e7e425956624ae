"""Signing in: password, second factor, screen key or OpenID Connect; every failure is counted, noted, and locks for a growing time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from gis.errors import CodeNeeded, LinliError, TooMany, Unauthenticated
from gis.models import Account, AccountIdentity, LoginSession, ScreenKey
from gis.services import second_factor
from gis.services.passwords import verify_password
from gis.services.sign_ins import Opening, SignedIn, announce, digest, open_session
from gis.store.auditing import note

FREE_FAILURES = 4
"""Wrong passwords or codes in a row before an account is locked for a time."""
FIRST_LOCK_S = 5
LONGEST_LOCK_S = 3600
"""Nobody is locked out for ever, the last admin neither."""


@dataclass(frozen=True)
class Refused:
    """A sign-in that failed; returned rather than raised so that the count of failures is committed."""

    error: LinliError
    known: bool
    """Whether there is an account of that name; for the caller's own bookkeeping, never to be told."""
    counted: bool = True
    """Whether it was a guess: to be asked for a code is none, and what is refused while locked was not even heard."""


@dataclass(frozen=True)
class Lasting:
    """How long sessions last."""

    hours: float = 12
    screen_hours: float | None = None
    """The same for a screen, which has nobody to sign in again."""

    def of(self, role: str) -> timedelta:
        """Return how long a session of a role lasts."""
        screens = role == "screen" and self.screen_hours is not None
        return timedelta(hours=self.screen_hours if screens and self.screen_hours else self.hours)


def lock_seconds(failures: int) -> int:
    """Return for how long an account is locked after so many failures in a row, s: 0, then 5 and twice as long each time."""
    if failures <= FREE_FAILURES:
        return 0
    return min(LONGEST_LOCK_S, FIRST_LOCK_S * 2 ** min(failures - FREE_FAILURES - 1, 20))


def wrong_password() -> Unauthenticated:
    """Return the one answer to a wrong name and to a wrong password."""
    return Unauthenticated("账号或密码错误 / wrong name or password")


def wrong_code() -> CodeNeeded:
    """Return the answer to a wrong code, and to one that was used before."""
    return CodeNeeded("验证码错误或已使用过 / the code is wrong, or has been used before")


def locked(seconds: float) -> TooMany:
    """Return the answer while a name is locked."""
    wait_s = max(1, int(seconds + 0.999))
    return TooMany(f"尝试次数过多，请在 {wait_s} 秒后再试 / too many attempts; try again in {wait_s} s", wait_s)


def sign_in(
    session: Session,
    name: str,
    password: str,
    now: datetime,
    *,
    code: str | None = None,
    lasting: Lasting | None = None,
    unknown_locked_s: float = 0,
) -> SignedIn | Refused:
    """Check a password, and a code where the account has a second factor, and open a session.

    The account's row is locked meanwhile, so that parallel guesses at one account wait for each other and each is counted.

    Args:
        session: a transaction of the service without an account.
        name: the account's name as typed.
        password: the password as typed.
        now: the present moment, with zone.
        code: of the generator, or a recovery code.
        lasting: how long the session lasts.
        unknown_locked_s: for how long the caller wants this name locked if there is no such account, so that an unknown name
            behaves like a known one.

    Returns:
        The session; or the refusal, after which the caller must still commit.
    """
    account = session.scalar(select(Account).where(Account.name == name).with_for_update())
    shut = _locked(account, now, unknown_locked_s)
    if shut is not None:
        return shut
    right, newer = verify_password(password, account.password_hash if account else None)
    if account is None:
        note(session, "session.refuse", detail={"why": "unknown name"})
        return Refused(wrong_password(), known=False)
    if not right or account.disabled:
        return _failed(session, account, now, "disabled" if account.disabled else "password", wrong_password())
    shown = None
    if account.second_factor_at is not None:
        if not code:
            return Refused(CodeNeeded(), known=True, counted=False)
        shown = _take_code(session, account, code, now)
        if shown is None:
            return _failed(session, account, now, "code", wrong_code())
    if newer is not None:
        account.password_hash = newer
    _succeeded(session, account)
    how = Opening(now, (lasting or Lasting()).of(account.role), second_factor=shown)
    return open_session(session, account, how)


def sign_in_with_key(session: Session, key: str, now: datetime, lasting: Lasting) -> SignedIn | Refused:
    """Open a session for a wall's browser, which keeps a cookie better than a key; it ends with the key."""
    found = session.execute(
        select(ScreenKey.id, Account)
        .join(Account, Account.id == ScreenKey.account_id)
        .where(ScreenKey.digest == digest(key), ScreenKey.revoked_at.is_(None), Account.role == "screen")
    ).one_or_none()
    if found is None or found.Account.disabled:
        why = "key" if found is None else "disabled"
        note(session, "session.refuse", detail={"why": why}, account_id=found.Account.id if found else None)
        wrong = Unauthenticated("密钥无效或已停用 / the key is wrong or has been revoked")
        return Refused(wrong, known=True)
    session.execute(update(ScreenKey).where(ScreenKey.id == found.id).values(last_used_on=now.date()))
    how = Opening(now, lasting.of("screen"), method="key", screen_key_id=found.id)
    return open_session(session, found.Account, how)


def sign_in_as_subject(
    session: Session,
    issuer: str,
    subject: str,
    claimed: str | None,
    now: datetime,
    *,
    strong: bool,
    lasting: Lasting,
) -> SignedIn | Refused:
    """Open a session for whom an OpenID Connect provider has proven.

    No account is made: a subject belongs to the account that an admin has linked it to, or, where the settings name a claim to go by,
    to the account of that name, which from then on is linked to this subject alone.

    Args:
        session: a transaction of the service without an account.
        issuer: the provider.
        subject: who it is there.
        claimed: the account's name according to the claim that the settings trust; None where they trust none.
        now: the present moment, with zone.
        strong: whether the provider has seen several factors itself.
        lasting: how long the session lasts.
    """
    mine = select(AccountIdentity.account_id).where(
        AccountIdentity.issuer == issuer, AccountIdentity.subject == subject
    )
    account = session.scalar(select(Account).where(Account.id == mine.scalar_subquery()).with_for_update())
    if account is None and claimed is not None:
        account = _link_by_claim(session, issuer, subject, claimed)
    if account is None or account.disabled:
        note(
            session,
            "session.refuse",
            detail={"why": "oidc: no account" if account is None else "oidc: disabled"},
            account_id=account.id if account else None,
        )
        return Refused(
            Unauthenticated(
                "统一身份认证通过，但没有关联的账号，请联系管理员 / you are known there, but no account here is linked to you: "
                "ask your administrator"
            ),
            known=True,
        )
    how = Opening(now, lasting.of(account.role), method="oidc", second_factor="provider" if strong else None)
    return open_session(session, account, how)


def show_code(session: Session, account_id: int, token: str, code: str, now: datetime) -> str | Refused:
    """Take the code that a session still owes: after a sign-in elsewhere, or since a second factor was set up.

    Args:
        session: a transaction of the account.
        account_id: whose session.
        token: the session's.
        code: of the generator, or a recovery code.
        now: the present moment, with zone.
    """
    account = session.scalars(select(Account).where(Account.id == account_id).with_for_update()).one()
    shut = _locked(account, now, 0)
    if shut is not None:
        return shut
    shown = second_factor.check(session, account, code, now)
    if shown is None:
        return _failed(session, account, now, "code", wrong_code())
    _succeeded(session, account)
    session_id = session.scalar(select(LoginSession.id).where(LoginSession.token_digest == digest(token)))
    second_factor.mark_shown(session, session_id, shown)
    note(session, "session.code", detail={"second_factor": shown})
    announce(session)
    return shown


def prove_again(
    session: Session, account: Account, now: datetime, *, password: str | None, code: str | None = None
) -> Refused | None:
    """Ask for the password once more, and for a code where there is a second factor, before something that must not be done by a passer-by.

    Args:
        session: a transaction of the account, its row locked.
        account: who.
        now: the present moment, with zone.
        password: as typed; not asked of an account that has none.
        code: as typed; None where the act does not ask for one.
    """
    shut = _locked(account, now, 0)
    if shut is not None:
        return shut
    if account.password_hash is not None:
        right, _ = verify_password(password or "", account.password_hash)
        if not right:
            return _failed(session, account, now, "password", _wrong_own_password())
    if code is not None and second_factor.check(session, account, code, now) is None:
        return _failed(session, account, now, "code", wrong_code())
    _succeeded(session, account)
    return None


def own_account(session: Session, account_id: int) -> Account:
    """Return the account of a signed-in person, its row locked."""
    return session.scalars(select(Account).where(Account.id == account_id).with_for_update()).one()


def _wrong_own_password() -> Unauthenticated:
    return Unauthenticated("当前密码不对 / this is not your present password")


def _locked(account: Account | None, now: datetime, unknown_locked_s: float) -> Refused | None:
    if account is not None and account.locked_until is not None and account.locked_until > now:
        error = locked((account.locked_until - now).total_seconds())
        return Refused(error, known=True, counted=False)
    if account is None and unknown_locked_s > 0:
        return Refused(locked(unknown_locked_s), known=False, counted=False)
    return None


def _take_code(session: Session, account: Account, code: str, now: datetime) -> str | None:
    """Check a code as the account that is just signing in: only it sees its second factor."""
    session.execute(select(func.set_config("linli.account", str(account.id), True)))
    return second_factor.check(session, account, code, now)


def _failed(session: Session, account: Account, now: datetime, why: str, error: LinliError) -> Refused:
    account.failed_logins += 1
    wait_s = lock_seconds(account.failed_logins)
    account.locked_until = now + timedelta(seconds=wait_s) if wait_s else None
    note(session, "session.refuse", detail={"why": why, "locked_s": wait_s}, account_id=account.id)
    return Refused(error, known=True)


def _succeeded(session: Session, account: Account) -> None:
    account.failed_logins = 0
    account.locked_until = None
    session.flush()


def _link_by_claim(session: Session, issuer: str, subject: str, claimed: str) -> Account | None:
    """Link a subject to the account of its name, unless another subject has it already."""
    account = session.scalar(select(Account).where(Account.name == claimed).with_for_update())
    if account is None or account.disabled:
        return account
    taken = session.scalar(
        select(AccountIdentity.subject).where(
            AccountIdentity.account_id == account.id, AccountIdentity.issuer == issuer
        )
    )
    if taken is not None:
        return None
    session.add(AccountIdentity(issuer=issuer, subject=subject, account_id=account.id))
    session.flush()
    note(session, "account.link", f"account:{account.name}", detail={"by": "claim"}, account_id=account.id)
    return account
