"""People who come again under another key: their ID number was corrected, or was not known before.

Within a household, name and date of birth together tell a person; where exactly one such person in the file is new and exactly one stored is
not in the file, and their sexes do not contradict each other, they are the same. Everybody else keeps the key of the file.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from gis.store.vault import Vault

_ALIKE = text("""
WITH unknown AS (
  SELECT s.key, s.household_id, s.name, s.birth_date, s.sex, s.row FROM staged_residents s
  WHERE s.name IS NOT NULL AND s.birth_date IS NOT NULL AND NOT EXISTS (SELECT FROM residents r WHERE r.key = s.key)),
absent AS (
  SELECT r.key, r.household_id, r.name, r.birth_date, r.sex FROM residents r
  WHERE r.moved_out_on IS NULL AND r.birth_date IS NOT NULL
  AND NOT EXISTS (SELECT FROM staged_residents s WHERE s.key = r.key))
SELECT array_agg(DISTINCT u.key), array_agg(DISTINCT a.key), array_agg(DISTINCT u.row)
FROM unknown u JOIN absent a USING (household_id, name, birth_date)
WHERE u.sex IS NULL OR a.sex IS NULL OR u.sex = a.sex
GROUP BY household_id, name, birth_date""")


_GUARDIANS = text("""
SELECT s.key, s.guardian_phone_sealed, r.guardian_phone_sealed FROM staged_residents s JOIN residents r USING (key)
WHERE s.guardian_phone_sealed IS NOT NULL AND r.guardian_phone_sealed IS NOT NULL""")
_AS_STORED = text("""
UPDATE staged_residents s SET guardian_phone_sealed = r.guardian_phone_sealed FROM residents r
WHERE r.key = s.key AND s.key = ANY(:keys)""")
_AT_ONCE = 10_000


def recognise(connection: Connection, vault: Vault) -> list[int]:
    """Give staged residents the key of the stored person whom they are.

    Args:
        connection: a transaction with residents staged.
        vault: open: what was sealed for the key of the file is sealed anew for the person's own.

    Returns:
        The rows of which it is not certain, in order.
    """
    unsure: list[int] = []
    own: dict[str, str] = {}
    for staged, stored, rows in connection.execute(_ALIKE).all():
        if len(staged) == len(stored) == 1:
            own[staged[0]] = stored[0]
        else:
            unsure.extend(rows)
    if own:
        _adopt(connection, vault, own)
    return sorted(unsure)


def keep_same_guardians(connection: Connection, vault: Vault) -> None:
    """Put the stored number of a guardian in the place of a staged one that says the same: nothing is sealed alike twice, and no hash is kept of it.

    Args:
        connection: a transaction with residents staged.
        vault: open.
    """
    field = "residents.guardian_phone_sealed"
    both = connection.execute(_GUARDIANS, execution_options={"stream_results": True})
    for rows in both.partitions(_AT_ONCE):
        same = [key for key, new, old in rows if vault.open_one(field, key, new) == vault.open_one(field, key, old)]
        connection.execute(_AS_STORED, {"keys": same})


def _adopt(connection: Connection, vault: Vault, own: dict[str, str]) -> None:
    """Put each person's own key in place of the staged one, and seal anew what was sealed for that."""
    query = text("SELECT key, phone_sealed, id_number_sealed, guardian_phone_sealed FROM staged_residents WHERE key = ANY(:keys)")
    found = connection.execute(query, {"keys": list(own)}).all()

    def sealed_anew(field: str, at: int) -> list[bytes | None]:
        return [vault.seal_one(field, own[row[0]], vault.open_one(field, row[0], row[at])) for row in found]

    connection.execute(
        text(
            "UPDATE staged_residents s SET key = n.own, phone_sealed = n.phone, id_number_sealed = n.id_number, guardian_phone_sealed = n.guardian "
            "FROM unnest(CAST(:keys AS text[]), CAST(:owns AS text[]), CAST(:phones AS bytea[]), CAST(:id_numbers AS bytea[]), "
            "CAST(:guardians AS bytea[])) AS n (key, own, phone, id_number, guardian) WHERE s.key = n.key"
        ),
        {
            "keys": [row[0] for row in found],
            "owns": [own[row[0]] for row in found],
            "phones": sealed_anew("residents.phone_sealed", 1),
            "id_numbers": sealed_anew("residents.id_number_sealed", 2),
            "guardians": sealed_anew("residents.guardian_phone_sealed", 3),
        },
    )
    connection.execute(text("ANALYZE staged_residents"))
