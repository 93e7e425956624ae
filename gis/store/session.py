"""Sessions: the owner's, for migrations and the command line, and the service's, under row-level security."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.orm import Session, SessionTransaction

from gis.store.auditing import write_noted
from gis.store.vault import OPTION, KeySource, Vault

SERVICE_ROLE = "linli_service"
MIGRATIONS = Path(__file__).parent / "migrations"


_CALLER = "linli_caller"
_SET_CALLER = text(
    "SELECT set_config('linli.account', :account, true), set_config('linli.address', :address, true), "
    "set_config('linli.request', :request, true)"
)


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
        connection.execute(_SET_CALLER, session.info[_CALLER])


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
        if service_url is None:
            url = url.update_query_dict({"options": f"-c role={SERVICE_ROLE}"})
        self.service_url = url.render_as_string(hide_password=False)
        self.vault = Vault(keys) if keys is not None else None
        self.owner_engine = _engine(owner_url, 4, self.vault)
        self.service_engine = _engine(self.service_url, pool_size, self.vault)

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
        return heads == set(ScriptDirectory.from_config(migration_config()).get_heads())

    @contextmanager
    def session(self, account_id: int | None, origin: Origin | None = None) -> Iterator[Session]:
        """Open a transaction as the service on behalf of an account; without one no personal row is seen.

        The account is set for this transaction only, so a pooled connection cannot carry it into the next; whoever asks nothing of the
        database takes no connection. What the transaction has noted for the audit log (gis/store/auditing.py) is written as its last act.
        """
        origin = origin or Origin()
        with _Accountable(self.service_engine, expire_on_commit=False) as session, session.begin():
            session.info[_CALLER] = {
                "account": "" if account_id is None else str(account_id),
                "address": origin.address,
                "request": origin.request_id,
            }
            yield session
            write_noted(session, account_id)

    @contextmanager
    def owner_session(self) -> Iterator[Session]:
        """Open a transaction as the owner, beyond row security: for the command line on the machine itself."""
        with Session(self.owner_engine, expire_on_commit=False) as session, session.begin():
            yield session
            write_noted(session, None)

    def close(self) -> None:
        """Close all pooled connections."""
        self.owner_engine.dispose()
        self.service_engine.dispose()


def migration_config(connection: object | None = None, vault: Vault | None = None) -> Config:
    """Return Alembic's configuration for linli's migrations, on ``connection`` where one is given, with the keys that they may need."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["vault"] = vault
    return config


def _engine(url: str, pool_size: int, vault: Vault | None) -> Engine:
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=10,
        execution_options={OPTION: vault},
    )
