"""Migration 0002 on rows that are there already: what was readable is sealed, and going back down opened again.

Batches keep memory flat; the whole is one transaction all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from gis.errors import Unavailable
from gis.store.vault import Vault, about

BATCH = 10_000
IMPORT_FIELDS = ("content", "rejected_csv")

_READABLE = text("SELECT id, key, phone, id_number FROM residents WHERE id > :after ORDER BY id LIMIT :most")
_SEALED = text(
    "SELECT id, key, phone_sealed, id_number_sealed FROM residents "
    "WHERE id > :after AND num_nonnulls(phone_sealed, id_number_sealed) > 0 ORDER BY id LIMIT :most"
)
_WRITE_SEALED = text(
    "UPDATE residents r SET key = n.key, phone_sealed = n.phone, phone_hash = n.phone_hash, id_number_sealed = n.id_number, "
    "id_number_hash = n.id_number_hash FROM unnest(CAST(:ids AS bigint[]), CAST(:keys AS text[]), CAST(:phones AS bytea[]), "
    "CAST(:phone_hashes AS bytea[]), CAST(:id_numbers AS bytea[]), CAST(:id_number_hashes AS bytea[])) "
    "AS n (id, key, phone, phone_hash, id_number, id_number_hash) WHERE n.id = r.id"
)
_WRITE_READABLE = text(
    "UPDATE residents r SET phone = n.phone, id_number = n.id_number "
    "FROM unnest(CAST(:ids AS bigint[]), CAST(:phones AS text[]), CAST(:id_numbers AS text[])) AS n (id, phone, id_number) WHERE n.id = r.id"
)
# As the import of 0001 told people apart, from what is known of them now.
_WRITE_KEYS = text(
    """
    UPDATE residents r SET key = encode(sha256(convert_to(concat_ws(E'\\x1f', n.household, n.person, n.occurrence), 'UTF8')), 'hex')
    FROM (SELECT p.id, p.household, p.person, row_number() OVER (PARTITION BY p.household, p.person ORDER BY p.id) - 1 AS occurrence
          FROM (SELECT r.id, h.code AS household, coalesce('id' || E'\\x1e' || upper(r.id_number), concat_ws(E'\\x1e', 'p',
                       coalesce(r.name, ''), r.birth_year, coalesce(r.birth_date::text, ''), coalesce(r.sex, ''))) AS person
                FROM residents r JOIN households h ON h.id = r.household_id) p) n WHERE n.id = r.id
    """
)


def seal_stored(connection: Connection, vault: Vault | None) -> None:
    """Seal the phones and ID numbers of all residents, and the files of imports; give residents keyed keys.

    Raises:
        Unavailable: there are such rows and no vault.
    """
    if not _any(connection, "residents") and not _any_import(connection):
        return
    opened = _opened(connection, vault)
    for rows in _batches(connection, _READABLE):
        keys = opened.search.person_keys([row.key for row in rows])
        sealed = opened.seal_people(keys, [row.phone for row in rows], [row.id_number for row in rows])
        connection.execute(
            _WRITE_SEALED,
            {
                "ids": [row.id for row in rows],
                "keys": keys,
                "phones": sealed.phone_sealed,
                "phone_hashes": sealed.phone_hash,
                "id_numbers": sealed.id_number_sealed,
                "id_number_hashes": sealed.id_number_hash,
            },
        )
    for field, import_id, value in _import_files(connection):
        _write_import(connection, field, import_id, opened.cipher.seal(value, about(f"imports.{field}", import_id)))


def unseal_stored(connection: Connection, vault: Vault | None) -> None:
    """Open what :func:`seal_stored` has sealed, and give residents the keys that the older import would give them.

    Raises:
        Unavailable: there are such rows and no vault.
    """
    if not _any(connection, "residents") and not _any_import(connection):
        return
    opened = _opened(connection, vault)

    for rows in _batches(connection, _SEALED):
        connection.execute(
            _WRITE_READABLE,
            {
                "ids": [row.id for row in rows],
                "phones": [opened.open_one("residents.phone_sealed", row.key, row.phone_sealed) for row in rows],
                "id_numbers": [
                    opened.open_one("residents.id_number_sealed", row.key, row.id_number_sealed) for row in rows
                ],
            },
        )
    connection.execute(_WRITE_KEYS)
    for field, import_id, value in _import_files(connection):
        _write_import(connection, field, import_id, opened.cipher.open(value, about(f"imports.{field}", import_id)))


def _any(connection: Connection, table: str) -> bool:
    return bool(connection.scalar(text(f"SELECT EXISTS (SELECT FROM {table})")))  # our own table's name


def _any_import(connection: Connection) -> bool:
    return bool(
        connection.scalar(text("SELECT EXISTS (SELECT FROM imports WHERE num_nonnulls(content, rejected_csv) > 0)"))
    )


def _opened(connection: Connection, vault: Vault | None) -> Vault:
    if vault is None:
        raise Unavailable(
            "数据库中有居民,迁移需要字段密钥 / there are residents in the database: the migration needs the field key (LINLI_FIELD_KEY)"
        )
    vault.open(connection)
    return vault


def _batches(connection: Connection, query: Any) -> Iterator[list[Any]]:
    after = 0
    while rows := list(connection.execute(query, {"after": after, "most": BATCH}).all()):
        yield rows
        after = rows[-1].id


def _import_files(connection: Connection) -> Iterator[tuple[str, str, bytes]]:
    for field in IMPORT_FIELDS:
        found = connection.scalars(text(f"SELECT id::text FROM imports WHERE {field} IS NOT NULL")).all()
        for import_id in found:
            value = connection.scalar(
                text(f"SELECT {field} FROM imports WHERE id = CAST(:id AS uuid)"), {"id": import_id}
            )
            yield field, import_id, bytes(value)


def _write_import(connection: Connection, field: str, import_id: str, value: bytes) -> None:
    connection.execute(
        text(f"UPDATE imports SET {field} = :value WHERE id = CAST(:id AS uuid)"), {"id": import_id, "value": value}
    )
