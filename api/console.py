"""What the command line's commands share: speaking to a person, progress, and errors without tracebacks."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from gis.errors import Fault, LinliError

MOST_FAULTS = 20
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def private_file(path: Path) -> BinaryIO:
    """Open a file to write what others have no business with: its owner alone may read it, also where one of that name could be read by others."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):  # not a terminal or a pipe
        with suppress(PermissionError):  # somebody else's: theirs to say
            os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "wb")


class Commands(TyperGroup):
    """The commands; an error that a person can mend is told in red and ends with exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LinliError as error:
            tell_error(error)
        except Exception as error:
            from sqlalchemy.exc import DBAPIError  # here, so that the help need not wait for it to load

            if not isinstance(error, DBAPIError):
                raise
            err.print("[red]数据库出错 / the database failed:[/] " + escape(type(error.orig).__name__))
        raise typer.Exit(2)


def stop_orderly() -> None:
    """Have a SIGTERM end the program as Ctrl-C does, so that what it holds is given back."""

    def stop(_signal: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def notice(line: str) -> None:
    """Tell a person something, on standard error."""
    err.print(escape(line), style="dim")


def tell_error(error: LinliError) -> None:
    """Tell an error and its first faults."""
    err.print(f"[red]{escape(error.detail)}[/]")
    tell_faults([fault for fault in error.faults if fault.message not in error.detail])


def tell_faults(faults: list[Fault]) -> None:
    """Tell the first faults, one a line."""
    for fault in faults[:MOST_FAULTS]:
        err.print(f"  [yellow]{escape(fault.where)}[/]  {escape(fault.message)}")
    if len(faults) > MOST_FAULTS:
        err.print(f"  … 另有 {len(faults) - MOST_FAULTS} 处 / and {len(faults) - MOST_FAULTS} more", style="dim")


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere; gives what to call with rows done and rows in all."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(escape(label), total=None)

        def tell(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        yield tell


def read_password() -> str:
    """Read a password: twice and unseen on a terminal, one line of standard input otherwise."""
    if sys.stdin.isatty():
        return str(typer.prompt("密码 / password", hide_input=True, confirmation_prompt="再次输入 / once more"))
    return sys.stdin.readline().rstrip("\r\n")
