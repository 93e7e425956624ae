"""Needs: what households ask for."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import literal_column, text
from sqlalchemy.sql import column

from gis.intake.duplicates import Occurrences, digest_codes
from gis.intake.fields import dates_array, read_code, read_date, read_text, read_word
from gis.intake.kinds.base import IDS, Job, Kind, missing, or_stored, staged
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Need
from gis.models.vocabulary import SERVICES

# The id that a need has whenever it is imported: a UUID of version 8 (RFC 9562, 5.8) made of household, service, day, and which of
# several alike.
_WITH_ID = """
SELECT s.*, CAST(substr(digest, 1, 12) || '8' || substr(digest, 14, 3) || 'a' || substr(digest, 18, 15) AS uuid) AS id
FROM (SELECT *, encode(sha256(convert_to(concat_ws(E'\\x1f', household, service, opened_on, occurrence), 'UTF8')), 'hex') AS digest
      FROM staged_needs) s"""


class Needs(Kind):
    """需求: a need that has been closed stays closed, even if an older file comes again."""

    name = "needs"
    columns = ("household", "service", "opened_on", "closed_on", "note")
    required = ("household", "service", "opened_on")
    staged = MappingProxyType(
        {
            "household": "text",
            "household_id": "bigint",
            "service": "text",
            "opened_on": "date",
            "closed_on": "date",
            "note": "text",
            "occurrence": "bigint",
        }
    )

    model = Need
    refers = MappingProxyType({"household": ("households", IDS)})

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._occurrences = Occurrences(job.folder)
        added = self.connection.execute(text("SELECT DISTINCT kind FROM station_services")).scalars()
        self._services = {kind: SERVICES.get(kind, kind) for kind in [*SERVICES, *added]}

    def check(self, sheet: Sheet) -> pa.Table:
        """Check references, service kinds and dates."""
        households = read_code(sheet, "household")
        stored = self.references["household"].of(households)
        sheet.reject(
            missing(stored) & sheet.given("household"),
            "household",
            "没有这一户，请先导入户 / no such household: import households first",
        )
        services = read_word(sheet, "service", self._services, required=True)
        opened = read_date(sheet, "opened_on", required=True, latest=self.job.today)
        closed = read_date(sheet, "closed_on", latest=self.job.today)
        sheet.reject(closed < opened, "closed_on", "早于提出日期 / before the need was opened")
        note = read_text(sheet, "note", longest=2000)
        days = pc.fill_null(pc.cast(dates_array(opened), pa.string()), "")
        bases = pc.binary_join_element_wise(pc.fill_null(households, ""), pc.fill_null(services, ""), days, "\x1f")
        occurrence = np.zeros(sheet.size, dtype=np.int64)
        occurrence[sheet.ok] = self._occurrences.number(digest_codes(bases)[sheet.ok])
        return pa.table(
            {
                "household": households,
                "household_id": stored["id"],
                "service": services,
                "opened_on": dates_array(opened),
                "closed_on": dates_array(closed),
                "note": note,
                "occurrence": pa.array(occurrence),
            }
        )

    def write(self) -> None:
        """Write the needs."""
        source = text(_WITH_ID).columns(column("id"), *self.staging.table.c).subquery("s")
        upsert(
            self.connection,
            Need,
            source,
            lambda old: {
                "id": literal_column("s.id"),
                **{name: staged(name) for name in ("household_id", "service", "opened_on", "note")},
                "closed_on": or_stored(staged("closed_on"), old.closed_on),
            },
            key="id",
            new_rows=self.staging.rows,
            update=self.stored("closed_on", "note"),
        )
