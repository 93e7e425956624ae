"""The 15-minute service circle: where each station's circle lies, and who is inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
from shapely.geometry import mapping
from sqlalchemy.orm import Session

from gis.accessibility.circles import buffer_circles, dissolve
from gis.accessibility.coverage import Covered, DemandSites, cover_by_buffer, tally
from gis.accessibility.hours import is_open
from gis.accessibility.policy import WalkPolicy
from gis.models.vocabulary import SERVICES
from gis.services.features import area_prefix, collection, feature
from gis.services.snapshots import Snapshots, StationSet

POLICY = WalkPolicy()


@dataclass(frozen=True)
class CoverageQuery:
    """What is asked: reached within ``minutes`` by ``method`` at ``profile``'s speed.

    ``services`` must all be reached (empty: any station); ``at`` is a moment with zone, or None to ignore opening hours;
    ``area`` restricts whose coverage is counted, never which stations may serve them.
    """

    services: tuple[str, ...] = ()
    minutes: float = 15.0
    method: str = "buffer"
    profile: str = "own"
    at: datetime | None = None
    area: str | None = None
    dissolve: bool = False


def circles(session: Session, snapshots: Snapshots, query: CoverageQuery) -> dict[str, Any]:
    """Return the circles of the stations that offer one of the services at that time, single or dissolved into one.

    With ``profile=own`` the circle is the adults'.
    """
    stations = snapshots.stations(session)
    profile = "adult" if query.profile == "own" else query.profile
    radius_m = POLICY.buffer_radius_m(query.minutes, profile)
    offering = sorted({int(i) for group in open_stations(stations, query) for i in group})
    facts = {
        "minutes": query.minutes,
        "profile": profile,
        "method": query.method,
        "radius_m": round(radius_m, 1),
    }
    if not offering:
        return collection([], **facts)
    positions = np.array(offering)
    shapes = buffer_circles(
        stations.lon[positions], stations.lat[positions], radius_m, snapshots.metric(session)
    )
    if query.dissolve:
        return collection([feature(mapping(dissolve(shapes)), {"stations": len(offering), **facts})], **facts)
    return collection(
        (
            feature(
                mapping(circle),
                {"code": stations.codes[i], "name": stations.names[i], "kind": stations.kinds[i], **facts},
            )
            for i, circle in zip(offering, shapes, strict=True)
        ),
        **facts,
    )


def coverage(session: Session, snapshots: Snapshots, query: CoverageQuery, today: date) -> dict[str, Any]:
    """Return who can reach the services.

    Returns:
        ``totals``; ``grids``, the same counts per grid; ``unassigned``, the same for households in no grid (whole place only), so that
        grids and unassigned add up to the totals; ``unreachable``, households by reason. Households = covered + beyond + unreachable.
    """
    grids = snapshots.grids(session)
    prefix = area_prefix(query.area)
    inside = grids.within(prefix)
    sites = _in_area(snapshots.sites(session, today).demand, inside, whole=not prefix)
    covered = cover(session, snapshots, query, sites)
    totals, per_grid, unreachable = tally(sites, covered, len(grids.codes))
    rows = [
        {
            "code": grids.codes[i],
            "name": grids.names[i],
            **{name: int(counts[i]) for name, counts in per_grid.items()},
        }
        for i in np.flatnonzero(inside)
    ]
    unassigned = {name: int(total) - sum(row[name] for row in rows) for name, total in totals.items()}
    return {
        "parameters": describe(query),
        "totals": {name: int(total) for name, total in totals.items()},
        "grids": rows,
        "unassigned": unassigned,
        "unreachable": {reason: int(n) for reason, n in unreachable.items()},
    }


def cover(session: Session, snapshots: Snapshots, query: CoverageQuery, sites: DemandSites) -> Covered:
    """Return which sites are covered, for each group of people."""
    stations = snapshots.stations(session)
    groups = open_stations(stations, query)
    if not any(len(group) for group in groups):
        return cover_by_buffer(sites, [np.zeros((0, 2))], POLICY.buffer_radii_m(query.minutes, query.profile))
    places_m = np.column_stack(snapshots.metric(session).to_m(stations.lon, stations.lat))
    places = [places_m[group] for group in groups]
    return cover_by_buffer(sites, places, POLICY.buffer_radii_m(query.minutes, query.profile))


def covered_shares(
    session: Session, snapshots: Snapshots, today: date, at: datetime | None, minutes: float = 15.0
) -> dict[str, np.ndarray]:
    """Return for each offered service the households covered in each grid (and last, in none), in the order of the grids."""

    def compute() -> dict[str, np.ndarray]:
        sites = snapshots.sites(session, today).demand
        counts = {}
        for service in sorted(set(snapshots.stations(session).service)):
            covered = cover(
                session, snapshots, CoverageQuery(services=(service,), minutes=minutes, at=at), sites
            )
            totals, per_grid, _ = tally(sites, covered, len(snapshots.grids(session).codes))
            counts[service] = np.append(per_grid["covered"], totals["covered"] - per_grid["covered"].sum())
        return counts

    quarter = None if at is None else at.replace(minute=at.minute // 5 * 5, second=0, microsecond=0)
    if quarter is not None:
        at = quarter
    topics = ("grids", "households", "buildings", "place", "stations")
    return snapshots.remember(session, ("shares", today, quarter, minutes), topics, compute)


def open_stations(stations: StationSet, query: CoverageQuery) -> list[np.ndarray]:
    """Return for each service asked for the positions of the stations that offer it at that time; one entry for "any" service."""
    is_open_now = _open_entries(stations, query.at)
    if not query.services:
        return [np.unique(stations.station[is_open_now])]
    kinds = np.array(stations.service, dtype=object)
    return [np.unique(stations.station[is_open_now & (kinds == service)]) for service in query.services]


def describe(query: CoverageQuery) -> dict[str, Any]:
    """Return the parameters of an answer, so that it explains itself."""
    return {
        "service": list(query.services),
        "labels": [SERVICES.get(service, service) for service in query.services],
        "minutes": query.minutes,
        "method": query.method,
        "profile": query.profile,
        "at": "any" if query.at is None else query.at.isoformat(),
        "area": query.area,
    }


def _open_entries(stations: StationSet, at: datetime | None) -> np.ndarray:
    if at is None:
        return np.ones(len(stations.service), dtype=bool)
    known = {hours: is_open(hours, at) for hours in set(stations.hours)}
    return np.array([known[hours] for hours in stations.hours], dtype=bool)


def _in_area(sites: DemandSites, inside: np.ndarray, *, whole: bool) -> DemandSites:
    """Return the sites of the grids that are inside; those in no grid only for the whole place."""
    if whole:
        return sites
    chosen = np.append(inside, False)[sites.grid]
    return replace(sites, **{name: getattr(sites, name)[chosen] for name in _array_names(sites)})


def _array_names(sites: DemandSites) -> Sequence[str]:
    return [name for name, value in vars(sites).items() if isinstance(value, np.ndarray)]
