"""The sheet of door codes: what is printed is read back, signs and QR codes alike."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
import zxingcpp

from api import printing
from gis.errors import Unavailable
from gis.services.doors import Door, new_code
from maps import fonts

ADDRESS = "https://linli.example/d/"


def doors(n: int) -> list[Door]:
    return [Door(new_code(), "翠湖小区", "3栋", "2", str(100 + number), "H-7") for number in range(n)]


def read(pdf: bytes) -> tuple[list[str], list[str]]:
    """Return the text and the QR codes of each page, as a scanner finds them."""
    document = pypdfium2.PdfDocument(pdf)
    texts, found = [], []
    for page in document:
        texts.append(page.get_textpage().get_text_bounded())
        picture = page.render(scale=300 / 72).to_numpy()
        found += [each.text for each in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)]
    return texts, found


def test_every_code_is_read_back_beside_its_door() -> None:
    given = doors(13)
    texts, found = read(printing.door_sheet(given, ADDRESS))
    assert sorted(found) == sorted(ADDRESS + door.code for door in given)
    assert len(texts) == 2
    assert "翠湖小区" in texts[0]
    assert "2单元" in texts[0]
    for number in range(10):
        assert f"{100 + number}室" in texts[0]
    assert "112室" in texts[1]
    assert given[0].code not in texts[0] and given[0].household not in texts[0]


def test_what_is_unusual_is_printed_as_it_is() -> None:
    text = read(printing.door_sheet([Door(new_code(), None, "B-07", "东侧", None, "H0042DZQE")], ADDRESS))[0][0]
    assert "B-07" in text
    assert "东侧" in text
    assert "None" not in text
    assert "H0042DZQE" in text, "without a room nobody would know which door it is for"


def test_a_long_name_stays_in_its_card() -> None:
    pdf = printing.door_sheet([Door(new_code(), "很长的小区名称" * 9, "1栋", "1", "101", "H-7")], ADDRESS)
    page = pypdfium2.PdfDocument(pdf)[0]
    words = page.get_textpage()
    right = max(words.get_charbox(number)[2] for number in range(words.count_chars()))
    assert right <= page.get_width() / 2


def test_no_name_of_the_font_is_fetched_and_the_signs_are_simplified() -> None:
    path, number = fonts.chinese_font()
    assert path.is_file()
    assert number == fonts._simplified(path)


def test_a_machine_without_a_chinese_font_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "NotoSansCJK-Regular.ttc").write_bytes(b"not a font")
    monkeypatch.setattr(fonts, "FOLDERS", (tmp_path,))
    with pytest.raises(Unavailable, match="font"):
        printing.door_sheet(doors(1), ADDRESS)
