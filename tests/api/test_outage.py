"""The database restarted, cut off, out of room: every request is answered rightly or told when to come again, and all is back by itself."""

from __future__ import annotations

import contextlib
import itertools
import resource
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.app import create_app
from api.routes import screen
from api.settings import Settings
from gis.services.import_faults import NO_ROOM
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store
from tests.api.conftest import SignIn
from tests.api.routes.test_screen import address, change, lines_of, next_topic  # noqa: F401 - a fixture among them
from tests.gis.services.conftest import G1, G2, lonlat
from tests.gis.services.importing import households
from tests.scratch import scratch_folder

BACK_WITHIN_S = 60.0
"""The goal is 5 s, which `make torture` reports; a busy machine is no fault here."""
MIB = 1 << 20


@pytest.fixture(scope="module")
def own() -> Iterator[EmbeddedServer]:
    """Give a server that may be mistreated."""
    folder = scratch_folder("linli-outage-")
    with EmbeddedServer.start(folder / "data") as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_urls(own: EmbeddedServer) -> Iterator[tuple[str, str]]:
    """Give a fresh database there, to the fixtures that make a store and a place of it."""
    name = f"outage_{time.monotonic_ns()}"
    _administer(own, f"CREATE DATABASE {name} TEMPLATE template0")
    fresh = Store(own.url(database=name))
    fresh.migrate()
    fresh.close()
    yield own.url(database=name), own.url(user=SERVICE_ROLE, database=name)
    own.ensure_running()
    _administer(own, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def app(peopled: Store, own: EmbeddedServer, tmp_path: Path) -> FastAPI:
    return create_app(peopled, Settings.load(data_dir=tmp_path / "data"), own.ensure_running)


def _administer(server: EmbeddedServer, statement: str) -> None:
    url = server.url(database="postgres").replace("+psycopg", "", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def postmaster(server: EmbeddedServer) -> psutil.Process:
    pid_file = server.data_dir / "postgres" / "data" / "postmaster.pid"
    return psutil.Process(int(pid_file.read_text().split()[0]))


def answers(server: EmbeddedServer) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        _administer(server, "SELECT 1")
        return True
    return False


class Users:
    """Several people who read and write all the time; what they are told is judged."""

    def __init__(self, base: str, headers: dict[str, str]) -> None:
        self.told: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._client = httpx.Client(base_url=base, headers=headers, timeout=60)
        self._over = threading.Event()
        lon, lat = lonlat(500, 500)
        asked = [
            (f"/api/grids/locate?lon={lon}&lat={lat}", lambda found: found["grid"]["code"] == G1),
            (f"/api/grids/{G2}/summary", lambda found: found["households"] == 15),
            ("/api/households?limit=500", lambda found: sum(each["code"][0] == "H" for each in found["items"]) == 23),
        ]
        self._threads = [threading.Thread(target=self._read, args=each) for each in asked]
        self._threads.append(threading.Thread(target=self._write))

    def __enter__(self) -> Users:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def all_well(self) -> None:
        """Return once nobody has been refused for a moment."""
        deadline = time.monotonic() + 120
        while True:
            before = self.told.copy()
            time.sleep(0.5)
            since = self.told - before
            if since[200] > 5 and not since[503]:
                return
            assert time.monotonic() < deadline, (since, self.wrong)

    def _read(self, path: str, is_right: Callable[[dict], bool]) -> None:
        while not self._over.is_set():
            answered = self._ask("GET", path)
            if (
                answered.status_code == 200
                and "json" in answered.headers["content-type"]
                and not is_right(answered.json())
            ):
                self.wrong.append(f"{path}: {answered.text[:200]}")

    def _write(self) -> None:
        for colour in itertools.cycle(("red", "green")):
            if self._over.is_set():
                return
            tag = self._ask("GET", "/api/households/H001").headers.get("etag", '"1"')
            answered = self._ask("PATCH", "/api/households/H001", json={"colour": colour}, headers={"If-Match": tag})
            if answered.status_code == 200:
                found = self._ask("GET", "/api/households/H001")
                if found.status_code == 200 and found.json()["colour"] != colour:
                    self.wrong.append(f"an acknowledged {colour} is {found.text[:200]}")

    def _ask(self, method: str, path: str, **more: object) -> httpx.Response:
        answered = self._client.request(method, path, **more)  # type: ignore[arg-type]
        time.sleep(0.02)
        self.told[answered.status_code] += 1
        if answered.status_code == 503:
            if (
                not answered.headers.get("retry-after", "").isdigit()
                or "problem+json" not in answered.headers["content-type"]
            ):
                self.wrong.append(f"{method} {path}: 503 without words or without Retry-After")
            time.sleep(0.05)
        elif answered.status_code not in (200, 204, 412):
            self.wrong.append(f"{method} {path}: {answered.status_code} {answered.text[:200]}")
        return answered


@pytest.fixture
def users(address: str, as_: SignIn) -> Iterator[Users]:  # noqa: F811 - the fixture
    with Users(address, as_("admin")) as people:
        people.all_well()
        yield people
    assert people.wrong == []


def test_the_database_is_killed_under_load(
    users: Users,
    own: EmbeddedServer,
    address: str,  # noqa: F811
    as_: SignIn,
    peopled: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(screen, "HEARTBEAT_S", 0.3)  # who holds the stream is looked up while the database is away, too
    with httpx.stream("GET", f"{address}/api/screen/changes", headers=as_("screen"), timeout=60) as answer:
        lines = lines_of(answer)
        assert next(lines)
        for end in (signal.SIGKILL, signal.SIGINT, signal.SIGQUIT):
            running = postmaster(own)
            running.send_signal(end)
            running.wait(60)
            while not answers(own):
                time.sleep(0.02)
            came_back = time.monotonic()
            while httpx.get(f"{address}/api/ready", timeout=60).status_code != 200:
                assert time.monotonic() - came_back < BACK_WITHIN_S
                time.sleep(0.02)
            users.all_well()
            change(peopled)
            assert "stations" in "".join(data for data in _topics(lines, "stations"))


def _topics(lines: Iterator[str], wanted: str) -> Iterator[str]:
    """Yield topics until the wanted one: the stream goes on over the database's absence."""
    while True:
        _, data = next_topic(lines)
        yield data
        if wanted in data:
            return


def test_connections_are_cut_under_load(users: Users, own: EmbeddedServer, peopled: Store) -> None:
    for _ in range(10):
        _administer(own, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{SERVICE_ROLE}'")
        time.sleep(0.1)
    users.all_well()
    assert set(users.told) <= {200, 412, 503}


def test_no_connection_is_to_be_had(users: Users, own: EmbeddedServer) -> None:
    _administer(own, f"ALTER ROLE {SERVICE_ROLE} NOLOGIN")
    try:
        _administer(own, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{SERVICE_ROLE}'")
        before = users.told[503]
        while users.told[503] < before + 5:
            time.sleep(0.05)
    finally:
        _administer(own, f"ALTER ROLE {SERVICE_ROLE} LOGIN")
    users.all_well()


def test_the_disk_is_full(users: Users, own: EmbeddedServer, address: str, as_: SignIn, peopled: Store) -> None:  # noqa: F811
    """A limit on the size of files stands for a full disk: no right to mount anything is needed, and the database's writes fail the same way."""
    headers = as_("admin")
    lon, lat = lonlat(200, 200)
    many = "\n".join(["code,lon,lat", *(f"N{n:050d},{lon},{lat}" for n in range(110_000)), ""]).encode()
    with _no_files_beyond(own, 17 * MIB):
        answered = httpx.post(
            f"{address}/api/imports?kind=households&crs=EPSG:4326",
            files={"file": ("a.csv", many)},
            headers=headers,
            timeout=120,
        )
        assert answered.status_code in (202, 503)
        if answered.status_code == 202:
            ended = _ended(address, headers, answered.json()["id"])
            assert ended["state"] == "failed"
            assert NO_ROOM in str(ended["errors"])
    users.all_well()
    with peopled.owner_session() as session:
        left = session.execute(
            text("SELECT (SELECT count(*) FROM households WHERE code LIKE 'N%'), (SELECT count(*) FROM import_pieces)")
        ).one()
    assert tuple(left) == (0, 0)
    answered = httpx.post(
        f"{address}/api/imports?kind=households&crs=EPSG:4326",
        files={"file": ("a.csv", households("N1"))},
        headers=headers,
        timeout=120,
    )
    assert _ended(address, headers, answered.json()["id"])["state"] == "done"


@contextlib.contextmanager
def _no_files_beyond(server: EmbeddedServer, most: int) -> Iterator[None]:
    """Restart the server so that none of its processes can make a file larger than this; and again, without."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        _restart(server)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    try:
        yield
    finally:
        _restart(server)


def _restart(server: EmbeddedServer) -> None:
    running = postmaster(server)
    running.send_signal(signal.SIGINT)
    running.wait(60)
    server.ensure_running()


def _ended(base: str, headers: dict[str, str], import_id: str) -> dict[str, object]:
    deadline = time.monotonic() + 120
    while True:
        answered = httpx.get(f"{base}/api/imports/{import_id}", headers=headers, timeout=60)
        if answered.status_code == 200 and answered.json()["state"] not in ("queued", "running"):
            return dict(answered.json())
        assert time.monotonic() < deadline, answered.text
        time.sleep(0.1)
