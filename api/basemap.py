"""A base map from outside: fetched by the server, so that browsers talk to us alone, from one configured address and no other.

What comes back is an image of a bounded size or nothing; it is kept for a while, so that the same tile is not fetched again for everybody.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

import httpx

from api.settings import BasemapSettings
from gis.errors import NotFound, Unavailable

TIMEOUT_S = 8.0
MOST_BYTES = 2**20
"""The largest tile that is taken."""
AT_ONCE = 12
KEPT_BYTES, KEPT_S, EMPTY_S = 64 * 2**20, 24 * 3600.0, 300.0
"""How much is kept, for how long, and for how long it is believed that there is no tile."""
_SIGNS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/webp": (b"RIFF",),
    "image/gif": (b"GIF8",),
}
"""Images that are taken, and how their files begin; nothing that could hold a script."""
_NONE = (204, 404)


@dataclass(frozen=True)
class Tile:
    """An image; without content where there is none."""

    content: bytes
    media: str
    until: float


class Basemap:
    """The tiles of the configured base map."""

    def __init__(self, settings: BasemapSettings) -> None:
        """Fetch nothing yet."""
        self._settings = settings
        self._client: httpx.AsyncClient | None = None
        self._kept: OrderedDict[tuple[int, int, int, int], Tile] = OrderedDict()
        self._bytes = 0
        self._flights: dict[tuple[int, int, int, int], asyncio.Task[Tile]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def tile(self, layer: int, z: int, x: int, y: int) -> Tile:
        """Return a tile.

        Raises:
            NotFound: no such base map is configured, or it has no tile there.
            Unavailable: it does not answer, or not with an image.
        """
        if layer >= len(self._settings.templates) or z > self._settings.basemap_max_zoom:
            raise NotFound("没有这个外部底图 / no such base map is configured")
        key = (layer, z, x, y)
        found = self._kept.get(key)
        if found is None or found.until < time.monotonic():
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = asyncio.create_task(self._fetch(key))
                flight.add_done_callback(lambda _: self._flights.pop(key, None))
            found = await asyncio.shield(flight)
        if not found.content:
            raise NotFound("外部底图此处没有瓦片 / the base map has no tile there")
        return found

    async def close(self) -> None:
        """Let go of the connections."""
        for flight in list(self._flights.values()):
            flight.cancel()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _fetch(self, key: tuple[int, int, int, int]) -> Tile:
        failed = Unavailable("外部底图没有应答 / the base map does not answer")
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, headers={"User-Agent": "linli"})
        try:
            async with (
                self._slots,
                asyncio.timeout(TIMEOUT_S),
                self._client.stream("GET", self._settings.address(*key)) as answer,
            ):
                if answer.status_code in _NONE:
                    return self._keep(key, Tile(b"", "", time.monotonic() + EMPTY_S))
                media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
                if answer.status_code != 200 or media not in _SIGNS:
                    raise failed
                content = b""
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > MOST_BYTES:
                        raise failed
        except (httpx.HTTPError, TimeoutError) as error:
            raise failed from error
        if not content.startswith(_SIGNS[media]):
            raise failed
        return self._keep(key, Tile(content, media, time.monotonic() + KEPT_S))

    def _keep(self, key: tuple[int, int, int, int], tile: Tile) -> Tile:
        before = self._kept.pop(key, None)
        self._kept[key] = tile
        self._bytes += len(tile.content) + 200 - (len(before.content) + 200 if before else 0)
        while self._bytes > KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.content) + 200
        return tile
