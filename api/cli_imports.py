"""The commands ``linli import`` and ``linli worker``: bring in a file of this machine, and those that were sent in."""

from __future__ import annotations

import gc
import shutil
import threading
from pathlib import Path
from typing import Annotated

import typer

from api import logs
from api.console import notice, out, private_file, progress_bar, stop_orderly, tell_faults
from api.runtime import open_store
from api.settings import Settings
from api.worker import ImportWorker
from gis.intake import ImportReport
from gis.models.vocabulary import IMPORT_KINDS
from gis.services.import_queue import run_local
from gis.services.import_spool import Spool


def import_(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help=", ".join(f"{kind} {label}" for kind, label in IMPORT_KINDS.items())),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="GeoJSON, GeoPackage, Shapefile (.shp, .zip), CSV, XLSX, OSM .pbf/.osm",
            exists=True,
            dir_okay=False,
        ),
    ],
    crs: Annotated[str | None, typer.Option(help="坐标系 / EPSG:4326, EPSG:4490, GCJ-02, BD-09, EPSG:n, WKT")] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="只检查，不改数据；被拒绝的行照样写入 FILE.rejected.csv / change no data; rejected rows go to FILE.rejected.csv all the same",
        ),
    ] = False,
) -> None:
    """导入文件；被拒绝的行写入 FILE.rejected.csv；Ctrl-C 取消 / import a file; rejected rows go to FILE.rejected.csv; Ctrl-C cancels."""
    stop_orderly()
    gc.freeze()  # so that the collector of cycles does not go through all libraries each time some thousand shapes have been made
    try:
        with (
            open_store(Settings.load(), notice) as running,
            Spool(running.data_dir) as folders,
            progress_bar(file.name) as progress,
        ):
            report = run_local(
                running.store,
                kind,
                file,
                folders,
                crs=crs,
                dry_run=dry_run,
                progress=progress,
                waiting=lambda: notice("等待其他导入结束 / waiting for other imports to end"),
            )
    except KeyboardInterrupt:
        notice("已取消，未保留任何内容 / cancelled, nothing was kept")
        raise typer.Exit(2) from None
    _tell(report, file)
    if report.loaded == 0:
        raise typer.Exit(2)
    if report.rejected:
        raise typer.Exit(1)


def work(
    threads: Annotated[int, typer.Option(help="同时导入几个 / how many imports at once", min=1, max=4)] = 2,
    data_dir: Annotated[Path | None, typer.Option(help="数据文件夹 / data folder (LINLI_DATA_DIR, .linli)")] = None,
) -> None:
    """在单独的进程里导入网页上传的文件，直到 Ctrl-C / bring in uploaded files in a process of its own, until Ctrl-C."""
    logs.configure()
    stop_orderly()
    try:
        with open_store(Settings.load(data_dir=data_dir), notice, lasts=True) as running:
            worker = ImportWorker(running.store, running.data_dir, threads)
            worker.start()
            notice("等待上传的文件；Ctrl-C 停止 / waiting for uploaded files; Ctrl-C stops")
            try:
                threading.Event().wait()
            finally:
                worker.stop()
    except KeyboardInterrupt:
        notice("已停止 / stopped")


def _tell(report: ImportReport, file: Path) -> None:
    for line in report.notices:
        notice(line)
    tell_faults(report.faults)
    if report.rejected_csv is not None:
        rejected = file.with_name(file.name + ".rejected.csv")
        with private_file(rejected) as kept:
            shutil.copyfileobj(report.rejected_csv, kept)
        notice(f"被拒绝的行 / rejected rows: {rejected}")
    out.print(f"read {report.read} loaded {report.loaded} rejected {report.rejected}")
