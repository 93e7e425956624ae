"""What people read, in their language: gettext catalogues whose msgids are the 中文 texts themselves.

``locale/<language>/LC_MESSAGES/linli.po`` is all there is: it is read when it is first wanted, so nothing has to be compiled. A text that
a catalogue lacks is shown as it is, which is right for names from data, and for 中文, which needs no catalogue.

Texts hold named places, ``{n} 个网格``; :meth:`Catalogue.t` fills them in. The scripts in the browser do the same with the same
catalogue (``maps/static/language.js``), which they load from our own server as one file, :func:`script`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from markupsafe import Markup

from gis.direction import unmarked
from maps.assets import Asset

CHINESE, ENGLISH = "zh-CN", "en"
LANGUAGES = {CHINESE: "中文", ENGLISH: "English"}
"""Each language with its own name for itself; the first is the one of the texts."""
LOCALE = Path(__file__).parent / "locale"
PREFIX = "/assets/words"
"""Where the scripts' catalogues are served, without a session."""


_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


def written(value: Any) -> Any:
    """Return what a template writes for a value (Jinja's ``finalize``): texts without signs that turn the direction of what stands beside them.

    What a form sends back is written with ``| e``, which passes as it is.
    """
    return unmarked(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _apart(value: Any) -> Any:
    """Return what is filled into a sentence, so that its direction stays its own."""
    plain = written(value)
    return f"\u2068{plain}\u2069" if isinstance(plain, str) and _RIGHT_TO_LEFT.search(plain) else plain


def N_(text: str) -> str:
    """Return a text as it is: it is translated where it is shown, and found by the extraction here."""
    return text


@dataclass(frozen=True)
class Catalogue:
    """The texts of one language."""

    language: str
    translations: NullTranslations

    def t(self, text: str, /, **values: Any) -> str:
        """Return a text in this language, its named places filled in; one that the catalogue lacks as it is."""
        found = self.translations.gettext(text) if text else text
        return found.format_map({name: _apart(value) for name, value in values.items()}) if values else found

    def tn(self, text: str, n: int, /, **values: Any) -> str:
        """Return a text about ``n`` things, in the number that this language has for so many."""
        told = {name: _apart(value) for name, value in values.items()}
        return self.translations.ngettext(text, text, n).format_map({"n": n, **told})

    def half(self, text: str) -> str:
        """Return this language's half of a text such as ``未找到 / not found``, as errors have them; any other text as :meth:`t`."""
        zh, parted, en = text.partition(" / ")
        if not parted:
            return self.t(text)
        return zh if self.language == CHINESE else en


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> Catalogue:
    """Return the texts of one of :data:`LANGUAGES`."""
    if language == CHINESE:
        return Catalogue(language, NullTranslations())
    compiled = BytesIO()
    write_mo(compiled, read_catalogue(language))
    compiled.seek(0)
    return Catalogue(language, Translations(compiled))


def read_catalogue(language: str) -> Catalog:
    """Return the catalogue of a language as it is written."""
    with path_of(language).open("rb") as written:
        return read_po(written, locale=language.replace("-", "_"), domain="linli")


def path_of(language: str) -> Path:
    """Return where the catalogue of a language is."""
    return LOCALE / language / "LC_MESSAGES" / "linli.po"


@lru_cache(maxsize=len(LANGUAGES))
def script_body(language: str) -> bytes:
    """Return the script that gives the browser's scripts their texts: those that they use, and labels that come with data."""
    texts: dict[str, str | list[str]] = {}
    for message in read_catalogue(language) if language != CHINESE else ():
        if not message.id or not any(name.endswith(".js") or name.startswith("gis/") for name, _ in message.locations):
            continue
        if isinstance(message.id, str):
            texts[message.id] = str(message.string)
        else:
            texts[message.id[0]] = list(message.string or ())
    said = json.dumps(texts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"window.linli = window.linli || {{}};\nlinli.texts = {said};\n".encode()


def script(language: str) -> Asset | None:
    """Return the address of :func:`script_body`, with a hash of its content; None for 中文, whose texts are in the scripts."""
    if language == CHINESE:
        return None
    body = script_body(language)
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode()
    return Asset(f"{PREFIX}/{language}.js?v={hashlib.sha256(body).hexdigest()[:12]}", integrity)
