"""The commands ``linli user``, ``linli second-factor`` and ``linli screen-key``: accounts, from the machine itself.

Whoever may run them owns the database: they need no password, and are the way back in when the last admin has lost password or phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy.orm import Session

from api.console import notice, out, read_password
from api.runtime import open_store
from api.settings import Settings
from gis.errors import Conflict, Fault, Invalid, NotFound
from gis.models.vocabulary import ROLES
from gis.services import accounts, screen_keys, second_factor, sign_ins

users = typer.Typer(help="账号 / accounts", no_args_is_help=True, pretty_exceptions_enable=False)
factors = typer.Typer(help="两步验证 / second factors", no_args_is_help=True, pretty_exceptions_enable=False)
keys = typer.Typer(help="大屏密钥 / screen keys", no_args_is_help=True, pretty_exceptions_enable=False)
Name = Annotated[str, typer.Argument(metavar="NAME", help="账号名 / name of the account")]
Roles = ", ".join(f"{role} {label}" for role, label in ROLES.items())
MustChange = Annotated[
    bool, typer.Option("--must-change", help="首次登录必须修改 / to be changed at the first sign-in")
]
Grids = Annotated[
    str,
    typer.Option(
        help="网格编码，逗号分隔，可带起止日期 / codes, comma between, with dates if wanted: CODE@2026-01-01..2026-06-30"
    ),
]


@users.command()
def add(
    name: Name, role: Annotated[str, typer.Option(help=Roles)], grids: Grids = "", must_change: MustChange = False
) -> None:
    """新建账号，密码来自标准输入 / make an account; the password comes from standard input."""
    password = read_password()
    with _store() as session:
        accounts.add_account(session, name, role, password, charges=_charges(grids), must_change=must_change)
    out.print(f"账号已建立 / account made: {escape(name)} {role}")


@users.command()
def passwd(name: Name, must_change: MustChange = False) -> None:
    """修改密码、解除锁定并结束其全部登录 / set a new password, unlock, and end all sessions."""
    password = read_password()
    with _store() as session:
        accounts.set_password(session, name, password, must_change=must_change)
    out.print(f"密码已修改 / password changed: {escape(name)}")


@users.command()
def role(name: Name, role: Annotated[str, typer.Argument(metavar="ROLE", help=Roles)]) -> None:
    """修改角色并结束其全部登录 / give an account another role and end all its sessions."""
    with _store() as session:
        accounts.set_role(session, name, role)
    out.print(f"角色已修改 / role changed: {escape(name)} {role}")


@users.command("grids")
def set_grids(
    name: Name, grids: Annotated[str, typer.Argument(metavar="GRIDS", help="同 --grids / as --grids")]
) -> None:
    """设置网格员的全部网格与日期 / set all the grids of a worker, with dates."""
    with _store() as session:
        accounts.set_charges(session, name, _charges(grids))
        found = accounts.get_account(session, name)
    for each in found["charges"]:
        out.print(f"{each['grid']} {each['since']}..{each['until'] or ''}")


@users.command()
def disable(name: Name, undo: Annotated[bool, typer.Option("--undo", help="重新启用 / enable again")] = False) -> None:
    """停用账号并结束其全部登录 / disable an account and end all its sessions."""
    with _store() as session:
        accounts.set_disabled(session, name, not undo)
    out.print(
        f"账号已启用 / account enabled: {escape(name)}" if undo else f"账号已停用 / account disabled: {escape(name)}"
    )


@users.command()
def delete(name: Name) -> None:
    """删除账号，审计记录保留 / delete an account; the audit log stays."""
    with _store() as session:
        accounts.delete_account(session, name)
    out.print(f"账号已删除 / account deleted: {escape(name)}")


@users.command("sign-out")
def sign_out(name: Name) -> None:
    """结束账号的全部登录 / end all sessions of an account."""
    with _store() as session:
        ended = sign_ins.revoke_all(session, accounts.find_account(session, name).id)
    out.print(f"ended {ended}")


@users.command()
def link(
    name: Name,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="sub；留空则取消 / empty takes it away")] = "",
) -> None:
    """关联统一身份认证的标识 / link an account to its subject at the OpenID Connect provider."""
    issuer = Settings.load().oidc.oidc_issuer
    if not issuer:
        raise Conflict("未配置统一身份认证 / OpenID Connect is not configured (LINLI_OIDC_ISSUER)")
    with _store() as session:
        accounts.link_identity(session, name, issuer, subject or None)
    out.print(f"已关联 / linked: {escape(name)}" if subject else f"已取消关联 / unlinked: {escape(name)}")


@users.command("list")
def list_() -> None:
    """列出账号 / list the accounts."""
    with _store() as session:
        found = accounts.list_accounts(session)
    table = Table("账号 / name", "角色 / role", "网格 / grids", "状态 / state")
    for each in found:
        table.add_row(
            escape(each["name"]), f"{each['role']} {ROLES[each['role']]}", " ".join(each["grids"]), _state(each)
        )
    out.print(table)


@factors.command("require")
def require(
    roles: Annotated[list[str] | None, typer.Argument(metavar="ROLE…", help="留空则都不要求 / none: no role")] = None,
) -> None:
    """设置必须使用两步验证的角色 / set the roles whose accounts must have a second factor."""
    with _store() as session:
        second_factor.require(session, roles or [])
        found = second_factor.required_roles(session)
    out.print(f"required: {' '.join(found) or '-'}")


@factors.command("reset")
def reset(name: Name) -> None:
    """重置账号的两步验证并结束其全部登录 / take an account's second factor away and end all its sessions."""
    with _store() as session:
        account = accounts.find_account(session, name)
        if account.second_factor_at is None:
            raise NotFound(f"{name} 没有两步验证 / {name} has no second factor")
        second_factor.remove(session, account)
        sign_ins.revoke_all(session, account.id)
    out.print(f"两步验证已重置 / second factor reset: {escape(name)}")


@keys.command("add")
def add_key(account: Name, label: Annotated[str, typer.Option(help="名称 / what the wall is known by")] = "") -> None:
    """为一块大屏发放密钥，只显示一次；没有该账号则建立 / make a screen's key, shown once; its account, too, where there is none."""
    with _store() as session:
        key = screen_keys.add_key(session, account, label)
    out.print(key, markup=False)


@keys.command("list")
def list_keys() -> None:
    """列出大屏密钥 / list the screen keys."""
    with _store() as session:
        found = screen_keys.list_keys(session)
    table = Table("账号 / account", "名称 / label", "发放 / made", "最近使用 / last used", "停用 / revoked")
    for each in found:
        days = (each["created_at"].date(), each["last_used_on"], each["revoked_at"] and each["revoked_at"].date())
        table.add_row(
            escape(each["account"]), escape(each["label"]), *("" if day is None else str(day) for day in days)
        )
    out.print(table)


@keys.command("revoke")
def revoke_key(account: Name) -> None:
    """停用一块大屏的密钥 / revoke a screen's key; what it has opened ends."""
    with _store() as session:
        screen_keys.revoke_key(session, account_name=account)
    out.print(f"密钥已停用 / key revoked: {escape(account)}")


@contextmanager
def _store() -> Iterator[Session]:
    with open_store(Settings.load(), notice) as running, running.store.owner_session() as session:
        yield session


def _state(account: dict[str, Any]) -> str:
    states = {
        "已停用 / disabled": account["disabled"],
        "锁定 / locked": account["locked_until"],
        "待改密码 / must change password": account["must_change_password"],
        "两步验证 / second factor": account["second_factor_at"],
    }
    return "；".join(label for label, holds in states.items() if holds)


def _charges(text: str) -> list[accounts.Charge]:
    """Read codes with commas between, each with ``@first..last`` behind it if wanted; either day may be left out.

    Raises:
        Invalid: a day is none.
    """
    found = []
    for part in text.replace("，", " ").replace("；", " ").replace(",", " ").replace(";", " ").split():
        code, _, days = part.partition("@")
        since, _, until = days.partition("..")
        try:
            found.append(
                accounts.Charge(
                    code, date.fromisoformat(since) if since else None, date.fromisoformat(until) if until else None
                )
            )
        except ValueError:
            message = f"{part}：日期应写作 2026-01-01..2026-06-30 / write days as 2026-01-01..2026-06-30"
            raise Invalid(message, [Fault("--grids", message)]) from None
    return found
