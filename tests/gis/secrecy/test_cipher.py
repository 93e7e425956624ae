from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.secrecy.cipher import FieldCipher, MissingKey, Tampered, prefix_of
from gis.secrecy.keys import FieldKey, Keyring

OLD, NEW = FieldKey(bytes(range(32))), FieldKey(bytes(range(1, 33)))
BEFORE, AFTER = FieldCipher(Keyring((OLD,))), FieldCipher(Keyring((NEW, OLD)))


@given(st.text(), st.binary())
def test_what_is_sealed_opens_again(value: str, about: bytes) -> None:
    sealed = AFTER.seal(value.encode(), about)
    assert AFTER.open(sealed, about) == value.encode()
    assert sealed.startswith(prefix_of(NEW))
    assert len(sealed) == 5 + 12 + len(value.encode()) + 16


def test_nothing_is_sealed_alike_twice() -> None:
    assert len({BEFORE.seal(b"15412345678", b"") for _ in range(100)}) == 100
    assert len(set(BEFORE.seal_many(["15412345678"] * 100, [b""] * 100))) == 100


def test_many_at_once_are_as_one_by_one() -> None:
    values, about = ["a", None, "", "邻里"], [b"1", b"2", b"3", b"4"]
    sealed = BEFORE.seal_many(values, about)
    opened = [None if s is None else BEFORE.open(s, a).decode() for s, a in zip(sealed, about, strict=True)]
    assert opened == values


def test_a_value_stays_in_its_row_and_field() -> None:
    sealed = BEFORE.seal(b"15412345678", b"residents.phone\x1f1")
    for other in (b"residents.phone\x1f2", b"residents.id_number\x1f1", b""):
        with pytest.raises(Tampered):
            BEFORE.open(sealed, other)


def test_every_changed_bit_is_noticed() -> None:
    sealed = BEFORE.seal(b"x", b"row")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises((Tampered, MissingKey)):
            BEFORE.open(bytes(changed), b"row")
    for cut in (b"", sealed[:20], sealed[:-1], b"15412345678"):
        with pytest.raises(Tampered):
            BEFORE.open(cut, b"row")


def test_an_older_key_still_opens_and_a_missing_one_is_named() -> None:
    assert AFTER.open(BEFORE.seal(b"x", b""), b"") == b"x"
    with pytest.raises(MissingKey, match=NEW.name):
        BEFORE.open(AFTER.seal(b"x", b""), b"")
