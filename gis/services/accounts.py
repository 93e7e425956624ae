"""Accounts: making and changing them, the grids a worker looks after and when, and that an admin always stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from gis.errors import Conflict, Fault, Invalid, NotFound
from gis.models import Account, AccountGrid, AccountIdentity, Grid
from gis.models.vocabulary import ROLES
from gis.services.features import check_version
from gis.services.passwords import check_password, hash_password, make_password
from gis.services.sign_ins import revoke_all
from gis.store.auditing import note

MAX_NAME = 64
MAX_SUBJECT = 255
"""OpenID Connect Core 1.0, section 2: a subject has at most 255 characters."""
_LAST_ADMIN = "LL001"
_UNKNOWN = "没有账号 {name} / no account is called {name}"


@dataclass(frozen=True)
class Charge:
    """A worker looks after a grid; both days are included, None is open."""

    grid: str
    since: date | None = None
    """None: from today."""
    until: date | None = None


def add_account(
    session: Session,
    name: str,
    role: str,
    password: str | None,
    grids: list[str] | None = None,
    *,
    charges: list[Charge] | None = None,
    must_change: bool = False,
) -> int:
    """Make an account.

    Args:
        session: a transaction that may write accounts.
        name: unique; letters of any script, digits, and ``. _ - @``.
        role: one of the roles.
        password: checked against the rules; None only for a screen, which then opens with a key alone.
        grids: codes of the grids a worker looks after from today.
        charges: the same with dates.
        must_change: whether the password must be changed at the first sign-in, because somebody else knows it.

    Returns:
        The account's id.

    Raises:
        Invalid, Conflict, NotFound: a field is wrong; the name is taken; a grid is unknown.
    """
    _check_name(name)
    _check_role(role)
    charges = [*(Charge(code) for code in dict.fromkeys(grids or [])), *(charges or [])]
    _check_charges(role, charges)
    if password is None and role != "screen":
        message = "请设置密码 / a password is needed"
        raise Invalid(message, [Fault("password", message)])
    if password is not None:
        check_password(name, password)
    rows = _charge_rows(session, charges)
    account = Account(
        name=name,
        role=role,
        password_hash=hash_password(password) if password is not None else None,
        must_change_password=must_change,
    )
    try:
        with session.begin_nested():
            session.add(account)
            session.flush()
    except IntegrityError as error:
        raise Conflict(f"账号 {name} 已存在 / account {name} exists already") from error
    session.add_all([AccountGrid(account_id=account.id, **row) for row in rows])
    session.flush()
    note(session, "account.add", f"account:{name}", detail={"role": role, "grids": [charge.grid for charge in charges]})
    return account.id


def set_password(session: Session, name: str, password: str, *, must_change: bool = False) -> None:
    """Give an account a new password, unlock it, and end all its sessions."""
    account = find_account(session, name)
    check_password(name, password)
    account.password_hash = hash_password(password)
    account.must_change_password = must_change
    account.failed_logins = 0
    account.locked_until = None
    revoke_all(session, account.id)
    note(session, "account.password", f"account:{name}", detail={"must_change": must_change})


def change_own_password(session: Session, account: Account, password: str, *, keep: Any) -> None:
    """Give the caller's own account a new password; every other session of it ends.

    Args:
        session: a transaction of the account.
        account: its row, locked; whoever holds it has proven the old password.
        password: the new one.
        keep: the session from which it is changed.

    Raises:
        Invalid: it breaks a rule.
    """
    check_password(account.name, password)
    account.password_hash = hash_password(password)
    account.must_change_password = False
    revoke_all(session, account.id, keep=keep)
    note(session, "account.password", f"account:{account.name}", detail={"own": True})


def set_role(session: Session, name: str, role: str) -> None:
    """Give an account another role, and end all its sessions; who is no worker any more looks after no grids from today on.

    Raises:
        Invalid, NotFound, Conflict: no such role; no such account; it is the last admin.
    """
    _check_role(role)
    account = find_account(session, name)
    before = account.role
    if role == before:
        return
    if account.password_hash is None and role != "screen":
        raise Conflict("该账号没有密码，请先设置密码 / the account has no password; set one first")
    with _an_admin_stays():
        account.role = role
        session.flush()
    if before == "worker":
        session.execute(delete(AccountGrid).where(AccountGrid.account_id == account.id))
    revoke_all(session, account.id)
    note(session, "account.role", f"account:{name}", detail={"from": before, "to": role})


def set_disabled(session: Session, name: str, disabled: bool) -> None:
    """Disable an account and end all its sessions, or enable it again.

    Raises:
        NotFound, Conflict: no such account; it is the last admin who can still sign in.
    """
    account = find_account(session, name)
    with _an_admin_stays():
        account.disabled = disabled
        session.flush()
    note(session, "account.disable" if disabled else "account.enable", f"account:{name}")
    if disabled:
        revoke_all(session, account.id)
    else:
        account.failed_logins = 0
        account.locked_until = None


def delete_account(session: Session, name: str) -> None:
    """Delete an account with its sessions, keys and grids; what it did stays in the audit log under its name.

    Raises:
        NotFound, Conflict: no such account; it is the last admin.
    """
    account = find_account(session, name)
    revoke_all(session, account.id)
    with _an_admin_stays():
        session.execute(delete(Account).where(Account.id == account.id))
    note(session, "account.delete", f"account:{name}", detail={"role": account.role})


def set_charges(session: Session, name: str, charges: list[Charge]) -> None:
    """Set all the grids that a worker looks after, looked after and will look after.

    Raises:
        Invalid, NotFound: not a worker; a day before its beginning; the same grid twice at a time; no such account or grid.
    """
    account = find_account(session, name)
    _check_charges(account.role, charges)
    rows = _charge_rows(session, charges)
    session.execute(delete(AccountGrid).where(AccountGrid.account_id == account.id))
    session.add_all([AccountGrid(account_id=account.id, **row) for row in rows])
    _touch(session, account)
    told = [
        f"{charge.grid} {row['valid_from']}..{row['valid_to'] or ''}" for charge, row in zip(charges, rows, strict=True)
    ]
    note(session, "account.grids", f"account:{name}", detail={"grids": told})


def link_identity(session: Session, name: str, issuer: str, subject: str | None) -> None:
    """Link an account to its subject at a provider; with None take the link away.

    Raises:
        NotFound, Invalid, Conflict: no such account; no fit subject; another account has it.
    """
    account = find_account(session, name)
    if subject is not None and not 1 <= len(subject) <= MAX_SUBJECT:
        message = f"标识为 1–{MAX_SUBJECT} 个字符 / a subject has 1 to {MAX_SUBJECT} characters"
        raise Invalid(message, [Fault("subject", message)])
    session.execute(
        delete(AccountIdentity).where(AccountIdentity.account_id == account.id, AccountIdentity.issuer == issuer)
    )
    if subject is not None:
        try:
            with session.begin_nested():
                session.add(AccountIdentity(issuer=issuer, subject=subject, account_id=account.id))
                session.flush()
        except IntegrityError as error:
            raise Conflict("该标识已关联其他账号 / another account is linked to this subject") from error
    _touch(session, account)
    revoke_all(session, account.id)
    note(session, "account.link" if subject is not None else "account.unlink", f"account:{name}")


def list_accounts(session: Session, name: str | None = None) -> list[dict[str, Any]]:
    """Return every account, or the one of a name.

    Each with name, role, disabled, locked_until, has_password, must_change_password, second_factor_at, subject (at the provider), version,
    ``grids`` (codes looked after today) and ``charges`` (grid, name, since, until; past and future ones, too).
    """
    charges: dict[int, list[dict[str, Any]]] = {}
    rows = session.execute(
        select(
            AccountGrid.account_id,
            Grid.code.label("grid"),
            Grid.name,
            AccountGrid.valid_from.label("since"),
            AccountGrid.valid_to.label("until"),
            _holds_today().label("today"),
        )
        .join(Grid, Grid.id == AccountGrid.grid_id)
        .order_by(Grid.code, AccountGrid.valid_from)
    )
    for row in rows.mappings():
        each = dict(row)
        charges.setdefault(each.pop("account_id"), []).append(each)
    query = (
        select(Account, func.max(AccountIdentity.subject).label("subject"))
        .outerjoin(AccountIdentity, AccountIdentity.account_id == Account.id)
        .group_by(Account.id)
        .order_by(Account.name)
    )
    if name is not None:
        query = query.where(Account.name == name)
    query = query.execution_options(populate_existing=True)  # versions are the database's
    return [_shown(account, subject, charges.get(account.id, [])) for account, subject in session.execute(query)]


def get_account(session: Session, name: str) -> dict[str, Any]:
    """Return one account as :func:`list_accounts` does.

    Raises:
        NotFound: there is none.
    """
    found = list_accounts(session, name)
    if not found:
        raise NotFound(_UNKNOWN.format(name=name))
    return found[0]


def grids_of(session: Session, account_id: int) -> list[str]:
    """Return the codes of the grids that an account looks after today."""
    return list(
        session.scalars(
            select(Grid.code)
            .join(AccountGrid, AccountGrid.grid_id == Grid.id)
            .where(AccountGrid.account_id == account_id, _holds_today())
            .distinct()
            .order_by(Grid.code)
        )
    )


def ensure_admin(session: Session, password: str | None) -> str | None:
    """Make account ``admin`` if there is no admin yet.

    Args:
        session: a transaction of the owner.
        password: what the settings give; None to have one made up.

    Returns:
        The made-up password, to be shown once; None where nothing was made up.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('linli first admin'))"))
    there = select(Account.id).where((Account.name == "admin") | (Account.role == "admin")).limit(1)
    if session.scalar(there) is not None:
        return None
    made_up = None if password else make_password()
    add_account(session, "admin", "admin", password or str(made_up))
    return made_up


def find_account(session: Session, name: str, version: int | None = None) -> Account:
    """Return an account, its row locked.

    Raises:
        NotFound, Stale: there is none of that name; it has changed since ``version`` was read.
    """
    account = session.scalar(select(Account).where(Account.name == name).with_for_update())
    if account is None:
        raise NotFound(_UNKNOWN.format(name=name))
    if version is not None:
        check_version(account.version, version)
    return account


@contextmanager
def _an_admin_stays() -> Iterator[None]:
    """Tell in words what the database refuses: it alone sees what other transactions do at the same time."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LAST_ADMIN:
            raise
        raise Conflict(
            "这是最后一个可登录的管理员，不能停用、删除或改角色 / this is the last admin who can sign in: "
            "it cannot be disabled, deleted or given another role"
        ) from error


def _touch(session: Session, account: Account) -> None:
    """Count a change of what belongs to an account but stands in another table; a trigger counts those of its row."""
    session.flush()
    session.execute(update(Account).where(Account.id == account.id).values(updated_at=func.clock_timestamp()))


def _shown(account: Account, subject: str | None, charges: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role,
        "disabled": account.disabled,
        "locked_until": account.locked_until,
        "has_password": account.password_hash is not None,
        "must_change_password": account.must_change_password,
        "second_factor_at": account.second_factor_at,
        "subject": subject,
        "version": account.version,
        "grids": sorted({each["grid"] for each in charges if each["today"]}),
        "charges": charges,
    }


def _holds_today() -> Any:
    """Return the condition under which a row of account_grids holds today, by the place's calendar."""
    today = func.linli_today()
    return (AccountGrid.valid_from <= today) & (func.coalesce(AccountGrid.valid_to, today) >= today)


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= MAX_NAME or not all(c.isalnum() or c in "._-@" for c in name):
        message = f"账号名为 1–{MAX_NAME} 个字母、数字或 . _ - @ / a name is 1 to {MAX_NAME} letters, digits or . _ - @"
        raise Invalid(message, [Fault("name", message)])


def _check_role(role: str) -> None:
    if role not in ROLES:
        choices = ", ".join(f"{role} {label}" for role, label in ROLES.items())
        message = f"角色应为其中之一 / the role must be one of: {choices}"
        raise Invalid(message, [Fault("role", message)])


def _check_charges(role: str, charges: list[Charge]) -> None:
    if charges and role != "worker":
        message = "只有网格员可以指定网格 / only a worker looks after grids"
        raise Invalid(message, [Fault("grids", message)])


def _charge_rows(session: Session, charges: list[Charge]) -> list[dict[str, Any]]:
    """Return the columns of each charge, all faults gathered."""
    codes = [charge.grid for charge in charges]
    wanted = select(Grid.code, Grid.id).where(Grid.code.in_(codes), Grid.valid_to.is_(None))
    known = {row.code: row.id for row in session.execute(wanted)}
    missing = [code for code in dict.fromkeys(codes) if code not in known]
    if missing:
        raise NotFound(
            f"没有这些网格 / no such grids: {', '.join(missing)}",
            [Fault("grids", f"没有编码为 {code} 的网格 / no grid has code {code}") for code in missing],
        )
    today: date = session.scalars(select(func.linli_today())).one()
    rows: list[dict[str, Any]] = []
    faults = []
    for charge in charges:
        since, until = charge.since or today, charge.until
        if until is not None and until < since:
            faults.append(Fault("grids", f"{charge.grid}：止日早于起日 / the last day is before the first"))
        for other in rows:
            apart = (other["valid_to"] or date.max) < since or (until or date.max) < other["valid_from"]
            if other["grid_id"] == known[charge.grid] and not apart:
                faults.append(Fault("grids", f"{charge.grid}：日期重叠 / the same grid twice at the same time"))
        rows.append({"grid_id": known[charge.grid], "valid_from": since, "valid_to": until})
    if faults:
        raise Invalid("网格日期有误 / the dates of grids are wrong", faults)
    return rows
