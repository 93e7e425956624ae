"""Keyed hashes: whole phones and ID numbers can be searched for, and people told apart, without anything readable being stored.

HMAC-SHA256 cut to 128 bits (NIST SP 800-107, section 5.3.3: the left-most bits). Without the secret the few possible phone numbers cannot be tried
one by one. Equal values have equal hashes: that two people share a telephone can be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from gis.secrecy.keys import derive

HASH_BYTES = 16
_NO_DIGIT = re.compile(r"[^0-9]")
_MAINLAND_MOBILE = re.compile(r"(?:00)?86(1[3-9]\d{9})")
_NO_SIGN = re.compile(r"[^0-9A-Z]")


class SearchHashes:
    """Hashes with keys derived from one secret, a different key for each purpose."""

    def __init__(self, secret: bytes) -> None:
        """Take a secret of 256 random bits."""
        self._phone = derive(secret, "search phone")
        self._id_number = derive(secret, "search id number")
        self._person = derive(secret, "person")

    def phone(self, text: str | None) -> bytes | None:
        """Return the hash of a telephone number however it is written; None where there is none."""
        return self.phones([text])[0]

    def id_number(self, text: str | None) -> bytes | None:
        """Return the hash of an ID number however it is written."""
        return self.id_numbers([text])[0]

    def phones(self, texts: Sequence[str | None]) -> list[bytes | None]:
        """Return the hashes of telephone numbers, (n,)."""
        return [each[:HASH_BYTES] or None for each in _hmacs(self._phone, map(plain_phone, texts))]

    def id_numbers(self, texts: Sequence[str | None]) -> list[bytes | None]:
        """Return the hashes of ID numbers, (n,)."""
        return [each[:HASH_BYTES] or None for each in _hmacs(self._id_number, map(plain_id_number, texts))]

    def person_keys(self, digests: Sequence[str]) -> list[str]:
        """Return the keys by which people are told apart, 64 hexadecimal digits each.

        Args:
            digests: (n,) what identifies each person; may be a digest of readable parts, whose few possibilities the key hides.
        """
        return [each.hex() for each in _hmacs(self._person, digests)]


def plain_phone(text: str | None) -> str:
    """Return the digits of a telephone number, without +86 before a mainland mobile number; words without digits as they are."""
    if text and len(text) <= 11 and text.isascii() and text.isdigit():  # as nearly all are
        return text
    digits = _NO_DIGIT.sub("", text or "")
    mobile = _MAINLAND_MOBILE.fullmatch(digits)
    return mobile[1] if mobile else digits or (text or "").strip()


def plain_id_number(text: str | None) -> str:
    """Return the letters (in capitals) and digits of an ID number; words without any as they are."""
    if text and text.isascii() and text.isdigit():  # as nearly all are
        return text
    return _NO_SIGN.sub("", (text or "").upper()) or (text or "").strip()


def _hmacs(key: bytes, plains: Iterable[str]) -> list[bytes]:
    """Return the HMAC-SHA256 of each text, nothing for nothing: from copies of one begun with the key, three times as fast as anew."""
    begin, hashes = HMAC(key, SHA256()).copy, []
    for plain in plains:
        if plain:
            one = begin()
            one.update(plain.encode())
            hashes.append(one.finalize())
        else:
            hashes.append(b"")
    return hashes
