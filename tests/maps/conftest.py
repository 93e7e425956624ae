"""A server of stub answers on this machine, and a Chromium that can reach nothing else."""

from __future__ import annotations

import json
import mimetypes
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from maps.assets import MOUNTS, build, bundles
from maps.linlimap import LinliMap, page, render
from tests.maps import mvt, place

NONCE = "dGVzdC1ub25jZS0xMjM0NQ"
POLICY = (
    f"default-src 'none'; script-src 'self' 'nonce-{NONCE}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


FORMS = {"/api/coverage": {"form"}, "/api/grids/measures": {"form"}, "/api/circles": {"resolution_m", "bbox"}}


@dataclass
class Stub:
    """What the server answers; ``pages`` by path, ``answers`` of the API by path, and what was asked of it."""

    base: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    posted: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    """Path, headers (names in lower case) and body of every POST."""
    layers: dict[str, Any] = field(default_factory=place.layers)

    def queries(self, path: str) -> list[dict[str, list[str]]]:
        """Return what a path has been asked for; in which form and how fine, which follows from the view, is left out."""
        asked = [parse_qs(urlsplit(one).query) for one in self.asked if urlsplit(one).path == path]
        return [{name: value for name, value in query.items() if name not in FORMS.get(path, ())} for query in asked]

    def answer(self, path: str, query: Any) -> tuple[int, str, bytes]:
        """Return status, type and content for a request; ``query`` is the body where it is a POST."""
        if path == "/favicon.ico":
            return 204, "image/x-icon", b""
        if path in self.pages:
            return 200, "text/html; charset=utf-8", self.pages[path].encode()
        if path.startswith(bundles.PREFIX + "/"):
            return 200, "text/javascript", bundles.body_of(path.rsplit("/", 1)[-1].removesuffix(".js")) or b""
        for prefix, folder in MOUNTS.items():
            file = folder / path.removeprefix(prefix + "/")
            if path.startswith(prefix + "/") and file.is_file():
                return 200, mimetypes.guess_type(path)[0] or "text/plain", file.read_bytes()
        if path.startswith("/tiles/"):
            return self._tile(path)
        if path in self.answers:
            found = self.answers[path]
            status, body = found(query) if callable(found) else (200, found)
            return (
                status,
                "application/json",
                json.dumps(place.drawn(path, query, body) if status == 200 else body).encode(),
            )
        return 404, "application/problem+json", b'{"title": "nothing here"}'

    def _tile(self, path: str) -> tuple[int, str, bytes]:
        layer, z, x, y = path.split("/")[2:]
        names = (
            [n for n in self.layers if n.startswith("grid")]
            if layer == "grids"
            else [n for n in self.layers if not n.startswith("grid")]
        )
        content = mvt.tile({name: self.layers[name] for name in names}, int(z), int(x), int(y))
        return (200 if content else 204), "application/vnd.mapbox-vector-tile", content


def standard_answers() -> dict[str, Any]:
    """Return the API's answers about the made-up place."""
    answers: dict[str, Any] = {
        "/api/grids": place.grids(),
        "/api/grids/measures": lambda query: (200, place.measures(query)),
        "/api/stations": place.stations(),
        "/api/circles": lambda given: (
            200,
            place.circles_after(given) if "edits" in given else place.circles(given),
        ),
        "/api/coverage": lambda query: (200, place.coverage(query)),
        "/api/coverage/buildings": place.buildings(),
        "/api/coverage/scenario": lambda body: (200, place.scenario(body)),
        "/api/siting": lambda body: (200, place.siting(body)),
        "/api/needs/cells": lambda query: (200, place.cells(query)),
        "/api/needs/grids": lambda query: (200, place.need_grids(query)),
        "/api/needs/hotspots": lambda query: (200, place.hotspots(query)),
    }
    for feature in place.grids()["features"]:
        answers[f"/api/grids/{feature['properties']['code']}"] = feature
    return answers


@pytest.fixture(scope="session", autouse=True)
def assets() -> None:
    """Fetch the maps' npm files once; without them no page can be rendered."""
    build()


@pytest.fixture
def stub() -> Iterator[Stub]:
    """Give a running stub server."""
    told = Stub(answers=standard_answers())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.posted.append((self.path, headers, sent))
            self._give(*told.answer(self.path, sent))

        def do_GET(self) -> None:
            told.asked.append(self.path)
            parts = urlsplit(self.path)
            self._give(*told.answer(parts.path, parse_qs(parts.query)))

        def _give(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told.base = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Give the machine's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    arguments = [
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--no-first-run",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page and what went wrong in it."""

    page: Page
    stub: Stub
    faults: list[str]

    def draw(self, drawn: LinliMap) -> Page:
        """Open a page with this map and wait until it is drawn."""
        self.stub.pages["/map"] = page(render(drawn, NONCE), "地图")
        self.page.goto(self.stub.base + "/map")
        self.settled()
        return self.page

    def script(self, code: str, *given: Any) -> Any:
        """Return what a JavaScript function gives in the page."""
        return self.page.evaluate(code, *given)

    def settled(self) -> None:
        """Wait until nothing is being fetched or drawn."""
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_function("() => !document.querySelector('.linli-view[aria-busy]')")
        self.page.wait_for_timeout(300)


@pytest.fixture
def watched(chromium: Browser, stub: Stub) -> Iterator[Watched]:
    """Give a page that may reach the stub only.

    Console errors and warnings, failed requests, exceptions, refusals by policy and anything asked of another host are faults, and so is a
    test that leaves one uncleared.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN", timezone_id="Asia/Shanghai")
    opened = context.new_page()
    faults: list[str] = []

    def guard(route: Any) -> None:
        if route.request.url.startswith((stub.base, "data:", "blob:")):
            route.continue_()
        else:
            faults.append(f"foreign: {route.request.url}")
            route.abort()

    context.route("**/*", guard)
    opened.on(
        "console",
        lambda message: faults.append(message.text) if message.type in ("error", "warning") else None,
    )
    opened.on("pageerror", lambda error: faults.append(str(error)))
    # A request that a newer one has made needless is cancelled by the page itself.
    opened.on(
        "requestfailed",
        lambda request: faults.append(f"failed: {request.url}") if request.failure != "net::ERR_ABORTED" else None,
    )
    opened.on(
        "response",
        lambda answer: faults.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None,
    )
    yield Watched(opened, stub, faults)
    hacked = opened.evaluate("() => window.hacked")
    context.close()
    assert faults == []
    assert hacked is None, "a name from data has run as a script"
