"""Accounts, for admins: making and changing them, their grids, sessions and second factors; screen keys; what roles must show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Response
from sqlalchemy.orm import Session

from api.answers import Json, etag
from api.desk import AtDesk, Desk
from api.openapi import problems
from api.parameters import AskedVersion
from api.schemas_accounts import (
    AccountListed,
    AccountMade,
    AccountPatch,
    AccountsListed,
    ChargeIn,
    Charges,
    Ended,
    KeyMade,
    KeysListed,
    Link,
    NewAccount,
    NewKey,
    NewPassword,
    PasswordMade,
    Policy,
    PolicyOut,
    SessionsListed,
)
from api.security import allow
from gis.errors import Conflict, NotFound
from gis.services import accounts, screen_keys, second_factor, sign_ins
from gis.services.passwords import make_password
from gis.store.auditing import note

router = APIRouter(tags=["账号 / accounts"], dependencies=[])
Name = Annotated[str, Path(max_length=64, description="账号名 / name of the account")]
_ADMIN = [allow("admin")]


@router.get("/api/accounts", summary="账号列表 / accounts", response_model=AccountsListed, dependencies=_ADMIN)
def list_accounts(desk: AtDesk) -> Json:
    """Return every account with its role, state and grids."""
    with desk.session() as session:
        return Json({"items": accounts.list_accounts(session)})


@router.post(
    "/api/accounts",
    summary="新建账号 / make an account",
    status_code=201,
    response_model=AccountMade,
    responses=problems(404, 409),
    dependencies=_ADMIN,
)
def add_account(desk: AtDesk, given: NewAccount) -> Json:
    """Make an account. Its holder must change the password, which the admin knows, at the first sign-in."""
    made_up = make_password() if given.password is None and given.role != "screen" else None
    with desk.session() as session:
        accounts.add_account(
            session,
            given.name,
            given.role,
            given.password or made_up,
            charges=_charges(given.grids),
            must_change=given.role != "screen",
        )
        made = accounts.get_account(session, given.name)
    return Json({**made, "password": made_up}, 201, headers={"ETag": etag(made["version"])})


@router.get(
    "/api/accounts/{name}",
    summary="账号 / an account",
    response_model=AccountListed,
    responses=problems(404),
    dependencies=_ADMIN,
)
def get_account(desk: AtDesk, name: Name) -> Json:
    """Return one account."""
    with desk.session() as session:
        return _tagged(accounts.get_account(session, name))


@router.patch(
    "/api/accounts/{name}",
    summary="修改角色、停用或启用 / change role or state",
    response_model=AccountListed,
    responses=problems(404, 409, 412, 428),
    dependencies=_ADMIN,
)
def change_account(desk: AtDesk, name: Name, version: AskedVersion, given: AccountPatch) -> Json:
    """Give an account another role, disable or enable it; its sessions end at once. The last admin stays, and nobody does it to themselves."""
    _another(desk, name)
    with _changing(desk) as session:
        accounts.find_account(session, name, version)
        if given.role is not None:
            accounts.set_role(session, name, given.role)
        if given.disabled is not None:
            accounts.set_disabled(session, name, given.disabled)
        changed = accounts.get_account(session, name)
    return _tagged(changed)


@router.delete(
    "/api/accounts/{name}",
    summary="删除账号 / delete an account",
    status_code=204,
    responses=problems(404, 409, 412, 428),
    dependencies=_ADMIN,
)
def delete_account(desk: AtDesk, name: Name, version: AskedVersion) -> Response:
    """Delete an account; what it did stays in the audit log."""
    _another(desk, name)
    with _changing(desk) as session:
        accounts.find_account(session, name, version)
        accounts.delete_account(session, name)
    return Response(status_code=204)


@router.post(
    "/api/accounts/{name}/password",
    summary="重置密码 / reset a password",
    response_model=PasswordMade,
    responses=problems(404, 409),
    dependencies=_ADMIN,
)
def reset_password(desk: AtDesk, name: Name, given: NewPassword) -> Json:
    """Give an account another password, made up unless given, which must be changed at the next sign-in; its sessions end."""
    _another(desk, name)
    made_up = make_password() if given.password is None else None
    with _changing(desk) as session:
        screen = accounts.find_account(session, name).role == "screen"
        accounts.set_password(session, name, given.password or str(made_up), must_change=not screen)
    return Json({"password": made_up})


@router.delete(
    "/api/accounts/{name}/second-factor",
    summary="重置两步验证 / reset a second factor",
    status_code=204,
    responses=problems(404, 409),
    dependencies=_ADMIN,
)
def reset_second_factor(desk: AtDesk, name: Name) -> Response:
    """Take away the second factor of who has lost phone and paper; sessions end."""
    _another(desk, name)
    with _changing(desk) as session:
        account = accounts.find_account(session, name)
        if account.second_factor_at is None:
            raise NotFound("该账号没有两步验证 / the account has no second factor")
        second_factor.remove(session, account)
        sign_ins.revoke_all(session, account.id)
    return Response(status_code=204)


@router.put(
    "/api/accounts/{name}/grids",
    summary="设置负责的网格与日期 / set grids and dates",
    response_model=AccountListed,
    responses=problems(404, 412, 428),
    dependencies=_ADMIN,
)
def set_grids(desk: AtDesk, name: Name, version: AskedVersion, given: Charges) -> Json:
    """Set all the grids of a worker, past and future ones included; from the first day to the last the worker sees their households."""
    with desk.session() as session:
        accounts.find_account(session, name, version)
        accounts.set_charges(session, name, _charges(given.grids))
        return _tagged(accounts.get_account(session, name))


@router.put(
    "/api/accounts/{name}/identity",
    summary="关联统一身份认证 / link to OpenID Connect",
    response_model=AccountListed,
    responses=problems(404, 409, 412, 428),
    dependencies=_ADMIN,
)
def link_identity(desk: AtDesk, name: Name, version: AskedVersion, given: Link) -> Json:
    """Link an account to its subject (``sub``) at the provider, or take the link away; its sessions end."""
    issuer = desk.office.settings.oidc.oidc_issuer
    if not issuer:
        raise Conflict("未配置统一身份认证 / OpenID Connect is not configured (LINLI_OIDC_ISSUER)")
    _another(desk, name)
    with _changing(desk) as session:
        accounts.find_account(session, name, version)
        accounts.link_identity(session, name, issuer, given.subject)
        changed = accounts.get_account(session, name)
    return _tagged(changed)


@router.get(
    "/api/accounts/{name}/sessions",
    summary="账号的登录 / sessions of an account",
    response_model=SessionsListed,
    responses=problems(404),
    dependencies=_ADMIN,
)
def sessions_of(desk: AtDesk, name: Name) -> Json:
    """Return the sessions of an account that are in force; of the last use only the day."""
    with desk.session() as session:
        account = accounts.find_account(session, name)
        own = desk.account.session_id
        found = sign_ins.list_sessions(session, account.id, desk.office.sessions.now(), own=own, exact=False)
    return Json({"items": found})


@router.delete(
    "/api/accounts/{name}/sessions",
    summary="结束账号的全部登录 / end all sessions of an account",
    response_model=Ended,
    responses=problems(404),
    dependencies=_ADMIN,
)
def end_sessions_of(desk: AtDesk, name: Name) -> Json:
    """End all sessions of an account, of one's own all but this one."""
    with _changing(desk) as session:
        account = accounts.find_account(session, name)
        ended = sign_ins.revoke_all(session, account.id, keep=desk.account.session_id)
        note(session, "session.revoke", f"account:{name}", detail={"sessions": ended})
    return Json({"ended": ended})


@router.delete(
    "/api/accounts/{name}/sessions/{session_id}",
    summary="结束账号的一次登录 / end one session of an account",
    status_code=204,
    responses=problems(404),
    dependencies=_ADMIN,
)
def end_session_of(desk: AtDesk, name: Name, session_id: UUID) -> Response:
    """End one session of an account."""
    with _changing(desk) as session:
        account = accounts.find_account(session, name)
        sign_ins.revoke_session(session, account.id, session_id, name)
    return Response(status_code=204)


@router.get(
    "/api/account-policy", summary="账号策略 / what roles must show", response_model=PolicyOut, dependencies=_ADMIN
)
def get_policy(desk: AtDesk) -> Json:
    """Return the roles whose accounts must have a second factor."""
    with desk.session() as session:
        return _policy(second_factor.required_roles(session))


@router.put(
    "/api/account-policy",
    summary="设置账号策略 / set what roles must show",
    response_model=PolicyOut,
    responses=problems(412, 428),
    dependencies=_ADMIN,
)
def set_policy(desk: AtDesk, version: AskedVersion, given: Policy) -> Json:
    """Have exactly these roles show a second factor. Who has none can do nothing but set one up, from this moment on."""
    with _changing(desk) as session:
        second_factor.require(session, given.second_factor_required, version)
        roles = second_factor.required_roles(session)
    return _policy(roles)


@router.get("/api/screen-keys", summary="大屏密钥 / screen keys", response_model=KeysListed, dependencies=_ADMIN)
def list_keys(desk: AtDesk) -> Json:
    """Return every screen key and when it was last used."""
    with desk.session() as session:
        return Json({"items": screen_keys.list_keys(session)})


@router.post(
    "/api/screen-keys",
    summary="发放大屏密钥 / make a screen key",
    status_code=201,
    response_model=KeyMade,
    responses=problems(409),
    dependencies=_ADMIN,
)
def add_key(desk: AtDesk, given: NewKey) -> Json:
    """Make the key of a screen, shown this once."""
    with desk.session() as session:
        key = screen_keys.add_key(session, given.account, given.label)
    return Json({"key": key}, 201)


@router.delete(
    "/api/screen-keys/{key_id}",
    summary="停用大屏密钥 / revoke a screen key",
    status_code=204,
    responses=problems(404),
    dependencies=_ADMIN,
)
def revoke_key(desk: AtDesk, key_id: UUID) -> Response:
    """Revoke a key; the wall that uses it goes dark at once."""
    with _changing(desk) as session:
        screen_keys.revoke_key(session, key_id)
    return Response(status_code=204)


def _tagged(account: dict[str, Any]) -> Json:
    return Json(account, headers={"ETag": etag(account["version"])})


def _policy(roles: list[str]) -> Json:
    version = second_factor.policy_version(roles)
    return Json({"second_factor_required": roles, "version": version}, headers={"ETag": etag(version)})


@contextmanager
def _changing(desk: Desk) -> Iterator[Session]:
    """Open a transaction that may end sessions; when it has, this process believes no remembered token any more either."""
    with desk.session() as session:
        yield session
    desk.office.sessions.forget()


def _another(desk: Desk, name: str) -> None:
    """Refuse to do to oneself what only another admin should do.

    Raises:
        Conflict: it is the caller's own account.
    """
    if name == desk.account.name:
        raise Conflict(
            "不能对自己的账号执行此操作，请由另一位管理员操作，或在“我的账号”中修改 / not on your own account: another admin "
            "does it, or use your account's page"
        )


def _charges(given: list[ChargeIn]) -> list[accounts.Charge]:
    return [accounts.Charge(each.grid, each.since, each.until) for each in given]
