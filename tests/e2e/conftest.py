"""The real program, as a user starts it, and a real browser in front of it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.scratch import scratch_folder

ADMIN_PASSWORD = "three-calm-rivers-41"
START_LIMIT_S = 180
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_MACOS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@dataclass(frozen=True)
class Program:
    """The running program: its address, its data folder, and the passwords of its accounts."""

    base: str
    data_dir: Path
    passwords: dict[str, str]
    _tokens: dict[str, str] = field(default_factory=dict)

    def token(self, account: str) -> str:
        """Return a session's token, the same one for all tests of an account: a sign-in costs half a second by design."""
        if account not in self._tokens:
            self._tokens[account] = self.sign_in(account)["access_token"]
        return self._tokens[account]

    def client(self, account: str) -> httpx.Client:
        """Give a client of the interface, signed in as an account."""
        return httpx.Client(base_url=self.base, headers={"Authorization": f"Bearer {self.token(account)}"}, timeout=30)

    def sign_in(self, account: str) -> dict[str, Any]:
        """Open a session."""
        answer = httpx.post(
            f"{self.base}/api/session",
            json={"username": account, "password": self.passwords[account]},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="package")
def program() -> Iterator[Program]:
    """Start ``linli serve --demo`` in a folder of its own and stop it at the end."""
    folder = scratch_folder("linli-e2e-")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LINLI_")}
    environment |= {"LINLI_DATA_DIR": str(folder / "data"), "LINLI_ADMIN_PASSWORD": ADMIN_PASSWORD}
    port = _free_port()
    log = folder / "log"
    with log.open("wb") as output:
        command = [str(Path(sys.executable).with_name("linli")), "serve", "--demo", "--port", str(port)]
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    base = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(base, process, log)
        passwords = dict(
            line.split() for line in (folder / "data" / "demo-accounts.txt").read_text().splitlines() if line.strip()
        )
        started = Program(base, folder / "data", {**passwords, "admin": ADMIN_PASSWORD})
        _add_auditor(started, environment)
        yield started
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Give the machine's Chromium; a machine without one fails here."""
    found = next((path for name in (*CHROMIUM, *ON_MACOS) if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(
            "没有 Chromium,请运行 make test(会安装)/ no Chromium: run make test, which installs it (apt-get install chromium)"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One browser window; ``faults`` is what a person would not see: console errors, failed or foreign requests, dialogs."""

    page: Page
    program: Program
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of faults that a test causes on purpose, such as the browser's own line about a 401."""

    def open(self, path: str) -> Page:
        """Open a page and wait until it is drawn and asks for nothing more."""
        self.page.goto(self.program.base + path)
        self.settled()
        return self.page

    def settled(self) -> None:
        """Wait until maps have what they asked for."""
        self.page.wait_for_load_state("load")
        self.page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")

    def unexpected(self) -> list[str]:
        """Return the faults that no test has announced."""
        return [fault for fault in self.faults if not any(part in fault for part in self.expected)]

    def expect(self, *parts: str) -> None:
        """Announce faults."""
        self.expected.extend(parts)


Visitor = Callable[..., Visit]


@pytest.fixture
def visit(chromium: Browser, program: Program) -> Iterator[Visitor]:
    """Give a function that opens a window for an account (None: nobody); at the end no window may have had a fault."""
    visits: list[tuple[Visit, BrowserContext]] = []

    def begin(
        account: str | None,
        width: int = 1280,
        height: int = 800,
        *,
        own_session: bool = False,
        **context_options: Any,
    ) -> Visit:
        context = chromium.new_context(
            base_url=program.base,
            viewport={"width": width, "height": height},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            **context_options,
        )
        if account is not None:
            token = program.sign_in(account)["access_token"] if own_session else program.token(account)
            context.add_cookies(
                [
                    {
                        "name": "linli_session",
                        "value": token,
                        "url": program.base,
                        "httpOnly": True,
                        "sameSite": "Lax",
                    }
                ]
            )
        begun = Visit(context.new_page(), program)
        _watch(begun)
        visits.append((begun, context))
        return begun

    yield begin
    faults = [fault for begun, _ in visits for fault in begun.unexpected()]
    for begun, context in visits:
        begun.page.unroute_all(behavior="ignoreErrors")
        context.close()
    assert faults == []


def _watch(begun: Visit) -> None:
    page, faults, base = begun.page, begun.faults, begun.program.base

    def dialog(shown: Any) -> None:
        faults.append(f"dialog {shown.message}")
        shown.dismiss()

    page.on(
        "console",
        lambda message: faults.append(f"console {message.text}") if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: faults.append(f"exception {error}"))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (event) => console.error(`CSP ${event.violatedDirective} ${event.blockedURI}`))"
    )
    # What a newer question or a page that is left has made needless is cancelled by the page itself.
    page.on(
        "requestfailed",
        lambda asked: (
            faults.append(f"failed {asked.url} {asked.failure}") if asked.failure != "net::ERR_ABORTED" else None
        ),
    )
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((base, "data:", "blob:")) else faults.append(f"foreign {asked.url}"),
    )
    page.on(
        "response",
        lambda answer: faults.append(f"status {answer.status} {answer.url}") if answer.status >= 400 else None,
    )
    page.on("dialog", dialog)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(base: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{base}/api/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    pytest.fail(f"linli serve did not become ready:\n{log.read_text(errors='replace')[-4000:]}")


def _add_auditor(started: Program, environment: dict[str, str]) -> None:
    """Make an account of the one role that the demo has none of, as an administrator would on the command line."""
    password = "four-quiet-bridges-52"
    command = [str(Path(sys.executable).with_name("linli")), "user", "add", "auditor", "--role", "auditor"]
    subprocess.run(command, env=environment, input=password, text=True, check=True, capture_output=True, timeout=120)
    started.passwords["auditor"] = password


def numbers(text: str) -> list[int]:
    """Return the whole numbers that a person reads in a text, thousands separators understood."""
    return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", text)]
