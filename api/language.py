"""Which language a person reads: asked for in the address, remembered in a cookie, or what the browser prefers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from api.cookies import OIDC_PATH
from maps.language import CHINESE, LANGUAGES, Catalogue, catalogue, script, script_body

PARAMETER = "lang"


@dataclass(frozen=True)
class Switch:
    """The way to the same page in another language (or in this one, where ``current``)."""

    language: str
    name: str
    address: str
    current: bool


@dataclass(frozen=True)
class Reader:
    """Who a page is made for, as far as words go."""

    catalogue: Catalogue
    switches: tuple[Switch, ...] = ()
    nonce: str = ""
    """Of the answer: scripts in the page that are of ours carry it."""


_NOBODY = Reader(catalogue(CHINESE))
_reader: ContextVar[Reader] = ContextVar("reader", default=_NOBODY)


def reader() -> Reader:
    """Return who the page being made is for."""
    return _reader.get()


def t(text: str, /, **values: Any) -> str:
    """Return a text in the reader's language: :meth:`maps.language.Catalogue.t`."""
    return reader().catalogue.t(text, **values)


def tn(text: str, n: int, /, **values: Any) -> str:
    """Return a text about ``n`` things: :meth:`maps.language.Catalogue.tn`."""
    return reader().catalogue.tn(text, n, **values)


def half(text: str) -> str:
    """Return the reader's half of an error's text: :meth:`maps.language.Catalogue.half`."""
    return reader().catalogue.half(text)


@contextmanager
def reading(request: Request) -> Iterator[str | None]:
    """Make what is within for whoever asks; gives the language that is to be remembered, None for none."""
    chosen, language = asked_in(request), language_of(request)
    switches = tuple(Switch(each, name, _address(request, each), each == language) for each, name in LANGUAGES.items())
    token = _reader.set(Reader(catalogue(language), switches, request.state.nonce))
    try:
        yield chosen
    finally:
        _reader.reset(token)


def language_of(request: Request) -> str:
    """Return the language of whoever asks."""
    return asked_in(request) or remembered(request) or preferred(request.headers.get("accept-language", ""))


def asked_in(request: Request) -> str | None:
    """Return the language that the address asks for, if any."""
    asked = request.query_params.get(PARAMETER)
    return asked if asked in LANGUAGES else None


def remembered(request: Request) -> str | None:
    """Return the language that was chosen in this browser, if any."""
    found = request.cookies.get("linli_lang")
    return found if found in LANGUAGES else None


def preferred(accept: str) -> str:
    """Return the language of ours that an Accept-Language header (RFC 9110, 12.5.4) ranks first; 中文 where it names none."""
    best, weight = CHINESE, 0.0
    for part in accept.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        try:
            q = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        primary = tag.strip().lower().partition("-")[0]
        ours = next((each for each in LANGUAGES if each.partition("-")[0] == primary), None)
        if ours is not None and q > weight:
            best, weight = ours, q
    return best


def _address(request: Request, language: str) -> str:
    """Return this page's own address in a language, without the host; of a provider's answer, which counts once, the login page's."""
    here = request.url if not request.url.path.startswith(OIDC_PATH) else request.url.replace(path="/login", query="")
    there = here.include_query_params(**{PARAMETER: language})
    return f"{there.path}?{there.query}"


async def words(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the catalogues of the browser's scripts; an address with the right hash may be kept for good."""
    request = Request(scope)
    name = request.url.path.rsplit("/", 1)[-1].removesuffix(".js")
    asset = script(name) if name in LANGUAGES else None
    if asset is None or request.method not in ("GET", "HEAD"):
        answer: Response = PlainTextResponse("Not Found", 404)
    else:
        current = request.query_params.get("v") == asset.url.partition("v=")[2]
        kept = "public, max-age=31536000, immutable" if current else "public, no-cache"
        answer = Response(script_body(name), media_type="text/javascript", headers={"Cache-Control": kept})
    await answer(scope, receive, send)
