"""The 15-minute service circle: where each station's circle lies, and who is inside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping
from sqlalchemy.orm import Session

from gis.accessibility.circles import buffer_circles, dissolve
from gis.accessibility.coverage import Covered, DemandSites, cover_by_buffer, tally
from gis.accessibility.hours import is_open
from gis.accessibility.walk_circles import walk_circles
from gis.accessibility.walking import cover_by_walk
from gis.models.vocabulary import SERVICES
from gis.services.features import area_prefix, collection, feature
from gis.services.network import POLICY, has_streets, network, snapped_homes, snapped_stations
from gis.services.snapshots import SITE_TOPICS, Snapshots, StationSet


@dataclass(frozen=True)
class CoverageQuery:
    """What is asked: reached within ``minutes`` by ``method`` at ``profile``'s speed.

    ``method`` is ``walk`` (on the streets), ``buffer`` (a straight line), or None: walk where any street is known.
    ``services`` must all be reached (empty: any station); ``at`` is a moment with zone, or None to ignore opening hours;
    ``area`` restricts whose coverage is counted, never which stations may serve them.
    """

    services: tuple[str, ...] = ()
    minutes: float = 15.0
    method: str | None = None
    profile: str = "own"
    at: datetime | None = None
    area: str | None = None
    dissolve: bool = False


def resolve(session: Session, snapshots: Snapshots, query: CoverageQuery) -> CoverageQuery:
    """Return the query with its method decided: on the streets where any are known, in a straight line elsewhere."""
    if query.method is not None:
        return query
    return replace(query, method="walk" if has_streets(session, snapshots) else "buffer")


def circles(session: Session, snapshots: Snapshots, query: CoverageQuery) -> dict[str, Any]:
    """Return the circles of the stations that offer one of the services at that time, single or dissolved into one.

    With ``profile=own`` the circle is the adults'. Stations that stand at no street have no walking circle; ``unjoined`` names them.
    """
    query = resolve(session, snapshots, query)
    stations = snapshots.stations(session)
    profile = "adult" if query.profile == "own" else query.profile
    walking = query.method == "walk"
    reach_m = (
        POLICY.walk_distance_m(query.minutes, profile)
        if walking
        else POLICY.buffer_radius_m(query.minutes, profile)
    )
    offering = np.array(
        sorted({int(i) for group in open_stations(stations, query) for i in group}), dtype=np.int64
    )
    facts = {
        "minutes": query.minutes,
        "profile": profile,
        "method": query.method,
        "radius_m": round(reach_m, 1),
    }
    shapes = np.zeros(0, dtype=object)
    if len(offering) and walking:
        net = network(session, snapshots, profile)
        joined = snapped_stations(session, snapshots, net, stations).take(offering)
        shapes = walk_circles(net.graph, joined, [reach_m], snapshots.metric(session))[:, 0]
    elif len(offering):
        shapes = buffer_circles(
            stations.lon[offering], stations.lat[offering], reach_m, snapshots.metric(session)
        )
    drawn = ~shapely.is_missing(shapes)
    facts["unjoined"] = [stations.codes[i] for i in offering[~drawn]]
    shapes, offering = shapes[drawn], offering[drawn]
    if query.dissolve:
        whole = (
            [feature(mapping(dissolve(shapes)), {"stations": len(offering), **facts})]
            if len(offering)
            else []
        )
        return collection(whole, **facts)
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
        With ``method=walk`` each row has ``covered_buffer``, the households that a straight line says are covered, and ``difference``,
        how many of them (net) the streets do not bear out.
    """
    query = resolve(session, snapshots, query)
    grids = snapshots.grids(session)
    prefix = area_prefix(query.area)
    inside = grids.within(prefix)
    stations = snapshots.stations(session)
    chosen = sites_in_area(session, snapshots, query, today)
    sites = take_sites(snapshots.sites(session, today).demand, chosen)
    found = tally(sites, cover(session, snapshots, query, today, stations).take(chosen), len(grids.codes))
    totals, per_grid = dict(found.totals), dict(found.grids)
    if query.method == "walk":
        by_air = cover(session, snapshots, replace(query, method="buffer"), today, stations).take(chosen)
        straight = tally(sites, by_air, len(grids.codes))
        totals |= _difference(straight.totals["covered"], totals["covered"])
        per_grid |= _difference(straight.grids["covered"], per_grid["covered"])
    rows: list[dict[str, Any]] = [
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
        "unreachable": {reason: int(n) for reason, n in found.unreachable.items()},
    }


def cover(
    session: Session, snapshots: Snapshots, query: CoverageQuery, today: date, stations: StationSet
) -> Covered:
    """Return which sites of that day are covered by these stations, for each group of people.

    ``stations`` are the store's, or a scenario's edited copy of them.
    """
    query = resolve(session, snapshots, query)
    groups = open_stations(stations, query)
    demand = snapshots.sites(session, today).demand
    if query.method == "walk":
        net = network(session, snapshots, query.profile)
        homes = snapped_homes(session, snapshots, net, today)
        joined = snapped_stations(session, snapshots, net, stations)
        reach_m = POLICY.walk_reaches_m(query.minutes, query.profile)
        return cover_by_walk(net.graph, homes, [joined.take(group) for group in groups], reach_m)
    radii_m = POLICY.buffer_radii_m(query.minutes, query.profile)
    if not any(len(group) for group in groups):
        return cover_by_buffer(demand, [np.zeros((0, 2))], radii_m)
    places_m = np.column_stack(snapshots.metric(session).to_m(stations.lon, stations.lat))
    return cover_by_buffer(demand, [places_m[group] for group in groups], radii_m)


def covered_shares(
    session: Session, snapshots: Snapshots, today: date, at: datetime | None, minutes: float = 15.0
) -> dict[str, np.ndarray]:
    """Return for each offered service the households covered in each grid (and last, in none), in the order of the grids."""

    def compute(loading: Session) -> dict[str, np.ndarray]:
        sites, stations = snapshots.sites(loading, today).demand, snapshots.stations(loading)
        counts = {}
        for service in sorted(set(stations.service)):
            query = CoverageQuery(services=(service,), minutes=minutes, at=at)
            covered = cover(loading, snapshots, query, today, stations)
            totals, per_grid, _ = tally(sites, covered, len(snapshots.grids(loading).codes))
            counts[service] = np.append(per_grid["covered"], totals["covered"] - per_grid["covered"].sum())
        return counts

    at = None if at is None else at.replace(second=0, microsecond=0)
    topics = (*SITE_TOPICS, "stations", "streets")
    return snapshots.remember(session, ("shares", today, at, minutes), topics, compute)


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


def sites_in_area(session: Session, snapshots: Snapshots, query: CoverageQuery, today: date) -> np.ndarray:
    """Return which sites are in the area asked for, as booleans; those in no grid only for the whole place."""
    demand = snapshots.sites(session, today).demand
    prefix = area_prefix(query.area)
    if not prefix:
        return np.ones(len(demand), dtype=bool)
    return np.append(snapshots.grids(session).within(prefix), False)[demand.grid]


def take_sites(sites: DemandSites, chosen: np.ndarray) -> DemandSites:
    """Return the chosen sites."""
    return replace(sites, **{name: getattr(sites, name)[chosen] for name in vars(sites)})


def _difference(by_air: Any, on_foot: Any) -> dict[str, Any]:
    return {"covered_buffer": by_air, "difference": by_air - on_foot}
