"""Residents are sealed on their way in: nothing readable of phones and ID numbers reaches the database, and a file may come again."""

from __future__ import annotations

import time

import pytest

from gis.store.vault import vault_of
from tests.gis.intake.conftest import Importer

PHONE, ID_NUMBER = "15412345678", "539901195001011234"
FILE = f"household,birth_date,name,phone,id_number\nH1,1950-01-01,张三,{PHONE},{ID_NUMBER}\nH1,1990-02-02,李四,,\nH1,1990-02-02,李四,,\n"


@pytest.fixture
def homes(importer: Importer) -> Importer:
    importer.rows("SELECT 1")
    with importer.store.owner_session() as session:
        session.connection().exec_driver_sql("INSERT INTO households (code, grid_reason) VALUES ('H1', 'no position')")
    return importer


def test_nothing_readable_is_stored(homes: Importer) -> None:
    homes.ok("residents", "r.csv", FILE)
    stored = homes.rows("SELECT r::text FROM residents r") + homes.rows("SELECT i::text FROM imports i")
    assert len(stored) == 3
    for readable in (PHONE, ID_NUMBER):
        assert not any(readable in row[0] or readable.encode().hex() in row[0] for row in stored)
    key, sealed, hashed = homes.rows(
        "SELECT key, phone_sealed, id_number_hash FROM residents WHERE phone_sealed IS NOT NULL"
    )[0]
    with homes.store.owner_session() as session:
        vault = vault_of(session)
        assert vault.open_one("residents.phone_sealed", key, sealed) == PHONE
        assert vault.search.id_number(ID_NUMBER.lower()) == hashed


def test_the_same_file_again_changes_nothing(homes: Importer) -> None:
    homes.ok("residents", "r.csv", FILE)
    before = homes.rows("SELECT id, version, phone_sealed, id_number_sealed FROM residents ORDER BY id")
    homes.ok("residents", "r.csv", FILE)
    assert homes.rows("SELECT id, version, phone_sealed, id_number_sealed FROM residents ORDER BY id") == before


def test_a_new_phone_is_a_change_and_a_file_without_phones_is_none(homes: Importer) -> None:
    homes.ok("residents", "r.csv", FILE)
    homes.ok("residents", "r.csv", f"household,birth_year,id_number\nH1,1950,{ID_NUMBER}\n")
    kept = homes.rows("SELECT phone_hash FROM residents WHERE id_number_hash IS NOT NULL")
    homes.ok("residents", "r.csv", FILE.replace(PHONE, "15400000000"))
    changed = homes.rows("SELECT phone_hash FROM residents WHERE id_number_hash IS NOT NULL")
    with homes.store.owner_session() as session:
        search = vault_of(session).search
        assert kept == [(search.phone(PHONE),)]
        assert changed == [(search.phone("154 0000 0000"),)]
    assert homes.one("SELECT count(*) FROM residents") == 3


def test_hashes_of_the_key_cannot_be_tried_without_the_secret(homes: Importer) -> None:
    from hashlib import sha256

    homes.ok("residents", "r.csv", FILE)
    guess = sha256(f"H1\x1fid\x1e{ID_NUMBER}\x1f0".encode()).hexdigest()
    assert homes.rows("SELECT 1 FROM residents WHERE key = :guess", guess=guess) == []


def test_a_hundred_thousand_people_are_sealed_in_seconds(homes: Importer) -> None:
    count = 100_000
    with homes.store.owner_session() as session:
        vault = vault_of(session)
    keys = [f"{n:064x}" for n in range(count)]
    phones = [f"154{n:08d}" for n in range(count)]
    numbers = [f"539901195001{n:06d}" for n in range(count)]
    began = time.perf_counter()
    sealed = vault.seal_people(keys, phones, numbers)
    took_s = time.perf_counter() - began
    assert took_s < 5, f"{took_s:.1f} s"
    assert len(set(sealed.phone_sealed)) == len(set(sealed.id_number_hash)) == count
