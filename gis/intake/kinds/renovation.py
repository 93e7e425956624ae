"""Renovation: how far it is in each compound."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pyarrow as pa

from gis.intake.fields import dates_array, read_code, read_date, read_word
from gis.intake.kinds.base import IDS, Kind, missing, staged
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Renovation as Stored
from gis.models.vocabulary import RENOVATION_STATES


class Renovation(Kind):
    """老旧小区改造: the whole row is the state of its compound; what it leaves blank is blank."""

    name = "renovation"
    columns = ("compound", "state", "started_on", "finished_on")
    required = ("compound", "state")
    staged = MappingProxyType({"compound_id": "bigint", "state": "text", "started_on": "date", "finished_on": "date"})

    refers = MappingProxyType({"compound": ("compounds", IDS)})

    def check(self, sheet: Sheet) -> pa.Table:
        """Check references, states and dates, and that they fit each other."""
        compounds = read_code(sheet, "compound")
        stored = self.references["compound"].of(compounds)
        sheet.reject(
            missing(stored) & sheet.given("compound"),
            "compound",
            "没有这个小区，请先导入小区 / no such compound: import compounds first",
        )
        states = read_word(sheet, "state", RENOVATION_STATES, required=True)
        started = read_date(sheet, "started_on", latest=self.job.today)
        finished = read_date(sheet, "finished_on", latest=self.job.today)
        words = np.array(states.to_pylist(), dtype=object)
        sheet.reject(
            (words == "not_started") & ~np.isnat(started),
            "started_on",
            "未开工却有开工日期 / not started, yet with a day of start",
        )
        sheet.reject(
            (words != "finished") & ~np.isnat(finished),
            "finished_on",
            "未完工却有完工日期 / not finished, yet with a day of end",
        )
        sheet.reject(finished < started, "finished_on", "早于开工日期 / before the start")
        self.first_rows.reject_repeats(sheet, "compound", compounds)
        return pa.table(
            {
                "compound_id": stored["id"],
                "state": states,
                "started_on": dates_array(started),
                "finished_on": dates_array(finished),
            }
        )

    def write(self) -> None:
        """Write the states."""
        upsert(
            self.connection,
            Stored,
            self.staging.table.alias("s"),
            lambda _: {name: staged(name) for name in self.staged},
            key="compound_id",
            new_rows=self.staging.rows,
            update=["state", "started_on", "finished_on"],
        )
