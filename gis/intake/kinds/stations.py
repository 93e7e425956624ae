"""Stations: what serves residents, and what each offers, when, to how many."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pyarrow as pa
from sqlalchemy import literal_column, text

from gis.accessibility.offers import Offer, parse_offers
from gis.intake.fields import read_code, read_text, read_whole
from gis.intake.kinds.base import Job, Kind, name_some, staged
from gis.intake.parsing import Parsed, Unreadable, parse_each
from gis.intake.sheet import Sheet
from gis.intake.staging import Staging, upsert
from gis.models import Station
from gis.models.vocabulary import SERVICES

_OFFERS = MappingProxyType({"station": "text", "kind": "text", "hours": "text", "capacity": "integer"})

_DROP_OFFERS = """
DELETE FROM station_services o USING stations t JOIN staged_stations s ON s.code = t.code
WHERE o.station_id = t.id AND NOT EXISTS (
  SELECT FROM staged_offers f
  WHERE f.station = t.code AND f.kind = o.kind AND f.hours = o.hours AND f.capacity IS NOT DISTINCT FROM o.capacity)
RETURNING o.station_id"""

_ADD_OFFERS = """
INSERT INTO station_services (station_id, kind, hours, capacity)
SELECT t.id, f.kind, f.hours, f.capacity FROM staged_offers f JOIN stations t ON t.code = f.station
WHERE NOT EXISTS (SELECT FROM station_services o WHERE o.station_id = t.id AND o.kind = f.kind AND o.hours = f.hours)
RETURNING station_id"""

_MOST_FAULTS = 5
"""So many faults of one cell are told."""


class Stations(Kind):
    """服务站点: services are replaced as a set, and only where they differ."""

    name = "stations"
    columns = ("code", "name", "kind", "services", "capacity", "lon", "lat", "geometry")
    required = ("code", "name", "kind", "services")
    position = "required"
    staged = MappingProxyType(
        {
            "code": "text",
            "name": "text",
            "kind": "text",
            "capacity": "integer",
            "lon": "double precision",
            "lat": "double precision",
        }
    )

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._offers = Staging(self.connection, "staged_offers", _OFFERS)
        self._new_kinds: set[str] = set()
        self._parsed: Parsed | None = None

    def check(self, sheet: Sheet) -> pa.Table:
        """Check codes, texts, services and positions."""
        codes = read_code(sheet, "code")
        names = read_text(sheet, "name", required=True, longest=200)
        kinds = read_text(sheet, "kind", required=True, longest=60)
        capacity = read_whole(sheet, "capacity", 0, 1_000_000)
        sheet.require("services")
        self._parsed = parse_each(sheet.text("services"), _offers)
        sheet.reject(self._parsed.reasons != "", "services", self._parsed.reasons)
        lon, lat = self.job.positions.points(sheet, required=True)
        self.first_rows.reject_repeats(sheet, "code", codes)
        self.job.positions.remember(lon[sheet.ok])
        return pa.table(
            {
                "code": codes,
                "name": names,
                "kind": kinds,
                "capacity": capacity,
                "lon": pa.array(lon),
                "lat": pa.array(lat),
            }
        )

    def take(self, sheet: Sheet) -> None:
        """Check a batch and stage its good rows and what they offer."""
        rows = self.check(sheet)
        self.job.writer.do(self.staging.append, rows.filter(pa.array(sheet.ok)))
        codes = rows["code"].to_pylist()
        offered: list[tuple[str, Offer]] = []
        if self._parsed is not None:
            for i in np.flatnonzero(sheet.ok):
                offered.extend((codes[i], offer) for offer in self._parsed.values[i])
        self._new_kinds.update(offer.kind for _, offer in offered if offer.kind not in SERVICES)
        columns = {
            "station": pa.array([code for code, _ in offered], pa.string()),
            "kind": pa.array([offer.kind for _, offer in offered], pa.string()),
            "hours": pa.array([offer.hours for _, offer in offered], pa.string()),
            "capacity": pa.array([offer.capacity for _, offer in offered], pa.int64()),
        }
        self.job.writer.do(self._offers.append, pa.table(columns))

    def write(self) -> None:
        """Write the stations and their services."""
        upsert(
            self.connection,
            Station,
            self.staging.table.alias("s"),
            lambda _: {
                **{column: staged(column) for column in ("code", "name", "kind", "capacity")},
                "geometry": literal_column("ST_SetSRID(ST_MakePoint(s.lon, s.lat), 4326)"),
            },
            new_rows=self.staging.rows,
            update=["name", "kind", *self.stored("capacity"), "geometry"],
        )
        dropped = self.connection.execute(text(_DROP_OFFERS)).scalars().all()
        added = self.connection.execute(text(_ADD_OFFERS)).scalars().all()
        # A station whose services change has changed: whoever holds its old version must be told so. Those just written have a new one.
        self.connection.execute(
            text("UPDATE stations SET updated_at = now() WHERE id = ANY(:ids) AND updated_at < now()"),
            {"ids": sorted({*dropped, *added})},
        )
        if self._new_kinds:
            kinds = sorted(self._new_kinds)
            self.notice(
                f"词汇表之外的服务类别：{name_some(kinds)}",
                f"service kinds beyond the vocabulary: {', '.join(kinds)}",
            )
        self.set_metric_crs()


def _offers(line: str) -> list[Offer]:
    offers, faults = parse_offers(line, SERVICES)
    if faults:
        raise Unreadable("；".join(list(dict.fromkeys(faults))[:_MOST_FAULTS]))
    if not offers:
        raise Unreadable("没有服务 / no service")
    return offers
