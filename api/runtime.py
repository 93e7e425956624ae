"""The store that a program works on: an outside server, or a share in the embedded one, migrated and ready."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from api.settings import Settings
from gis.errors import Unavailable
from gis.models import Place
from gis.services.accounts import ensure_admin
from gis.store.binaries import PostgresNotFound
from gis.store.embedded import EmbeddedServer, EmbeddedServerError
from gis.store.session import SERVICE_ROLE, Store
from gis.store.vault import KeyFile

_PATIENCE_S = 30.0
"""How long an outside server may take to come up beside a program that does one thing and ends."""
_AGAIN_AFTER_S = 0.5
_TOLD_EVERY_S = 30.0
_REASON_LETTERS = 300


@dataclass(frozen=True)
class Running:
    """An open store, and the folder in which this program may keep what belongs to it."""

    store: Store
    data_dir: Path
    admin_password: str | None
    """Made up at this very start; to be shown once."""
    revive: Callable[[], None]
    """Starts the embedded server again if it was killed."""


@dataclass(frozen=True)
class Database:
    """Where the database is, as it stands; nothing of it has been migrated or made."""

    owner_url: str
    service_url: str | None
    data_dir: Path
    revive: Callable[[], None]


@contextmanager
def open_database(settings: Settings, notice: Callable[[str], None], *, lasts: bool = False) -> Iterator[Database]:
    """Find the outside server or take a share in the embedded one, and leave what is in it alone.

    Args:
        settings: checked settings.
        notice: called with one line for what a person should know.
        lasts: whether the program goes on until somebody stops it: it waits for an outside server as long as that takes.

    Raises:
        Unavailable: there is no database; the detail says what to do.
    """
    data_dir, outside = settings.database.data_dir, settings.database.database_url
    if outside is not None:
        _wait_for(outside, notice, _patience_s(lasts))
        yield Database(outside, settings.database.service_database_url, data_dir, _nothing)
        return
    with _embedded(data_dir, notice) as server:
        yield Database(server.url(), server.url(user=SERVICE_ROLE), server.data_dir, server.ensure_running)


@contextmanager
def open_store(
    settings: Settings, notice: Callable[[str], None], *, for_service: bool = False, lasts: bool = False
) -> Iterator[Running]:
    """Open the store, bring it to the newest migration, and at a start of the service see that there is an account ``admin``.

    Args:
        settings: checked settings.
        notice: called with one line for what a person should know.
        for_service: whether requests will be served: more connections, and an admin who can sign in.
        lasts: whether the program goes on until somebody stops it, as the service does: it waits for an outside server as long as that takes.

    Raises:
        Unavailable: there is no database; the detail says what to do.
    """
    lasts = lasts or for_service
    with ExitStack() as stack:
        found = stack.enter_context(open_database(settings, notice, lasts=lasts))
        keys = settings.secrecy.keys(found.data_dir)
        fresh = isinstance(keys, KeyFile) and not keys.path.exists()
        store = Store(
            found.owner_url,
            found.service_url,
            pool_size=max(4, 20 // settings.server.workers) if for_service else 2,
            keys=keys,
        )
        stack.callback(store.close)
        password = _prepared(store, settings, for_service, _patience_s(lasts), found.revive, notice)
        if fresh:
            notice(
                f"已生成字段密钥，请另行妥善备份 / a field key was made; keep a copy of it elsewhere: {keys.where()}"
            )
        yield Running(store, found.data_dir, password, found.revive)


def _embedded(data_dir: Path, notice: Callable[[str], None]) -> EmbeddedServer:
    try:
        return EmbeddedServer.start(data_dir, notice=notice)
    except (EmbeddedServerError, PostgresNotFound) as error:
        raise Unavailable(str(error)) from error


def _nothing() -> None:
    """An outside server is for others to start."""


def _prepared(
    store: Store,
    settings: Settings,
    for_service: bool,
    patience_s: float,
    revive: Callable[[], None],
    notice: Callable[[str], None],
) -> str | None:
    """Prepare the store, from the start again where the server is killed or restarted meanwhile."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return _prepare(store, settings, for_service)
        except OperationalError:
            if time.monotonic() > deadline:
                raise
        notice("数据库中断，等待后重来 / the database went away; waiting to begin again")
        time.sleep(_AGAIN_AFTER_S)
        with suppress(EmbeddedServerError):  # seen at the next turn
            revive()


def _prepare(store: Store, settings: Settings, for_service: bool) -> str | None:
    """Migrate, take over what the settings say of the place, and make account ``admin`` at the first start of the service."""
    store.migrate()
    store.open_vault()
    given = settings.accounts.admin_password
    with store.owner_session() as session:
        if settings.place.metric_crs is not None:
            values = {"metric_crs": settings.place.metric_crs}
            changed = insert(Place).values(id=1, **values)
            session.execute(changed.on_conflict_do_update(index_elements=[Place.id], set_=values))
        return ensure_admin(session, given.get_secret_value() if given else None) if for_service else None


def _patience_s(lasts: bool) -> float:
    """Return for how long a program waits for the database at its start, s."""
    return math.inf if lasts else _PATIENCE_S


def _wait_for(url: str, notice: Callable[[str], None], patience_s: float) -> None:
    """Wait until an outside server takes connections; what keeps it from that is told at once, and again now and then."""
    store = Store(url, pool_size=1)
    shown = make_url(url).render_as_string(hide_password=True)
    began, tell_at = time.monotonic(), 0.0
    try:
        while True:
            try:
                with store.owner_engine.connect() as connection:
                    connection.execute(text("SELECT 1"))
                break
            except OperationalError as error:
                if time.monotonic() - began > patience_s:
                    raise Unavailable(
                        f"连接不上数据库 {shown} / the database does not answer: {shown}; check LINLI_DATABASE_URL and the server"
                    ) from error
                if time.monotonic() >= tell_at:
                    notice(f"等待数据库 {shown} / waiting for the database {shown} ({_reason(error)})")
                    tell_at = time.monotonic() + _TOLD_EVERY_S
            time.sleep(_AGAIN_AFTER_S)
        if tell_at:
            notice("数据库已可用 / the database is there")
    finally:
        store.close()


def _reason(error: OperationalError) -> str:
    """Return what libpq says of a connection that failed: its last line, which has neither password nor data."""
    lines = str(error.orig).strip().splitlines()
    return lines[-1].strip()[:_REASON_LETTERS] if lines else "-"
