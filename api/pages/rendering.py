"""Templates filled in: Jinja2 with autoescape, texts in the reader's language, addresses of static files with the hash of their content."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from api.language import half, reader, t, tn
from maps.assets import own
from maps.language import script, written

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"


def static_url(name: str) -> str:
    """Return the address of a static file; it changes with the content, so that a browser may keep the file for good."""
    path = STATIC / name
    return f"/static/{name}?v={_digest(path, path.stat().st_mtime_ns)}"


@lru_cache(maxsize=256)
def _digest(path: Path, _changed_ns: int) -> str:
    return base64.urlsafe_b64encode(_sha256(path, _changed_ns)[:9]).decode()


@lru_cache(maxsize=256)
def _sha256(path: Path, _changed_ns: int) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def style_sheet(name: str) -> Markup:
    """Return the element that loads one of our style sheets, and what its content must be: a browser takes no other."""
    url, integrity = static_url(f"css/{name}"), _integrity(STATIC / "css" / name)
    return Markup('<link rel="stylesheet" href="{}" integrity="{}">').format(url, integrity)


def _integrity(path: Path) -> str:
    return f"sha256-{base64.b64encode(_sha256(path, path.stat().st_mtime_ns)).decode()}"


def import_map() -> Markup:
    """Return the page's import map: every module of ours, also those that others import, by the address with its hash, and what its content must be.

    A browser refuses a module whose content is another (integrity metadata of import maps, HTML Standard 8.1.6.4).
    """
    imports, integrity = {}, {}
    for path in sorted((STATIC / "js").glob("*.js")):
        name = path.relative_to(STATIC).as_posix()
        imports[f"/static/{name}"] = url = static_url(name)
        integrity[url] = _integrity(path)
    said = json.dumps({"imports": imports, "integrity": integrity}, separators=(",", ":"))
    return Markup('<script type="importmap" nonce="{}">{}</script>').format(reader().nonce, Markup(said))


_TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=written,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals.update(
    t=t,
    tn=tn,
    half=half,
    reader=reader,
    script=script,
    asset=own,
    static=static_url,
    style_sheet=style_sheet,
    import_map=import_map,
)


def show(template: str, status: int = 200, headers: dict[str, str] | None = None, **values: Any) -> HTMLResponse:
    """Return a page made from a template."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(**values), status, headers)
