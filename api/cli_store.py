"""The commands ``linli backup`` and ``linli restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.console import err, notice, out, progress_bar
from api.runtime import open_database
from api.settings import Settings
from gis.services import audit_heads
from gis.services.audit import verify
from gis.store.archive import Manifest, reading
from gis.store.backup import back_up
from gis.store.restoring import restore as put_back
from gis.store.session import Store


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="要写的备份文件 / the backup to write", dir_okay=False)],
    force: Annotated[bool, typer.Option("--force", help="覆盖已有文件 / overwrite an existing file")] = False,
) -> None:
    """备份整个数据库，服务可照常运行；密钥不在其中 / back up the whole database while the service runs; the keys are not in it."""
    with open_database(Settings.load(), notice) as found, progress_bar(file.name) as progress:
        store = Store(found.owner_url, pool_size=1)
        try:
            manifest = back_up(store, file, force=force, progress=progress)
        finally:
            store.close()
    _tell_tables(manifest)
    out.print(
        f"backup {file} bytes {file.stat().st_size} revision {manifest.revision} key {' '.join(manifest.keys) or '-'}"
    )


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="linli backup 写的文件 / a file of linli backup", dir_okay=False)
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="替换已有的全部数据 / replace all data that is there")
    ] = False,
) -> None:
    """恢复备份：全部成功才替换，中断则保持原状；须先放好当时的密钥 / restore a backup, all or nothing; its field key must be in place."""
    settings = Settings.load()
    faults: list[str] = []

    def check(store: Store) -> None:
        with store.owner_engine.begin() as connection:
            report = verify(connection)
        if report.fault is not None:
            faults.append(f"{report.bad_id} 号审计记录 / audit entry {report.bad_id}: {report.fault}")
        out.print(f"audit entries {report.rows} {'broken' if report.fault else 'verified'}")

    with (
        progress_bar(file.name) as progress,
        reading(file, progress) as archive,
        open_database(settings, notice) as found,
    ):
        keys = settings.secrecy.keys(found.data_dir)
        put_back(found.owner_url, archive, keys, overwrite=overwrite, check=check, progress=progress)
        audit_heads.set_aside(found.data_dir)
    _tell_tables(archive.manifest)
    out.print(f"restored {file} of {archive.manifest.made_at.isoformat(timespec='seconds')}")
    for fault in faults:  # it was so when the backup was made: the digests prove that
        err.print(f"[red]{fault}[/]")
    if faults:
        raise typer.Exit(1)


def _tell_tables(manifest: Manifest) -> None:
    for name, table in manifest.tables.items():
        out.print(f"{name:<24} rows {table.rows:>9} digest {table.digest}")
