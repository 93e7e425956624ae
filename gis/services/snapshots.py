"""What computations need of the store, kept in memory per process; how it stays current is told in gis/services/memory.py."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accessibility.coverage import DemandSites
from gis.accessibility.policy import WalkPolicy
from gis.crs import MetricCRS
from gis.errors import Unavailable
from gis.needs.disclosure import published
from gis.services.gridset import GridSet, load_grids
from gis.services.memory import Memory
from gis.store.bulk import read_frame
from gis.store.journal import Journal
from gis.store.vault import vault_of

SITE_TOPICS = ("grids", "households", "buildings", "place")
"""What changes where households live and which grid they are in."""
DWELLING_TOPICS = ("grids", "dwellings", "place")
"""What changes where households live, whoever lives there."""
PEOPLE = ("residents", "elders_60", "children_12")
"""Which counts of a site are of people; households are dwellings."""


@dataclass(frozen=True)
class SiteSet:
    """Where households live, as of a date: the demand in metres, and the same positions in degrees."""

    demand: DemandSites
    lon: np.ndarray
    lat: np.ndarray
    building_ids: np.ndarray
    """−1 where the households have a position of their own."""


@dataclass(frozen=True)
class StationSet:
    """Every service of every station, one entry each; ``station`` points into the stations' arrays."""

    codes: list[str]
    names: list[str]
    kinds: list[str]
    lon: np.ndarray
    lat: np.ndarray
    station: np.ndarray
    service: list[str]
    hours: list[str]
    capacity: list[int | None]
    """Places of each service."""
    station_capacity: list[int | None]
    """Places of each station."""


@dataclass(frozen=True)
class AreaName:
    """An administrative unit's code, name and level."""

    code: str
    name: str
    level: str


class Snapshots(Memory):
    """What requests compute with, as the protocol of gis/services/memory.py keeps it, and how fast people walk here."""

    def __init__(self, policy: WalkPolicy | None = None) -> None:
        super().__init__()
        self.policy = policy or WalkPolicy()

    def grids(self, session: Session) -> GridSet:
        """Return the grids in force."""
        key = ("grids",)
        return self.remember(session, key, ("grids",), lambda loading: load_grids(loading, self.former(key)))

    def grids_at_hand(self, journal: Journal) -> GridSet | None:
        """Return the same if they are in memory and known to be current, asking nobody; else None."""
        found: GridSet | None = self.at_hand(journal, ("grids",), ("grids",))
        return found

    def areas(self, session: Session) -> dict[str, AreaName]:
        """Return every area by its code."""
        return self.remember(session, ("areas",), ("areas",), _load_areas)

    def sites(self, session: Session, as_of: date, *, exact: bool = False) -> SiteSet:
        """Return where households live, with ages as of a date; people are counted in fives unless ``exact`` (gis/needs/disclosure.py)."""
        if exact:
            return self.remember(
                session, ("sites", as_of), SITE_TOPICS, lambda loading: _load_sites(loading, self, as_of)
            )
        return self.remember(
            session, ("sites in fives", as_of), SITE_TOPICS, lambda loading: _sites_in_fives(loading, self, as_of)
        )

    def dwellings(self, session: Session) -> SiteSet:
        """Return the same sites in the same order, with households only (people: 0): current for longer than they are."""
        return self.remember(session, ("dwellings",), DWELLING_TOPICS, lambda loading: _load_dwellings(loading, self))

    def stations(self, session: Session) -> StationSet:
        """Return the stations and what they offer."""
        return self.remember(session, ("stations",), ("stations",), _load_stations)

    def metric(self, session: Session) -> MetricCRS:
        """Return the place's metric zone.

        Raises:
            Unavailable: nothing with a position has been imported yet.
        """
        return self.remember(session, ("metric",), ("place",), _load_metric)


def _load_areas(session: Session) -> dict[str, AreaName]:
    rows = session.execute(text("SELECT code, name, level FROM areas ORDER BY code"))
    return {code: AreaName(code, name, level) for code, name, level in rows}


def _load_sites(session: Session, snapshots: Snapshots, as_of: date) -> SiteSet:
    frame = read_frame(session.connection(), "SELECT * FROM linli_demand_sites(%(as_of)s::date)", {"as_of": as_of})
    return _site_set(session, snapshots, frame)


def _load_dwellings(session: Session, snapshots: Snapshots) -> SiteSet:
    frame = read_frame(session.connection(), "SELECT * FROM linli_dwellings()")
    return _site_set(session, snapshots, frame.assign(**dict.fromkeys(PEOPLE, 0)))


def _site_set(session: Session, snapshots: Snapshots, frame: pd.DataFrame) -> SiteSet:
    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    x_m, y_m = np.full(len(lon), np.nan), np.full(len(lon), np.nan)
    known = ~np.isnan(lon)
    if known.any():
        x_m[known], y_m[known] = snapshots.metric(session).to_m(lon[known], lat[known])
    position_of = snapshots.grids(session).position_of
    grid = np.array([position_of.get(int(i), -1) for i in frame["grid_id"].fillna(-1)], dtype=np.int32)
    counts = {name: frame[name].to_numpy(np.int64) for name in ("households", *PEOPLE)}
    demand = DemandSites(site_id=np.arange(len(frame), dtype=np.int64), x_m=x_m, y_m=y_m, grid=grid, **counts)
    return SiteSet(demand, lon, lat, frame["building_id"].fillna(-1).to_numpy(np.int64))


def _sites_in_fives(session: Session, snapshots: Snapshots, as_of: date) -> SiteSet:
    """Return the sites as planners and screens may compute with them: the same, but for the counts of people."""
    sites = snapshots.sites(session, as_of, exact=True)
    demand, key = sites.demand, vault_of(session).rounding
    groups = [*snapshots.grids(session).codes, ""]
    names = [
        f"building {building}" if building >= 0 else f"{lon!r} {lat!r}"
        for building, lon, lat in zip(sites.building_ids.tolist(), sites.lon.tolist(), sites.lat.tolist(), strict=True)
    ]
    group = np.where(demand.grid < 0, len(groups) - 1, demand.grid)
    people = {
        measure: published(key, measure, getattr(demand, measure), names, group, groups, demand.households)
        for measure in PEOPLE
    }
    return replace(sites, demand=replace(demand, **people))


def _load_stations(session: Session) -> StationSet:
    stations = session.execute(
        text("SELECT id, code, name, kind, ST_X(geometry), ST_Y(geometry), capacity FROM stations ORDER BY code")
    ).all()
    position_of = {row[0]: position for position, row in enumerate(stations)}
    services = session.execute(
        text("SELECT station_id, kind, hours, capacity FROM station_services ORDER BY station_id, id")
    ).all()
    return StationSet(
        codes=[row[1] for row in stations],
        names=[row[2] for row in stations],
        kinds=[row[3] for row in stations],
        lon=np.array([row[4] for row in stations], dtype=float),
        lat=np.array([row[5] for row in stations], dtype=float),
        station=np.array([position_of[row[0]] for row in services], dtype=np.int64),
        service=[row[1] for row in services],
        hours=[row[2] for row in services],
        capacity=[row[3] for row in services],
        station_capacity=[row[6] for row in stations],
    )


def _load_metric(session: Session) -> MetricCRS:
    stored = session.execute(text("SELECT metric_crs FROM place WHERE id = 1")).scalar()
    if stored is None:
        raise Unavailable(
            "还没有导入任何带位置的数据，请先导入网格或楼栋 / nothing with a position has been imported yet; import grids or buildings first"
        )
    return MetricCRS.from_text(stored)
