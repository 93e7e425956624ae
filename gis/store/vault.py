"""The vault: the field keys of this process, proven against the database, and what they seal and hash.

The keys come from the settings or from a file beside the data. The database knows their ids and can tell a wrong key from a right one; it never
holds a key. A random secret for the search hashes lies there sealed, so that a change of keys leaves the hashes as they are.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from gis.errors import Unavailable
from gis.secrecy.cipher import FieldCipher, MissingKey, Tampered
from gis.secrecy.hashes import SearchHashes
from gis.secrecy.keys import BadKey, FieldKey, Keyring, derive

OPTION = "linli_vault"
"""The engine's execution option under which every connection and session finds the vault."""
_PROOF = b"linli field key"
_SECRET = "search"


@dataclass(frozen=True)
class SealedPeople:
    """The protected columns of residents, each (n,), named as in the table."""

    phone_sealed: list[bytes | None]
    phone_hash: list[bytes | None]
    id_number_sealed: list[bytes | None]
    id_number_hash: list[bytes | None]


class KeySource(Protocol):
    """Where keys come from."""

    def load(self) -> Keyring | None:
        """Return the keys; None where there are none yet."""

    def create(self) -> Keyring:
        """Make the first key of a new place, and keep it."""

    def stamp(self) -> object:
        """Return something that changes when the keys may have changed."""

    def where(self) -> str:
        """Return the place for people, 中文 / English."""


class GivenKeys:
    """Keys from the settings."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def load(self) -> Keyring:
        """Return the keys."""
        return self._keyring

    def create(self) -> Keyring:
        """Return the keys: they were made by whoever set them."""
        return self._keyring

    def stamp(self) -> object:
        """Return the same always: settings are read once."""
        return None

    def where(self) -> str:
        """Return the setting's name."""
        return "LINLI_FIELD_KEY"


class KeyFile:
    """Keys in a file that its owner alone may read; one a line, the first seals."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Keyring | None:
        """Return the keys in the file; None where there is no file.

        Raises:
            Unavailable: others may read it, it cannot be read, or it holds no keys.
        """
        try:
            if self.path.stat().st_mode & 0o077:
                raise Unavailable(
                    f"密钥文件可被他人读取，请执行 chmod 600 {self.path} / others may read the key file; run: chmod 600 {self.path}"
                )
            return Keyring.parse(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except BadKey as error:
            raise Unavailable(f"密钥文件已损坏 / the key file is damaged: {self.path}: {error}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"无法读取密钥文件 / the key file cannot be read: {self.path}") from error

    def create(self) -> Keyring:
        """Write a file with a new key; an existing file is never overwritten."""
        keyring = Keyring((FieldKey.new(),))
        self._write(keyring, fresh=True)
        return keyring

    def replace(self, keyring: Keyring) -> None:
        """Write other keys: at any moment, even of a power cut, the file holds either the old ones or the new."""
        self._write(keyring, fresh=False)

    def stamp(self) -> object:
        """Return what changes with every write of the file."""
        with suppress(OSError):
            found = self.path.stat()
            return (found.st_ino, found.st_mtime_ns, found.st_size)
        return None

    def where(self) -> str:
        """Return the file's path."""
        return str(self.path)

    def _write(self, keyring: Keyring, *, fresh: bool) -> None:
        lines = [
            "# linli 字段密钥，请另行妥善备份：丢失后手机号与证件号无法恢复",
            "# field keys of linli: keep a copy elsewhere; without them phones and ID numbers are lost",
            *(f"{key.text}  # {key.name}" for key in keyring.keys),
        ]
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(("\n".join(lines) + "\n").encode())
                file.flush()
                os.fsync(file.fileno())
            if fresh:
                os.link(draft, self.path)
                draft.unlink()
            else:
                draft.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise Unavailable(
                f"无法写入密钥文件 / the key file cannot be written: {self.path}: {error.strerror}"
            ) from error


class Vault:
    """What this process can seal, open and hash. :meth:`open` proves the keys; nothing works before."""

    def __init__(self, source: KeySource) -> None:
        self.source = source
        self._stamp: object = None
        self._cipher: FieldCipher | None = None
        self._search: SearchHashes | None = None
        self._rounding: bytes | None = None

    def open(self, connection: Connection) -> None:
        """Prove the keys against the database; register a new one; for a new place make what is needed.

        Args:
            connection: an open transaction of the owner.

        Raises:
            Unavailable: a key that values here are sealed with is missing or another one; the detail says which and what to do.
        """
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('linli keys'))"))
        known = connection.execute(text("SELECT id, proof, retired_at FROM field_keys ORDER BY created_at, id")).all()
        stamp = self.source.stamp()
        keyring = self.source.load() or (self.source.create() if not known else None)
        if keyring is None:
            raise Unavailable(
                f"找不到字段密钥 {self.source.where()}；数据已用密钥 {', '.join(row.id for row in known)} 加密，请恢复该密钥 / "
                f"there is no field key at {self.source.where()}, but the data is sealed with {', '.join(row.id for row in known)}: "
                "bring that key back (LINLI_FIELD_KEY, or the key file from your backup)"
            )
        cipher = FieldCipher(keyring)
        for row in known:
            _prove(cipher, keyring, row.id, bytes(row.proof), self.source.where(), required=row.retired_at is None)
        _register(connection, cipher)
        sealed = connection.scalar(text("SELECT sealed FROM field_secrets WHERE name = :name"), {"name": _SECRET})
        if sealed is None:
            secret = secrets.token_bytes(32)
            connection.execute(
                text("INSERT INTO field_secrets (name, sealed) VALUES (:name, :sealed)"),
                {"name": _SECRET, "sealed": cipher.seal(secret, about("field_secrets.sealed", _SECRET))},
            )
        else:
            secret = cipher.open(sealed, about("field_secrets.sealed", _SECRET))
        self._cipher, self._search, self._stamp = cipher, SearchHashes(secret), stamp or self.source.stamp()
        self._rounding = derive(secret, "published counts")

    @property
    def is_open(self) -> bool:
        """Tell whether the keys have been proven."""
        return self._cipher is not None

    @property
    def cipher(self) -> FieldCipher:
        """Return what seals and opens; a key file that another process has changed since is read again."""
        if self._cipher is None:
            raise _closed()
        stamp = self.source.stamp()
        if stamp != self._stamp:
            keyring = self.source.load()
            if keyring is not None:
                self._cipher, self._stamp = FieldCipher(keyring), stamp
        return self._cipher

    @property
    def search(self) -> SearchHashes:
        """Return the keyed hashes."""
        if self._search is None:
            raise _closed()
        return self._search

    @property
    def rounding(self) -> bytes:
        """Return the secret by which counts of people are rounded for who may not see them; it stays when keys are changed."""
        if self._rounding is None:
            raise _closed()
        return self._rounding

    def seal_people(
        self, keys: Sequence[str], phones: Sequence[str | None], id_numbers: Sequence[str | None]
    ) -> SealedPeople:
        """Seal what is protected of many residents: some five microseconds a person.

        Args:
            keys: (n,) the residents' keys.
            phones: (n,) readable.
            id_numbers: (n,) readable.
        """
        search = self.search
        return SealedPeople(
            self.seal_many("residents.phone_sealed", keys, phones),
            search.phones(phones),
            self.seal_many("residents.id_number_sealed", keys, id_numbers),
            search.id_numbers(id_numbers),
        )

    def seal_many(self, field: str, rows: Sequence[str], values: Sequence[str | None]) -> list[bytes | None]:
        """Return texts sealed for a field (``table.column``) of many rows, (n,); null where null or empty."""
        return self.cipher.seal_many([each or None for each in values], about_many(field, rows))

    def seal_one(self, field: str, row: str, value: str | None) -> bytes | None:
        """Return a text sealed for a field (``table.column``) of a row; null where null or empty."""
        return self.cipher.seal(value.encode(), about(field, row)) if value else None

    def open_one(self, field: str, row: str, sealed: bytes | None) -> str | None:
        """Return the text that :meth:`seal_one` has sealed."""
        return None if sealed is None else self.cipher.open(sealed, about(field, row)).decode()


def vault_of(database: Session | Connection) -> Vault:
    """Return the vault of the store that a session or connection belongs to.

    Raises:
        Unavailable: the store was opened without keys.
    """
    connection = database.connection() if isinstance(database, Session) else database
    vault: Vault | None = connection.get_execution_options().get(OPTION)
    if vault is None:
        raise _closed()
    return vault


def about(field: str, row: str) -> bytes:
    """Return what a sealed value is bound to: its field (``table.column``) and its row's key."""
    return f"{field}\x1f{row}".encode()


def about_many(field: str, rows: Sequence[str]) -> list[bytes]:
    """Return the same for many rows of one field."""
    start = f"{field}\x1f".encode()
    return [start + row.encode() for row in rows]


def _prove(cipher: FieldCipher, keyring: Keyring, name: str, proof: bytes, where: str, *, required: bool) -> None:
    if keyring.find(bytes.fromhex(name)) is None and not required:
        return
    try:
        right = cipher.open(proof, about("field_keys.proof", name)) == _PROOF
    except (MissingKey, Tampered):
        right = False
    if not right:
        have = ", ".join(key.name for key in keyring.keys)
        raise Unavailable(
            f"字段密钥不符：数据用密钥 {name} 加密，{where} 中只有 {have}；请加入缺少的密钥（新密钥在前，旧密钥在后，逗号分隔） / "
            f"wrong field key: the data is sealed with key {name}, but {where} holds {have}; add the missing key "
            "(the new one first, the old one after a comma)"
        )


def _register(connection: Connection, cipher: FieldCipher) -> None:
    """Enter the current key as one in use."""
    name = cipher.keyring.current.name
    connection.execute(
        text(
            "INSERT INTO field_keys (id, proof) VALUES (:id, :proof) "
            "ON CONFLICT (id) DO UPDATE SET retired_at = NULL WHERE field_keys.retired_at IS NOT NULL"
        ),
        {"id": name, "proof": cipher.seal(_PROOF, about("field_keys.proof", name))},
    )


def _closed() -> Unavailable:
    return Unavailable("字段密钥尚未就绪 / the field keys are not ready: the store was opened without them")
