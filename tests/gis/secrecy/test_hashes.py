from __future__ import annotations

import pytest

from gis.secrecy.hashes import SearchHashes

HASHES, OTHERS = SearchHashes(bytes(range(32))), SearchHashes(bytes(range(1, 33)))


@pytest.mark.parametrize(
    "text", ["15412345678", "154 1234 5678", "+86 154-1234-5678", "008615412345678", " 15412345678 "]
)
def test_a_phone_is_found_however_it_is_written(text: str) -> None:
    assert HASHES.phone(text) == HASHES.phone("15412345678")


def test_what_differs_hashes_differently() -> None:
    assert HASHES.phone("15412345678") != HASHES.phone("15412345679")
    assert HASHES.phone("87112345678") == HASHES.phone("871-12345678")
    assert HASHES.phone("8687112345678") != HASHES.phone("87112345678"), "no mobile: 86 belongs to the number"
    assert HASHES.id_number("53990119500101123x") == HASHES.id_number("539901 19500101 123X")
    assert HASHES.phone("539901195001011234") != HASHES.id_number("539901195001011234")
    assert HASHES.phone("15412345678") != OTHERS.phone("15412345678")
    assert HASHES.person_keys(["a"]) != OTHERS.person_keys(["a"])


def test_nothing_has_no_hash_and_words_have_one() -> None:
    assert [HASHES.phone(each) for each in (None, "", "  ")] == [None] * 3
    assert HASHES.phones(["无", None]) == [HASHES.phone("无"), None]
    assert HASHES.id_numbers(["", "x"]) == [None, HASHES.id_number("X")]
    assert len(HASHES.phone("无") or b"") == 16
