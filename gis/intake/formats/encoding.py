"""Which encoding a text is in: UTF-8 (with or without BOM), UTF-16 with BOM, or GB 18030, by strict trial, never by a guess."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from gis.errors import Fault, Invalid

_CHUNK = 1 << 20
_FIRST_LINE = 1 << 12
_BOMS_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONVINCING = 8
"""So many characters of several bytes that are right UTF-8 are no accident in a text of another encoding."""


@dataclass(frozen=True)
class TextKind:
    """An encoding by its Python name, and the number of lines."""

    encoding: str
    lines: int
    doubt: str = ""
    """What another encoding the text looks like, where it could be read but hardly makes sense; empty otherwise."""


def detect(path: Path, name: str) -> TextKind:
    """Return the encoding of a text file.

    Args:
        path: the file.
        name: how to call it in messages.

    Raises:
        Invalid: the text is in none of the accepted encodings.
    """
    with path.open("rb") as file:
        start = file.read(_FIRST_LINE)
    head = start[:4]
    if b"\0" in start.partition(b"\n")[0] and (head == codecs.BOM_UTF32_LE or not head.startswith(_BOMS_16)):
        # A NUL among the headings: no text begins so in any accepted encoding.
        message = (
            "不是文字，或是没有 BOM 的 UTF-16、UTF-32：请另存为“CSV UTF-8”再导入 / "
            "no text, or UTF-16 or UTF-32 without a BOM: save the file as 'CSV UTF-8' and import it again"
        )
        raise Invalid(
            f"无法读取 {name} 的文字编码 / the text encoding of {name} cannot be read",
            [Fault(f"{name}:1", message)],
        )
    if head.startswith(_BOMS_16):
        _try(path, "utf-16", name, required=True)
        return TextKind("utf-16", _lines(path))
    has_bom = head.startswith(codecs.BOM_UTF8)
    fault = _try(path, "utf-8", name, required=has_bom)
    if fault is None:
        return TextKind("utf-8-sig" if has_bom else "utf-8", _lines(path))
    if fault.truncated or fault.wide >= _CONVINCING:
        raise _unreadable(name, "UTF-8", fault)
    if (other := _try(path, "gb18030", name)) is not None:
        raise _unreadable(name, f"UTF-8 / GB 18030{_looks_like(path)}", other)
    return TextKind("gb18030", _lines(path), _doubt(path))


@dataclass(frozen=True)
class _Place:
    """Where a text stops being in an encoding: after how many lines and characters of several bytes, and whether only its end is cut."""

    line: int
    wide: int
    truncated: bool


def _try(path: Path, encoding: str, name: str, *, required: bool = False) -> _Place | None:
    """Return where the file stops being in ``encoding``, None if nowhere."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, wide = 1, 0
    with path.open("rb") as file:
        while True:
            block = file.read(_CHUNK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(encoding, "ignore")
                place = _Place(
                    line + good.count("\n"),
                    wide + _wide(good),
                    truncated=not block and wide + _wide(good) > 0,
                )
                if required:
                    raise _unreadable(name, encoding.upper(), place) from error
                return place
            if not block:
                return None
            line += text.count("\n")
            wide += _wide(text)


def _doubt(path: Path) -> str:
    """Return a guess at the encoding of a text that is right GB 18030 but mostly of characters that nobody writes.

    Everyday Chinese is in GB 2312 nearly throughout; Big5 and Latin-1 read as GB 18030 are not.
    """
    with path.open("rb") as file:
        sample = file.read(_CHUNK)
    wide = [sign for sign in sample.decode("gb18030", "ignore") if ord(sign) > 0x7F]
    common = sum(1 for sign in wide if _in_gb2312(sign))
    if not wide or common >= len(wide) * 0.7:
        return ""
    best = from_bytes(sample[: _CHUNK // 8], cp_exclusion=["gb18030", "gbk", "gb2312"]).best()
    return best.encoding if best is not None else "?"


def _in_gb2312(sign: str) -> bool:
    try:
        sign.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _wide(text: str) -> int:
    return 0 if text.isascii() else len(text.encode("utf-8", "surrogatepass")) - len(text)


def _lines(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def _looks_like(path: Path) -> str:
    with path.open("rb") as file:
        best = from_bytes(file.read(_CHUNK // 8)).best()
    return f"({best.encoding}?)" if best is not None else ""


def _unreadable(name: str, encoding: str, place: _Place) -> Invalid:
    message = (
        f"第 {place.line} 行不是 {encoding} 文字：请另存为“CSV UTF-8”再导入 / "
        f"line {place.line} is not {encoding} text: save the file as 'CSV UTF-8' and import it again"
    )
    if place.truncated:
        message = f"第 {place.line} 行末尾被截断，文件不完整 / line {place.line} is cut off, the file is not complete"
    return Invalid(
        f"无法读取 {name} 的文字编码 / the text encoding of {name} cannot be read",
        [Fault(f"{name}:{place.line}", message)],
    )
