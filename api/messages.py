"""Bring the catalogues up to date with the texts in templates, scripts and code: ``make messages``.

New texts come in empty, to be translated; texts that nothing uses any more go. ``tests/api/test_messages.py`` asks for both.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import write_po

from gis.models.vocabulary import SERVICES
from maps.language import CHINESE, LANGUAGES, path_of, read_catalogue

ROOT = Path(__file__).parents[1]
KEYWORDS: dict[str, Any] = {"t": None, "N_": None, "tn": (1, 1)}
"""What a text is passed to; ``tn`` has one form in 中文, hence the same text twice."""
_CALL = re.compile(r"""(?<![\w$])(t|tn|N_)\(\s*"((?:[^"\\\n]|\\.)*)\"""")
_COMMENT = re.compile(r"/\*.*?\*/|(?:^|\s)//[^\n]*", re.DOTALL)


def scripts(source: BinaryIO, *_: Any, **_options: Any) -> Iterator[tuple[int, str, Any, list[str]]]:
    """Give the texts in a script, as Babel's extraction wants them; its own misses those within a template literal's ``${…}``."""
    for found in _CALL.finditer(_COMMENT.sub("", source.read().decode("utf-8"))):
        text = json.loads(f'"{found[2]}"')
        yield 0, found[1], (text, text) if found[1] == "tn" else text, []


SOURCES: tuple[tuple[str, Any], ...] = (
    ("api/pages/templates/**/*.html", "jinja2"),
    ("maps/templates/*.html", "jinja2"),
    ("api/pages/static/js/*.js", scripts),
    ("maps/static/*.js", scripts),
    ("api/pages/*.py", "python"),
    ("maps/*.py", "python"),
)
LABELS = (
    "gis/accessibility/coverage.py",
    "gis/casework/flow.py",
    "gis/casework/indicators.py",
    "gis/casework/limits.py",
    "gis/casework/projects.py",
    "gis/casework/visiting.py",
    "gis/models/vocabulary.py",
    "gis/services/indicators.py",
    "gis/services/measures.py",
    "gis/services/outline.py",
    "gis/services/residents.py",
    "gis/services/rights.py",
)
"""Where the domain names things in 中文 for people: these names come to the pages with the data, and are translated there."""
_HAN = re.compile(r"[\u4e00-\u9fff]")
_CHINESE = re.compile(r"[\u3001-\u303f\u4e00-\u9fff\uff00-\uffef]")
_HEADER = "# Texts of linli's pages. The msgid is the 中文 text itself; `make messages` keeps this file up to date."


def extracted(root: Path = ROOT) -> Catalog:
    """Return every text that pages may show, with the files where it stands."""
    found = Catalog(domain="linli")
    for pattern, method in SOURCES:
        for path in sorted(root.glob(pattern)):
            for _, text, _, _ in extract_from_file(method, path, KEYWORDS, options={"encoding": "utf-8"}):
                if _CHINESE.search(text if isinstance(text, str) else text[0]):
                    _add(found, text, path.relative_to(root).as_posix())
    for name in LABELS:
        with (root / name).open("rb") as source:
            for text in labels(source):
                _add(found, text, name)
    for service in SERVICES.values():
        _add(found, f"{service}覆盖率", "gis/services/indicators.py")  # a measure's name, put together of two
    return found


def labels(source: BinaryIO) -> Iterator[str]:
    """Give the 中文 names in a module of the domain: plain strings that are no docstrings and no errors (``中文 / English``)."""
    tree = ast.parse(source.read())
    beside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    beside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in beside:
            text = node.value
            if _HAN.search(text) and " / " not in text:
                yield text


def updated(language: str, texts: Catalog) -> Catalog:
    """Return a language's catalogue with exactly the given texts; those that it had keep their translations."""
    before = read_catalogue(language) if path_of(language).exists() else Catalog(domain="linli")
    after = Catalog(
        locale=language.replace("-", "_"),
        domain="linli",
        project="linli",
        version="1",
        header_comment=_HEADER,
        creation_date=before.creation_date,  # the same texts give the same bytes
        revision_date=before.revision_date,
        fuzzy=False,
    )
    for message in texts:
        if message.id:
            known = before.get(message.id)
            string = known.string if known is not None and known.pluralizable == message.pluralizable else None
            after.add(message.id, string, locations=message.locations)
    return after


def write(language: str, texts: Catalog) -> None:
    """Write a language's catalogue, texts in the order of their 中文, so that two people's additions seldom meet."""
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        write_po(out, texts, width=0, sort_output=True, include_lineno=False, omit_header=False)


def _add(found: Catalog, text: Any, name: str) -> None:
    key = text if isinstance(text, str) else tuple(text)
    known = found.get(key)
    if known is not None and isinstance(key, tuple) != known.pluralizable:
        raise ValueError(f"{name}: 同一文字既用 t 又用 tn / one text is passed to both t and tn: {key!r}")
    if known is None or (name, None) not in known.locations:
        found.add(key, locations=[(name, None)])  # type: ignore[list-item]


def main() -> None:
    """Update every catalogue, and say what is left to translate."""
    texts = extracted()
    for language in LANGUAGES:
        if language != CHINESE:
            after = updated(language, texts)
            write(language, after)
            gaps = [message.id for message in after if message.id and not _whole(message.string)]
            print(f"{path_of(language)}: {len(after)} texts, {len(gaps)} to translate", *gaps, sep="\n  ")  # noqa: T201


def _whole(string: Any) -> bool:
    return bool(string) and (isinstance(string, str) or all(string))


if __name__ == "__main__":
    main()
