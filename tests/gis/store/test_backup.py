"""Backups: whole or refused; what is restored is what was there, and nothing that was there is lost before."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import random
import stat
import threading
import zipfile
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import make_url, text

from gis.errors import Conflict, Invalid, LinliError, Unavailable
from gis.secrecy.keys import FieldKey, Keyring
from gis.services.audit import verify
from gis.store.archive import DUMP, MANIFEST, Manifest, reading
from gis.store.backup import back_up, libpq
from gis.store.digests import TableDigest, digest_tables, tables
from gis.store.restoring import Names, restore
from gis.store.session import Store, migration_config
from gis.store.vault import GivenKeys, KeyFile
from tests.conftest import KEY
from tests.gis.services.conftest import place  # noqa: F401 - a fixture

OTHER = FieldKey(bytes(range(32, 64)))
KEYS = GivenKeys(Keyring((KEY,)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "place.linli"


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


def test_what_was_there_is_there_again(place: Store, file: Path) -> None:  # noqa: F811
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


def test_rights_are_as_they_were(place: Store, file: Path) -> None:  # noqa: F811
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


def test_caches_and_screens_learn_of_it(place: Store, file: Path) -> None:  # noqa: F811
    def versions() -> dict[str, tuple[int, int]]:
        with place.session(None) as session:
            return {t: (n, c) for t, n, c in session.execute(text("SELECT * FROM linli_versions()"))}

    back_up(place, file)
    with place.owner_session() as session:
        session.execute(text("UPDATE stations SET name = name"))
    before = versions()
    put_back(place, file, overwrite=True)
    after = versions()
    assert after.keys() == before.keys()
    assert all(after[topic][0] > max(newest for newest, _ in before.values()) for topic in after)


def test_a_picture_of_one_moment(place: Store, file: Path) -> None:  # noqa: F811
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


def test_into_an_empty_place_with_older_tables(place: Store, file: Path) -> None:  # noqa: F811
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


def test_a_newer_backup_is_refused(place: Store, file: Path) -> None:  # noqa: F811
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


def test_a_table_that_differs_leaves_the_old_data(place: Store, file: Path) -> None:  # noqa: F811
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


def test_every_column_of_every_table_is_in_the_digests(place: Store) -> None:  # noqa: F811
    with place.owner_engine.connect() as connection:
        columns = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns NATURAL JOIN information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER' AND table_name <> 'spatial_ref_sys'"
            )
        ).all()
    with psycopg.connect(libpq(place.owner_url)) as connection:
        found = tables(connection)
        assert digest_tables(connection).keys() == {name for name, _ in columns}
    assert sorted((name, column) for _, name, each in found for column in each) == sorted(map(tuple, columns))


@pytest.mark.parametrize("whom", ["= 'pg_restore'", "<> 'pg_restore'"])
def test_a_connection_that_is_cut_leaves_the_old_data(place: Store, file: Path, whom: str) -> None:  # noqa: F811
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


def test_a_backup_whose_connection_is_cut_leaves_no_file(place: Store, file: Path, tmp_path: Path) -> None:  # noqa: F811
    def cut(_done: int, _all: int | None) -> None:
        with psycopg.connect(libpq(place.owner_url), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with pytest.raises(Unavailable):
        back_up(place, file, progress=cut)
    assert not list(tmp_path.iterdir())
    back_up(place, file)


def test_one_restore_at_a_time(place: Store, file: Path) -> None:  # noqa: F811
    back_up(place, file)
    with psycopg.connect(libpq(place.owner_url, database="postgres")) as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"linli restore {Names.of(place.owner_url).present}"])
        with pytest.raises(Conflict, match="另一个恢复"):
            put_back(place, file, overwrite=True)


def test_the_wrong_key(place: Store, file: Path, tmp_path: Path) -> None:  # noqa: F811
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


def test_a_damaged_file_is_refused_or_whole(place: Store, file: Path, tmp_path: Path) -> None:  # noqa: F811
    back_up(place, file)
    whole, drawn = file.read_bytes(), random.Random(5)
    with reading(file) as archive:
        dump = b"".join(archive.blocks())
    broken = tmp_path / "broken.linli"
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1, *(drawn.randrange(len(whole)) for _ in range(20))):
        broken.write_bytes(whole[:length])
        with pytest.raises(Invalid, match="什么也没有改动"), reading(broken):
            pass
    refused = 0
    for _ in range(200):
        place_of_damage = drawn.randrange(len(whole))
        damaged = bytearray(whole)
        damaged[place_of_damage] ^= 1 << drawn.randrange(8)
        broken.write_bytes(damaged)
        try:
            with reading(broken) as archive:  # dates and flags of the wrapping say nothing
                assert b"".join(archive.blocks()) == dump
        except Invalid:
            refused += 1
    assert refused > 180
    for nothing in (b"", b"PGDMP" + whole[:50], b"\x00" * 1000):
        broken.write_bytes(nothing)
        with pytest.raises(Invalid), reading(broken):
            pass
    with pytest.raises(Unavailable), reading(tmp_path / "absent"):
        pass


def test_a_file_is_never_overwritten_unasked(place: Store, file: Path, tmp_path: Path) -> None:  # noqa: F811
    file.write_bytes(b"something else")
    with pytest.raises(Conflict, match="--force"):
        back_up(place, file)
    assert file.read_bytes() == b"something else"
    with pytest.raises(LinliError):
        back_up(place, tmp_path / "no folder" / "b")
    back_up(place, file, force=True)
    assert sorted(tmp_path.iterdir()) == [file], "no draft is left"


def test_what_a_killed_backup_has_left_goes(place: Store, file: Path, tmp_path: Path) -> None:  # noqa: F811
    of_the_dead, of_another_name, of_the_living = (
        tmp_path / f".{name}.part" for name in ("place.linli.1", "other.linli.1", "place.linli.2")
    )
    for each in (of_the_dead, of_another_name, of_the_living):
        each.write_text("某人")
    with of_the_living.open() as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        back_up(place, file)
    assert set(tmp_path.iterdir()) == {file, of_another_name, of_the_living}


def test_onto_a_stick_without_second_names(
    place: Store,  # noqa: F811
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    back_up(place, file)
    whole = file.read_bytes()
    with pytest.raises(Conflict):
        back_up(place, file)
    assert file.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_dump_leaves_no_file(place: Store, file: Path, tmp_path: Path) -> None:  # noqa: F811
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


def test_digests_do_not_depend_on_order_and_see_every_change(store: Store) -> None:
    with psycopg.connect(libpq(store.owner_url), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE one (a text, b double precision, c timestamptz, d bytea, twice double precision GENERATED ALWAYS AS (b * 2) STORED)"
        )
        connection.execute("CREATE TABLE two (LIKE one INCLUDING GENERATED)")
        rows = [
            ("甲", 0.1, "2026-01-01 00:00+08", b"\x00"),
            (None, -0.0, None, None),
            ("", 1e300, "2026-01-01 00:00+00", b""),
        ]
        for table, order in (("one", rows), ("two", rows[::-1])):
            for row in order:
                connection.execute(f"INSERT INTO {table} (a, b, c, d) VALUES (%s, %s, %s, %s)", row)
        first = digest_tables(connection)
        assert first["one"] == first["two"]
        connection.execute("SET TimeZone = 'Asia/Shanghai'")
        assert digest_tables(connection) == first
        for change in (
            "UPDATE one SET a = '' WHERE a IS NULL",
            "UPDATE one SET a = '乙' WHERE a = '甲'",
            "INSERT INTO one (a) VALUES (NULL)",
        ):
            before = digest_tables(connection)["one"]
            connection.execute(change)
            assert digest_tables(connection)["one"] != before
        assert "spatial_ref_sys" not in first


def test_nothing_of_the_manifest_is_personal(place: Store, file: Path) -> None:  # noqa: F811
    back_up(place, file)
    with zipfile.ZipFile(file) as archive:
        shown = archive.read(MANIFEST).decode()
    Manifest.model_validate_json(shown)
    assert "某人" not in shown
