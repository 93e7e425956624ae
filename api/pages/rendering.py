"""Templates filled in: Jinja2 with autoescape, texts in the reader's language, addresses of static files with the hash of their content."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api.language import half, reader, t, tn
from maps.assets import own
from maps.language import script

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"


def static_url(name: str) -> str:
    """Return the address of a static file; it changes with the content, so that a browser may keep the file for good."""
    path = STATIC / name
    return f"/static/{name}?v={_digest(path, path.stat().st_mtime_ns)}"


@lru_cache(maxsize=256)
def _digest(path: Path, _changed_ns: int) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()[:9]).decode()


_TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals.update(t=t, tn=tn, half=half, reader=reader, script=script, asset=own, static=static_url)


def show(
    template: str, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """Return a page made from a template."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(**values), status, headers)
