"""The Chinese font of this machine, for what is printed: found among the system's own, never fetched."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont, TTLibError

from gis.errors import Unavailable

FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
    Path("/System/Library/Fonts"),
    Path("/Library/Fonts"),
)
_WANTED = (
    "NotoSansCJK",
    "NotoSansSC",
    "SourceHanSans",
    "wqy-",
    "Hiragino Sans GB",
    "STHeiti",
    "NotoSerifCJK",
    "Arial Unicode",
)
"""Fonts with the Chinese signs, by the beginning of the file's name; the first found is taken."""
_TRIED = "邻里楼栋单元室扫码"


def chinese_font() -> tuple[Path, int]:
    """Return a font file with Chinese signs, and the number of the simplified one within a collection.

    Raises:
        Unavailable: there is none; the detail says how to get one.
    """
    found = _find_font(FOLDERS)
    if found is None:
        get = "系统自带 / comes with macOS" if sys.platform == "darwin" else "apt-get install fonts-noto-cjk"
        raise Unavailable(f"本机没有中文字体，无法打印；请安装 / no Chinese font on this machine, install one: {get}")
    return found


@lru_cache(maxsize=4)
def _find_font(folders: tuple[Path, ...]) -> tuple[Path, int] | None:
    files = sorted(
        path
        for folder in folders
        if folder.is_dir()
        for path in folder.rglob("*")
        if path.suffix.lower() in (".ttc", ".ttf", ".otf")
    )
    for name in _WANTED:
        for path in sorted((path for path in files if path.name.startswith(name)), key=_plainest):
            number = _simplified(path)
            if number is not None:
                return path, number
    return None


def _plainest(path: Path) -> tuple[bool, str]:
    return "Regular" not in path.name, path.name


def _simplified(path: Path) -> int | None:
    """Return which font of the file is the simplified Chinese one; None where none has the signs."""
    try:
        fonts = (
            TTCollection(str(path), lazy=True).fonts
            if path.suffix.lower() == ".ttc"
            else [TTFont(str(path), lazy=True)]
        )
        able = [number for number, font in enumerate(fonts) if all(ord(sign) in font.getBestCmap() for sign in _TRIED)]
        named = [number for number in able if (fonts[number]["name"].getDebugName(1) or "").endswith(" SC")]
    except (TTLibError, OSError, KeyError):
        return None
    return next(iter(named or able), None)
