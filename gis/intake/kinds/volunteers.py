"""What the lists of building chiefs and of contacts have in common: people told apart by name, a sealed phone, days in office."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as made
from datetime import date
from hashlib import sha256
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gis.intake.fields import read_date, read_number_text, read_person_name
from gis.intake.sheet import Sheet
from gis.store.vault import Vault

UUIDS = pa.binary(16)


def uuid_of(*parts: str) -> UUID:
    """Return the id of what has none of its own yet: of version 8 (RFC 9562, 5.8), the same whenever the file comes again."""
    digest = sha256("\x1f".join(parts).encode()).hexdigest()
    return UUID(f"{digest[:12]}8{digest[13:16]}a{digest[17:32]}")


@dataclass
class Phones:
    """The phones of people: what is stored is kept as it is sealed where the file says the same."""

    vault: Vault
    field: str
    """``table.column``."""
    stored: dict[UUID, bytes | None] = made(default_factory=dict)

    def seal(self, person: UUID, phone: str | None) -> bytes | None:
        """Return a phone sealed for a person."""
        before = self.stored.get(person)
        if before is not None and self.vault.open_one(self.field, str(person), before) == phone:
            return before
        return self.vault.seal_one(self.field, str(person), phone)


def read_people(sheet: Sheet) -> tuple[pa.Array, pa.Array]:
    """Return the names and phones of a sheet, text (n,) each."""
    return read_person_name(sheet, "name", required=True), read_number_text(sheet, "phone")


def read_days(sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last day of each row, datetime64[D] (n,); a last day may be open."""
    first, last = read_date(sheet, "valid_from", required=True), read_date(sheet, "valid_to")
    sheet.reject(last < first, "valid_to", "早于开始日期 / before the first day")
    return first, last


def joined(*columns: pa.Array) -> pa.Array:
    """Return what tells rows apart, text (n,)."""
    texts = [pc.fill_null(pc.cast(column, pa.string()), "") for column in columns]
    return pc.binary_join_element_wise(*texts, "\x1f")


def uuids(values: Iterable[UUID | None]) -> pa.Array:
    """Return ids as a column of type uuid takes them (n,)."""
    return pa.array([None if value is None else value.bytes for value in values], UUIDS)


def day_text(day: date) -> str:
    """Return a day as it stands in what :func:`joined` joins."""
    return day.isoformat()
