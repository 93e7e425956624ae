"""The command ``linli``: which commands there are, and where each is made. Only the one that is called is loaded."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer

from api.console import Commands

COMMANDS = {
    "serve": ("api.cli_serve:serve", "提供网页与接口，直到 Ctrl-C / serve pages and interface until Ctrl-C."),
    "assign": ("api.cli_serve:assign", "重新分配全部住户 / assign all households to their grids again."),
    "import": (
        "api.cli_imports:import_",
        "导入文件；被拒绝的行写入 FILE.rejected.csv；Ctrl-C 取消 / import a file; rejected rows go to FILE.rejected.csv; Ctrl-C cancels.",
    ),
    "worker": (
        "api.cli_imports:work",
        "在单独的进程里导入网页上传的文件，直到 Ctrl-C / bring in uploaded files in a process of its own, until Ctrl-C.",
    ),
    "user": ("api.cli_users:users", "账号 / accounts"),
    "second-factor": ("api.cli_users:factors", "两步验证 / second factors"),
    "screen-key": ("api.cli_users:keys", "大屏密钥 / screen keys"),
    "keys": ("api.cli_secrecy:keys", "字段密钥 / field keys"),
    "audit": ("api.cli_secrecy:audit", "审计记录 / audit log"),
    "recount": (
        "api.cli_counts:recount",
        "重新计数：比对网格计数与事件日计数，并修正 / count all again, compare with the counts kept, and put them right.",
    ),
    "purge": ("api.cli_secrecy:purge", "按保留期限清理个人信息 / erase personal data whose retention time is over."),
    "purposes": (
        "api.cli_secrecy:purposes",
        "输出字段用途登记(Markdown) / print the record of what each personal field is for.",
    ),
    "backup": (
        "api.cli_store:backup",
        "备份整个数据库，服务可照常运行；密钥不在其中 / back up the whole database while the service runs; the keys are not in it.",
    ),
    "restore": (
        "api.cli_store:restore",
        "恢复备份：全部成功才替换，中断则保持原状；须先放好当时的密钥 / restore a backup, all or nothing; its field key must be in place.",
    ),
    "streets": ("api.cli_places:streets", "街道 / streets"),
    "divide": (
        "api.cli_places:divide_place",
        "沿街道划出建议的网格，写成可导入的文件 / propose grids along the streets, as a file to look at, edit and import.",
    ),
}
"""Where each command is, and the help that it has."""


class Later(Commands):
    """Commands known by name and help, each loaded when it is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that is called and return it."""
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = loaded(args[0])
        return super().resolve_command(ctx, args)


def loaded(name: str) -> Any:
    """Return a command, or a group of commands, ready to run."""
    module, _, place = COMMANDS[name][0].partition(":")
    made = getattr(import_module(module), place)
    if isinstance(made, typer.Typer):
        return typer.main.get_group(made)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(made)
    return typer.main.get_command(alone)


app = typer.Typer(
    cls=Later,
    help="邻里 linli：社区治理网格地图 / GIS grid mapping for neighbourhood governance",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, (_, _help) in COMMANDS.items():
    app.command(_name, help=_help)(lambda: None)


if __name__ == "__main__":
    app()
