"""The embedded server under real processes that share it, leave it, and are killed at any moment."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from gis.store import ordinary
from gis.store.embedded import EmbeddedServer
from tests.gis.store.programs import (
    Program,
    as_user,
    assert_usable,
    connect,
    eventually,
    postmaster,
    read,
    read_all,
    server_processes,
    write,
)
from tests.scratch import scratch_folder

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder for data that the server's user can reach; at the end nothing may run in it."""
    made = scratch_folder("linli-embedded-")
    yield made / "data"
    eventually(lambda: not server_processes(made))
    shutil.rmtree(made)


@pytest.fixture
def program(folder: Path) -> Iterator[Callable[..., Program]]:
    """Give a function that runs a program on the folder; those still running at the end are killed."""
    started: list[Program] = []

    def run(where: Path = folder) -> Program:
        started.append(Program(where))
        return started[-1]

    yield run
    for one in started:
        if one.process.poll() is None:
            one.kill()
        one.process.stdin.close()
        one.process.stdout.close()


def test_programs_share_one_server_and_the_last_stops_it(folder, program):
    first = program()
    url = first.ready()
    write(url, 1)
    second = program()
    assert second.ready() == url
    server = postmaster(folder)
    first.leave()
    assert read(url) == [1]
    second.leave()
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
    assert not server_processes(folder)
    assert not (folder / "postgres" / "data" / "postmaster.pid").exists()
    assert_usable(folder, [1])


def test_programs_that_start_at_once_make_one_cluster(folder, program):
    together = [program() for _ in range(4)]
    urls = {one.ready() for one in together}
    assert len(urls) == 1
    postmasters = set()
    for process in server_processes(folder):
        with contextlib.suppress(psutil.NoSuchProcess):  # some end as soon as they have done their work
            if "-D" in process.cmdline():
                postmasters.add(process.pid)
    assert len(postmasters) == 1
    for one in together:
        one.leave()
    assert not server_processes(folder)


def test_two_shares_in_one_program(folder):
    with EmbeddedServer.start(folder) as outer:
        with EmbeddedServer.start(folder) as inner:
            write(inner.url(), 1)
        assert read(outer.url()) == [1]
        outer.stop()
        outer.stop()
    assert not server_processes(folder)


def test_leaving_last_always_stops_at_once(folder):
    for _ in range(8):  # whoever else watches the locks must not be taken for another user
        with EmbeddedServer.start(folder):
            pass
        assert not (folder / "postgres" / "data" / "postmaster.pid").exists()


def test_the_server_is_private(folder):
    with EmbeddedServer.start(folder) as server, connect(server.url()) as connection:
        settings = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
        assert settings["listen_addresses"] == ""
        assert settings["fsync"] == settings["full_page_writes"] == settings["synchronous_commit"] == "on"
        assert settings["TimeZone"] == "UTC"
        assert int(settings["max_connections"]) == 100
        collation = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = 'linli'"
        ).fetchone()
        assert collation[0] == "UTF8"
        assert collation[1].startswith("C")
        sockets = Path(settings["unix_socket_directories"])
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert (sockets / ".s.PGSQL.5432").stat().st_mode & 0o777 == 0o700
        rules = connection.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
        assert {method for kind, method in rules if kind != "local"} == {"reject"}
        assert postmaster(folder).uids().real != 0
        assert not postmaster(folder).net_connections("inet")
        assert connection.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'").fetchone() == (
            1,
        )


def test_ctrl_c_in_one_terminal_leaves_the_server_to_the_others(folder, program):
    first, second = program(), program()
    url = first.ready()
    second.ready()
    write(url, 1)
    os.killpg(first.process.pid, signal.SIGINT)
    first.process.communicate(timeout=30)
    assert read(url) == [1]
    os.killpg(second.process.pid, signal.SIGHUP)  # a closed terminal: the program has no chance to clear up
    eventually(lambda: not server_processes(folder))
    assert_usable(folder, [1])


def test_kill_of_the_last_program_stops_the_server(folder, program):
    first, second = program(), program()
    url = first.ready()
    second.ready()
    write(url, 1)
    first.kill()
    time.sleep(0.5)
    assert read(url) == [1]
    second.kill()
    eventually(lambda: not server_processes(folder))
    assert_usable(folder, [1])


def test_kill_of_program_and_server_and_keeper_together(folder, program):
    victim = program()
    url = victim.ready()
    for value in range(20):
        write(url, value)
    server = postmaster(folder)
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name().startswith("python") and str(folder / "postgres") in process.cmdline():
                process.kill()
    server.kill()
    victim.kill()
    assert_usable(folder, list(range(20)))


def test_kill_of_the_postmaster_with_a_busy_backend(folder):
    with EmbeddedServer.start(folder) as server:
        write(server.url(), 1)
        busy = connect(server.url())
        backend = psutil.Process(busy.info.backend_pid)
        busy.pgconn.send_query(b"INSERT INTO kept SELECT 2 FROM generate_series(1, 1000000000) g HAVING count(*) > 0")
        eventually(lambda: backend.cpu_percent(0.1) > 5)
        postmaster(folder).kill()
        server.ensure_running()  # ends the busy backend, which still holds the dead server's memory
        assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
        assert read(server.url()) == [1]
        write(server.url(), 3)
        busy.close()
    assert_usable(folder, [1, 3])


def test_kill_of_the_postmaster_is_mended_by_the_keeper(folder):
    with EmbeddedServer.start(folder) as server:
        write(server.url(), 1)
        dead = postmaster(folder)
        dead.kill()

        def is_back() -> bool:
            with contextlib.suppress(psycopg.OperationalError):
                return read(server.url()) == [1]
            return False

        eventually(is_back)
        assert postmaster(folder).pid != dead.pid
    assert_usable(folder, [1])


def test_kill_of_the_postmaster_is_mended_by_the_next_program(folder, program):
    url = program().ready()
    write(url, 1)
    postmaster(folder).kill()
    assert program().ready() == url
    assert read(url) == [1]


@pytest.mark.parametrize("moment", range(4))
def test_kill_while_the_cluster_is_made(folder, program, moment):
    delay_s = random.Random(moment).uniform(0.2, 1.5)
    victim = program()
    time.sleep(delay_s)
    if moment % 2:
        children = psutil.Process(victim.process.pid).children(recursive=True)
        for process in children:
            process.kill()
    victim.kill()
    with EmbeddedServer.start(folder) as server:
        write(server.url(), 1)
    assert_usable(folder, [1])


def test_kill_while_a_cluster_with_data_starts(folder, program):
    with EmbeddedServer.start(folder) as server:
        write(server.url(), 0)
    chance = random.Random(7)
    for _ in range(6):
        victim = program()
        time.sleep(chance.uniform(0.1, 0.6))
        if chance.random() < 0.5:
            for process in server_processes(folder):
                with contextlib.suppress(psutil.NoSuchProcess):  # ended with the one before
                    process.kill()
        victim.kill()
    assert_usable(folder, [0])


@pytest.mark.parametrize("crashed", [False, True], ids=["stopped", "crashed"])
def test_stale_pid_file_that_names_a_stranger(folder, crashed):
    server = EmbeddedServer.start(folder)
    write(server.url(), 1)
    pid_file = folder / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    owner = pid_file.stat()
    if crashed:
        postmaster(folder).kill()
        eventually(lambda: not server_processes(folder))
    server.stop()
    identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
    stranger = subprocess.Popen(["/bin/sleep", "600"], cwd="/", **identity)
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        assert_usable(folder, [1])
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_what_is_no_whole_cluster_is_kept_aside(folder):
    half = folder / "postgres" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("15\n")
    (half / "precious").write_text("data")
    if AS_ROOT:
        (folder / "postgres" / "data.making-left").mkdir()
    said: list[str] = []
    with EmbeddedServer.start(folder, notice=said.append) as server:
        write(server.url(), 1)
    [aside] = (folder / "postgres").glob("data.incomplete-*")
    assert (aside / "precious").read_text() == "data"
    assert any(aside.name in line for line in said)
    assert_usable(folder, [1])


@pytest.mark.parametrize("name", ["长" * 60, "a, b 'c' \"d\" $(e) %f", "x" * 120], ids=["chinese", "odd", "long"])
def test_folders_with_long_and_odd_names(folder, name):
    place = folder / name / "数据"
    for _ in range(2):
        with EmbeddedServer.start(place) as server, connect(server.url()) as connection:
            sockets = Path(connection.execute("SHOW unix_socket_directories").fetchone()[0])
            assert sockets.stat().st_mode & 0o777 == 0o700
            with EmbeddedServer.start(place) as other:
                assert other.url() == server.url()
    assert not sockets.exists()


def test_a_planted_socket_folder_is_not_trusted(folder):
    place = folder / ("x" * 120)
    with EmbeddedServer.start(place) as server:
        write(server.url(), 1)
    planted = folder / "planted"
    planted.mkdir(mode=0o777)
    (place / "postgres" / "socket-directory").write_text(str(planted))
    with EmbeddedServer.start(place) as server:
        assert "planted" not in server.url()
        assert read(server.url()) == [1]


@pytest.mark.skipif(not AS_ROOT, reason="only root gives up rights and has folders that its server cannot enter")
class TestStartedByRoot:
    """What only root meets."""

    @pytest.fixture
    def elsewhere(self, folder, monkeypatch) -> Path:
        place = folder.parent / "elsewhere"
        monkeypatch.setattr(ordinary, "MOVED_TO", place)
        return place

    def test_a_folder_out_of_reach_is_moved_and_said(self, folder, elsewhere):
        folder.mkdir(mode=0o700)
        said: list[str] = []
        with EmbeddedServer.start(folder / "mine", notice=said.append) as server:
            write(server.url(), 1)
            moved = server.data_dir
        assert moved.parent == elsewhere
        assert "mine" in moved.name
        assert any(str(moved) in line for line in said)
        assert_usable(folder / "mine", [1])
        folder.chmod(0o755)  # it can be reached now, but the data are elsewhere
        assert_usable(folder / "mine", [1])

    def test_a_cluster_that_went_out_of_reach_moves_with_its_data(self, folder, elsewhere):
        with EmbeddedServer.start(folder / "mine") as server:
            write(server.url(), 1)
        folder.chmod(0o700)
        assert_usable(folder / "mine", [1])
        assert not (folder / "mine" / "postgres" / "data").exists()

    def test_a_cluster_moves_across_file_systems(self, folder, elsewhere, monkeypatch):
        with EmbeddedServer.start(folder / "mine") as server:
            write(server.url(), 1)
        folder.chmod(0o700)
        rename = Path.rename

        def not_across(old: Path, new: Path) -> Path:
            if old.name == "postgres" and new.is_relative_to(elsewhere):
                raise OSError(errno.EXDEV, "another file system")
            return rename(old, new)

        monkeypatch.setattr(Path, "rename", not_across)
        assert_usable(folder / "mine", [1])
        assert (folder / "mine" / "postgres.moved" / "data" / "PG_VERSION").exists()

    def test_the_owner_of_the_folder_runs_the_server(self, folder):
        folder.mkdir()
        nobody = pwd.getpwnam("nobody").pw_uid
        os.chown(folder, nobody, 0)
        with EmbeddedServer.start(folder) as server:
            write(server.url(), 1)
            assert postmaster(folder).uids().real == nobody
        assert as_user(nobody, lambda: read_all(folder)) == "[1]"

    def test_an_owner_without_an_account_is_no_hindrance(self, folder):
        folder.mkdir()
        os.chown(folder, 4321, 4321)
        with EmbeddedServer.start(folder) as server:
            write(server.url(), 1)
        assert_usable(folder, [1])

    def test_another_users_folder_is_refused_with_a_reason(self, folder):
        with EmbeddedServer.start(folder):
            pass
        assert "no right to use the data folder" in as_user(4321, lambda: read_all(folder))
