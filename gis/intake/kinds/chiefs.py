"""Building chiefs: who looks after which building, and from when to when."""

from __future__ import annotations

from types import MappingProxyType

import pyarrow as pa
from sqlalchemy import literal_column, text

from gis.intake.fields import dates_array, read_code
from gis.intake.kinds.base import IDS, Job, Kind, missing, staged
from gis.intake.kinds.volunteers import Phones, day_text, joined, read_days, read_people, uuid_of, uuids
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import BuildingChief
from gis.store.vault import vault_of

_STORED = text(
    "SELECT c.id, b.code, c.name, c.valid_from, c.phone_sealed FROM building_chiefs c JOIN buildings b ON b.id = c.building_id"
)


class Chiefs(Kind):
    """楼栋长: one of the same building, name and first day is the same chief, entered by hand or by a file."""

    name = "chiefs"
    columns = ("building", "name", "phone", "valid_from", "valid_to")
    required = ("building", "name", "valid_from")
    staged = MappingProxyType(
        {
            "id": "uuid",
            "building_id": "bigint",
            "name": "text",
            "phone_sealed": "bytea",
            "valid_from": "date",
            "valid_to": "date",
        }
    )

    refers = MappingProxyType({"building": ("buildings", IDS)})

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._phones = Phones(vault_of(self.connection), "building_chiefs.phone_sealed")
        self._known = {}
        for row in self.connection.execute(_STORED):
            self._known["\x1f".join([row.code, row.name, day_text(row.valid_from)])] = row.id
            self._phones.stored[row.id] = row.phone_sealed

    def check(self, sheet: Sheet) -> pa.Table:
        """Check references, names, phones and days."""
        buildings = read_code(sheet, "building")
        stored = self.references["building"].of(buildings)
        unknown = missing(stored) & sheet.given("building")
        sheet.reject(unknown, "building", "没有这个楼栋，请先导入楼栋 / no such building: import buildings first")
        names, phones = read_people(sheet)
        first, last = read_days(sheet)
        who = joined(buildings, names, dates_array(first))
        self.first_rows.reject_repeats(sheet, "name", who)
        ids = [self._known.get(each) or uuid_of("chief", each) for each in who.to_pylist()]
        sealed = [self._phones.seal(person, phone) for person, phone in zip(ids, phones.to_pylist(), strict=True)]
        return pa.table(
            {
                "id": uuids(ids),
                "building_id": stored["id"],
                "name": names,
                "phone_sealed": pa.array(sealed, pa.large_binary()),
                "valid_from": dates_array(first),
                "valid_to": dates_array(last),
            }
        )

    def write(self) -> None:
        """Write the chiefs."""
        told = {"phone_sealed": self.stored("phone"), "valid_to": self.stored("valid_to")}
        upsert(
            self.connection,
            BuildingChief,
            self.staging.table.alias("s"),
            lambda _: {"id": literal_column("s.id"), **{name: staged(name) for name in self.staged if name != "id"}},
            key="id",
            new_rows=self.staging.rows,
            update=[column for column, said in told.items() if said],
        )
