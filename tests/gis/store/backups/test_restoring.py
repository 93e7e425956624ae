"""What is restored is what was there, and nothing that was there is lost before."""

from __future__ import annotations

import json
import stat
import threading
import zipfile
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gis.errors import Conflict, Invalid, Unavailable
from gis.secrecy.keys import FieldKey, Keyring
from gis.services.audit import verify
from gis.store.archive import DUMP, MANIFEST, reading
from gis.store.backup import back_up, libpq
from gis.store.restoring import Names, restore
from gis.store.session import Store, migration_config
from gis.store.vault import GivenKeys, KeyFile
from tests.conftest import KEY
from tests.gis.store.backups.steps import KEYS, count, databases, digests, put_back

OTHER = FieldKey(bytes(range(32, 64)))


def test_what_was_there_is_there_again(place: Store, file: Path) -> None:
    made = back_up(place, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert made.tables == digests(place)
    assert made.keys == [KEY.name]
    assert KEY.text.encode() not in file.read_bytes()
    with place.owner_session() as session:
        session.execute(text("DELETE FROM needs"))
        session.execute(text("UPDATE residents SET name = '另一人'"))
        session.execute(text("DELETE FROM stations"))
        session.execute(text("CREATE TABLE since (a integer)"))
    with pytest.raises(Conflict, match="--overwrite"):
        put_back(place, file)
    assert count(place, "stations") == 0
    put_back(place, file, overwrite=True)
    found = digests(place)
    own = {"changes", "audit_log", "audit_head"}
    assert {k: v for k, v in found.items() if k not in own} == {k: v for k, v in made.tables.items() if k not in own}
    assert found["audit_log"].rows == made.tables["audit_log"].rows + 1
    names = Names.of(place.owner_url)
    assert not {names.coming, names.going} & databases(place)
    with place.owner_engine.begin() as connection:
        assert verify(connection).fault is None


def test_rights_are_as_they_were(place: Store, file: Path) -> None:
    def rights() -> list[object]:
        with place.owner_engine.connect() as connection:
            return [
                connection.execute(text(query)).all()
                for query in (
                    "SELECT relname, relrowsecurity, relforcerowsecurity, relacl::text FROM pg_class "
                    "WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
                    "SELECT proname, prosecdef, proacl::text, proconfig::text FROM pg_proc WHERE proname LIKE 'linli%' ORDER BY 1",
                    "SELECT tablename, policyname, roles, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2",
                    "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
                    "SELECT nspacl::text FROM pg_namespace WHERE nspname = 'public'",
                )
            ]

    before = rights()
    back_up(place, file)
    put_back(place, file, overwrite=True)
    assert rights() == before
    with place.session(None) as session:
        assert session.execute(text("SELECT count(*) FROM households")).scalar_one() == 0
    with place.owner_session() as session:  # sequences go on
        session.execute(text("INSERT INTO households (code, grid_reason) VALUES ('NEW', 'no position')"))


def test_caches_and_screens_learn_of_it(place: Store, file: Path) -> None:
    def versions() -> dict[str, tuple[int, int]]:
        with place.session(None) as session:
            return {t: (n, c) for t, n, c in session.execute(text("SELECT * FROM linli_versions()"))}

    back_up(place, file)
    before: dict[str, tuple[int, int]] = {}

    def others_go_on(_restored: Store) -> None:
        for _ in range(2 * len(versions())):
            with place.owner_session() as session:
                session.execute(text("UPDATE stations SET name = name"))
        before.update(versions())

    with reading(file) as archive:
        restore(place.owner_url, archive, KEYS, overwrite=True, check=others_go_on)
    after = versions()
    assert after.keys() == before.keys()
    assert all(after[topic][0] > max(newest for newest, _ in before.values()) for topic in after)


def test_into_an_empty_place_with_older_tables(place: Store, file: Path) -> None:
    script = ScriptDirectory.from_config(migration_config())
    older = script.get_revision("head").down_revision
    place.migrate(older)
    assert back_up(place, file).revision == older
    with place.owner_session() as session:
        for table in (
            "needs",
            "residents",
            "households",
            "station_services",
            "stations",
            "buildings",
            "grids",
            "areas",
        ):
            session.execute(text(f"TRUNCATE {table} CASCADE"))
        session.execute(text("DELETE FROM accounts WHERE name <> 'admin'"))
    put_back(place, file)
    assert place.is_current()
    assert count(place, "stations") == 2


def test_a_newer_backup_is_refused(place: Store, file: Path) -> None:
    back_up(place, file)
    change_manifest(file, revision="9999")
    with pytest.raises(Invalid, match="newer linli"):
        put_back(place, file, overwrite=True)
    change_manifest(file, revision=script_head(), postgres=99)
    with pytest.raises(Unavailable, match="PostgreSQL 99"):
        put_back(place, file, overwrite=True)
    assert count(place, "stations") == 2


def script_head() -> str:
    return str(ScriptDirectory.from_config(migration_config()).get_current_head())


def change_manifest(file: Path, **changes: object) -> None:
    with zipfile.ZipFile(file) as archive:
        dump, manifest = archive.read(DUMP), json.loads(archive.read(MANIFEST))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(DUMP, dump)
        archive.writestr(MANIFEST, json.dumps(manifest | changes))


def test_a_table_that_differs_leaves_the_old_data(place: Store, file: Path) -> None:
    """Every table is compared: what differs in all of them is told of each by name."""
    made = back_up(place, file)
    other = {name: table.model_dump() | {"digest": "f" * 16} for name, table in made.tables.items()}
    change_manifest(file, tables=other)
    before = digests(place)
    with pytest.raises(Invalid, match="needs") as caught:
        put_back(place, file, overwrite=True)
    assert {fault.where for fault in caught.value.faults} == set(other)
    assert digests(place) == before
    assert Names.of(place.owner_url).coming not in databases(place)


@pytest.mark.parametrize("whom", ["= 'pg_restore'", "<> 'pg_restore'"])
def test_a_connection_that_is_cut_leaves_the_old_data(place: Store, file: Path, whom: str) -> None:
    """Cut off while the rows come back, and while they are compared and migrated."""
    back_up(place, file)
    with place.owner_session() as session:
        session.execute(text("UPDATE stations SET name = '旧'"))
    before, names, stop = digests(place), Names.of(place.owner_url), threading.Event()

    def cut() -> None:
        with psycopg.connect(libpq(place.owner_url), autocommit=True) as connection:
            while not stop.is_set():
                connection.execute(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name {whom}",
                    [names.coming],
                )

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        with pytest.raises(Unavailable) as caught:
            put_back(place, file, overwrite=True)
    finally:
        stop.set()
        cutter.join()
    assert "原有数据未改动" in str(caught.value.faults)
    assert digests(place) == before
    assert not {names.coming, names.going} & databases(place)
    put_back(place, file, overwrite=True)
    assert digests(place)["stations"] != before["stations"]


def test_one_restore_at_a_time(place: Store, file: Path) -> None:
    back_up(place, file)
    with psycopg.connect(libpq(place.owner_url, database="postgres")) as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"linli restore {Names.of(place.owner_url).present}"])
        with pytest.raises(Conflict, match="另一个恢复"):
            put_back(place, file, overwrite=True)


def test_the_wrong_key(place: Store, file: Path, tmp_path: Path) -> None:
    back_up(place, file)
    before = digests(place)
    for keys in (GivenKeys(Keyring((OTHER,))), KeyFile(tmp_path / "field.key")):
        with pytest.raises(Unavailable) as caught:
            put_back(place, file, keys, overwrite=True)
        assert KEY.name in caught.value.detail
        assert keys.where() in caught.value.detail
        assert KEY.text not in caught.value.detail
    assert not (tmp_path / "field.key").exists()
    put_back(place, file, GivenKeys(Keyring((OTHER, KEY))), overwrite=True)
    assert {k: v for k, v in digests(place).items() if k == "residents"} == {"residents": before["residents"]}
