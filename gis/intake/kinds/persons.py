"""People who come again under another key: their ID number was corrected, or was not known before.

Within a household, name and date of birth together tell a person; where exactly one such person in the file is new and exactly one stored is
not in the file, and their sexes do not contradict each other, they are the same. Everybody else keeps the key of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, text

from gis.intake.staging import Staging
from gis.store.vault import Vault

_PIECE = 10_000
_ALIKE = text("""
CREATE TEMP TABLE people_alike ON COMMIT DROP AS WITH unknown AS (
  SELECT s.key, s.household_id, s.name, s.birth_date, s.sex, s.row FROM staged_residents s
  WHERE s.name IS NOT NULL AND s.birth_date IS NOT NULL AND NOT EXISTS (SELECT FROM residents r WHERE r.key = s.key)),
absent AS (
  SELECT r.key, r.household_id, r.name, r.birth_date, r.sex FROM residents r
  WHERE r.moved_out_on IS NULL AND r.birth_date IS NOT NULL
  AND NOT EXISTS (SELECT FROM staged_residents s WHERE s.key = r.key))
SELECT min(u.key) AS staged, min(a.key) AS stored,
  count(DISTINCT u.key) = 1 AND count(DISTINCT a.key) = 1 AS one, array_agg(DISTINCT u.row) AS rows
FROM unknown u JOIN absent a USING (household_id, name, birth_date)
WHERE u.sex IS NULL OR a.sex IS NULL OR u.sex = a.sex
GROUP BY household_id, name, birth_date""")
_UNSURE = text("SELECT DISTINCT unnest(rows) FROM people_alike WHERE NOT one ORDER BY 1 LIMIT :most")
_ONE_TO_ONE = """
SELECT a.staged, a.stored, s.phone_sealed, s.id_number_sealed, s.guardian_phone_sealed
FROM people_alike a JOIN staged_residents s ON s.key = a.staged WHERE a.one"""
_OWN = MappingProxyType({"staged": "text", "own": "text", "phone": "bytea", "id_number": "bytea", "guardian": "bytea"})
_ADOPT = text("""
UPDATE staged_residents s SET key = n.own, phone_sealed = n.phone, id_number_sealed = n.id_number, guardian_phone_sealed = n.guardian
FROM people_own n WHERE s.key = n.staged""")
_GUARDIANS = """
SELECT s.key, s.guardian_phone_sealed, r.guardian_phone_sealed FROM staged_residents s JOIN residents r USING (key)
WHERE s.guardian_phone_sealed IS NOT NULL AND r.guardian_phone_sealed IS NOT NULL"""
_AS_STORED = text("""
UPDATE staged_residents s SET guardian_phone_sealed = r.guardian_phone_sealed
FROM residents r JOIN guardians_alike a ON a.key = r.key WHERE r.key = s.key""")


def recognise(connection: Connection, vault: Vault, most: int) -> list[int]:
    """Give staged residents the key of the stored person whom they are.

    Args:
        connection: a transaction with residents staged.
        vault: open: what was sealed for the key of the file is sealed anew for the person's own.
        most: how many rows to return.

    Returns:
        The first rows of which it is not certain, in order.
    """
    connection.execute(text("DROP TABLE IF EXISTS pg_temp.people_alike"))
    connection.execute(_ALIKE)
    own = Staging(connection, "people_own", _OWN)
    for rows in _pieces(connection, _ONE_TO_ONE):
        own.append(_sealed_anew(vault, rows))
    if own.rows:
        connection.execute(_ADOPT)
        connection.execute(text("ANALYZE staged_residents (key)"))
    return list(connection.execute(_UNSURE, {"most": most}).scalars())


def keep_same_guardians(connection: Connection, vault: Vault) -> None:
    """Put the stored number of a guardian in the place of a staged one that says the same: nothing is sealed alike twice, and no hash is kept of it.

    Args:
        connection: a transaction with residents staged.
        vault: open.
    """
    field = "residents.guardian_phone_sealed"
    alike = Staging(connection, "guardians_alike", {"key": "text"})
    for rows in _pieces(connection, _GUARDIANS):
        same = [key for key, new, old in rows if vault.open_one(field, key, new) == vault.open_one(field, key, old)]
        alike.append(pa.table({"key": pa.array(same, pa.string())}))
    if alike.rows:
        connection.execute(_AS_STORED)


def _pieces(connection: Connection, query: str) -> Iterator[list[Any]]:
    """Yield the rows of a query, some thousands at a time."""
    with connection.connection.driver_connection.cursor(name="linli_people", binary=True) as found:  # type: ignore[union-attr]
        found.execute(query)
        while rows := found.fetchmany(_PIECE):
            yield rows


def _sealed_anew(vault: Vault, rows: list[tuple[Any, ...]]) -> pa.Table:
    """Return people's own keys beside the staged ones, and what was sealed for these sealed anew for those."""

    def sealed(field: str, at: int) -> pa.Array:
        anew = [vault.seal_one(field, row[1], vault.open_one(field, row[0], row[at])) for row in rows]
        return pa.array(anew, pa.large_binary())

    return pa.table(
        {
            "staged": [row[0] for row in rows],
            "own": [row[1] for row in rows],
            "phone": sealed("residents.phone_sealed", 2),
            "id_number": sealed("residents.id_number_sealed", 3),
            "guardian": sealed("residents.guardian_phone_sealed", 4),
        }
    )
