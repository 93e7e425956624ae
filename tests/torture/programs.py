"""The programs of the campaign, started as a person starts them, and how they are killed."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import psycopg

PROJECT = Path(__file__).parents[2]
PASSWORD = "a-long-enough-secret-7"
READY_WITHIN_S = 120


class Programs:
    """The service, a worker beside it, and the embedded server under both."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.log = folder / "programs.log"
        self.files = folder / "files"
        self.files.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.server = self.data_dir / "postgres"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LINLI_")},
            "LINLI_DATA_DIR": str(self.data_dir),
            "LINLI_ADMIN_PASSWORD": PASSWORD,
            "LINLI_FILES_PER_HOUR": "0",
            "PYTHONWARNINGS": "ignore",
        }

    def start(self) -> None:
        """Start whatever of service and worker does not run."""
        for name, words in (("service", ["serve", "--port", str(self.port)]), ("worker", ["worker"])):
            if not self.runs(name):
                self._running[name] = self.program(*words)

    def program(self, *words: str) -> subprocess.Popen[bytes]:
        """Run the command ``linli``."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "api.cli", *words],
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def runs(self, name: str) -> bool:
        """Tell whether a program runs."""
        return name in self._running and self._running[name].poll() is None

    def wait_until_ready(self) -> float:
        """Wait until the service says that it is ready; return how long that took, s.

        Raises:
            AssertionError: it has ended, or takes too long.
        """
        began = time.monotonic()
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.base}/api/ready", timeout=10).status_code == 200:
                    return time.monotonic() - began
            assert self.runs("service"), f"the service ended by itself, see {self.log}"
            assert time.monotonic() - began < READY_WITHIN_S, f"not ready after {READY_WITHIN_S} s, see {self.log}"
            time.sleep(0.05)

    def sign_in(self) -> str:
        """Return an admin's token."""
        answered = httpx.post(f"{self.base}/api/session", json={"username": "admin", "password": PASSWORD}, timeout=60)
        return str(answered.json()["access_token"])

    @property
    def address(self) -> str:
        """The database's address for its owner, past the service."""
        return psycopg.conninfo.make_conninfo(host=str(self.server), port=5432, user="linli", dbname="linli")

    def connect(self) -> psycopg.Connection:
        """Connect to the database as its owner, past the service; waits until it is back."""
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                return psycopg.connect(self.address, connect_timeout=5)
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "the database does not come back"
                time.sleep(0.1)

    # Killing

    def victims(self, chance: random.Random, importing: int | None = None) -> dict[str, list[psutil.Process]]:
        """Return what can be killed now, by name; of the database's processes the one that imports, if it is known."""
        database = self._database()
        backends = [each for each in database if _title(each).startswith("postgres: linli")]
        backends = [each for each in backends if each.pid == importing] or backends
        found = {
            "service": self._own("service"),
            "worker": self._own("worker"),
            "backend": [chance.choice(backends)] if backends else [],
            "postmaster": [each for each in database if not _title(each).startswith("postgres: ")],
            "all of PostgreSQL": database,
            "keeper": self._keepers(),
        }
        found["everything"] = [*found["service"], *found["worker"], *database, *found["keeper"]]
        return {name: processes for name, processes in found.items() if processes}

    def stop(self) -> None:
        """Stop all in an orderly way, and whatever does not go."""
        for running in self._running.values():
            running.terminate()
        for running in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(60)
        for each in [*self._own("service"), *self._own("worker"), *self._keepers(), *self._database()]:
            with contextlib.suppress(psutil.Error):
                each.kill()

    def _own(self, name: str) -> list[psutil.Process]:
        return [psutil.Process(self._running[name].pid)] if self.runs(name) else []

    def _keepers(self) -> list[psutil.Process]:
        wanted = ["-m", "gis.store.keeper", str(self.server)]
        return [each for each in psutil.process_iter() if _command(each)[1:] == wanted]

    def _database(self) -> list[psutil.Process]:
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if (
                    each.name() == "postgres"
                    and each.status() != psutil.STATUS_ZOMBIE
                    and Path(each.cwd()).is_relative_to(self.server)
                ):
                    found.append(each)
        return found


def kill(processes: list[psutil.Process]) -> None:
    """End processes as nothing orderly does, and bury our own."""
    for each in processes:
        with contextlib.suppress(psutil.Error):
            each.kill()
    psutil.wait_procs(processes, timeout=10)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _title(process: psutil.Process) -> str:
    return " ".join(_command(process))
