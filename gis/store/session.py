"""Sessions: the owner's, for migrations and the command line, and the service's, under row-level security."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import Session

SERVICE_ROLE = "linli_service"
MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """The database, seen as its owner and as the service.

    The service's connections run as ``linli_service``, which owns nothing and sees of the personal tables only what the policies in
    ``migrations/sql`` allow to the account of the transaction.
    """

    def __init__(self, owner_url: str, service_url: str | None = None, *, pool_size: int = 10) -> None:
        """Prepare both engines; nothing is connected yet.

        Without ``service_url`` the service signs in as the owner and takes on ``linli_service`` at once.
        """
        self.owner_url = owner_url
        url = make_url(service_url or owner_url)
        if service_url is None:
            url = url.update_query_dict({"options": f"-c role={SERVICE_ROLE}"})
        self.service_url = url.render_as_string(hide_password=False)
        self.owner_engine = _engine(owner_url, 4)
        self.service_engine = _engine(self.service_url, pool_size)

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to ``revision``; several programs at once wait for each other."""
        with self.owner_engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('linli migrations'))"))
            if revision == "base":
                command.downgrade(migration_config(connection), revision)
            else:
                command.upgrade(migration_config(connection), revision)

    def is_current(self) -> bool:
        """Tell whether the database stands at the newest migration."""
        with self.owner_engine.connect() as connection:
            heads = set(MigrationContext.configure(connection).get_current_heads())
        return heads == set(ScriptDirectory.from_config(migration_config()).get_heads())

    @contextmanager
    def session(self, account_id: int | None) -> Iterator[Session]:
        """Open a transaction as the service on behalf of an account; without one no personal row is seen.

        The account is set for this transaction only, so a pooled connection cannot carry it into the next.
        """
        with Session(self.service_engine, expire_on_commit=False) as session, session.begin():
            session.execute(
                text("SELECT set_config('linli.account', :account, true)"),
                {"account": "" if account_id is None else str(account_id)},
            )
            yield session

    @contextmanager
    def owner_session(self) -> Iterator[Session]:
        """Open a transaction as the owner, beyond row security: for the command line on the machine itself."""
        with Session(self.owner_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all pooled connections."""
        self.owner_engine.dispose()
        self.service_engine.dispose()


def migration_config(connection: object | None = None) -> Config:
    """Return Alembic's configuration for linli's migrations, on ``connection`` where one is given."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _engine(url: str, pool_size: int) -> Engine:
    return create_engine(
        url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, pool_timeout=10
    )
