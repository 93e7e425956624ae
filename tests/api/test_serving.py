"""Real processes behind one socket: rolled, killed and stopped while clients call without pause; every failed request counts."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from api.serving import listen
from api.settings import ServerSettings
from gis.errors import Unavailable
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.conftest import KEY

ROOT = Path(__file__).parents[2]
LIMIT_S = 300


class Service:
    """``linli serve`` as an operator starts it, and what is asked of it."""

    def __init__(self, words: list[str], environment: dict[str, str], port: int, fds: tuple[int, ...] = ()) -> None:
        self.port = port
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve", *words], cwd=ROOT, env=environment, pass_fds=fds,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(self.process.stderr)

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers or {})
            answered = connection.getresponse()
            return answered.status, answered.read()

    def wait_until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT_S
        while not true():
            assert self.process.poll() is None, self.spoken()
            assert time.monotonic() < end, self.spoken()
            time.sleep(0.05)

    def workers(self) -> set[int]:
        """Return the numbers of the serving processes."""
        return {child.pid for child in psutil.Process(self.process.pid).children() if lives(child)}

    def holder(self, client: socket.socket) -> int | None:
        """Return the serving process at the other end of a connection; None before it is accepted."""
        port = client.getsockname()[1]
        for process in filter(lives, psutil.Process(self.process.pid).children()):
            if any(each.raddr and each.raddr.port == port for each in process.net_connections("tcp")):
                return process.pid
        return None

    def spoken(self) -> list[str]:
        """Return what was said last, the log's lines of requests left out."""
        return [line for line in self.said if '"event":"request"' not in line][-20:]

    def notices(self, word: str) -> int:
        return sum(word in line for line in self.said)

    def is_ready(self) -> bool:
        try:
            return self.get("/api/ready")[0] == 200
        except OSError:
            return False

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(LIMIT_S)


def lives(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that nobody has buried yet does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def environment(peopled: Store, database_urls: tuple[str, str], tmp_path: Path) -> dict[str, str]:
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("LINLI_", "LISTEN_"))},
        "LINLI_DATABASE_URL": database_urls[0], "LINLI_SERVICE_DATABASE_URL": database_urls[1],
        "LINLI_DATA_DIR": str(tmp_path / "data"), "LINLI_FIELD_KEY": KEY.text, "LINLI_METRICS_TOKEN": "a-token-for-prometheus",
    }  # fmt: skip


@contextlib.contextmanager
def serving(
    words: list[str], environment: dict[str, str], starting: Callable[[Service], None] = lambda _: None, **more: Any
) -> Iterator[Service]:
    """Give a service once it is ready; ``starting`` is done to it before."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    service = Service([*words, "--port", str(port)], environment, port, **more)
    try:
        starting(service)
        service.wait_until(service.is_ready)
        yield service
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(service.process.pid).children() if service.process.poll() is None else []:
                child.kill()
        service.process.kill()
        service.process.wait()


class Load:
    """Clients that call without pause: some keep their connection as long as they may, some take a new one each time."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._port, self._headers = port, headers
        self._stop = threading.Event()
        self.answered = 0
        self.lost: list[str] = []
        self._threads = [threading.Thread(target=self._call, args=(number % 2 == 0,)) for number in range(4)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self, keeps: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=LIMIT_S)
        while not self._stop.is_set():
            try:
                if connection.sock is None:
                    connection.connect()  # http.client would connect again in silence: nothing may be hidden here
                connection.request("GET", "/api/grids?limit=2", headers=self._headers)
                answered = connection.getresponse()
                answered.read()
                if answered.status == 200:
                    self.answered += 1
                else:
                    self.lost.append(str(answered.status))
                if not keeps:
                    connection.close()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                connection.close()
        connection.close()


def test_a_rolling_restart_loses_no_request(environment: dict[str, str], as_: SignIn) -> None:
    with serving(["--workers", "2"], environment) as service, Load(service.port, as_("admin")) as load:
        for roll in range(1, 4):
            before, answered = service.workers(), load.answered
            assert len(before) == 2
            service.process.send_signal(signal.SIGHUP)
            service.wait_until(lambda roll=roll: service.notices("have been replaced") == roll)
            assert not before & service.workers()
            assert load.answered > answered
        assert load.lost == []
    assert load.lost == []
    assert load.answered > 100


def test_a_request_in_progress_is_finished_and_a_stream_ends_whole(environment: dict[str, str], as_: SignIn) -> None:
    with serving(["--workers", "2"], environment) as service:
        slow = socket.create_connection(("127.0.0.1", service.port), timeout=LIMIT_S)
        body = json.dumps({"points": [[105.0, 25.0]]}).encode()
        head = f"POST /api/grids/locate HTTP/1.1\r\nHost: x\r\nAuthorization: {as_('admin')['Authorization']}\r\n"
        slow.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        service.wait_until(lambda: service.holder(slow) is not None)
        streams = []
        while not streams or service.holder(streams[-1].sock) != service.holder(slow):
            streams.append(http.client.HTTPConnection("127.0.0.1", service.port, timeout=LIMIT_S))
            streams[-1].request("GET", "/api/screen/changes", headers=as_("screen"))
            service.wait_until(lambda: service.holder(streams[-1].sock) is not None)
            assert len(streams) < 100
        service.process.send_signal(signal.SIGHUP)
        # The process that holds the slow request is ending when its stream ends; one that is cut off would raise IncompleteRead.
        assert b"event: ready" in streams[-1].getresponse().read()
        slow.sendall(body[5:])
        answered = slow.recv(100_000)
        assert answered.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answered.lower()
        slow.close()
        for stream in streams[:-1]:
            assert b"event: ready" in stream.getresponse().read()
        service.wait_until(lambda: service.notices("have been replaced") == 1)


def test_figures_of_all_processes_come_from_any(environment: dict[str, str], as_: SignIn) -> None:
    def count() -> float:
        status, body = service.get("/metrics", {"Authorization": "Bearer a-token-for-prometheus"})
        assert status == 200
        asked = 'linli_request_seconds_count{method="GET",route="/api/grids",status="200"}'
        return sum(float(line.rpartition(" ")[2]) for line in body.decode().splitlines() if line.startswith(asked))

    with serving(["--workers", "2"], environment) as service:
        for _ in range(20):
            assert service.get("/api/grids", as_("admin"))[0] == 200
        assert {count() for _ in range(6)} == {20}
        service.process.send_signal(signal.SIGHUP)
        service.wait_until(lambda: service.notices("have been replaced") == 1)
        assert count() == 20, "what ended processes have counted stays"


def test_a_killed_process_is_started_again_and_none_outlives_its_supervisor(environment: dict[str, str]) -> None:
    with serving(["--workers", "2"], environment) as service:
        first = service.workers()
        os.kill(min(first), signal.SIGKILL)
        service.wait_until(lambda: len(service.workers() - {min(first)}) == 2)
        service.wait_until(service.is_ready)
        left = [psutil.Process(pid) for pid in service.workers()]
        service.process.kill()
        service.process.wait()
        end = time.monotonic() + LIMIT_S
        while any(map(lives, left)):
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_process_killed_while_it_starts_is_started_again(environment: dict[str, str]) -> None:
    killed: set[int] = set()

    def kill(service: Service) -> None:
        service.wait_until(lambda: len(service.workers()) == 2)
        killed.update(service.workers())
        for process in killed:
            os.kill(process, signal.SIGKILL)

    with serving(["--workers", "2"], environment, kill) as service:
        service.wait_until(lambda: len(service.workers() - killed) == 2)
        assert service.notices("意外结束") == 2


def test_sigterm_ends_all(environment: dict[str, str]) -> None:
    with serving(["--workers", "2"], environment) as service:
        workers = [psutil.Process(pid) for pid in service.workers()]
        assert service.stop() == 0
        assert not any(map(lives, workers))
        with pytest.raises(OSError):
            service.get("/api/health")


def test_a_socket_that_somebody_else_holds(environment: dict[str, str], as_: SignIn) -> None:
    """As with systemd: the socket stays while the service is restarted, and who calls meanwhile waits."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=512)) as held:
        port = held.getsockname()[1]
        words = ["--fd", str(held.fileno())]

        def start() -> Service:
            return Service(words, environment, port, fds=(held.fileno(),))

        service = start()
        service.wait_until(service.is_ready)
        try:
            with Load(port, as_("admin")) as load:
                for _ in range(2):
                    assert service.stop() == 0
                    service = start()
                    service.wait_until(service.is_ready)
            assert load.lost == []
        finally:
            service.stop()


def test_systemds_socket_is_found(environment: dict[str, str]) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as held:
        port = held.getsockname()[1]
        start = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3, inheritable=True); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
            "os.execv(sys.executable, [sys.executable, '-m', 'api.cli', 'serve'])"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", start, str(held.fileno())], cwd=ROOT, env=environment, pass_fds=(held.fileno(),),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
            connection.request("GET", "/api/health")  # it waits in the socket's queue until somebody serves
            assert connection.getresponse().status == 200
        finally:
            process.terminate()
            assert process.wait(LIMIT_S) == 0


def test_what_is_no_listening_socket(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, contextlib.closing(socket.socket()) as idle:
        for fd in (file.fileno(), idle.fileno(), 999):
            with pytest.raises(Unavailable, match=str(fd)):
                listen(ServerSettings(), fd)
        idle.fileno()


def test_an_address_in_use() -> None:
    taken = contextlib.closing(socket.create_server(("127.0.0.1", 0)))
    with taken as held, pytest.raises(Unavailable, match="--port"):
        listen(ServerSettings(port=held.getsockname()[1]))
