"""Imports on a real terminal: their progress, waiting for another import of the same file, and Ctrl-C in the middle of a statement."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.conftest import KEY
from tests.gis.services.conftest import lonlat

ROOT = Path(__file__).parents[2]
WITHIN_S = 120


@pytest.fixture(autouse=True)
def outside(peopled: Store, database_urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LINLI_DATABASE_URL", database_urls[0])
    monkeypatch.setenv("LINLI_SERVICE_DATABASE_URL", database_urls[1])
    monkeypatch.setenv("LINLI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LINLI_FIELD_KEY", KEY.text)


class Terminal:
    """The command ``linli`` on a terminal of its own."""

    def __init__(self, *words: str) -> None:
        ours, theirs = pty.openpty()
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
        command = [sys.executable, "-m", "api.cli", *words]
        self.program = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.said = ""
        self._thread = threading.Thread(target=self._listen, args=(ours,))
        self._thread.start()

    def _listen(self, ours: int) -> None:
        with suppress(OSError):  # the other end is closed
            while heard := os.read(ours, 65536):
                self.said += heard.decode(errors="replace")
        os.close(ours)

    def end(self) -> int:
        """Wait until the program has ended; return its code."""
        code = self.program.wait(WITHIN_S)
        self._thread.join(WITHIN_S)
        assert "Traceback" not in self.said
        return code


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def file(folder: Path, east_m: float, *new: str) -> Path:
    """A file that moves a stored household and brings new ones."""
    lon, lat = lonlat(200 + east_m, 200)
    path = folder / "homes.csv"
    path.write_text("\n".join(["code,lon,lat", *(f"{code},{lon},{lat}" for code in ("H001", *new)), ""]))
    return path


@contextmanager
def nobody_gets_past(store: Store, code: str) -> Iterator[None]:
    """Keep a household's row locked: an import that would change it has read its file, and stops while it writes."""
    with store.owner_session() as session:
        session.execute(text("SELECT FROM households WHERE code = :code FOR UPDATE"), {"code": code})
        yield


def stored(store: Store) -> list[Any]:
    with store.owner_session() as session:
        query = "SELECT code, version, grid_id, grid_reason, lon FROM households WHERE code = 'H001' OR code LIKE 'N%' ORDER BY code"
        return list(session.execute(text(query)).all())


def test_the_same_file_twice_at_once_and_one_waits(
    client: TestClient, as_: SignIn, peopled: Store, tmp_path: Path
) -> None:
    headers, before = as_("admin"), stored(peopled)[0].version
    path = file(tmp_path, 10, "N1", "N2")

    def listed() -> list[dict[str, Any]]:
        return list(client.get("/api/imports", headers=headers).json()["items"])

    with nobody_gets_past(peopled, "H001"):
        sent = {"file": ("homes.csv", path.read_bytes())}
        assert client.post("/api/imports?kind=households&crs=EPSG:4326", files=sent, headers=headers).status_code == 202
        until(lambda: listed()[0]["read"] == 3)  # the progress that the page shows
        terminal = Terminal("import", "households", str(path), "--crs", "EPSG:4326")
        until(lambda: "等待其他导入结束" in terminal.said)
        assert [each["state"] for each in listed()] == ["queued", "running"]
    assert terminal.end() == 0
    assert "read 3 loaded 3 rejected 0" in terminal.said
    second, first = listed()
    assert (first["state"], first["loaded"], second["state"], second["loaded"]) == ("done", 3, "done", 3)
    assert first["finished_at"] <= second["started_at"]
    rows = stored(peopled)
    assert [(row.code, row.version) for row in rows] == [("H001", before + 1), ("N1", 1), ("N2", 1)]
    assert all((row.grid_id is None) == (row.grid_reason is not None) for row in rows)


def test_progress_on_a_terminal_and_ctrl_c_keeps_nothing(peopled: Store, tmp_path: Path) -> None:
    before = stored(peopled)
    path = file(tmp_path, 20, "N1", "N2", "N3")
    with nobody_gets_past(peopled, "H001"):
        terminal = Terminal("import", "households", str(path), "--crs", "EPSG:4326")
        until(lambda: "homes.csv" in terminal.said and "4/" in terminal.said)
        terminal.program.send_signal(signal.SIGINT)
        assert terminal.end() == 2
    assert "已取消，未保留任何内容" in terminal.said
    assert stored(peopled) == before
    with peopled.owner_session() as session:
        assert session.scalars(text("SELECT state FROM imports")).all() == ["cancelled"]
        assert (
            session.scalars(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%stage%' AND state = 'active' AND datname = current_database() AND pid <> pg_backend_pid()"
                )
            ).one()
            == 0
        )
