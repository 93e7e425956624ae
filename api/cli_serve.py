"""The commands ``linli serve`` and ``linli assign``."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api import logs
from api.console import notice, out, progress_bar, stop_orderly
from api.runtime import Running, open_store
from api.serving import BACKLOG, KEEP_ALIVE_S, WORKER, Listening, Server, listen
from api.settings import Settings
from api.supervisor import Supervisor
from gis.store.assigning import assign as assign_all

PAGES = (
    ("/", "规划地图 / planner's map"),
    ("/maps/needs", "需求地图 / needs"),
    ("/maps/coverage", "覆盖地图 / coverage"),
    ("/worker", "网格员 / worker"),
    ("/screen", "大屏 / screen"),
)


def serve(
    port: Annotated[int | None, typer.Option(help="端口 / port (LINLI_PORT, 8000)", min=0, max=65535)] = None,
    host: Annotated[str | None, typer.Option(help="地址 / address (LINLI_HOST, 127.0.0.1)")] = None,
    load_demo: Annotated[
        bool,
        typer.Option("--demo", help="数据库为空时载入演示地点 / load the demo place if the database is empty"),
    ] = False,
    data_dir: Annotated[Path | None, typer.Option(help="数据文件夹 / data folder (LINLI_DATA_DIR, .linli)")] = None,
    workers: Annotated[
        int | None, typer.Option(help="服务进程数 / serving processes (LINLI_WORKERS, 1)", min=1, max=8)
    ] = None,
    fd: Annotated[int | None, typer.Option(help="继承的监听套接字 / an inherited listening socket", min=3)] = None,
) -> None:
    """提供网页与接口，直到 Ctrl-C / serve pages and interface until Ctrl-C."""
    from api import demo  # here, so that the other commands need not wait for it to load

    settings = Settings.load(port=port, host=host, data_dir=data_dir, workers=workers)
    logs.configure(settings.server.log_format)
    stop_orderly()
    supervised = WORKER in os.environ
    try:
        listening = listen(settings.server, fd)
        if settings.server.workers == 1 or supervised:
            import_module("api.app")  # some seconds that need no database: it may just be starting, too
        with listening.socket, open_store(settings, notice, for_service=True) as running:
            if load_demo and demo.is_empty(running.store):
                notice("载入演示地点 / loading the demo place")
                demo.load(running.store, running.data_dir, progress_bar)
            accounts = demo.accounts(running.data_dir) if load_demo else {}
            if settings.server.workers > 1 and not supervised:
                _supervise(running, settings, listening, accounts)
            else:
                if not supervised:
                    _greet(running, listening, accounts)
                _run(running, settings, listening)
    except KeyboardInterrupt:
        if not supervised:
            notice("已停止 / stopped")


def assign() -> None:
    """重新分配全部住户 / assign all households to their grids again."""
    with open_store(Settings.load(), notice) as running, running.store.owner_engine.begin() as connection:
        found = assign_all(connection)
    out.print(f"households {found.households} assigned {found.assigned} unassigned {found.unassigned}")


def _supervise(running: Running, settings: Settings, listening: Listening, accounts: dict[str, str]) -> None:
    """Serve with several processes; this one keeps the embedded server and watches over them."""
    from api.metrics import collecting

    def greet() -> None:
        _greet(running, listening, accounts)
        notice(f"逐个更换进程，不丢请求 / replace the processes without losing a request: kill -HUP {os.getpid()}")

    with collecting() as ended:
        supervisor = Supervisor(
            listening.socket, settings.database.data_dir, settings.server.workers, shared=listening.shared, notice=notice, ended=ended
        )  # fmt: skip
        supervisor.run(greet)


def _greet(running: Running, listening: Listening, accounts: dict[str, str]) -> None:
    """Print where the pages are and who can sign in."""
    address = listening.socket.getsockname()
    host, port = address[:2] if isinstance(address, tuple) else ("localhost", 80)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    base = f"http://{shown}:{port}"
    out.print(f"\n[bold]邻里 linli[/]  {base}")
    for path, label in PAGES:
        out.print(f"  {base + path:<40} {label}")
    if running.admin_password is not None:
        _account("admin", running.admin_password, "只显示这一次 / shown this once")
    for name, password in accounts.items():
        _account(name, password, "演示账号 / demo account")
    out.print("  Ctrl-C 停止 / stops\n")


def _account(name: str, password: str, remark: str) -> None:
    out.print(f"  账号 / account [bold]{name:<8}[/] 密码 / password [bold]{escape(password)}[/]  {remark}")


def _run(running: Running, settings: Settings, listening: Listening) -> None:
    import uvicorn

    from api.app import create_app
    from api.protocol import Protocol
    from api.proxies import behind_proxies
    from api.ready import why_not_ready

    app = create_app(running.store, settings, running.revive, running.data_dir)
    office = app.state.office
    config = uvicorn.Config(
        behind_proxies(app, settings.server.trusted_proxies),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=BACKLOG,
        http=Protocol,
    )
    server = Server(
        config, shared=listening.shared, closing=office.feed.end_streams, ready=lambda: why_not_ready(office) is None
    )
    server.run(sockets=[listening.socket])
