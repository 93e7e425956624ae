"""Sealed values: AES-256-GCM, each with its key's id in front, bound to the field and the row that it belongs to.

A sealed value is ``01 | key id (4) | nonce (12) | ciphertext | tag (16)``. The 96-bit nonces are random: NIST SP 800-38D, section 8.3, allows
2³² values under one key, some hundred times the residents of a large city; ``linli keys rotate`` begins anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gis.errors import Unavailable
from gis.secrecy.keys import ID_BYTES, FieldKey, Keyring, derive

VERSION = b"\x01"
PREFIX_BYTES = len(VERSION) + ID_BYTES
_NONCE_BYTES = 12
_TAG_BYTES = 16


class MissingKey(Unavailable):
    """A value was sealed with a key that is not at hand."""

    title = "缺少字段密钥 / a field key is missing"


class Tampered(Unavailable):
    """A value does not open with its key: it was changed, or moved here from another row or field."""

    title = "密文校验失败 / a sealed value does not open"


class FieldCipher:
    """Seals and opens values with the keys of a ring. Immutable, may be used by several threads."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring
        self._ciphers = {key.id: AESGCM(derive(key.material, "fields")) for key in keyring.keys}
        self._prefix = prefix_of(keyring.current)
        self._encrypt: Callable[[bytes, bytes, bytes], bytes] = self._ciphers[keyring.current.id].encrypt

    def seal(self, value: bytes, about: bytes) -> bytes:
        """Return a value sealed with the current key.

        Args:
            value: what to hide.
            about: field and row it belongs to; needed again to open it, not stored with it.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return self._prefix + nonce + self._encrypt(nonce, value, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return the value that was sealed.

        Raises:
            MissingKey: its key is not in the ring.
            Tampered: it is not what was sealed for this field and row.
        """
        sealed = bytes(sealed)
        if sealed[:1] != VERSION or len(sealed) < PREFIX_BYTES + _NONCE_BYTES + _TAG_BYTES:
            raise Tampered("数据不是本服务加密的 / what is stored was not sealed by this service")
        cipher = self._ciphers.get(sealed[1:PREFIX_BYTES])
        if cipher is None:
            name = sealed[1:PREFIX_BYTES].hex()
            raise MissingKey(
                f"缺少编号为 {name} 的字段密钥，请把它加入 LINLI_FIELD_KEY 后重启 / "
                f"field key {name} is missing; add it to LINLI_FIELD_KEY and start again"
            )
        nonce = sealed[PREFIX_BYTES : PREFIX_BYTES + _NONCE_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[PREFIX_BYTES + _NONCE_BYTES :], about)
        except InvalidTag:
            raise Tampered("密文已被改动或移位 / a sealed value was changed or does not belong to this row") from None

    def seal_many(self, values: Sequence[str | None], about: Sequence[bytes]) -> list[bytes | None]:
        """Return texts sealed with the current key, null where null; about a microsecond each.

        Args:
            values: (n,) texts.
            about: (n,) as for :meth:`seal`.
        """
        random = os.urandom(_NONCE_BYTES * len(values))
        nonces = (random[at : at + _NONCE_BYTES] for at in range(0, len(random), _NONCE_BYTES))
        prefix, encrypt = self._prefix, self._encrypt
        return [
            None if value is None else prefix + nonce + encrypt(nonce, value.encode(), row)
            for value, nonce, row in zip(values, nonces, about, strict=True)
        ]


def prefix_of(key: FieldKey) -> bytes:
    """Return the bytes with which every value begins that ``key`` has sealed."""
    return VERSION + key.id
