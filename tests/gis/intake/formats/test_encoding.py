"""Encodings: told by strict trial."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis.errors import Invalid
from gis.intake.formats.encoding import detect

TEXT = "编码,名称\nB1,幸福里一号楼\n"


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (b"\xef\xbb\xbf" + TEXT.encode(), "utf-8-sig"),
        (TEXT.encode("gb18030"), "gb18030"),
        ("编码\n𠮷㐀\n".encode("gb18030"), "gb18030"),
        (TEXT.encode("gbk"), "gb18030"),
        (TEXT.encode("utf-16"), "utf-16"),
        (b"code,name\n1,a\n", "utf-8"),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, raw: bytes, encoding: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(raw)
    found = detect(path, "f.csv")
    assert found.encoding == encoding
    if encoding != "utf-16":
        assert found.lines == 2
        path.write_bytes(raw + b"x")
        assert detect(path, "f.csv").lines == 3


def test_a_character_across_two_blocks_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    for encoding in ("utf-8", "gb18030"):
        path.write_bytes(("a" * ((1 << 20) - 1) + "编码" * 10).encode(encoding))
        assert detect(path, "f.csv").encoding == encoding


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        ((TEXT * 3).encode()[:-9], 6, "截断"),
        ((TEXT * 3).encode() + b"\xff\xfe bad\n" + TEXT.encode(), 7, "UTF-8"),
        (b"\xef\xbb\xbfcode\n\xb1\xe0\n", 2, "UTF-8"),
        (b"code\n\xff\xff\xff\n", 2, "GB 18030"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(tmp_path: Path, raw: bytes, line: int, words: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(raw)
    with pytest.raises(Invalid) as caught:
        detect(path, "f.csv")
    assert caught.value.faults[0].where == f"f.csv:{line}"
    assert words in caught.value.faults[0].message
