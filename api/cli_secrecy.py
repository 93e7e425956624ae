"""The commands ``linli keys``, ``linli audit`` and ``linli purge``: secrecy, looked after on the machine itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import text

from api.console import err, notice, out, private_file, progress_bar
from api.runtime import open_store
from api.settings import Settings
from gis.clock import TIME_ZONE, today
from gis.errors import Conflict
from gis.models.purposes import as_markdown
from gis.secrecy.keys import FieldKey
from gis.services import audit_heads
from gis.services.audit import AuditQuery, export_csv, link_of, prune, verify
from gis.services.rights import purge as purge_by_policy
from gis.services.rotation import begin, count_by_key, rotate, unfinished
from gis.store.auditing import Note, note, write_as_owner
from gis.store.vault import KeyFile

keys = typer.Typer(help="字段密钥 / field keys", no_args_is_help=True, pretty_exceptions_enable=False)
audit = typer.Typer(help="审计记录 / audit log", no_args_is_help=True, pretty_exceptions_enable=False)


@keys.command("new")
def new_key() -> None:
    """生成一个密钥，供 LINLI_FIELD_KEY 使用 / make a key for LINLI_FIELD_KEY."""
    out.print(FieldKey.new().text)


@keys.command("list")
def list_keys() -> None:
    """列出密钥编号、各自加密的数据条数 / list the keys' ids and how many values each has sealed."""
    with open_store(Settings.load(), notice) as running, running.store.owner_engine.connect() as connection:
        counts = count_by_key(connection)
        known = connection.execute(text("SELECT id, created_at, retired_at FROM field_keys ORDER BY created_at"))
        table = Table("编号 / id", "启用 / since", "停用 / retired", "数据 / values")
        for row in known:
            retired = f"{row.retired_at:%Y-%m-%d}" if row.retired_at else ""
            table.add_row(row.id, f"{row.created_at:%Y-%m-%d}", retired, str(counts.get(row.id, 0)))
    out.print(table)


@keys.command("rotate")
def rotate_keys() -> None:
    """更换密钥并重新加密；中断后再次执行即可继续 / change the key and seal everything anew; run again after an interruption.

    With a key file a new key is made. With LINLI_FIELD_KEY put the new key first ("new,old"), restart the service, and run this.
    """
    with open_store(Settings.load(), notice) as running, progress_bar("rotate") as progress:
        vault = running.store.vault
        going_on = unfinished(running.store)
        if vault is not None and isinstance(vault.source, KeyFile) and not going_on:
            begin(vault.source)
        elif not going_on:
            raise Conflict(
                "LINLI_FIELD_KEY 中没有新密钥：请设为“新,旧”，重启服务后再执行 / there is no new key in LINLI_FIELD_KEY: "
                "set it to new,old (linli keys new makes one), restart the service, and run this again"
            )
        done = rotate(running.store, progress=progress)
    out.print(f"key {done.key} values {done.values} retired {' '.join(done.retired) or '-'}")


@audit.command("verify")
def verify_log(
    known: Annotated[
        list[str] | None,
        typer.Option(help="先前记下的 编号:哈希，可重复 / ID:HASH noted before, may be repeated"),
    ] = None,
) -> None:
    """核验审计记录未被改动、删除或调换；有误则退出码为 1 / prove that nothing was changed, removed or re-ordered; exit code 1 if so.

    The newest entry of a sound log is noted in the data folder, so that the next time a log that was cut or written anew since is found out.
    """
    links = [link_of(words) for words in known or []]
    with open_store(Settings.load(), notice) as running, running.store.owner_engine.connect() as connection:
        with connection.begin():
            report = verify(connection, [*audit_heads.noted(running.data_dir), *links])
        with connection.begin():
            detail = {"rows": report.rows, "bad": report.bad_id}
            write_as_owner(connection, Note("audit.verify", detail=detail))
    if report.fault is not None:
        err.print(f"[red]{report.bad_id} 号记录 / entry {report.bad_id}: {report.fault}[/]")
        raise typer.Exit(1)
    if report.head is not None:
        audit_heads.remember(running.data_dir, report.head)
    head = f"{report.head.id}:{report.head.hash.hex()}" if report.head else "-"
    out.print(f"entries {report.rows} first {report.first_id or '-'} head {head}")


@audit.command("export")
def export_log(
    file: Annotated[Path, typer.Argument(help="CSV", dir_okay=False)],
    since: Annotated[datetime | None, typer.Option(help="自（含） / from, included")] = None,
    until: Annotated[datetime | None, typer.Option(help="至（不含） / to, not included")] = None,
) -> None:
    """导出为 CSV / export as CSV."""
    zoned = [None if day is None else day.replace(tzinfo=TIME_ZONE) for day in (since, until)]
    query = AuditQuery(since=zoned[0], until=zoned[1])
    with open_store(Settings.load(), notice) as running, running.store.owner_session() as session:
        with private_file(file) as target:
            target.writelines(export_csv(session, query))
        note(session, "audit.export", detail={"file": file.name})


@audit.command("prune")
def prune_log(
    keep_days: Annotated[
        int | None, typer.Option(help="保留天数，至少 184 / days to keep, at least 184 (LINLI_KEEP_AUDIT_DAYS)")
    ] = None,
) -> None:
    """删除过期的审计记录，其余仍可核验 / delete old entries; what stays can still be verified."""
    settings = Settings.load()
    days = settings.secrecy.keep_audit_days if keep_days is None else keep_days
    with open_store(settings, notice) as running, running.store.owner_session() as session:
        gone = prune(session, days, datetime.now(UTC))
    out.print(f"pruned {gone}")


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只统计，不删除 / count only, delete nothing")] = False,
) -> None:
    """按保留期限清理个人信息 / erase personal data whose retention time is over."""
    settings = Settings.load()
    with open_store(settings, notice) as running:
        found = purge_by_policy(running.store, settings.secrecy.retention, today(), dry_run=dry_run)
    for each in found:
        out.print(f"{each.rule.name} days {each.days} rows {each.rows}  {each.rule.zh} / {each.rule.en}")
    out.print("dry run: nothing deleted" if dry_run else "done")


def purposes() -> None:
    """输出字段用途登记(Markdown) / print the record of what each personal field is for."""
    out.print(as_markdown(), end="", markup=False)
