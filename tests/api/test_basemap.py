"""The base map from outside, against a server that pretends to be one: what it may answer, and what never comes through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import basemap
from api.app import create_app
from api.settings import Settings
from gis.errors import Invalid
from gis.store.session import Store
from tests.api.conftest import SignIn

PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)


@dataclass
class Outside:
    """A pretended map server: what it was asked, and what it answers (status, media type, content)."""

    base: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answer: Callable[[str], tuple[int, str, bytes]] = lambda _: (200, "image/png", PNG)


@pytest.fixture
def outside() -> Iterator[Outside]:
    told = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, media, content = told.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", media)
            if status == 302:
                self.send_header("Location", content.decode())
                content = b""
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.base = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(peopled: Store, tmp_path: Path, outside: Outside) -> Iterator[TestClient]:
    settings = Settings.load(
        data_dir=tmp_path / "data",
        basemap_url=f"{outside.base}/vec_w/{{z}}/{{x}}/{{y}}?tk={{key}} {outside.base}/tms/{{z}}/{{x}}/{{-y}}",
        basemap_key="a key&more",
        basemap_attribution="某图 <b>",
        basemap_approval="GS(2026)1号",
    )
    with TestClient(create_app(peopled, settings), raise_server_exceptions=False) as opened:
        yield opened


def test_a_tile_comes_through_once_and_nothing_of_the_caller_goes_out(
    client: TestClient, as_: SignIn, outside: Outside
) -> None:
    for _ in range(3):
        found = client.get("/tiles/outside/0/3/5/2", headers={**as_("planner"), "Referer": "http://secret"})
        assert (found.status_code, found.content, found.headers["content-type"]) == (200, PNG, "image/png")
        assert found.headers["cache-control"] == "private, max-age=86400"
    assert [path for path, _ in outside.asked] == ["/vec_w/3/5/2?tk=a%20key%26more"]
    sent = outside.asked[0][1]
    assert not {"authorization", "cookie", "referer", "x-forwarded-for"} & sent.keys()
    assert client.get("/tiles/outside/1/3/5/2", headers=as_("planner")).status_code == 200
    assert outside.asked[-1][0] == "/tms/3/5/5"
    assert client.get("/tiles/outside/0/3/5/2").status_code == 401
    for path in ("2/3/5/2", "0/19/5/2", "0/3/8/0"):
        assert client.get(f"/tiles/outside/{path}", headers=as_("planner")).status_code == 404, path
    assert len(outside.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        (200, "text/html", b"<script>alert(1)</script>"),
        (200, "image/svg+xml", b"<svg onload='alert(1)'/>"),
        (200, "image/png", b"<script>alert(1)</script>"),
        (302, "image/png", b"http://127.0.0.1:1/metadata"),
        (500, "image/png", PNG),
        (200, "image/png", PNG + bytes(2**20)),
    ],
)
def test_what_is_no_image_of_a_fair_size_stays_outside(
    client: TestClient, as_: SignIn, outside: Outside, answer: tuple[int, str, bytes]
) -> None:
    outside.answer = lambda _: answer
    found = client.get("/tiles/outside/0/3/5/2", headers=as_("planner"))
    assert (found.status_code, found.headers["content-type"]) == (503, "application/problem+json")
    assert "127.0.0.1" not in found.text and "key" not in found.json()["detail"]
    outside.answer = lambda _: (200, "image/png", PNG)
    assert client.get("/tiles/outside/0/3/5/2", headers=as_("planner")).status_code == 200, "a failure is not kept"


def test_where_there_is_no_tile_that_is_believed_for_a_while(client: TestClient, as_: SignIn, outside: Outside) -> None:
    outside.answer = lambda _: (404, "text/plain", b"")
    for _ in range(2):
        assert client.get("/tiles/outside/0/3/5/2", headers=as_("planner")).status_code == 404
    assert len(outside.asked) == 1


def test_what_is_kept_is_bounded(
    client: TestClient, as_: SignIn, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(basemap, "KEPT_BYTES", 3 * (len(PNG) + 200))
    for x in range(5):
        client.get(f"/tiles/outside/0/4/{x}/2", headers=as_("planner"))
    client.get("/tiles/outside/0/4/4/2", headers=as_("planner"))
    assert len(outside.asked) == 5
    client.get("/tiles/outside/0/4/0/2", headers=as_("planner"))
    assert len(outside.asked) == 6


def test_pages_say_whose_the_map_is_and_load_nothing_from_there(
    client: TestClient, as_: SignIn, outside: Outside
) -> None:
    found = client.get("/", headers=as_("planner"))
    assert "审图号：GS(2026)1号" in found.text
    assert "某图 <b>" not in found.text
    assert outside.base not in found.text and "a key" not in found.text
    assert "img-src 'self' data: blob:;" in found.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"basemap_url": "https://t.example/{z}/{x}/{y}"}, "BASEMAP"),
        ({"basemap_url": "https://t.example/{z}/{x}", "basemap_attribution": "某"}, "BASEMAP_URL"),
        ({"basemap_url": "https://{x}.example/{z}/{x}/{y}", "basemap_attribution": "某"}, "BASEMAP_URL"),
        ({"basemap_url": "file:///{z}/{x}/{y}", "basemap_attribution": "某"}, "BASEMAP_URL"),
        ({"basemap_url": "https://t.example/{z}/{x}/{y}?tk={key}", "basemap_attribution": "某"}, "BASEMAP"),
        ({"basemap_crs": "bd09"}, "BASEMAP_CRS"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, str], named: str) -> None:
    with pytest.raises(Invalid) as refused:
        Settings.load(**given)
    assert any(named in fault.where or named in fault.message for fault in refused.value.faults)
