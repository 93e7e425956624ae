from __future__ import annotations

import pytest

from gis.secrecy.keys import BadKey, FieldKey, Keyring, derive

A, B = FieldKey(bytes(range(32))), FieldKey(bytes(range(1, 33)))


def test_a_key_is_written_and_read_again() -> None:
    assert FieldKey.parse(A.text) == A
    assert FieldKey.parse(f"  {A.text.rstrip('=')}\n") == A
    high = FieldKey(bytes(range(224, 256)))
    assert FieldKey.parse(high.text.replace("-", "+").replace("_", "/")) == high
    assert FieldKey.new() != FieldKey.new()


@pytest.mark.parametrize("text", ["", "secret", "AAAA" * 11, A.text[:-4], A.text + "AAAA", "密" * 43, "-" * 44])
def test_what_is_no_key_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(BadKey) as refused:
        FieldKey.parse(text)
    assert len(text) < 5 or text not in str(refused.value)


def test_a_key_hides_itself() -> None:
    assert A.text not in repr(A) and str(A.material) not in repr(Keyring((A,)))
    assert A.id not in A.material and A.name == A.id.hex()


def test_a_ring_seals_with_the_first() -> None:
    ring = Keyring.parse(f"# remark\n{B.text}  # the new one\n{A.text},\n")
    assert ring.keys == (B, A) and ring.current == B
    assert ring.find(A.id) == A and ring.find(b"none") is None
    for wrong in ("", "# nothing", f"{A.text} {A.text}"):
        with pytest.raises(BadKey):
            Keyring.parse(wrong)


def test_derivation_is_hkdf_sha256() -> None:
    """RFC 5869 worked by hand: extract with a salt of zeros, then one block of expand."""
    import hmac

    extracted = hmac.digest(bytes(32), A.material, "sha256")
    assert derive(A.material, "fields") == hmac.digest(extracted, b"linli/1/fields\x01", "sha256")
    assert derive(A.material, "fields") != derive(A.material, "person")
