"""The command ``linli user``: accounts, from the machine itself."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from api.console import notice, out, read_password
from api.runtime import open_store
from api.settings import Settings
from gis.models.vocabulary import ROLES
from gis.services.accounts import add_account, list_accounts, set_disabled, set_password

users = typer.Typer(help="账号 / accounts", no_args_is_help=True, pretty_exceptions_enable=False)
Name = Annotated[str, typer.Argument(metavar="NAME", help="账号名 / name of the account")]


@users.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help=", ".join(f"{role} {label}" for role, label in ROLES.items()))],
    grids: Annotated[
        str, typer.Option(help="网格员负责的网格编码，逗号分隔 / codes of a worker's grids, comma between")
    ] = "",
) -> None:
    """新建账号，密码来自标准输入 / make an account; the password comes from standard input."""
    settings = Settings.load()
    password = read_password()
    codes = [code for code in grids.replace(",", " ").replace(";", " ").replace(",", " ").split() if code]
    with open_store(settings, notice) as running, running.store.owner_session() as session:
        add_account(session, name, role, password, codes)
    out.print(f"账号已建立 / account made: {name} {role}")


@users.command()
def passwd(name: Name) -> None:
    """修改密码并结束其全部登录 / set a new password and end all sessions."""
    settings = Settings.load()
    password = read_password()
    with open_store(settings, notice) as running, running.store.owner_session() as session:
        set_password(session, name, password)
    out.print(f"密码已修改 / password changed: {name}")


@users.command()
def disable(
    name: Name, undo: Annotated[bool, typer.Option("--undo", help="重新启用 / enable again")] = False
) -> None:
    """停用账号并结束其全部登录 / disable an account and end all its sessions."""
    with open_store(Settings.load(), notice) as running, running.store.owner_session() as session:
        set_disabled(session, name, not undo)
    out.print(f"账号已启用 / account enabled: {name}" if undo else f"账号已停用 / account disabled: {name}")


@users.command("list")
def list_() -> None:
    """列出账号 / list the accounts."""
    with open_store(Settings.load(), notice) as running, running.store.owner_session() as session:
        found = list_accounts(session)
    table = Table("账号 / name", "角色 / role", "网格 / grids", "状态 / state")
    for account in found:
        state = (
            "已停用 / disabled" if account["disabled"] else "锁定 / locked" if account["locked_until"] else ""
        )
        table.add_row(
            account["name"], f"{account['role']} {ROLES[account['role']]}", " ".join(account["grids"]), state
        )
    out.print(table)
