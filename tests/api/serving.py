"""The real program as a process of its own, on a test's database."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from gis.store.session import Store
from tests.conftest import KEY
from tests.scratch import scratch_folder

_READY_S = 90


@dataclass(frozen=True)
class Served:
    """A running service: its address, its process, and the file it logs to."""

    base: str
    process: subprocess.Popen[bytes]
    log: Path

    def logged(self) -> bytes:
        """Return all that it has logged so far."""
        return self.log.read_bytes()


@contextmanager
def serving(store: Store, **settings: str) -> Iterator[Served]:
    """Run ``linli serve`` on a store's database until the end of the block; ``settings`` are named without the prefix."""
    folder = scratch_folder("linli-served-")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LINLI_")}
    environment |= {
        "LINLI_DATABASE_URL": store.owner_url,
        "LINLI_SERVICE_DATABASE_URL": store.service_url,
        "LINLI_FIELD_KEY": KEY.text,
        "LINLI_DATA_DIR": str(folder / "data"),
        "LINLI_ADMIN_PASSWORD": "three-calm-rivers-41",
        **{f"LINLI_{name.upper()}": value for name, value in settings.items()},
    }
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("linli")), "serve", "--port", "0"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Served(_wait_until_ready(process, log), process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        said = log.read_text(errors="replace")
        if "http://" in said:
            base = "http://" + said.split("http://", 1)[1].split()[0].rstrip("/")
            try:
                if httpx.get(f"{base}/api/ready", timeout=5).status_code == 200:
                    return base
            except httpx.TransportError:
                pass
        time.sleep(0.2)
    raise AssertionError(f"linli serve did not become ready:\n{log.read_text(errors='replace')[-4000:]}")
