"""The vault: keys proven against the database, refused when wrong or missing, never stored."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gis.errors import Unavailable
from gis.secrecy.keys import FieldKey, Keyring
from gis.store.session import Store
from gis.store.vault import GivenKeys, KeyFile, KeySource, vault_of

A, B = FieldKey.new(), FieldKey.new()
FIELD = "residents.phone_sealed"


def opened(urls: tuple[str, str], source: KeySource) -> Store:
    store = Store(*urls, keys=source)
    try:
        store.open_vault()
    except Unavailable:
        store.close()
        raise
    return store


def given(*keys: FieldKey) -> GivenKeys:
    return GivenKeys(Keyring(keys))


def test_a_key_is_proven_at_every_start(database_urls: tuple[str, str]) -> None:
    first = opened(database_urls, given(A))
    with first.owner_session() as session:
        sealed = vault_of(session).seal_one(FIELD, "k", "15412345678")
        hashed = vault_of(session).search.phone("15412345678")
    first.close()
    again = opened(database_urls, given(A))
    with again.session(None) as session:
        assert vault_of(session).open_one(FIELD, "k", sealed) == "15412345678"
        assert vault_of(session).search.phone("15412345678") == hashed
    again.close()
    with pytest.raises(Unavailable, match=A.name):
        opened(database_urls, given(B))
    both = opened(database_urls, given(B, A))
    with both.owner_session() as session:
        assert vault_of(session).open_one(FIELD, "k", sealed) == "15412345678"
        assert vault_of(session).search.phone("15412345678") == hashed, "hashes outlive a change of keys"
    both.close()
    with pytest.raises(Unavailable, match=A.name):
        opened(database_urls, given(B))


def test_no_key_reaches_the_database(database_urls: tuple[str, str]) -> None:
    store = opened(database_urls, given(A))
    with store.owner_session() as session:
        kept = str(
            session.execute(
                text("SELECT k::text FROM field_keys k UNION ALL SELECT s::text FROM field_secrets s")
            ).all()
        )
    store.close()
    assert A.text not in kept and A.material.hex() not in kept


def test_without_keys_nothing_opens(database_urls: tuple[str, str]) -> None:
    store = Store(*database_urls)
    with store.owner_session() as session, pytest.raises(Unavailable):
        vault_of(session)
    store.close()


def test_a_key_file_is_made_once_and_only_for_a_new_place(database_urls: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "data" / "field.key"
    opened(database_urls, KeyFile(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = path.read_bytes()
    opened(database_urls, KeyFile(path)).close()
    assert path.read_bytes() == written
    assert list(path.parent.iterdir()) == [path], "no draft is left"
    path.chmod(0o640)
    with pytest.raises(Unavailable, match="chmod 600"):
        opened(database_urls, KeyFile(path))
    path.unlink()
    with pytest.raises(Unavailable, match=str(path)):
        opened(database_urls, KeyFile(path))
    assert not path.exists(), "a lost key is not replaced in silence"
    path.write_text("nonsense")
    path.chmod(0o600)
    with pytest.raises(Unavailable, match="damaged"):
        opened(database_urls, KeyFile(path))


def test_a_change_of_the_key_file_is_seen_by_running_processes(database_urls: tuple[str, str], tmp_path: Path) -> None:
    source = KeyFile(tmp_path / "field.key")
    store = opened(database_urls, source)
    assert store.vault is not None
    old = store.vault.seal_one(FIELD, "k", "1")
    elsewhere = KeyFile(source.path)
    held = elsewhere.load()
    assert held is not None
    elsewhere.replace(Keyring((B, *held.keys)))
    new = store.vault.seal_one(FIELD, "k", "2")
    assert new is not None and new[1:5] == B.id
    assert [store.vault.open_one(FIELD, "k", each) for each in (old, new)] == ["1", "2"]
    store.close()


def test_a_clear_number_cannot_be_stored(store: Store) -> None:
    with store.owner_session() as session:
        session.execute(text("INSERT INTO households (code, grid_reason) VALUES ('H', 'no position')"))
    for value in (b"15412345678", b"\x01", b""):
        with pytest.raises(DBAPIError, match=r"phone_sealed|out of valid range"), store.owner_session() as session:
            session.execute(
                text(
                    "INSERT INTO residents (key, household_id, birth_year, phone_sealed) SELECT 'k', id, 1950, :v FROM households"
                ),
                {"v": value},
            )
