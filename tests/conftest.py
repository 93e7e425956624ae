"""A real PostGIS for the tests: one server for the session, and a fresh database for every test that asks for one."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from gis.secrecy.keys import FieldKey, Keyring
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store
from gis.store.vault import GivenKeys
from tests.scratch import scratch_folder

# No test is timed: a busy machine is not a fault. In CI the same examples come each time, so that a change is what made it fail.
settings.register_profile("linli", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("linli")

TEMPLATE = "linli_template"
KEY = FieldKey(bytes(range(32)))
"""The field key of every test's place."""
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """Give the session's PostGIS; a machine without one fails here, and no test is skipped for it."""
    folder = scratch_folder("linli-tests-")
    try:
        with EmbeddedServer.start(folder / "data") as started:
            _administer(
                started, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"
            )  # a test's data need not last
            yield started
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(server: EmbeddedServer) -> str:
    """Give the name of a migrated, empty database to copy."""
    _administer(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    store = Store(server.url(database=TEMPLATE))
    try:
        store.migrate()
    finally:
        store.close()
    return TEMPLATE


@pytest.fixture
def database_urls(server: EmbeddedServer, template_database: str) -> Iterator[tuple[str, str]]:
    """Give the addresses of a fresh, migrated database: as its owner, and as the service."""
    name = f"linli_test_{os.getpid()}_{next(_numbers)}"
    copy = sql.SQL(
        "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
        if _major(server) >= 15
        else "CREATE DATABASE {} TEMPLATE {}"
    )
    _administer(server, copy.format(sql.Identifier(name), sql.Identifier(template_database)))
    yield server.url(database=name), server.url(user=SERVICE_ROLE, database=name)
    _administer(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def store(database_urls: tuple[str, str]) -> Iterator[Store]:
    """Give a store on a fresh database, its vault open."""
    opened = Store(*database_urls, keys=GivenKeys(Keyring((KEY,))))
    opened.open_vault()
    yield opened
    opened.close()


def _major(server: EmbeddedServer) -> int:
    return int((server.data_dir / "postgres" / "data" / "PG_VERSION").read_text())


def _administer(server: EmbeddedServer, *statements: str | sql.Composable) -> None:
    address = server.url(database="postgres").replace("+psycopg", "", 1)
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
