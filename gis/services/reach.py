"""Closer looks at coverage: each building's walk, the week's hours, the places there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accessibility.catchment import mean_per_grid, places_per_100
from gis.accessibility.coverage import (
    NO_POSITION,
    NO_STATION,
    REASON_NAMES,
    REASONS,
    nearest_by_air_m,
    share_of_week,
)
from gis.accessibility.hours import week_pattern
from gis.accessibility.walking import Pairs, walk_pairs, walk_to_nearest
from gis.errors import Fault, Invalid
from gis.needs.disclosure import shown
from gis.services.coverage import CoverageQuery, cover, describe, open_stations, resolve, sites_in_area
from gis.services.features import area_prefix, refuse_unknown_area
from gis.services.network import network, snapped_homes, snapped_stations
from gis.services.snapshots import Snapshots, StationSet

NEEDED_BY = {
    "meal": "elders_60",
    "day_care": "elders_60",
    "home_help": "elders_60",
    "child_care": "children_12",
    "after_school": "children_12",
}
"""Who needs a service; any other is for all residents."""


def buildings(
    session: Session, snapshots: Snapshots, query: CoverageQuery, today: date, *, uncovered_only: bool
) -> list[dict[str, Any]]:
    """Return how far every building with households is from the nearest station of a service; no names.

    Args:
        query: of one service; everybody walks as an adult where the profile is ``own``.
        uncovered_only: only buildings from which the service is not reached within the minutes.

    Returns:
        For each building: code, name, lon, lat, ``seconds`` (None where there is no way, with ``reason``), ``distance_m``, ``station``,
        ``covered``, ``households`` (None where fewer than the threshold); the farthest first.
    """
    query = _one_service(resolve(session, snapshots, query))
    profile = "adult" if query.profile == "own" else query.profile
    stations = snapshots.stations(session)
    offering = open_stations(stations, query)[0]
    sites = snapshots.sites(session, today)
    chosen = np.flatnonzero(sites_in_area(session, snapshots, query, today) & (sites.building_ids >= 0))
    if query.method == "walk":
        net = network(session, snapshots, profile)
        joined = snapped_stations(session, snapshots, net, stations).take(offering)
        walked = walk_to_nearest(net.graph, snapped_homes(session, snapshots, net, today), joined)
        distance_m, nearest, reason = walked.distance_m, walked.station, walked.reason
    else:
        distance_m, nearest, reason = _by_air(session, snapshots, stations, offering, today)
    decided = cover(session, snapshots, replace(query, profile=profile), today, stations)
    speed_mps = snapshots.policy.speed_mps(profile)
    names = {row[0]: (row[1], row[2]) for row in session.execute(text("SELECT id, code, name FROM buildings"))}
    rows = []
    for i in chosen[np.argsort(-np.nan_to_num(distance_m[chosen], nan=np.inf), kind="stable")]:
        if uncovered_only and decided.households[i]:
            continue
        code, name = names[int(sites.building_ids[i])]
        there = not np.isnan(distance_m[i])
        why = REASONS.get(int(reason[i]))
        rows.append(
            {
                "code": code,
                "name": name,
                "lon": float(sites.lon[i]),
                "lat": float(sites.lat[i]),
                "seconds": round(float(distance_m[i]) / speed_mps, 6) if there else None,
                "distance_m": round(float(distance_m[i]), 6) if there else None,
                "station": stations.codes[offering[nearest[i]]] if there else None,
                "reason": why,
                "reason_label": REASON_NAMES.get(why or ""),
                "covered": bool(decided.households[i]),
                "households": shown(int(sites.demand.households[i])),
            }
        )
    return rows


def week(session: Session, snapshots: Snapshots, query: CoverageQuery, now: datetime) -> dict[str, Any]:
    """Return the share of the week of ``now`` during which households are covered by a service: on average, and per grid.

    Adults' reach where the profile is ``own``. A grid where nobody lives has None.
    """
    query = _one_service(resolve(session, snapshots, query))
    stations = snapshots.stations(session)
    entries = _entries(stations, query)
    grids = snapshots.grids(session)
    demand = snapshots.sites(session, now.date()).demand
    pairs = _pairs(session, snapshots, query, stations, now.date())
    at_entry, home = _spread(pairs, stations.station[entries])
    if len(entries):
        shares, is_open = week_pattern([stations.hours[i] for i in entries], now)
        covered = share_of_week(home, at_entry, len(demand), shares, is_open)
    else:
        covered = np.zeros(len(demand))
    inside = sites_in_area(session, snapshots, query, now.date())
    homes = np.where(inside, demand.households, 0)
    per_grid = mean_per_grid(covered, homes, demand.grid, len(grids.codes))
    total = int(homes.sum())
    return {
        "parameters": describe(replace(query, at=None)),
        "share": round(float((covered * homes).sum() / total), 4) if total else None,
        "grids": [
            {"code": code, "share": None if np.isnan(share) else round(float(share), 4)}
            for code, share in zip(grids.codes, per_grid, strict=True)
            if not np.isnan(share)
        ],
    }


def capacity(session: Session, snapshots: Snapshots, query: CoverageQuery, today: date) -> dict[str, Any]:
    """Return how many places of a service there are per 100 of those who need it, per grid of the area (E2SFCA, Luo & Qi 2009).

    A service's own places count, or its station's where it gives none; stations without either are left aside and counted in
    ``unknown``. Opening hours are not looked at.
    """
    query = replace(_one_service(resolve(session, snapshots, query)), at=None)
    service = query.services[0]
    stations = snapshots.stations(session)
    places = np.full(len(stations.codes), np.nan)
    for i in _entries(stations, query):
        own = stations.capacity[i]
        given = own if own is not None else stations.station_capacity[stations.station[i]]
        if given is not None:
            # Of one room's hours the largest counts: the same places at other times are no more places.
            places[stations.station[i]] = np.nanmax([places[stations.station[i]], given])
    group = NEEDED_BY.get(service, "residents")
    demand = snapshots.sites(session, today, exact=query.exact).demand
    people = getattr(demand, group)
    pairs = _pairs(session, snapshots, query, stations, today)
    reach_m = _reach_m(snapshots, query)
    per_site = places_per_100(pairs.home, pairs.station, pairs.distance_m, reach_m, places, people)
    grids = snapshots.grids(session)
    inside = grids.within(area_prefix(query.area))
    if not inside.any():
        refuse_unknown_area(session, query.area)
    per_grid = mean_per_grid(per_site, people, demand.grid, len(grids.codes))
    offering = open_stations(stations, query)[0]
    return {
        "parameters": describe(query),
        "needed_by": group,
        "places": int(np.nansum(places)),
        "unknown": [stations.codes[i] for i in offering if np.isnan(places[i])],
        "grids": [
            {"code": code, "places_per_100": None if np.isnan(value) else round(float(value), 2)}
            for code, value, here in zip(grids.codes, per_grid, inside, strict=True)
            if here
        ],
    }


def _one_service(query: CoverageQuery) -> CoverageQuery:
    if len(query.services) != 1:
        message = "请只选一项服务 / choose exactly one service"
        raise Invalid(message, [Fault("query.service", message)])
    return query


def _entries(stations: StationSet, query: CoverageQuery) -> np.ndarray:
    """Return the entries of the stations' services that are the one asked for, whatever their hours."""
    return np.array([i for i, service in enumerate(stations.service) if service in query.services], dtype=np.int64)


def _reach_m(snapshots: Snapshots, query: CoverageQuery) -> float:
    profile = "adult" if query.profile == "own" else query.profile
    if query.method == "walk":
        return snapshots.policy.walk_distance_m(query.minutes, profile)
    return snapshots.policy.buffer_radius_m(query.minutes, profile)


def _pairs(session: Session, snapshots: Snapshots, query: CoverageQuery, stations: StationSet, today: date) -> Pairs:
    """Return every site and station of the service within reach of each other."""
    offering = open_stations(stations, replace(query, at=None))[0]
    reach_m = _reach_m(snapshots, query)
    if query.method == "walk":
        net = network(session, snapshots, query.profile)
        homes = snapped_homes(session, snapshots, net, today)
        found = walk_pairs(
            net.graph, homes, snapped_stations(session, snapshots, net, stations).take(offering), reach_m
        )
        return Pairs(found.home, offering[found.station].astype(np.int32), found.distance_m)
    return _pairs_by_air(session, snapshots, stations, offering, today, reach_m)


def _pairs_by_air(
    session: Session,
    snapshots: Snapshots,
    stations: StationSet,
    offering: np.ndarray,
    today: date,
    reach_m: float,
) -> Pairs:
    demand = snapshots.sites(session, today).demand
    placed = np.flatnonzero(demand.placed)
    if not len(placed) or not len(offering):
        empty = np.zeros(0, dtype=np.int32)
        return Pairs(empty, empty, np.zeros(0))
    homes_m = np.column_stack([demand.x_m[placed], demand.y_m[placed]])
    places_m = np.column_stack(snapshots.metric(session).to_m(stations.lon[offering], stations.lat[offering]))
    near = cKDTree(homes_m).query_ball_point(places_m, reach_m)
    station = np.repeat(np.arange(len(offering)), [len(found) for found in near])
    home = np.concatenate([np.sort(np.array(found, dtype=np.int64)) for found in near])
    distance_m = np.hypot(*(homes_m[home] - places_m[station]).T)
    return Pairs(placed[home].astype(np.int32), offering[station].astype(np.int32), distance_m)


def _spread(pairs: Pairs, station_of_entry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of entries and homes: a station with two rooms stands twice."""
    at_entry, home = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for entry, station in enumerate(station_of_entry):
        mine = pairs.home[pairs.station == station]
        at_entry.append(np.full(len(mine), entry))
        home.append(mine)
    return np.concatenate(at_entry), np.concatenate(home)


def _by_air(
    session: Session, snapshots: Snapshots, stations: StationSet, offering: np.ndarray, today: date
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the straight distance to the nearest of the stations, which it is, and why there is none (codes of REASONS)."""
    demand = snapshots.sites(session, today).demand
    nearest = np.full(len(demand), -1)
    reason = np.where(demand.placed, 0, NO_POSITION).astype(np.int8)
    if not len(offering):
        return (
            np.full(len(demand), np.nan),
            nearest,
            np.where(demand.placed, NO_STATION, NO_POSITION).astype(np.int8),
        )
    places_m = np.column_stack(snapshots.metric(session).to_m(stations.lon[offering], stations.lat[offering]))
    distance_m = nearest_by_air_m(demand, places_m)
    placed = np.flatnonzero(demand.placed)
    nearest[placed] = cKDTree(places_m).query(np.column_stack([demand.x_m[placed], demand.y_m[placed]]))[1]
    return distance_m, nearest, reason
