"""Change of the field key: what older keys have sealed is opened and sealed again with the current one.

Batch by batch, each a transaction of its own, so that a kill leaves every value sealed with one key or the other, both of which are at hand; the next
run goes on with what is left. Old keys are retired only when nothing is sealed with them, and stay in the key file for copies of the database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from gis.secrecy.cipher import FieldCipher, prefix_of
from gis.secrecy.keys import FieldKey, Keyring
from gis.store.auditing import Note, write_as_owner
from gis.store.session import Store
from gis.store.vault import KeyFile, Vault, about

BATCH = 2_000
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Sealed:
    """A table with sealed columns; ``bound`` is the column (or expression) whose text every value is bound to."""

    table: str
    columns: tuple[str, ...]
    bound: str
    key: str = "id"
    key_type: str = "bigint"


SEALED = (
    Sealed("residents", ("phone_sealed", "id_number_sealed", "guardian_phone_sealed"), "key"),
    Sealed("building_chiefs", ("phone_sealed",), "id::text", key_type="uuid"),
    Sealed("contacts", ("phone_sealed",), "id::text", key_type="uuid"),
    Sealed("second_factors", ("secret_sealed",), "account_id::text", key="account_id"),
    Sealed("import_pieces", ("sealed",), "import_id::text || '/' || part || '/' || number"),
    Sealed("field_secrets", ("sealed",), "name", key="name", key_type="text"),
)
"""All that the vault seals. A new sealed column must be listed here, or a change of keys would pass it by."""


@dataclass(frozen=True)
class Rotated:
    """What a change of keys has done."""

    key: str
    values: int
    retired: list[str]


def begin(source: KeyFile) -> FieldKey:
    """Put a new key in front of those in a key file; from now on every process that uses the file seals with it.

    Args:
        source: the key file; keys from the settings are changed there by whoever keeps them.
    """
    fresh = FieldKey.new()
    held = source.load()
    source.replace(Keyring((fresh, *(held.keys if held is not None else ()))))
    return fresh


def unfinished(store: Store) -> bool:
    """Tell whether an earlier change of keys has not come to its end: several keys are in use."""
    with store.owner_engine.connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) > 1 FROM field_keys WHERE retired_at IS NULL")))


def rotate(store: Store, *, batch: int = BATCH, progress: Progress | None = None) -> Rotated:
    """Seal everything with the current key, and retire the others.

    Args:
        store: a store whose vault is open.
        batch: rows of a transaction.
        progress: called with rows done.

    Raises:
        MissingKey: a value's key is not at hand; what was done before stays done.
    """
    vault = _vault(store)
    cipher = vault.cipher
    done = 0
    while True:  # a process that has not yet seen the new key may write behind our back: until nothing is left
        moved = 0
        for sealed in SEALED:
            after: Any = None
            while True:
                with store.owner_engine.begin() as connection:
                    rows, after = _batch(connection, sealed, cipher, after, batch)
                if after is None:
                    break
                moved += rows
                if progress is not None:
                    progress(done + moved, None)
        if moved == 0:
            break
        done += moved
    with store.owner_engine.begin() as connection:
        retired = _retire(connection, cipher)
        write_as_owner(
            connection,
            Note("keys.rotate", f"key:{cipher.keyring.current.name}", {"rows": done, "retired": retired}),
        )
    return Rotated(cipher.keyring.current.name, done, retired)


def count_by_key(connection: Connection) -> dict[str, int]:
    """Return the number of values that each key has sealed, by the key's name."""
    counts: dict[str, int] = {}
    for sealed in SEALED:
        for column in sealed.columns:
            rows = connection.execute(
                text(
                    f"SELECT encode(substring({column} FROM 2 FOR 4), 'hex') AS name, count(*) AS n "
                    f"FROM {sealed.table} WHERE {column} IS NOT NULL GROUP BY 1"
                )
            )
            for row in rows:
                counts[row.name] = counts.get(row.name, 0) + row.n
    return counts


def _batch(connection: Connection, sealed: Sealed, cipher: FieldCipher, after: Any, most: int) -> tuple[int, Any]:
    """Seal the next rows; return how many, and the last one's key (None when there are no more)."""
    prefix = prefix_of(cipher.keyring.current)
    old = " OR ".join(f"substring({name} FROM 1 FOR 5) <> :prefix" for name in sealed.columns)
    rows = connection.execute(
        text(
            f"SELECT {sealed.key} AS at, {sealed.bound} AS bound, {', '.join(sealed.columns)} FROM {sealed.table} "
            f"WHERE (CAST(:after AS {sealed.key_type}) IS NULL OR {sealed.key} > CAST(:after AS {sealed.key_type})) AND ({old}) "
            f"ORDER BY {sealed.key} LIMIT :most FOR UPDATE"
        ),
        {"after": after, "prefix": prefix, "most": 8 if sealed.table == "import_pieces" else most},
    ).all()
    if not rows:
        return 0, None
    connection.execute(text("SELECT set_config('linli.rotating', 'on', true)"))
    connection.execute(
        text(
            f"UPDATE {sealed.table} SET {', '.join(f'{name} = :{name}' for name in sealed.columns)} "
            f"WHERE {sealed.key} = CAST(:at AS {sealed.key_type})"
        ),
        [
            {
                "at": row.at,
                **{
                    name: _again(cipher, getattr(row, name), about(f"{sealed.table}.{name}", row.bound))
                    for name in sealed.columns
                },
            }
            for row in rows
        ],
    )
    return len(rows), rows[-1].at


def _again(cipher: FieldCipher, value: bytes | None, belongs: bytes) -> bytes | None:
    return None if value is None else cipher.seal(cipher.open(value, belongs), belongs)


def _retire(connection: Connection, cipher: FieldCipher) -> list[str]:
    """Retire every other key that seals nothing any more."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('linli keys'))"))
    used = set(count_by_key(connection)) | {cipher.keyring.current.name}
    rows = connection.scalars(
        text("UPDATE field_keys SET retired_at = now() WHERE retired_at IS NULL AND NOT id = ANY(:used) RETURNING id"),
        {"used": sorted(used)},
    )
    return sorted(rows)


def _vault(store: Store) -> Vault:
    store.open_vault()
    if store.vault is None:
        raise ValueError("the store was opened without keys")
    return store.vault
