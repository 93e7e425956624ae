"""Scripts, styles and pictures: whoever asks gets them, without a session, and may keep for good what its address names by a hash."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

import api.language
import api.pages
from api.compression import packed_file, packed_script, takes_gzip
from maps import language
from maps.assets import MOUNTS, bundles

PAGES = Path(api.pages.__file__).parent
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FOR_GOOD = "public, max-age=31536000, immutable"
_PACKED = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}


class _Kept(StaticFiles):
    """Static files whose address carries a hash of their content (``?v=…``): a browser need never ask again."""

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return the file, to be kept for good when the address names its content."""
        hashed = b"v=" in scope.get("query_string", b"")
        path = Path(full_path)
        answer: Response
        if hashed and path.suffix in _MEDIA_TYPES and takes_gzip(Headers(scope=scope)):
            body = packed_file(path, stat_result.st_mtime_ns)
            answer = Response(body, status_code, _PACKED, _MEDIA_TYPES[path.suffix])
        else:
            answer = super().file_response(full_path, stat_result, scope, status_code)
        answer.headers["Cache-Control"] = _FOR_GOOD if hashed else "public, no-cache"
        return answer


async def _bundle(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve scripts of the maps that stand together in one file; an address with the right hash may be kept for good."""
    request = Request(scope)
    name = request.url.path.rsplit("/", 1)[-1].removesuffix(".js")
    body = bundles.body_of(name) if request.method in {"GET", "HEAD"} else None
    if body is None:
        answer: Response = PlainTextResponse("Not Found", 404)
    else:
        current = request.query_params.get("v") == bundles.bundle(name.split("+")).url.partition("v=")[2]
        headers = {"Cache-Control": _FOR_GOOD if current else "public, no-cache"}
        if takes_gzip(request.headers):
            body, headers = packed_script(body), {**headers, **_PACKED}
        answer = Response(body, media_type=_MEDIA_TYPES[".js"], headers=headers)
    await answer(scope, receive, send)


def mount(app: FastAPI) -> None:
    """Serve everything that a page loads besides data: our scripts, styles and texts, and the libraries of the maps."""
    app.mount("/static", _Kept(directory=PAGES / "static"), name="static")
    app.mount(language.PREFIX, api.language.words, name=language.PREFIX)
    app.mount(bundles.PREFIX, _bundle, name=bundles.PREFIX)
    for prefix, folder in MOUNTS.items():
        app.mount(prefix, _Kept(directory=folder, check_dir=False), name=prefix)
