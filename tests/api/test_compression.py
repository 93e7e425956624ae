"""Compression: whole and streamed answers come out as they went in; small ones and those who cannot take it are left alone."""

import gzip

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.compression import MINIMUM_BYTES, Compression
from maps.assets import STATIC

TEXT = ("网格 " * 50_000).encode()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def _ask(path: str, encoding: str) -> tuple[httpx.Response, bytes]:
    routes = [
        Route("/small", lambda _: Response(b"x" * (MINIMUM_BYTES - 1))),
        Route("/large", lambda _: Response(TEXT)),
        Route("/streamed", lambda _: StreamingResponse(iter([TEXT[:1000], TEXT[1000:]]))),
    ]
    transport = httpx.ASGITransport(Compression(Starlette(routes=routes)))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://x") as client,
        client.stream("GET", path, headers={"accept-encoding": encoding}) as answer,
    ):
        return answer, b"".join([part async for part in answer.aiter_raw()])


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/large", "/streamed"])
async def test_what_goes_in_comes_out_smaller_and_whole(path: str) -> None:
    answer, raw = await _ask(path, "gzip, br")
    assert answer.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in answer.headers["vary"].lower()
    assert len(raw) < len(TEXT) / 10
    assert gzip.decompress(raw) == TEXT


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "encoding"), [("/small", "gzip"), ("/large", "identity"), ("/large", "br")])
async def test_small_answers_and_other_clients_are_left_alone(path: str, encoding: str) -> None:
    answer, raw = await _ask(path, encoding)
    assert "content-encoding" not in answer.headers
    assert len(raw) == (MINIMUM_BYTES - 1 if path == "/small" else len(TEXT))


def test_scripts_come_as_small_as_gzip_can_and_whole(client: TestClient) -> None:
    script = STATIC / "linli.js"
    for address, kept in (("/assets/own/linli.js?v=1", "immutable"), ("/assets/own/linli.js", "no-cache")):
        for encoding in ("gzip, br", "identity"):
            answer = client.get(address, headers={"accept-encoding": encoding})
            assert answer.content == script.read_bytes()
            assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
            assert kept in answer.headers["cache-control"]
            assert ("content-encoding" in answer.headers) == (encoding != "identity")
    packed = client.get("/assets/own/linli.js?v=1", headers={"accept-encoding": "gzip"})
    assert packed.headers["vary"].lower().count("accept-encoding") == 1
    assert int(packed.headers["content-length"]) == len(gzip.compress(script.read_bytes(), 9))
