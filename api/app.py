"""The application: routes within the guard, the guard within the frame, and what runs beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware

import api.pages
from api import assets, errors, openapi
from api.answers import Json
from api.basemap import Basemap
from api.compression import Compression, packed
from api.desk import Office
from api.express import Application, Express
from api.feed import Feed
from api.frame import Frame
from api.metrics import REFRESH_S, Metrics
from api.oidc import Provider
from api.pace import Pace, Seldom
from api.routes import ROUTERS
from api.security import Guard, check_rules, everyone
from api.sessions import Sessions
from api.settings import Settings
from api.signposts import Signposts
from api.upkeep import keep_counts
from api.warming import warm_up
from api.watch import Watch
from api.worker import ImportWorker
from gis.errors import Unavailable
from gis.secrecy.cipher import FieldCipher
from gis.services.snapshots import Snapshots
from gis.services.tile_cache import TileCache
from gis.store.session import Store

DESCRIPTION = """
社区治理网格地图：网格、住户、服务站点与需求。几何为 EPSG:4326(经度、纬度)的 GeoJSON；错误遵循 RFC 9457。

GIS grid mapping for neighbourhood governance. Geometry is GeoJSON in EPSG:4326 (lon, lat); errors follow RFC 9457
(`application/problem+json`). Sign in with `POST /api/session`, then send `Authorization: Bearer …`. Lists come in pages with a
`next` link. A write names with `If-Match` the ETag that was read.
"""


def create_app(
    store: Store, settings: Settings, revive: Callable[[], None] = lambda: None, data_dir: Path | None = None
) -> FastAPI:
    """Return the application on a migrated store.

    Args:
        store: where the data is; closed by whoever opened it.
        settings: checked settings.
        revive: brings a database back that no longer answers, where that is in our power.
        data_dir: the folder in which this program keeps what belongs to it; the one of the settings by default.

    Raises:
        RuntimeError: a route has no rule saying who may call it.
    """
    office = _office(store, settings, revive, data_dir or settings.database.data_dir)
    app = Application(
        title="邻里 linli",
        version="1",
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        middleware=[
            Middleware(Frame, max_upload_bytes=settings.server.max_upload_mb * 2**20, metrics=office.metrics),
            Middleware(Compression),
            Middleware(Watch, store=store),
            Middleware(Guard, sessions=office.sessions, metrics_token=settings.server.metrics_token),
        ],
    )
    app.state.office = office
    errors.install(app)
    for router in (*ROUTERS, api.pages.router):
        app.router.routes.extend(router.routes)
    _add_description(app)
    assets.mount(app)
    check_rules(app.routes)
    app.express = Express(office, app.routes)
    app.state.signposts = app.router.middleware_stack = Signposts(app.router)
    return app


def _office(store: Store, settings: Settings, revive: Callable[[], None], data_dir: Path) -> Office:
    """Return what the whole process shares."""
    sessions = Sessions(
        store,
        hours=settings.accounts.session_hours,
        screen_hours=settings.accounts.screen_session_hours,
        idle_minutes=settings.accounts.session_idle_minutes,
    )
    snapshots = Snapshots(settings.walk.policy())
    return Office(
        store,
        settings,
        snapshots,
        sessions,
        Feed(store, sessions.forget, revive),
        ImportWorker(store, data_dir, settings.server.import_workers),
        files=Pace(settings.secrecy.files_per_hour, "户与居民档案 / files"),
        reveals=Pace(settings.secrecy.reveals_per_hour, "隐藏信息 / protected fields"),
        seldom=Seldom(),
        metrics=Metrics(),
        tiles=TileCache(snapshots, packed),
        basemap=Basemap(settings.basemap),
        provider=_provider(store, settings),
    )


def _provider(store: Store, settings: Settings) -> Provider | None:
    """Return the provider of OpenID Connect where one is configured."""

    def cipher() -> FieldCipher:
        if store.vault is None:
            raise Unavailable("字段密钥尚未就绪 / the field keys are not ready")
        return store.vault.cipher

    return Provider(settings.oidc, cipher) if settings.oidc.configured else None


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    office: Office = app.state.office
    office.feed.start(asyncio.get_running_loop())
    office.feed.on_notice = office.metrics.noticed
    office.worker.start()
    refreshing = asyncio.create_task(_refresh(office))
    keeping = asyncio.create_task(keep_counts(office))
    warming = asyncio.create_task(warm_up(office))
    try:
        yield
    finally:
        refreshing.cancel()
        keeping.cancel()
        warming.cancel()
        office.worker.stop()
        office.feed.stop()
        await office.basemap.close()
        if office.provider is not None:
            office.provider.close()


async def _refresh(office: Office) -> None:
    """Keep this process's figures fresh: whichever process is asked for them answers for all."""
    while True:
        office.metrics.refresh(office)
        await asyncio.sleep(REFRESH_S)


def _add_description(app: FastAPI) -> None:
    """Serve the interface's description to whoever is signed in."""

    async def description() -> Json:
        return Json(openapi.describe(app))

    for path in ("/openapi.json", "/api/openapi.json"):
        app.router.routes.append(
            APIRoute(
                path,
                description,
                methods=["GET"],
                include_in_schema=False,
                dependencies=[everyone()],
                name=path,
            )
        )
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
