"""Several of our own scripts as one file: a page asks for two instead of thirty, and what is alike in them is compressed together.

Comments on lines of their own and indentation are left out; each script is a function called at once, so one may follow the other as they are. The
address names the scripts, so that any process can serve it, and carries a hash of their content.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

from gis.errors import Unavailable
from maps import assets

PREFIX = "/assets/bundle"
_NAME = re.compile(r"[a-z]+(?:\+[a-z]+){0,60}")
_ABOUT = re.compile(r"^[ \t]*/\*\*.*?\*/[ \t]*\n", re.DOTALL | re.MULTILINE)


def bundle(names: Sequence[str]) -> assets.Asset:
    """Return the asset of some scripts of ``maps/static`` (such as ``linli.js``), to be run in this order.

    Raises:
        maps.assets.AssetsMissing: there is no such file.
    """
    name = "+".join(each.removesuffix(".js") for each in names)
    body = _body(name, _state(name))
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode()
    return assets.Asset(f"{PREFIX}/{name}.js?v={hashlib.sha256(body).hexdigest()[:12]}", integrity)


def body_of(name: str) -> bytes | None:
    """Return the content of an address's last part without ``.js``; None where it names no scripts of ours."""
    if not _NAME.fullmatch(name):
        return None
    try:
        return _body(name, _state(name))
    except Unavailable:
        return None


def _state(name: str) -> tuple[int, ...]:
    """Return when each script was changed last."""
    try:
        return tuple((assets.STATIC / f"{each}.js").stat().st_mtime_ns for each in name.split("+"))
    except OSError as error:
        raise assets.AssetsMissing(f"缺少文件 {error.filename} / {error.filename} is missing") from error


@lru_cache(maxsize=64)
def _body(name: str, _state: tuple[int, ...]) -> bytes:
    scripts = ((assets.STATIC / f"{each}.js").read_text(encoding="utf-8") for each in name.split("+"))
    return "".join(map(_squeezed, scripts)).encode()


def _squeezed(script: str) -> str:
    """Leave out whole lines of comment and indentation; a test sees to it that no text of a script goes over a line's end."""
    lines = (line.strip() for line in _ABOUT.sub("", script).split("\n"))
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))
