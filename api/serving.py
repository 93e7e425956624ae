"""One process that serves: the socket it listens on, and an end at which nobody's request is lost.

A socket is opened here, or inherited: from the supervisor (``--fd``), or from systemd (``LISTEN_FDS``). Processes that share one share its queue
of new connections, too, so one that stops takes none with it; with SO_REUSEPORT each would have a queue of its own, and the kernel would reset
what waits in the queue of the one that stops.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from api.settings import ServerSettings
from gis.errors import Unavailable

BACKLOG = 2048
KEEP_ALIVE_S = 5
"""For how long a connection may be idle."""
GRACE_S = 25
"""How long requests in progress may take after SIGTERM; after Ctrl-C ``_HURRY_S``."""
_HURRY_S = 5
_FIRST_SYSTEMD_FD = 3
_COLLECTED_EVERY = 20_000
"""Objects."""
WORKER = "LINLI_SUPERVISED"
"""Names the two pipes to the supervisor, ``lifeline,ready``, in the environment of a process that it has started."""


@dataclass(frozen=True)
class Listening:
    """A listening socket, and whether others may go on answering on it when this program has ended."""

    socket: socket.socket
    shared: bool


def listen(server: ServerSettings, fd: int | None = None) -> Listening:
    """Return the socket to serve on, open before anything slow begins: whoever calls early waits, and a second program is told.

    Args:
        server: the address, where no socket is inherited.
        fd: an inherited listening socket; without it systemd's, where there is one.

    Raises:
        Unavailable: the address is taken or not ours, or ``fd`` is no listening socket.
    """
    if fd is None and os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS", "0") != "0":
        fd = _FIRST_SYSTEMD_FD
        for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):  # they are not for the programs started from here
            os.environ.pop(name, None)
    if fd is not None:
        return Listening(_inherited(fd), shared=True)
    listening = socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((server.host, server.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise Unavailable(
            f"无法使用 {server.host}:{server.port}（{error.strerror}），可换端口 / cannot use this address; "
            "try another port: linli serve --port N, or LINLI_PORT"
        ) from error
    return Listening(listening, shared=False)


def _inherited(fd: int) -> socket.socket:
    try:
        inherited = socket.socket(fileno=fd)
        if inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return inherited
        inherited.detach()
    except OSError:
        pass
    raise Unavailable(f"描述符 {fd} 不是监听中的套接字 / file descriptor {fd} is no listening socket")


class Server(uvicorn.Server):
    """uvicorn, ending in this order: accept nothing more; end live streams, so that they come back elsewhere; say ``Connection: close`` on every
    answer; and, where others go on answering at the address, close no idle connection on which a request may just be on its way.
    """

    def __init__(
        self, config: uvicorn.Config, *, shared: bool, closing: Callable[[], None], ready: Callable[[], bool]
    ) -> None:
        """Prepare.

        Args:
            config: uvicorn's.
            shared: whether others answer on the socket when this process has ended.
            closing: called once nothing more is accepted.
            ready: tells whether requests can be answered well; for the supervisor.
        """
        super().__init__(config)
        self._shared = shared
        self._closing = closing
        self._ready = ready
        self._announcing: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, and tell the supervisor when all is ready."""
        _spare_the_collector()
        await super().startup(sockets)
        pipes = os.environ.pop(WORKER, None)
        if pipes is not None:
            lifeline, ready = map(int, pipes.split(","))
            threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
            self._announcing = asyncio.create_task(self._announce(ready))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in good order."""
        patient = signal.SIGTERM in self._captured_signals
        self.config.timeout_graceful_shutdown = GRACE_S if patient else _HURRY_S
        loop = asyncio.get_running_loop()
        for listening in sockets or []:
            loop.remove_reader(
                listening
            )  # asyncio's own loop would drop a connection that it accepts while its server closes
        await asyncio.sleep(0.05)
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        self._closing()
        if self._shared and patient:
            # Whoever calls again within that time learns by `Connection: close` to call elsewhere; idle ones are closed as at any time.
            end = loop.time() + self.config.timeout_keep_alive + 1
            while self.server_state.connections and loop.time() < end and not self.force_exit:
                await asyncio.sleep(0.05)
        await super().shutdown(sockets)

    async def _announce(self, pipe: int) -> None:
        loop = asyncio.get_running_loop()
        while not await loop.run_in_executor(None, self._ready):
            await asyncio.sleep(0.1)
        os.write(pipe, b"ready")
        os.close(pipe)


def _spare_the_collector() -> None:
    """Have Python's collector leave alone what the program itself consists of: walking through it took a quarter of a second for a large request.

    Requests leave hardly any circles behind, so that it need not look after every 700 objects either.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_EVERY, *gc.get_threshold()[1:])


def _end_with(lifeline: int) -> None:
    """End when the supervisor has: its end of the pipe closes with it, however it ends."""
    while os.read(lifeline, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
