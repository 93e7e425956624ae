"""Screen keys: one for each wall, shown once, revocable, good for nothing but the screen's role."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gis.errors import Conflict, Fault, Invalid, NotFound
from gis.models import Account, ScreenKey
from gis.services.accounts import add_account
from gis.services.sign_ins import KEY_PREFIX, TOKEN_BYTES, digest, revoke_all
from gis.store.auditing import note

MAX_LABEL = 100


def add_key(session: Session, account_name: str, label: str = "") -> str:
    """Make the key of a screen; an account that is not there yet is made, without a password.

    Args:
        session: a transaction of an admin or the owner.
        account_name: the screen's account.
        label: what a person knows the wall by.

    Returns:
        The key. It is kept nowhere and can be shown this once only.

    Raises:
        Conflict, Invalid: the account has another role, or a key in force; the label is too long.
    """
    if len(label) > MAX_LABEL:
        message = f"名称至多 {MAX_LABEL} 个字符 / a label has at most {MAX_LABEL} characters"
        raise Invalid(message, [Fault("label", message)])
    account = session.scalar(select(Account).where(Account.name == account_name).with_for_update())
    if account is None:
        add_account(session, account_name, "screen", None)
        account = session.scalars(select(Account).where(Account.name == account_name)).one()
    if account.role != "screen":
        raise Conflict(f"{account_name} 不是大屏账号 / {account_name} is not the account of a screen")
    key = KEY_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    try:
        with session.begin_nested():
            session.add(ScreenKey(account_id=account.id, name=label or account_name, digest=digest(key)))
            session.flush()
    except IntegrityError as error:
        raise Conflict(
            f"{account_name} 已有密钥，请先停用 / {account_name} has a key already: revoke it first"
        ) from error
    note(session, "screen_key.add", f"account:{account_name}", detail={"label": label or account_name})
    return key


def list_keys(session: Session) -> list[dict[str, Any]]:
    """Return every screen key, those in force first: id, account, label, created_at, last_used_on, revoked_at."""
    rows = session.execute(
        select(
            ScreenKey.id,
            Account.name.label("account"),
            ScreenKey.name.label("label"),
            ScreenKey.created_at,
            ScreenKey.last_used_on,
            ScreenKey.revoked_at,
        )
        .join(Account, Account.id == ScreenKey.account_id)
        .order_by(ScreenKey.revoked_at.desc().nulls_first(), Account.name)
    )
    return [dict(row) for row in rows.mappings()]


def revoke_key(session: Session, key_id: UUID | None = None, account_name: str | None = None) -> None:
    """Revoke a key by its id, or the one in force of an account; what it has opened ends at once.

    Raises:
        NotFound: there is no such key in force.
    """
    wanted = select(ScreenKey.id).join(Account).where(ScreenKey.revoked_at.is_(None))
    wanted = wanted.where(ScreenKey.id == key_id) if key_id is not None else wanted.where(Account.name == account_name)
    row = session.execute(
        update(ScreenKey)
        .where(ScreenKey.id.in_(wanted))
        .values(revoked_at=func.now())
        .returning(ScreenKey.id, ScreenKey.account_id, ScreenKey.name)
    ).one_or_none()
    if row is None:
        raise NotFound("没有这个密钥，或已停用 / there is no such key, or it has been revoked")
    revoke_all(session, row.account_id, screen_key=row.id)
    name = session.scalar(select(Account.name).where(Account.id == row.account_id))
    note(session, "screen_key.revoke", f"account:{name}", detail={"label": row.name})
