"""Answers compressed on the way out: gzip by ISA-L, five times as fast as zlib, so that a megabyte of grids costs a millisecond."""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from isal import isal_zlib
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware, GZipResponder
from starlette.types import Receive, Scope, Send

MINIMUM_BYTES = 1024
_IN_THREAD_BYTES = 2 * 2**20
"""From here on a thread compresses; below, the loop is held up for less than the thread's start would take twice."""
_LONG_BYTES = 16 * 2**10
_LEVEL = 1
"""ISA-L's levels 1 and 2 are as small as zlib's 1 and equally fast; 3 is slower and no smaller."""


def takes_gzip(headers: Headers) -> bool:
    """Tell whether a caller takes gzip."""
    return "gzip" in headers.get("accept-encoding", "")


def packed(body: bytes) -> bytes | None:
    """Return a body compressed, to be kept beside it for those who take gzip; None where it is not worth it.

    What is long is compressed as well as gzip can: it is made seldom, and sent often.
    """
    if len(body) < MINIMUM_BYTES:
        return None
    if len(body) > _LONG_BYTES:
        return gzip.compress(body, mtime=0)
    compressor = _compressor()
    small: bytes = compressor.compress(body) + compressor.flush()
    return small


@lru_cache(maxsize=256)
def packed_file(path: Path, _changed_ns: int) -> bytes:
    """Return a script or style compressed as small as gzip can: once for a state of the file, so time hardly matters."""
    return gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)


@lru_cache(maxsize=64)
def packed_script(body: bytes) -> bytes:
    """Return a script that is no file compressed in the same way."""
    return gzip.compress(body, compresslevel=9, mtime=0)


def _compressor() -> Any:
    return isal_zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)


class Compression(GZipMiddleware):
    """Compresses what is worth it for those who take gzip."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; compress the answer."""
        if scope["type"] == "http" and takes_gzip(Headers(scope=scope)):
            await _Responder(self.app, MINIMUM_BYTES, thread_minimum_size=_IN_THREAD_BYTES)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class _Responder(GZipResponder):
    _compressor: Any

    @property
    def compressor(self) -> Any:
        """Return ISA-L's compressor where the base class has zlib's."""
        if self._compressor is None:
            self._compressor = _compressor()
        return self._compressor
