"""What tests of backups do and look at."""

from __future__ import annotations

from pathlib import Path

import psycopg
from sqlalchemy import text

from gis.secrecy.keys import Keyring
from gis.store.archive import reading
from gis.store.backup import libpq
from gis.store.digests import TableDigest, digest_tables
from gis.store.restoring import restore
from gis.store.session import Store
from gis.store.vault import GivenKeys, KeyFile
from tests.conftest import KEY

KEYS = GivenKeys(Keyring((KEY,)))


def digests(store: Store) -> dict[str, TableDigest]:
    with psycopg.connect(libpq(store.owner_url)) as connection:
        return digest_tables(connection)


def put_back(store: Store, file: Path, keys: GivenKeys | KeyFile = KEYS, **more: bool) -> None:
    with reading(file) as archive:
        restore(store.owner_url, archive, keys, **more)


def count(store: Store, table: str) -> int:
    with store.owner_session() as session:
        return session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def databases(store: Store) -> set[str]:
    with store.owner_engine.connect() as connection:
        return set(connection.execute(text("SELECT datname FROM pg_database")).scalars())
