"""Every text that pages show is in the catalogue, and has its English."""

from __future__ import annotations

import io
import re
from pathlib import Path
from string import Formatter

import pytest

from api import messages
from maps.language import CHINESE, LANGUAGES, catalogue, read_catalogue, script_body

HAN = re.compile(r"[\u4e00-\u9fff]")
OTHERS = [language for language in LANGUAGES if language != CHINESE]
SPOKEN = [
    "api/pages/templates/**/*.html",
    "maps/templates/*.html",
    "api/pages/static/js/*.js",
    "maps/static/*.js",
]
FILES = sorted(path for pattern in SPOKEN for path in messages.ROOT.glob(pattern))
NO_TEXT = {
    "icons.js": "kinds of stations as data names them",
    "language.js": "the suffix of a month in opening hours",
    "compare.js": "units that can be added",
    "screen.js": "ten thousands, as they are counted in 中文",
}
"""Scripts that hold 中文 that is not shown as it stands, and what it is."""


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", OTHERS)
def test_the_catalogue_holds_exactly_what_pages_show(language: str) -> None:
    wanted, held = messages.extracted(), read_catalogue(language)
    assert len(wanted) > 700
    there = {message.id for message in held if message.id}
    assert {message.id for message in wanted if message.id} - there == set(), "run make messages"
    assert there - {message.id for message in wanted if message.id} == set(), "run make messages"
    assert not held.obsolete
    assert not [message.id for message in held if message.fuzzy and message.id]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    for message in read_catalogue(language):
        if not message.id:
            continue
        one = isinstance(message.id, str)
        texts = [message.string] if one else list(message.string)
        assert all(texts), f"not translated: {message.id!r}"
        assert len(texts) == (1 if one else 2)
        wanted = places(message.id if one else message.id[0])
        for text in texts:
            assert not HAN.search(text), f"中文 in {text!r}"
            assert places(text) <= wanted and wanted - places(text) <= {"n"}, (
                f"{message.id!r} and {text!r} name other places"
            )
            assert not re.search("[，。；：（）、“”]".replace("“”", ""), text), f"Chinese punctuation in {text!r}"


def test_a_text_names_its_places() -> None:
    """Numbered or nameless places could not be put into another order."""
    for message in messages.extracted():
        text = message.id if isinstance(message.id, str) else message.id[0]
        assert all(re.fullmatch(r"[a-z_]+", name) for name in places(text)), text
        assert "${" not in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_chinese_is_shown_past_the_catalogue(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".js":
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        text = "\n".join(re.sub(r"(^|\s)//.*", "", line) for line in text.splitlines())
        text = re.sub(r"\b(t|tn|N_)\(\s*\"(?:[^\"\\]|\\.)*\"", "", text)
    else:
        text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
        text = re.sub(r"\btn?\(\"[^\"]*\"", "", text)
        text = re.sub(r"<[^>]*translate=\"no\"[^>]*>[^<]*<", "<", text)
    left = [line.strip() for line in text.splitlines() if HAN.search(line)]
    if path.name in NO_TEXT:
        assert 0 < len(left) <= 8
    else:
        assert left == []


def test_labels_are_names_not_docstrings_nor_errors() -> None:
    source = b'"""\xe6\x96\x87"""\nA = {"a": "\xe5\x8a\xa9\xe9\xa4\x90"}\nB = "\xe9\x94\x99 / wrong"\nC = f"{A}\xe7\x8e\x87"\n"""\xe6\xb3\xa8"""\n'
    assert list(messages.labels(io.BytesIO(source))) == ["助餐"]


def test_a_new_text_comes_in_empty_and_an_old_one_keeps_its_english() -> None:
    texts = messages.extracted()
    texts.add("从未有过的文字", locations=[("x.js", None)])  # type: ignore[list-item]
    texts.delete("登录")
    after = messages.updated("en", texts)
    assert not after.get("从未有过的文字").string and after.get("登录") is None
    assert after.get("密码").string == "Password"


def test_the_scripts_catalogue_has_what_scripts_and_data_say() -> None:
    said = script_body("en").decode()
    assert '"助餐":"Meals"' in said and '"{n} 户":["{n} household","{n} households"]' in said
    assert "</" not in said
    assert script_body(CHINESE).decode().endswith("linli.texts = {};\n")


def test_texts_are_filled_in_and_counted() -> None:
    english, chinese = catalogue("en"), catalogue(CHINESE)
    assert english.tn("{n} 户", 1) == "1 household" and english.tn("{n} 户", 2) == "2 households"
    assert chinese.tn("{n} 户", 1) == "1 户"
    assert english.t("网格 {name}", name="<甲>{x}") == "Grid <甲>{x}"
    assert english.t("青年路邻里驿站") == "青年路邻里驿站", "a name stays as it is"
    assert english.half("未找到 / not found") == "not found" and chinese.half("未找到 / not found") == "未找到"
    assert english.half("助餐") == "Meals" and english.t("") == ""
