"""Contacts: who keeps in touch with which household, and from when to when."""

from __future__ import annotations

from types import MappingProxyType
from uuid import UUID

import numpy as np
import pyarrow as pa
from sqlalchemy import literal_column, text

from gis.intake.fields import dates_array, read_code, read_text
from gis.intake.kinds.base import IDS, Job, Kind, missing, staged
from gis.intake.kinds.volunteers import Phones, joined, read_days, read_people, uuid_of, uuids
from gis.intake.sheet import Sheet
from gis.intake.staging import Staging, upsert
from gis.models import Contact
from gis.store.vault import vault_of

_PEOPLE = MappingProxyType({"id": "uuid", "name": "text", "organisation": "text", "phone_sealed": "bytea"})
_STORED = text("SELECT id, name, coalesce(organisation, '') AS organisation, phone_sealed FROM contacts")
_LINK = """
INSERT INTO household_contacts (household_id, contact_id, valid_from, valid_to)
SELECT household_id, contact_id, valid_from, valid_to FROM staged_contacts
ON CONFLICT (household_id, contact_id, valid_from) DO """
_CLOSE = "UPDATE SET valid_to = excluded.valid_to WHERE household_contacts.valid_to IS DISTINCT FROM excluded.valid_to"


class Contacts(Kind):
    """包户联系人: a row is a household and who keeps in touch with it; name and organisation together tell who that is."""

    name = "contacts"
    columns = ("household", "name", "organisation", "phone", "valid_from", "valid_to")
    required = ("household", "name", "valid_from")
    staged = MappingProxyType(
        {"household_id": "bigint", "contact_id": "uuid", "valid_from": "date", "valid_to": "date"}
    )

    refers = MappingProxyType({"household": ("households", IDS)})

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._phones = Phones(vault_of(self.connection), "contacts.phone_sealed")
        self._known: dict[str, list[UUID]] = {}
        for row in self.connection.execute(_STORED):
            self._known.setdefault(f"{row.name}\x1f{row.organisation}", []).append(row.id)
            self._phones.stored[row.id] = row.phone_sealed
        self._people: dict[str, tuple[UUID, str, str | None, str | None]] = {}

    def check(self, sheet: Sheet) -> pa.Table:
        """Check references, names, phones and days."""
        households = read_code(sheet, "household")
        stored = self.references["household"].of(households)
        unknown = missing(stored) & sheet.given("household")
        sheet.reject(unknown, "household", "没有这一户，请先导入户 / no such household: import households first")
        names, phones = read_people(sheet)
        organisations = read_text(sheet, "organisation", longest=200)
        first, last = read_days(sheet)
        who = joined(names, organisations)
        self._tell_apart(sheet, who.to_pylist(), phones.to_pylist())
        self.first_rows.reject_repeats(sheet, "name", joined(households, who, dates_array(first)))
        ids: list[UUID | None] = [None] * sheet.size
        columns = zip(who.to_pylist(), names.to_pylist(), organisations.to_pylist(), phones.to_pylist(), strict=True)
        for i, (each, name, organisation, phone) in enumerate(columns):
            if sheet.ok[i]:
                person = self._people.get(each)
                if person is None or (person[3] is None and phone):
                    ids[i] = person[0] if person else self._known.get(each, [uuid_of("contact", each)])[0]
                    self._people[each] = (ids[i], name, organisation, phone)  # type: ignore[assignment]
                ids[i] = self._people[each][0]
        return pa.table(
            {
                "household_id": stored["id"],
                "contact_id": uuids(ids),
                "valid_from": dates_array(first),
                "valid_to": dates_array(last),
            }
        )

    def _tell_apart(self, sheet: Sheet, who: list[str], phones: list[str | None]) -> None:
        """Reject rows of people who cannot be told apart by name and organisation."""
        several = np.array([len(self._known.get(each, ())) > 1 for each in who], dtype=bool)
        sheet.reject(
            several,
            "name",
            "库中有多位同名同单位的联系人：请先在页面上改名以区分 / there are several contacts of that name and organisation: tell them apart first",
        )
        said: dict[str, str] = {each: person[3] for each, person in self._people.items() if person[3]}
        other = np.zeros(sheet.size, dtype=bool)
        for i, (each, phone) in enumerate(zip(who, phones, strict=True)):
            other[i] = phone is not None and said.setdefault(each, phone) != phone
        sheet.reject(
            other,
            "phone",
            "同名同单位的联系人电话不同：若是两个人，请在姓名或单位中区分 / another phone for the same name and organisation: if they are two people, tell them apart",
        )

    def write(self) -> None:
        """Write the people, and who keeps in touch with which household."""
        people = Staging(self.connection, "staged_people", _PEOPLE)
        columns = list(zip(*self._people.values(), strict=True)) or [(), (), (), ()]
        sealed = [self._phones.seal(person, phone) for person, phone in zip(columns[0], columns[3], strict=True)]
        people.append(
            pa.table(
                {
                    "id": uuids(columns[0]),
                    "name": pa.array(columns[1], pa.string()),
                    "organisation": pa.array(columns[2], pa.string()),
                    "phone_sealed": pa.array(sealed, pa.large_binary()),
                }
            )
        )
        upsert(
            self.connection,
            Contact,
            people.table.alias("s"),
            lambda _: {
                "id": literal_column("s.id"),
                **{name: staged(name) for name in ("name", "organisation", "phone_sealed")},
            },
            key="id",
            new_rows=people.rows,
            update=["phone_sealed"] if self.job.has("phone") else [],
        )
        self.connection.execute(text(_LINK + (_CLOSE if self.job.has("valid_to") else "NOTHING")))
