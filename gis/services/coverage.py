"""The 15-minute service circle: who can reach a service, in total and grid by grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from gis.accessibility.coverage import (
    Covered,
    DemandSites,
    Tally,
    cover_by_distance,
    households_within,
    nearest_by_air_m,
    tally,
)
from gis.accessibility.hours import is_open
from gis.accessibility.policy import GROUPS
from gis.accessibility.walking import cover_by_walk
from gis.models.vocabulary import SERVICES
from gis.needs.disclosure import BASE
from gis.services.derived import derived
from gis.services.features import area_prefix, refuse_unknown_area
from gis.services.network import has_streets, network, snapped_homes, snapped_stations
from gis.services.rows import Heads, Rows
from gis.services.snapshots import DWELLING_TOPICS, Snapshots, StationSet


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
    exact: bool = False
    """Whether people are counted one by one; otherwise in fives, as planners and screens may know them (gis/needs/disclosure.py)."""


def resolve(session: Session, snapshots: Snapshots, query: CoverageQuery) -> CoverageQuery:
    """Return the query with its method decided: on the streets where any are known, in a straight line elsewhere."""
    if query.method is not None:
        return query
    return replace(query, method="walk" if has_streets(session, snapshots) else "buffer")


def coverage(session: Session, snapshots: Snapshots, query: CoverageQuery, today: date) -> dict[str, Any]:
    """Return who can reach the services.

    Returns:
        ``totals``; ``grids``, the same counts per grid; ``unassigned``, the same for households in no grid (whole place only), so that
        grids and unassigned add up to the totals; ``unreachable``, households by reason. Households = covered + beyond + unreachable.
        With ``method=walk`` each row has ``covered_buffer``, the households that a straight line says are covered, and ``difference``,
        how many of them (net) the streets do not bear out.
    """
    query = resolve(session, snapshots, query)
    stations = snapshots.stations(session)
    asked = whose(session, snapshots, query, today)
    found = asked.tally(cover(session, snapshots, query, today, stations))
    totals, per_grid = dict(found.totals), dict(found.grids)
    if query.method == "walk":
        straight = cover(session, snapshots, replace(query, method="buffer"), today, stations)
        by_air, by_air_in_grids = households_within(asked.sites, asked.take(straight), asked.n_grids)
        totals |= _difference(by_air, totals["covered"])
        per_grid |= _difference(by_air_in_grids, per_grid["covered"])
    per_grid = {name: counts[asked.grids] for name, counts in per_grid.items()}
    rows = Rows(asked.heads, {name: counts for name, counts in per_grid.items() if name not in GROUPS})
    return {
        "parameters": describe(query),
        "totals": totals,
        "grids": rows,
        "unassigned": {name: total - int(per_grid[name].sum()) for name, total in totals.items()},
        "unreachable": found.unreachable,
    }


def cover(session: Session, snapshots: Snapshots, query: CoverageQuery, today: date, stations: StationSet) -> Covered:
    """Return which sites of that day are covered by these stations, for each group of people.

    ``stations`` are the store's, or a scenario's edited copy of them; of the store's the answers to the last questions are kept.
    """
    query = resolve(session, snapshots, query)
    stored = stations is snapshots.stations(session)
    groups = open_stations(stations, query, snapshots if stored else None)
    demand = snapshots.dwellings(session).demand  # where, not how many: the same for all
    made_from: tuple[object, ...] = (demand, stations, snapshots.metric(session))
    if query.method == "walk":
        net = network(session, snapshots, query.profile)
        made_from = (*made_from, net.graph)

        def decide() -> Covered:
            homes = snapped_homes(session, snapshots, net, today)
            joined = snapped_stations(session, snapshots, net, stations)
            reach_m = snapshots.policy.walk_reaches_m(query.minutes, query.profile)
            return cover_by_walk(net.graph, homes, [joined.take(group) for group in groups], reach_m)

    else:

        def decide() -> Covered:
            away_m = [air_distances(session, snapshots, demand, stations, group) for group in groups]
            return cover_by_distance(demand, away_m, snapshots.policy.buffer_radii_m(query.minutes, query.profile))

    if not stored:
        return decide()
    offering = tuple(group.tobytes() for group in groups)
    key = ("cover", query.method, query.minutes, query.profile, offering)
    return derived(snapshots).of(key, made_from, decide)


def air_distances(
    session: Session, snapshots: Snapshots, demand: DemandSites, stations: StationSet, chosen: np.ndarray
) -> np.ndarray:
    """Return metres from each site in a straight line to the nearest of the chosen stations, NaN for none; kept for the store's."""
    metric = snapshots.metric(session)

    def measure() -> np.ndarray:
        places_m = np.column_stack(metric.to_m(stations.lon[chosen], stations.lat[chosen]))
        return nearest_by_air_m(demand, places_m)

    if stations is not snapshots.stations(session):
        return measure()
    return derived(snapshots).of(("by air", chosen.tobytes()), (demand, stations, metric), measure)


def covered_shares(
    session: Session, snapshots: Snapshots, today: date, at: datetime | None, minutes: float = 15.0
) -> dict[str, np.ndarray]:
    """Return for each offered service the households covered in each grid (and last, in none), in the order of the grids."""

    def compute(loading: Session) -> dict[str, np.ndarray]:
        sites, stations = snapshots.dwellings(loading).demand, snapshots.stations(loading)
        n_grids = len(snapshots.grids(loading).codes)

        def count(covered: Covered) -> np.ndarray:
            totals, per_grid, _ = tally(sites, covered, n_grids)
            return np.append(per_grid["covered"], totals["covered"] - per_grid["covered"].sum())

        counts = {}
        for service in sorted(set(stations.service)):
            query = CoverageQuery(services=(service,), minutes=minutes, at=at)
            covered = cover(loading, snapshots, query, today, stations)
            # A minute later mostly the same stations are open.
            counts[service] = derived(snapshots).of(("share", service), (covered, sites), lambda: count(covered))  # noqa: B023 - called at once
        return counts

    at = None if at is None else at.replace(second=0, microsecond=0)
    topics = (*DWELLING_TOPICS, "stations", "streets")
    return snapshots.remember(session, ("shares", at, minutes), topics, compute)


def open_stations(stations: StationSet, query: CoverageQuery, snapshots: Snapshots | None = None) -> list[np.ndarray]:
    """Return for each service asked for the positions of the stations that offer it at that time; one entry for "any" service.

    Given ``snapshots``, the answer is kept with them: for the store's stations.
    """
    # Opening hours know no seconds.
    at = None if query.at is None else query.at.replace(second=0, microsecond=0)

    def look() -> list[np.ndarray]:
        is_open_now = _open_entries(stations, at)
        if not query.services:
            return [np.unique(stations.station[is_open_now])]
        kinds = np.array(stations.service, dtype=object)
        return [np.unique(stations.station[is_open_now & (kinds == service)]) for service in query.services]

    return look() if snapshots is None else derived(snapshots).of(("open", query.services, at), (stations,), look)


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
        "people_in": 1 if query.exact else BASE,
    }


def _open_entries(stations: StationSet, at: datetime | None) -> np.ndarray:
    if at is None:
        return np.ones(len(stations.service), dtype=bool)
    known = {hours: is_open(hours, at) for hours in set(stations.hours)}
    return np.array([known[hours] for hours in stations.hours], dtype=bool)


@dataclass(frozen=True)
class Asked:
    """Whose coverage is asked for.

    Attributes:
        chosen: which sites, bool (n,); None for all.
        sites: these.
        n_grids: how many grids there are in the whole place.
        grids: positions of the grids that are told of.
        heads: what their rows begin with: code, name and how many people there are.
    """

    chosen: np.ndarray | None
    sites: DemandSites
    n_grids: int
    grids: np.ndarray
    heads: Heads

    def take(self, covered: Covered) -> Covered:
        """Return the decision for these sites of one for all."""
        return covered if self.chosen is None else covered.take(self.chosen)

    def tally(self, covered: Covered) -> Tally:
        """Count who of these is covered by a decision for all sites."""
        return tally(self.sites, self.take(covered), self.n_grids)


def whose(session: Session, snapshots: Snapshots, query: CoverageQuery, today: date) -> Asked:
    """Return whose coverage is asked for: in an area, or in the whole place, those in no grid included."""
    grids, demand = snapshots.grids(session), snapshots.sites(session, today, exact=query.exact).demand

    def choose() -> Asked:
        prefix = area_prefix(query.area)
        inside = grids.within(prefix)
        if not inside.any():
            refuse_unknown_area(session, query.area)
        chosen = np.append(inside, False)[demand.grid] if prefix else None
        sites = demand if chosen is None else demand.take(chosen)
        told = np.flatnonzero(inside)
        people = {name: sites.summed.everybody(name, len(inside))[1:][told].tolist() for name in GROUPS}
        rows = [
            {"code": grids.codes[i], "name": grids.names[i], **{name: people[name][row] for name in GROUPS}}
            for row, i in enumerate(told)
        ]
        return Asked(chosen, sites, len(inside), told, Heads(rows))

    return derived(snapshots).of(("whose", query.area, query.exact), (grids, demand), choose)


def sites_in_area(session: Session, snapshots: Snapshots, query: CoverageQuery, today: date) -> np.ndarray:
    """Return which sites are in the area asked for, as booleans; those in no grid only for the whole place."""
    asked = whose(session, snapshots, query, today)
    return np.ones(len(asked.sites), dtype=bool) if asked.chosen is None else asked.chosen


def _difference(by_air: Any, on_foot: Any) -> dict[str, Any]:
    return {"covered_buffer": by_air, "difference": by_air - on_foot}
