"""Servers on one core and load from another: wrk against linli, an empty answer, tipg."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

CONNECTIONS, SECONDS = 16, 3
_LUA = """
local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
local at = 0
request = function()
  at = at %% #paths + 1
  return wrk.format("GET", paths[at])
end
"""
_UVICORN = ["--log-level", "warning", "--no-access-log", "--no-server-header", "--backlog", "2048"]
"""As `linli serve` runs it (api/cli.py)."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextlib.contextmanager
def serving(command: Sequence[str], port: int, ready: str, env: dict[str, str] | None = None) -> Iterator[str]:
    """Run a server on the first core and give its address once ``ready`` answers with 200."""
    address = f"http://127.0.0.1:{port}"
    # One processor each, so that "one core" means the same for all; the database is not tied down.
    pinned = ["taskset", "-c", "0", *command] if shutil.which("taskset") else list(command)
    with subprocess.Popen(
        pinned, env={**os.environ, **(env or {})}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as server:
        try:
            for _ in range(600):
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(address + ready, timeout=30).status_code == 200:
                        break
                if server.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended with {server.returncode}")
                time.sleep(0.1)
            yield address
        finally:
            server.terminate()


def uvicorn(app: str, port: int) -> list[str]:
    """Return the command that runs an app by uvicorn as linli is run."""
    return [sys.executable, "-m", "uvicorn", app, "--port", str(port), *_UVICORN]


def linli(port: int) -> list[str]:
    """Return the command that runs linli itself."""
    return [str(Path(sys.executable).with_name("linli")), "serve", "--port", str(port)]


def seconds_a_request(address: str, paths: Sequence[str], folder: Path, token: str = "") -> float:
    """Ask for the paths in turn over 16 connections for some seconds, from the second core; return seconds a request took on average."""
    asked = folder / "paths.txt"
    asked.write_text("\n".join(paths))
    script = folder / "paths.lua"
    script.write_text(_LUA % asked)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(script)]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    if shutil.which("taskset"):
        command = ["taskset", "-c", str(min(1, (os.cpu_count() or 1) - 1)), *command]
    told = subprocess.run([*command, address], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(told)
    found = re.search(r"Requests/sec:\s+([\d.]+)", told)
    if found is None:
        raise RuntimeError(told)
    return 1 / float(found[1])


def in_turn_a_request(servers: Sequence[tuple[str, Sequence[str], str]], folder: Path, runs: int) -> list[float]:
    """Load servers (address, paths, token) in turn after a turn that does not count; return each one's median seconds a request."""
    taken: list[list[float]] = [[] for _ in servers]
    for turn in range(runs + 1):
        for (address, paths, token), times in zip(servers, taken, strict=True):
            seconds = seconds_a_request(address, paths, folder, token)
            if turn:
                times.append(seconds)
    return [statistics.median(times) for times in taken]
