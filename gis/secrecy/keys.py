"""The keys that seal personal fields: how they are written down, told apart, and divided by purpose."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
ID_BYTES = 4
"""Of a key's id; it tells the keys of one place apart and says nothing about the key."""


class BadKey(ValueError):
    """A text is not a key; the message never holds the text."""


@dataclass(frozen=True)
class FieldKey:
    """One key: 256 random bits, never used as they are but divided by HKDF (RFC 5869) into one key for each purpose."""

    material: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.material) != KEY_BYTES or len(set(self.material)) < 8:
            raise BadKey(
                "应为 base64 编码的 32 个随机字节，可用 linli keys new 生成 / "
                "expected 32 random bytes in base64; make one with: linli keys new"
            )

    @classmethod
    def new(cls) -> FieldKey:
        """Make a key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> FieldKey:
        """Read a key as :attr:`text` writes it, or in the standard base64 alphabet.

        Raises:
            BadKey: it is none.
        """
        plain = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
        try:
            material = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            material = b""
        return cls(material)

    @property
    def text(self) -> str:
        """Return the key as it is written down: URL-safe base64."""
        return base64.urlsafe_b64encode(self.material).decode()

    @cached_property
    def id(self) -> bytes:
        """Return what tells this key from others, ``ID_BYTES`` bytes."""
        return derive(self.material, "key id")[:ID_BYTES]

    @property
    def name(self) -> str:
        """Return the id for people: 8 hexadecimal digits."""
        return self.id.hex()


@dataclass(frozen=True)
class Keyring:
    """The keys that open what is stored; the first seals what is written."""

    keys: tuple[FieldKey, ...]

    def __post_init__(self) -> None:
        if not self.keys:
            raise BadKey("没有密钥 / there is no key")
        if len({key.id for key in self.keys}) != len(self.keys):
            raise BadKey("同一密钥出现两次 / the same key is given twice")

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read keys with commas, blanks or line ends between; from ``#`` to the end of a line is a remark.

        Raises:
            BadKey: one of them is none, or there are none at all.
        """
        lines = (line.partition("#")[0] for line in text.splitlines())
        return cls(tuple(FieldKey.parse(part) for line in lines for part in line.replace(",", " ").split()))

    @property
    def current(self) -> FieldKey:
        """Return the key that seals."""
        return self.keys[0]

    def find(self, key_id: bytes) -> FieldKey | None:
        """Return the key of an id."""
        return next((key for key in self.keys if key.id == key_id), None)


def derive(material: bytes, purpose: str) -> bytes:
    """Return 32 bytes for one purpose, by HKDF-SHA256 (RFC 5869) with the purpose as info.

    Args:
        material: a secret of high entropy, bytes; no salt is needed for one.
        purpose: what the result is for; keys of different purposes tell nothing of each other.
    """
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"linli/1/{purpose}".encode()).derive(material)
