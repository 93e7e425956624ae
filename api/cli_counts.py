"""The command ``linli recount``: compare what is kept as counts with the rows, and put it right."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from api.console import notice, out
from api.runtime import open_store
from api.settings import Settings
from gis import clock
from gis.services import recounting

_LISTED = 20


def recount(
    check: Annotated[
        bool,
        typer.Option("--check", help="只比对，不改动；有差异时退出码为 1 / compare only; exit 1 where they differ"),
    ] = False,
) -> None:
    """重新计数：比对网格计数与事件日计数，并修正 / count all again, compare with the counts kept, and put them right."""
    with open_store(Settings.load(), notice) as running:
        today = clock.today()
        with running.store.owner_session() as session:
            compared, found = recounting.differences(session, today)
        if not check:
            with running.store.owner_session() as session:
                recounting.repair(session, today)
    out.print(f"compared {compared} different {len(found)}")
    if found:
        table = Table()
        for heading in ("计数 / counts", "网格 / grid", "指标 / measure", "保存 / kept", "实际 / counted"):
            table.add_column(heading)
        for each in found[:_LISTED]:
            table.add_row(each.counts, each.grid, each.measure, str(each.kept), str(each.counted))
        out.print(table)
        if len(found) > _LISTED:
            out.print(f"… {len(found) - _LISTED} 处未列 / more")
        if check:
            raise typer.Exit(1)
        out.print("已修正 / put right")
