"""Sessions: the owner's, for migrations and the command line, and the service's, under row-level security."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, SessionTransaction

from gis.store.auditing import write_noted
from gis.store.journal import Journal, Reading, read_versions
from gis.store.vault import OPTION, KeySource, Vault

SERVICE_ROLE = "linli_service"
MIGRATIONS = Path(__file__).parent / "migrations"


_CALLER, _STORE, _BEGUN, _MOMENTS = "linli_caller", "linli_store", "linli_begun", "linli_moments"
_SET_CALLER = text(
    "SELECT set_config('linli.account', :account, true), set_config('linli.address', :address, true), "
    "set_config('linli.request', :request, true)"
)

_NOBODY = {"account": "", "address": "", "request": ""}
_HAS_WRITTEN = text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")


_PATIENCE = "-c lock_timeout=5s -c statement_timeout=120s -c idle_in_transaction_session_timeout=300s"
"""Of a request: it is told to come again rather than wait for ever, and one that hangs keeps nobody else waiting."""
_CONNECTING = {
    "connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 15_000,
}  # fmt: skip
"""A database that has gone without a word (a pulled cable) is noticed within seconds; on a local socket it is noticed at once."""


@dataclass(frozen=True)
class Origin:
    """Where a request comes from, for the audit log."""

    address: str = ""
    request_id: str = ""


class _Accountable(Session):
    """A session whose transactions tell the database on whose behalf they are, before anything else."""


@event.listens_for(_Accountable, "after_begin")
def _tell_caller(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if not transaction.nested:
        session.info[_BEGUN] = True
        connection.execute(_SET_CALLER, session.info[_CALLER])


def store_of(session: Session) -> Store | None:
    """Return the store that a transaction was opened by; None for a session made elsewhere."""
    store: Store | None = session.info.get(_STORE)
    return store


def has_begun(session: Session) -> bool:
    """Tell whether anything has been asked of the database in a transaction of :meth:`Store.session`."""
    return _BEGUN in session.info


class Store:
    """The database, seen as its owner and as the service.

    The service's connections run as ``linli_service``, which owns nothing and sees of the personal tables only what the policies in
    ``migrations/sql`` allow to the account of the transaction.
    """

    def __init__(
        self,
        owner_url: str,
        service_url: str | None = None,
        *,
        pool_size: int = 10,
        keys: KeySource | None = None,
    ) -> None:
        """Prepare both engines; nothing is connected yet.

        Without ``service_url`` the service signs in as the owner and takes on ``linli_service`` at once. Without ``keys`` no sealed field
        can be read or written.
        """
        self.owner_url = owner_url
        url = make_url(service_url or owner_url)
        given = url.query.get("options", "")
        role = f"-c role={SERVICE_ROLE}" if service_url is None else ""
        url = url.update_query_dict({"options": " ".join(filter(None, (str(given), role, _PATIENCE)))})
        self.service_url = url.render_as_string(hide_password=False)
        self.vault = Vault(keys) if keys is not None else None
        self.owner_engine = _engine(owner_url, 4, self.vault)
        self.service_engine = _engine(self.service_url, pool_size, self.vault)
        # A pool of its own without a limit: who asks for a moment may hold a connection of the other, and must not wait for whoever holds a moment.
        self._moments_engine = _engine(self.service_url, 1, self.vault, overflow=-1).execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self.journal = Journal()
        """What this process knows of the changes."""
        event.listen(self.owner_engine, "checkin", lambda *_: self.journal.committed())

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to ``revision``; several programs at once wait for each other."""
        with self.owner_engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('linli migrations'))"))
            config = migration_config(connection, self.vault)
            current = MigrationContext.configure(connection).get_current_revision()
            if revision == "base" or (current is not None and revision != "head" and revision < current):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)

    def open_vault(self) -> None:
        """Prove the field keys against the migrated database; see :meth:`gis.store.vault.Vault.open`."""
        if self.vault is not None:
            with self.owner_engine.begin() as connection:
                self.vault.open(connection)

    def is_current(self) -> bool:
        """Tell whether the database stands at the newest migration."""
        with self.owner_engine.connect() as connection:
            heads = set(MigrationContext.configure(connection).get_current_heads())
        return heads == _newest()

    @contextmanager
    def session(self, account_id: int | None, origin: Origin | None = None) -> Iterator[Session]:
        """Open a transaction as the service on behalf of an account; without one no personal row is seen.

        The account is set for this transaction only, so a pooled connection cannot carry it into the next; whoever asks nothing of the
        database takes no connection. What the transaction has noted for the audit log (gis/store/auditing.py) is written as its last act.
        """
        origin = origin or Origin()
        caller = {
            "account": "" if account_id is None else str(account_id),
            "address": origin.address,
            "request": origin.request_id,
        }
        wrote = False
        info: dict[str, Any] = {_CALLER: caller, _STORE: self}
        with ExitStack() as moments:
            info[_MOMENTS] = moments
            try:
                with _Accountable(self.service_engine, expire_on_commit=False, info=info) as session, session.begin():
                    yield session
                    write_noted(session, account_id)
                    wrote = has_begun(session) and _wrote(session)
            finally:
                if wrote:
                    self.journal.committed()

    @contextmanager
    def owner_session(self) -> Iterator[Session]:
        """Open a transaction as the owner, beyond row security: for the command line on the machine itself."""
        with ExitStack() as moments:
            info = {_STORE: self, _BEGUN: True, _MOMENTS: moments}
            with Session(self.owner_engine, expire_on_commit=False, info=info) as session, session.begin():
                yield session
                write_noted(session, None)

    def moment(self, beside: Session) -> tuple[Session, Reading]:
        """Open a transaction that sees one moment of the database, and return it with the versions of that moment.

        It can write nothing, and ends with the other.

        Args:
            beside: the open transaction, of this store, on whose account's behalf it is.
        """
        info = {_CALLER: beside.info.get(_CALLER, _NOBODY), _STORE: self}
        stack: ExitStack = beside.info[_MOMENTS]
        session = stack.enter_context(_Accountable(self._moments_engine, info=info))
        return session, read_versions(session, self.journal.clock)

    def close(self) -> None:
        """Close all pooled connections."""
        self.owner_engine.dispose()
        self.service_engine.dispose()
        self._moments_engine.dispose()


@cache
def _newest() -> frozenset[str]:
    """Return the newest migration that this program knows."""
    return frozenset(ScriptDirectory.from_config(migration_config()).get_heads())


def migration_config(connection: object | None = None, vault: Vault | None = None) -> Config:
    """Return Alembic's configuration for linli's migrations, on ``connection`` where one is given, with the keys that they may need."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["vault"] = vault
    return config


def _wrote(session: Session) -> bool:
    """Tell whether a transaction has changed anything, as the database has it: a statement may write without looking so."""
    try:
        return bool(session.scalar(_HAS_WRITTEN))
    except SQLAlchemyError:
        return True


def _engine(url: str, pool_size: int, vault: Vault | None, overflow: int | None = None) -> Engine:
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size if overflow is None else overflow,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args=_CONNECTING,
        execution_options={OPTION: vault},
    )
