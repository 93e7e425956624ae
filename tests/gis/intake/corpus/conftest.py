"""One place for the whole corpus: every file is tried on it and rolled back."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, text

from gis.intake import run_import
from gis.secrecy.keys import Keyring
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store
from gis.store.vault import GivenKeys
from tests.conftest import KEY
from tests.gis.intake.conftest import TODAY
from tests.gis.intake.files import BUILDINGS, HOUSEHOLDS, two_grids


@pytest.fixture(scope="module")
def corpus_store(
    server: EmbeddedServer, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Give a store with two grids, two buildings and three households in it."""
    name = f"linli_corpus_{os.getpid()}"
    address = server.url(database="postgres").replace("+psycopg", "", 1)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template_database))
        )
    opened = Store(
        server.url(database=name), server.url(user=SERVICE_ROLE, database=name), keys=GivenKeys(Keyring((KEY,)))
    )
    opened.open_vault()
    folder = tmp_path_factory.mktemp("place")
    with opened.owner_engine.begin() as connection:
        for kind, file, content in (
            ("grids", "g.geojson", two_grids()),
            ("buildings", "b.csv", BUILDINGS),
            ("households", "h.csv", HOUSEHOLDS),
            ("compounds", "c.csv", "code,lon,lat\n" + "".join(f"K{n},102.005,25.005\n" for n in (11, 12, 13))),
        ):
            (folder / file).write_text(content, encoding="utf-8")
            report = run_import(connection, kind, folder / file, crs="EPSG:4326", today=TODAY)
            assert report.rejected == 0, report.faults
    yield opened
    opened.close()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def place(corpus_store: Store) -> Iterator[Connection]:
    """Give a transaction that is never committed."""
    with corpus_store.owner_engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def counts(connection: Connection) -> dict[str, int]:
    """The number of rows of every table."""
    tables = (
        connection.execute(
            text(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'spatial_ref_sys' ORDER BY 1"
            )
        )
        .scalars()
        .all()
    )
    query = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in tables)
    return {table: count for table, count in connection.execute(text(query))}  # noqa: C416 - rows are no pairs to mypy
