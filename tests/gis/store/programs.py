"""Programs that use the embedded server, and what can be seen of it from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg

from gis.store.embedded import EmbeddedServer

PROJECT = Path(__file__).parents[3]
PROGRAM = """
import sys
from pathlib import Path
from gis.store.embedded import EmbeddedServer
from tests.scratch import scratch_folder
with EmbeddedServer.start(Path(sys.argv[1]), notice=lambda line: print("notice", line, flush=True)) as server:
    print("ready", server.url(), flush=True)
    sys.stdin.readline()
print("left", flush=True)
"""


class Program:
    """Another program that uses the server of a folder until it is told to leave."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder)], cwd=PROJECT, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ready(self) -> str:
        """Wait until it has the server; give the server's address."""
        for line in self.process.stdout:
            if line.startswith("ready "):
                return line.split()[1]
        raise AssertionError("the program ended before it had the server")

    def leave(self) -> None:
        assert self.process.communicate("\n", timeout=60)[0].strip().endswith("left")
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def server_processes(folder: Path) -> list[psutil.Process]:
    """List the PostgreSQL processes that live inside a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def eventually(true: Callable[[], bool], limit_s: float = 20) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True)


def write(url: str, value: int) -> None:
    with connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def read(url: str) -> list[int]:
    with connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT value FROM kept ORDER BY value")]


def postmaster(folder: Path) -> psutil.Process:
    pid_file = folder / "postgres" / "data" / "postmaster.pid"
    return psutil.Process(int(pid_file.read_text().split()[0]))


def assert_usable(folder: Path, values: list[int]) -> None:
    """A fresh start has all the data, and leaves nothing half-made."""
    with EmbeddedServer.start(folder) as server:
        assert read(server.url()) == values
    assert not list((folder / "postgres").glob("data.making-*"))


def read_all(folder: Path) -> str:
    with EmbeddedServer.start(folder) as server:
        return str(read(server.url()))


def as_user(uid: int, work: Callable[[], str]) -> str:
    """Do something in a process of another user; give its result or error as text."""
    there, here = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            result = work()
        except BaseException as error:
            result = str(error)
        os.write(here, result.encode())
        os._exit(0)
    os.close(here)
    with os.fdopen(there) as answer:
        result = answer.read()
    os.waitpid(child, 0)
    return result
