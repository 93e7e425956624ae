"""Change of keys: everything is sealed anew, a kill half-way loses nothing, and the next run goes on."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from gis.models import Base
from gis.secrecy.cipher import MissingKey
from gis.secrecy.keys import FieldKey, Keyring
from gis.services import import_spool as spool
from gis.services import rotation
from gis.services.rotation import SEALED, begin, count_by_key, rotate, unfinished
from gis.store.session import Store
from gis.store.vault import GivenKeys, KeyFile, vault_of

PEOPLE = 250


def opened(urls: tuple[str, str], path: Path) -> Store:
    store = Store(*urls, keys=KeyFile(path))
    store.open_vault()
    return store


def fill(store: Store, people: int = PEOPLE) -> None:
    with store.owner_session() as session:
        vault = vault_of(session)
        keys = [f"k{n}" for n in range(people)]
        sealed = vault.seal_people(
            keys, [f"154{n:08d}" for n in range(people)], [None if n % 3 else f"5399{n:014d}" for n in range(people)]
        )
        session.execute(text("INSERT INTO households (code, grid_reason) VALUES ('H', 'no position')"))
        session.execute(
            text(
                "INSERT INTO residents (key, household_id, birth_year, phone_sealed, phone_hash, id_number_sealed, id_number_hash) "
                "SELECT :key, id, 1950, :phone, :ph, :id_number, :ih FROM households"
            ),
            [
                {"key": key, "phone": p, "ph": ph, "id_number": i, "ih": ih}
                for key, p, ph, i, ih in zip(
                    keys,
                    sealed.phone_sealed,
                    sealed.phone_hash,
                    sealed.id_number_sealed,
                    sealed.id_number_hash,
                    strict=True,
                )
            ],
        )
        number = session.scalar(
            text("INSERT INTO imports (kind, file_name, sha256) VALUES ('residents', 'x', '') RETURNING id")
        )
        spool.put(session, number, "rejected", io.BytesIO(b"rows"))


def readable(store: Store) -> list[tuple]:
    """Return all protected values, and what a change of keys must leave alone."""
    with store.owner_session() as session:
        vault = vault_of(session)
        rows = session.execute(
            text(
                "SELECT key, phone_sealed, phone_hash, id_number_sealed, id_number_hash, version FROM residents ORDER BY id"
            )
        ).all()
        number = session.execute(text("SELECT id FROM imports")).scalar_one()
        file = spool.take(session, number, "rejected", 0)
        return [
            (
                row.key,
                vault.open_one("residents.phone_sealed", row.key, row.phone_sealed),
                row.phone_hash,
                vault.open_one("residents.id_number_sealed", row.key, row.id_number_sealed),
                row.id_number_hash,
                row.version,
            )
            for row in rows
        ] + [(file,)]


def counts(store: Store) -> dict[str, int]:
    with store.owner_engine.connect() as connection:
        return count_by_key(connection)


def test_every_sealed_column_is_changed_with_the_key() -> None:
    listed = {f"{sealed.table}.{name}" for sealed in SEALED for name in sealed.columns}
    there = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("sealed")
    }
    assert there <= listed


def test_everything_is_sealed_anew(database_urls: tuple[str, str], tmp_path: Path) -> None:
    store = opened(database_urls, tmp_path / "field.key")
    fill(store)
    before, (old,) = readable(store), counts(store)
    assert not unfinished(store)
    fresh = begin(KeyFile(tmp_path / "field.key"))
    done = rotate(store, batch=40)
    assert (done.key, done.retired) == (fresh.name, [old])
    assert counts(store) == {fresh.name: PEOPLE + len(range(0, PEOPLE, 3)) + 2}
    assert readable(store) == before, "values, hashes and versions are as they were"
    assert rotate(store).values == 0
    with store.owner_session() as session:
        assert (
            session.scalar(text("SELECT subject FROM audit_log WHERE action = 'keys.rotate' ORDER BY id LIMIT 1"))
            == f"key:{fresh.name}"
        )
    store.close()
    only = Store(*database_urls, keys=GivenKeys(Keyring((fresh,))))
    only.open_vault()
    assert readable(only) == before, "the old key is needed no more"
    only.close()


def test_a_failure_half_way_loses_nothing(
    database_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(database_urls, tmp_path / "field.key")
    fill(store)
    before = readable(store)
    begin(KeyFile(tmp_path / "field.key"))
    batches = 0
    real = rotation._batch

    def fails_later(*args: object) -> object:
        nonlocal batches
        batches += 1
        if batches == 4:
            raise ConnectionError
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(rotation, "_batch", fails_later)
    with pytest.raises(ConnectionError):
        rotate(store, batch=40)
    monkeypatch.undo()
    assert len(counts(store)) == 2 and unfinished(store)
    assert readable(store) == before
    done = rotate(store, batch=40)
    assert done.values == PEOPLE - 3 * 40 + 2 and len(done.retired) == 1
    assert readable(store) == before and not unfinished(store)
    store.close()


def test_a_value_whose_key_is_gone_stops_the_change(database_urls: tuple[str, str], tmp_path: Path) -> None:
    store = opened(database_urls, tmp_path / "field.key")
    fill(store, 3)
    with store.owner_session() as session:
        session.execute(text("UPDATE residents SET phone_sealed = set_byte(phone_sealed, 1, 0) WHERE key = 'k1'"))
    begin(KeyFile(tmp_path / "field.key"))
    with pytest.raises(MissingKey):
        rotate(store, batch=1)
    assert unfinished(store)
    store.close()


_PROGRAM = """
import sys
from pathlib import Path
from gis.services.rotation import rotate
from gis.store.session import Store
from gis.store.vault import KeyFile
store = Store(sys.argv[1], sys.argv[2], keys=KeyFile(Path(sys.argv[3])))
sys.stdout.write("go\\n"); sys.stdout.flush()
rotate(store, batch=5)
"""


def test_a_kill_at_any_moment_loses_nothing(database_urls: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "field.key"
    store = opened(database_urls, path)
    fill(store)
    before = readable(store)
    begin(KeyFile(path))
    for wait_s in (0.0, 0.05, 0.1, 0.2):
        run = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *database_urls, str(path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert run.stdout is not None and run.stdout.readline() == b"go\n"
        time.sleep(wait_s)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        run.stdout.close()
        assert readable(store) == before
    rotate(store)
    assert readable(store) == before and len(counts(store)) == 1
    store.close()


def test_begin_keeps_the_old_keys(tmp_path: Path) -> None:
    source = KeyFile(tmp_path / "field.key")
    first = source.create().current
    second = begin(source)
    held = source.load()
    assert held is not None and held.keys == (second, first)
    assert isinstance(second, FieldKey) and second != first
