"""Backups are pictures of one moment, and whole or not there."""

from __future__ import annotations

import itertools
import threading
import zipfile
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from gis.errors import Unavailable
from gis.store.archive import MANIFEST, Manifest
from gis.store.backup import back_up, libpq
from gis.store.session import Store
from tests.gis.store.backups.steps import count, put_back


def test_a_picture_of_one_moment(place: Store, file: Path) -> None:
    """Others write a pair of rows in each transaction: no backup has half of one, and each has what its digests say."""
    stop, wrote = threading.Event(), []

    def write(number: int) -> None:
        for turn in itertools.count():
            if stop.is_set():
                return
            with place.owner_session() as session:
                for half in "ab":
                    session.execute(
                        text("INSERT INTO households (code, grid_reason) VALUES (:code, 'no position')"),
                        {"code": f"W{number}-{turn}-{half}"},
                    )
            wrote.append(number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for writer in writers:
        writer.start()
    try:
        made = [back_up(place, file, force=True) for _ in range(3)][-1]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert wrote
    assert made.tables["households"].rows < count(place, "households")
    put_back(place, file, overwrite=True)  # compares every table
    with place.owner_session() as session:
        odd = "SELECT count(*) FROM (SELECT left(code, -1) FROM households WHERE code LIKE 'W%' GROUP BY 1 HAVING count(*) <> 2) x"
        assert session.execute(text(odd)).scalar_one() == 0


def test_a_backup_whose_connection_is_cut_leaves_no_file(place: Store, file: Path, tmp_path: Path) -> None:
    def cut(_done: int, _all: int | None) -> None:
        with psycopg.connect(libpq(place.owner_url), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with pytest.raises(Unavailable):
        back_up(place, file, progress=cut)
    assert not list(tmp_path.iterdir())
    back_up(place, file)


def test_a_failed_dump_leaves_no_file(place: Store, file: Path, tmp_path: Path) -> None:
    """A role that may not read everything cannot make a backup that looks whole."""
    with place.owner_session() as session:
        session.execute(
            text("DO $$ BEGIN CREATE ROLE backup_nobody LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        )
        session.execute(text("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO backup_nobody"))
        session.execute(text("GRANT SELECT ON alembic_version, field_keys TO backup_nobody"))
        session.execute(text("ALTER FUNCTION linli_audit_append SECURITY DEFINER"))
    nobody = Store(make_url(place.owner_url).set(username="backup_nobody").render_as_string(hide_password=False))
    try:
        with pytest.raises((Unavailable, psycopg.Error)):
            back_up(nobody, file)
    finally:
        nobody.close()
    assert not list(tmp_path.iterdir())


def test_nothing_of_the_manifest_is_personal(place: Store, file: Path) -> None:
    back_up(place, file)
    with zipfile.ZipFile(file) as archive:
        shown = archive.read(MANIFEST).decode()
    Manifest.model_validate_json(shown)
    assert "某人" not in shown
