"""What if: coverage before and after stations are added, moved, closed or open at other hours. Nothing is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from gis.accessibility.coverage import Covered, Tally
from gis.accessibility.offers import Offer
from gis.errors import Fault, Invalid
from gis.services.coverage import CoverageQuery, cover, describe, resolve, whose
from gis.services.derived import derived
from gis.services.features import read_geometry
from gis.services.snapshots import Snapshots, StationSet
from gis.services.stations import read_services

OPERATIONS = ("add", "move", "close", "hours")
MOST_EDITS, MOST_LETTERS = 100, 200


def scenario(
    session: Session, snapshots: Snapshots, query: CoverageQuery, edits: list[Any], today: date
) -> dict[str, Any]:
    """Compare coverage with the stations as they are and as edited.

    Args:
        session, snapshots: the store and the caches; both only read.
        query: what is asked of both.
        edits: in order, each ``{"op": "add" | "move" | "close" | "hours", "station": {…}}``: add needs lon, lat and services; move code,
            lon and lat; close code; hours code and services.
        today: the day whose people are counted.

    Returns:
        ``before`` and ``after``, totals as of coverage; ``grids``, those that change, with both; ``newly_covered`` and
        ``newly_uncovered``, households. The same input gives the same answer.

    Raises:
        Invalid: naming each edit that cannot be made.
    """
    query = resolve(session, snapshots, query)
    stations = snapshots.stations(session)
    edited = edit_stations(stations, edits)
    grids = snapshots.grids(session)
    asked = whose(session, snapshots, query, today)
    now, then = (cover(session, snapshots, query, today, known) for known in (stations, edited))
    key = ("before", query.method, query.minutes, query.profile, query.services, query.area, query.exact)
    before = derived(snapshots).of(key, (now, asked), lambda: asked.tally(now))
    after = asked.tally(then)
    decided = asked.take(now), asked.take(then)
    households = asked.sites.households
    changed = np.flatnonzero(np.any([before.grids[name] != after.grids[name] for name in before.grids], axis=0))
    return {
        "parameters": describe(query),
        "before": before.totals,
        "after": after.totals,
        "grids": [
            {
                "code": grids.codes[i],
                "name": grids.names[i],
                "before": _row(before, i),
                "after": _row(after, i),
            }
            for i in changed
        ],
        "newly_covered": _between(decided[0], decided[1], households),
        "newly_uncovered": _between(decided[1], decided[0], households),
    }


def edit_stations(stations: StationSet, edits: list[Any]) -> StationSet:
    """Return a copy of the stations with the edits made in order.

    Raises:
        Invalid: naming each edit that cannot be made; then none is.
    """
    if not isinstance(edits, list) or len(edits) > MOST_EDITS:
        message = f"应为最多 {MOST_EDITS} 项修改的列表 / expected a list of at most {MOST_EDITS} edits"
        raise Invalid(message, [Fault("edits", message)])
    faults: list[Fault] = []
    for number, edit in enumerate(edits):
        where = f"edits[{number}]"
        if not isinstance(edit, dict) or edit.get("op") not in OPERATIONS or not isinstance(edit.get("station"), dict):
            known = ", ".join(OPERATIONS)
            faults.append(Fault(where, f"需要 op({known})和 station / needs op ({known}) and station"))
            continue
        try:
            stations = _apply(stations, edit["op"], edit["station"], f"新站点{number + 1}")
        except Invalid as error:
            faults += [Fault(f"{where}.station.{fault.where}", fault.message) for fault in error.faults]
    if faults:
        raise Invalid("有无法进行的修改 / some edits cannot be made", faults)
    return stations


def _apply(stations: StationSet, operation: str, given: dict[str, Any], name: str) -> StationSet:
    if operation == "add":
        return _added(stations, given, name)
    code = given.get("code")
    if code not in stations.codes:
        message = f"没有编码为 {code} 的站点 / no station has code {code}"
        raise Invalid(message, [Fault("code", message)])
    position = stations.codes.index(code)
    if operation == "move":
        lon, lat = _position(given)
        lons, lats = stations.lon.copy(), stations.lat.copy()
        lons[position], lats[position] = lon, lat
        return replace(stations, lon=lons, lat=lats)
    without = _without_services(stations, position)
    return without if operation == "close" else _with_services(without, position, _services(given))


def _added(stations: StationSet, given: dict[str, Any], name: str) -> StationSet:
    lon, lat = _position(given)
    code = _words(given, "code") or name
    if code in stations.codes:
        message = f"编码 {code} 已被占用 / code {code} is taken"
        raise Invalid(message, [Fault("code", message)])
    extended = replace(
        stations,
        codes=[*stations.codes, code],
        names=[*stations.names, _words(given, "name") or name],
        kinds=[*stations.kinds, _words(given, "kind")],
        lon=np.append(stations.lon, lon),
        lat=np.append(stations.lat, lat),
        station_capacity=[*stations.station_capacity, None],
    )
    return _with_services(extended, len(stations.codes), _services(given))


def _without_services(stations: StationSet, position: int) -> StationSet:
    """Return the stations with one that offers nothing: it keeps its place, so that positions stay the same."""
    kept = np.flatnonzero(stations.station != position)
    return replace(
        stations,
        station=stations.station[kept],
        service=[stations.service[i] for i in kept],
        hours=[stations.hours[i] for i in kept],
        capacity=[stations.capacity[i] for i in kept],
    )


def _with_services(stations: StationSet, position: int, offers: list[Offer]) -> StationSet:
    return replace(
        stations,
        station=np.append(stations.station, np.full(len(offers), position, dtype=np.int64)),
        service=[*stations.service, *(offer.kind for offer in offers)],
        hours=[*stations.hours, *(offer.hours for offer in offers)],
        capacity=[*stations.capacity, *(offer.capacity for offer in offers)],
    )


def _words(given: dict[str, Any], field: str) -> str:
    """Return what is written in a field; '' where nothing is."""
    value = given.get(field) or ""
    if not isinstance(value, str) or len(value) > MOST_LETTERS:
        message = f"应为最多 {MOST_LETTERS} 个字的文字 / expected a text of at most {MOST_LETTERS} characters"
        raise Invalid(message, [Fault(field, message)])
    return value


def _position(given: dict[str, Any]) -> tuple[float, float]:
    point = read_geometry(
        {"type": "Point", "coordinates": [given.get("lon"), given.get("lat")]}, ("Point",), "lon, lat"
    )
    return float(point.x), float(point.y)


def _services(given: dict[str, Any]) -> list[Offer]:
    faults: list[Fault] = []
    offers = read_services(given.get("services") or [], faults)
    if not offers and not faults:
        faults.append(Fault("services", "至少需要一项服务 / at least one service is needed"))
    if faults:
        raise Invalid("服务有误 / faulty services", faults)
    return offers


def _row(found: Tally, grid: np.integer[Any]) -> dict[str, int]:
    return {name: int(counts[grid]) for name, counts in found.grids.items()}


def _between(earlier: Covered, later: Covered, households: np.ndarray) -> int:
    """Count the households that are covered later and were not earlier."""
    return int(households[later.households & ~earlier.households].sum())
