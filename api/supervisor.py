"""Several processes behind one socket: started, started again when they die, and replaced one by one without losing a request."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.serving import GRACE_S, KEEP_ALIVE_S, WORKER
from gis.errors import Unavailable

_READY_S = 900
"""A process that dies is noticed at once; one that starts is given time, on a busy machine and while tables are migrated."""
_END_S = GRACE_S + KEEP_ALIVE_S + 10
_LONGEST_PAUSE_S = 30.0
_STARTS = 3
"""So often a process that is killed while it starts is begun; what crashes each time will not start."""
_LIVED_S = 10.0
"""A process that has lived shorter than that died of its start."""


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    ready: int
    """The pipe in which it says so."""
    began: float = field(default_factory=time.monotonic)

    @property
    def lives(self) -> bool:
        return self.process.poll() is None


class Supervisor:
    """Keeps ``count`` serving processes. SIGHUP replaces them one by one, each after its successor has said that it is ready."""

    def __init__(
        self,
        listening: socket.socket,
        data_dir: Path,
        count: int,
        *,
        shared: bool,
        notice: Callable[[str], None],
        ended: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        """Prepare.

        Args:
            listening: the socket that all serve on.
            data_dir: as the settings name it.
            count: number of processes.
            shared: whether others go on answering on the socket when the supervisor has ended, too.
            notice: called with a line for a person.
            ended: called with the number of a process that has ended.
        """
        self._listening = listening
        self._data_dir = data_dir
        self._count = count
        self._shared = shared
        self._notice = notice
        self._ended = ended
        self._workers: list[_Worker] = []
        self._rolling = False
        self._pause_s, self._not_before = 0.0, 0.0
        self._lifeline, self._held = os.pipe()

    def run(self, greet: Callable[[], None] = lambda: None) -> None:
        """Serve until KeyboardInterrupt; ``greet`` is called when all processes are ready.

        Raises:
            Unavailable: a process does not start.
        """
        signal.signal(signal.SIGHUP, self._ask_to_roll)
        stop = signal.SIGINT
        try:
            self._workers = [self._start() for _ in range(self._count)]
            for place in range(self._count):
                self._see_started(place)
            greet()
            while True:
                self._replace_dead()
                if self._rolling:
                    self._rolling = False
                    self._roll()
                time.sleep(0.1)
        except KeyboardInterrupt:
            stop = signal.SIGTERM if self._shared else signal.SIGINT
            raise
        finally:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            self._stop_all(stop)

    def _ask_to_roll(self, _signal: int, _frame: Any) -> None:
        self._rolling = True

    def _start(self) -> _Worker:
        ready, tell = os.pipe()
        fd = self._listening.fileno()
        command = [
            sys.executable,
            "-m",
            "api.cli",
            "serve",
            "--fd",
            str(fd),
            "--data-dir",
            str(self._data_dir),
            "--workers",
            str(self._count),
        ]
        try:
            process = subprocess.Popen(
                command, pass_fds=(fd, self._lifeline, tell), start_new_session=True, stdin=subprocess.DEVNULL,
                env={**os.environ, WORKER: f"{self._lifeline},{tell}"},
            )  # fmt: skip
        finally:
            os.close(tell)
        return _Worker(process, ready)

    def _see_started(self, place: int) -> None:
        """Wait until the process in a place is ready; one that was killed meanwhile is started again, one that gave up has said why."""
        for left in reversed(range(_STARTS)):
            if self._wait_until_ready(self._workers[place]):
                return
            with suppress(subprocess.TimeoutExpired):
                self._workers[place].process.wait(1)
            if not left or (self._workers[place].process.returncode or 0) >= 0:
                raise Unavailable("服务进程无法启动，原因见上 / a serving process does not start; the reason is above")
            self._start_again(place)

    def _wait_until_ready(self, worker: _Worker) -> bool:
        """Wait for its word; False if it ends without, or says nothing for long."""
        heard, _, _ = select.select([worker.ready], [], [], _READY_S)
        return bool(heard) and os.read(worker.ready, 16) == b"ready"

    def _roll(self) -> None:
        """Replace every process, one after the other; stop at the first successor that does not become ready."""
        for place, old in enumerate(list(self._workers)):
            new = self._start()
            if not self._wait_until_ready(new):
                self._stop(new, signal.SIGTERM)
                self._notice("新进程未就绪，保留原进程 / the new process did not become ready; the old ones go on")
                return
            self._workers[place] = new
            self._stop(old, signal.SIGTERM)
        self._notice(f"已逐个更换 {self._count} 个进程 / all {self._count} processes have been replaced")

    def _replace_dead(self) -> None:
        for place, worker in enumerate(self._workers):
            if worker.lives or time.monotonic() < self._not_before:
                continue
            short = time.monotonic() - worker.began < _LIVED_S
            self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s or 1.0) if short else 0.0
            self._not_before = time.monotonic() + self._pause_s
            self._start_again(place)

    def _start_again(self, place: int) -> None:
        worker = self._workers[place]
        self._notice(
            f"进程 {worker.process.pid} 意外结束（{worker.process.returncode}），重新启动 / "
            f"process {worker.process.pid} ended unexpectedly ({worker.process.returncode}) and is started again"
        )
        self._bury(worker)
        self._workers[place] = self._start()

    def _stop_all(self, how: signal.Signals) -> None:
        for worker in self._workers:
            if worker.lives:
                worker.process.send_signal(how)
        for worker in self._workers:
            self._stop(worker, None)
        os.close(self._held)
        os.close(self._lifeline)

    def _stop(self, worker: _Worker, how: signal.Signals | None) -> None:
        """End a process and wait for it; what hangs is killed."""
        if how is not None and worker.lives:
            worker.process.send_signal(how)
        try:
            worker.process.wait(_END_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            worker.process.kill()
            worker.process.wait()
        self._bury(worker)

    def _bury(self, worker: _Worker) -> None:
        os.close(worker.ready)
        self._ended(worker.process.pid)
