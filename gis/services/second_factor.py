"""The second factor: a TOTP generator (RFC 6238) whose codes count once, recovery codes on paper, and which roles must have one."""

from __future__ import annotations

import hashlib
import io
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pyotp
import segno
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from gis.errors import Conflict, Fault, Invalid
from gis.models import Account, LoginSession, RecoveryCode, RolePolicy, SecondFactor
from gis.models.vocabulary import ROLES
from gis.services.features import check_version
from gis.services.sign_ins import announce
from gis.store.auditing import note
from gis.store.vault import vault_of

ISSUER = "邻里 linli"
"""How a generator names us."""
WINDOW_STEPS = 1
"""Codes of the step before and after are taken too: clocks differ, people type slowly (RFC 6238, section 5.2)."""
RECOVERY_CODES = 10
_GROUPS, _GROUP = 6, 4
"""24 letters of base32 are 120 bits: enough to be kept under a fast hash (NIST SP 800-63B, look-up secrets)."""
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SEALED = "second_factors.secret_sealed"


@dataclass(frozen=True)
class Enrolment:
    """What a person needs to set up a generator; shown once."""

    secret: str
    uri: str
    qr_svg: str


def begin(session: Session, account: Account) -> Enrolment:
    """Make a new secret for an account; it counts once :func:`confirm` has seen a code of it.

    Raises:
        Conflict: the account has a second factor already.
    """
    if account.second_factor_at is not None:
        raise Conflict("已启用两步验证，请先停用 / a second factor is set up already; remove it first")
    secret = pyotp.random_base32()
    sealed = vault_of(session).seal_one(_SEALED, str(account.id), secret)
    values = {"secret_sealed": sealed, "confirmed_at": None, "last_step": None, "created_at": func.now()}
    session.execute(
        upsert(SecondFactor)
        .values(account_id=account.id, **values)
        .on_conflict_do_update(index_elements=[SecondFactor.account_id], set_=values)
    )
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.name, issuer_name=ISSUER)
    picture = io.BytesIO()
    segno.make_qr(uri, error="m").save(picture, kind="svg", scale=5, border=4, xmldecl=False, light="white")
    return Enrolment(secret, uri, picture.getvalue().decode())


def confirm(session: Session, account: Account, code: str, now: datetime) -> list[str] | None:
    """Turn the second factor on when ``code`` is one of the generator's.

    Returns:
        The recovery codes, to be shown once; None when the code is wrong.

    Raises:
        Conflict: setting up was not begun, or is done.
    """
    factor = session.get(SecondFactor, account.id, with_for_update=True)
    if factor is None or factor.confirmed_at is not None:
        raise Conflict("请先生成二维码 / begin with a new QR code first")
    if not _take_step(session, factor, code, now):
        return None
    factor.confirmed_at = account.second_factor_at = now
    codes = new_recovery_codes(session, account)
    note(session, "account.second_factor", f"account:{account.name}")
    announce(session)
    return codes


def check(session: Session, account: Account, code: str, now: datetime) -> str | None:
    """Take a code of the generator or a recovery code; each counts once.

    The account's row must be locked by the caller, so that one code shown twice at the same time counts once.

    Returns:
        ``code`` or ``recovery``; None when it is wrong, or was taken before.
    """
    factor = session.get(SecondFactor, account.id)
    if factor is None or factor.confirmed_at is None:
        return None
    if _take_step(session, factor, code, now):
        return "code"
    gone = session.execute(
        delete(RecoveryCode)
        .where(RecoveryCode.account_id == account.id, RecoveryCode.digest == _digest(code))
        .returning(RecoveryCode.account_id)
    ).one_or_none()
    return "recovery" if gone is not None else None


def new_recovery_codes(session: Session, account: Account) -> list[str]:
    """Replace an account's recovery codes; return the new ones, to be shown once."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    codes = [_make_code() for _ in range(RECOVERY_CODES)]
    session.execute(insert(RecoveryCode), [{"account_id": account.id, "digest": _digest(code)} for code in codes])
    return codes


def recovery_codes_left(session: Session, account_id: int) -> int:
    """Return how many recovery codes an account has not used yet."""
    return session.scalar(select(func.count()).where(RecoveryCode.account_id == account_id)) or 0


def remove(session: Session, account: Account) -> None:
    """Take an account's second factor away; where its role must have one, the next sign-in begins with a new one."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    session.execute(delete(SecondFactor).where(SecondFactor.account_id == account.id))
    account.second_factor_at = None
    note(session, "account.second_factor_removed", f"account:{account.name}")
    announce(session)


def mark_shown(session: Session, session_id: UUID | None, shown: str | None = "code") -> None:
    """Remember of a session what second factor it was shown."""
    session.execute(update(LoginSession).where(LoginSession.id == session_id).values(second_factor=shown))


def required_roles(session: Session) -> list[str]:
    """Return the roles whose accounts must have a second factor."""
    return list(
        session.scalars(select(RolePolicy.role).where(RolePolicy.second_factor_required).order_by(RolePolicy.role))
    )


def policy_version(roles: list[str]) -> int:
    """Return the version of the policy that asks these roles for a second factor: another for each set of roles."""
    return 1 + sum(1 << at for at, role in enumerate(ROLES) if role in roles)


def require(session: Session, roles: list[str], version: int | None = None) -> None:
    """Have the accounts of exactly these roles show a second factor; it holds for sessions that are open, too.

    Raises:
        Invalid, Stale: no such role, or a screen, at which nobody stands to type a code; the policy is not at ``version`` any more.
    """
    for role in roles:
        if role not in ROLES or role == "screen":
            message = (
                "大屏无人值守，请使用大屏密钥 / nobody stands at a screen: give it a screen key"
                if role == "screen"
                else f"没有角色 {role[:40]} / there is no role {role[:40]}"
            )
            raise Invalid(message, [Fault("roles", message)])
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('linli role policies'))"))
    if version is not None:
        check_version(policy_version(required_roles(session)), version)
    session.execute(delete(RolePolicy).where(RolePolicy.role.not_in(roles)))
    if roles:
        values = [{"role": role, "second_factor_required": True} for role in dict.fromkeys(roles)]
        session.execute(
            upsert(RolePolicy)
            .values(values)
            .on_conflict_do_update(index_elements=[RolePolicy.role], set_={"second_factor_required": True})
        )
    note(session, "account.policy", detail={"second_factor_required": sorted(set(roles))})
    announce(session)


def _take_step(session: Session, factor: SecondFactor, code: str, now: datetime) -> bool:
    """Tell whether a code is right and new; then it and those before it are taken no more."""
    plain = "".join(unicodedata.normalize("NFKC", code).split())
    if len(plain) != 6 or not plain.isascii() or not plain.isdigit():
        return False
    secret = vault_of(session).open_one(_SEALED, str(factor.account_id), factor.secret_sealed)
    try:
        step = pyotp.TOTP(str(secret)).verify_and_get_timecode(plain, for_time=now, valid_window=WINDOW_STEPS)
    except OTPVerificationError:
        return False
    if factor.last_step is not None and step <= factor.last_step:
        return False
    factor.last_step = step
    session.flush()
    return True


def _make_code() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def _digest(code: str) -> bytes:
    """Return what is kept of a recovery code, however it is typed; 0, 1 and 8 are no letters of base32 but are typed for O, I and B."""
    plain = unicodedata.normalize("NFKC", code).upper().translate(str.maketrans("018", "OIB"))
    letters = "".join(letter for letter in plain if letter in _ALPHABET)
    return hashlib.sha256(letters.encode()).digest()
