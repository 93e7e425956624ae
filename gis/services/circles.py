"""Where each station's service circle lies, on the streets or as the crow flies; of the stations as they are, or as edited."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy.orm import Session

from gis.accessibility.circles import buffer_circles, dissolve
from gis.accessibility.walk_circles import walk_circles
from gis.errors import Fault, Invalid
from gis.services.coverage import CoverageQuery, open_stations, resolve
from gis.services.derived import Derived, derived
from gis.services.features import Drawn, collection, feature
from gis.services.network import network, snapped_stations
from gis.services.scenario import edit_stations
from gis.services.sketches import pitch_deg, sketches
from gis.services.snapshots import Snapshots, StationSet

_MOST_KEPT = 1_000
"""Walking circles kept at once; one is some tens of kilobytes."""
_KEPT: WeakKeyDictionary[Snapshots, Derived] = WeakKeyDictionary()


def circles(session: Session, snapshots: Snapshots, query: CoverageQuery, station: str | None = None) -> dict[str, Any]:
    """Return the circles of the stations that offer one of the services at that time, single or dissolved into one.

    With ``profile=own`` the circle is the adults'. Stations that stand at no street have no walking circle; ``unjoined`` names them.

    Args:
        session, snapshots: the store and the caches.
        query: which services, how far, when.
        station: the code of one station, to have its circle only.

    Raises:
        Invalid: there is no such station.
    """
    return _collected(_chosen(session, snapshots, query, station))


def circles_in_lines(
    session: Session,
    snapshots: Snapshots,
    query: CoverageQuery,
    resolution_m: float,
    bbox: tuple[float, float, float, float] | None = None,
    station: str | None = None,
) -> dict[str, Any]:
    """Return the same circles as a map of so many metres to a pixel shows them, within a pixel: a fiftieth as long.

    ``code``, ``name`` and ``lines`` of each circle that touches the box; ``lines`` as gis/services/sketches.py writes them, with ``pitch``, the degrees
    of a step. Dissolved, ``code`` and ``name`` are None. ``stations`` is how many circles there are in the whole place.

    Raises:
        Invalid: there is no such station.
    """
    found = _chosen(session, snapshots, query, station)
    pitch = pitch_deg(resolution_m)
    key = ("lines", pitch, found.key)
    lines = derived(snapshots).of(
        key, tuple(found.circles), lambda: sketches([one.shape for one in found.circles], pitch)
    )
    shown = list(range(len(lines)))
    if bbox is not None:
        west, south, east, north = np.array([one.shape.bounds for one in found.circles]).reshape(-1, 4).T
        shown = np.flatnonzero((west <= bbox[2]) & (east >= bbox[0]) & (south <= bbox[3]) & (north >= bbox[1])).tolist()
    heads = found.heads
    return {
        **found.facts,
        "stations": found.stations,
        "unjoined": found.apart,
        "pitch": pitch,
        "code": [heads[i].get("code") for i in shown],
        "name": [heads[i].get("name") for i in shown],
        "lines": [lines[i] for i in shown],
    }


def circles_after(session: Session, snapshots: Snapshots, query: CoverageQuery, edits: list[Any]) -> dict[str, Any]:
    """Return the circles that edited stations would have, of those only that the edits name; a closed one has none.

    Raises:
        Invalid: naming each edit that cannot be made.
    """
    edited = edit_stations(snapshots.stations(session), edits)
    count = len(snapshots.stations(session).codes)
    named = {edit["station"].get("code") for edit in edits}
    touched = np.array([i >= count or code in named for i, code in enumerate(edited.codes)], dtype=bool)
    offering = _offering(edited, query)
    return _collected(_found(session, snapshots, query, edited, offering[touched[offering]]))


@dataclass(frozen=True)
class _Found:
    """Circles with what is told of each and of all; ``key`` names them, ``apart`` are stations without one."""

    circles: list[Drawn]
    heads: list[dict[str, Any]]
    facts: dict[str, Any]
    apart: list[str]
    stations: int
    key: Hashable


def _chosen(session: Session, snapshots: Snapshots, query: CoverageQuery, station: str | None) -> _Found:
    stations = snapshots.stations(session)
    offering = _offering(stations, query, snapshots)
    if station is not None:
        if station not in stations.codes:
            message = f"没有编码为 {station[:40]} 的站点 / no station has code {station[:40]}"
            raise Invalid(message, [Fault("query.station", message)])
        offering = offering[offering == stations.codes.index(station)]
    return _found(session, snapshots, query, stations, offering)


def _collected(found: _Found) -> dict[str, Any]:
    return collection(
        (feature(circle, {**head, **found.facts}) for circle, head in zip(found.circles, found.heads, strict=True)),
        unjoined=found.apart,
        **found.facts,
    )


def _offering(stations: StationSet, query: CoverageQuery, snapshots: Snapshots | None = None) -> np.ndarray:
    """Return the positions of the stations that offer any of the services at that time."""
    return np.unique(np.concatenate(open_stations(stations, query, snapshots))).astype(np.int64)


def _found(
    session: Session, snapshots: Snapshots, query: CoverageQuery, stations: StationSet, chosen: np.ndarray
) -> _Found:
    query = resolve(session, snapshots, query)
    profile = "adult" if query.profile == "own" else query.profile
    walking = query.method == "walk"
    reach_m = (snapshots.policy.walk_distance_m if walking else snapshots.policy.buffer_radius_m)(
        query.minutes, profile
    )
    facts: dict[str, Any] = {
        "minutes": query.minutes,
        "profile": profile,
        "method": query.method,
        "radius_m": round(reach_m, 1),
    }
    draw = _walked if walking else _round
    drawn = draw(session, snapshots, stations, chosen, profile, reach_m) if len(chosen) else []
    apart = [stations.codes[i] for i, circle in zip(chosen, drawn, strict=True) if circle is None]
    there = [(i, circle) for i, circle in zip(chosen, drawn, strict=True) if circle is not None]
    circles = [circle for _, circle in there]
    key = (query.method, profile, reach_m, chosen.tobytes())
    if not query.dissolve or not there:
        heads = [{"code": stations.codes[i], "name": stations.names[i], "kind": stations.kinds[i]} for i, _ in there]
        return _Found(circles, heads, facts, apart, len(there), key)
    shapes = tuple(circle.shape for circle in circles)
    whole = derived(snapshots).of(("dissolved", *key), shapes, lambda: Drawn(dissolve(np.array(shapes, dtype=object))))
    return _Found([whole], [{"stations": len(there)}], facts, apart, len(there), ("dissolved", *key))


def _round(
    session: Session,
    snapshots: Snapshots,
    stations: StationSet,
    chosen: np.ndarray,
    profile: str,
    reach_m: float,
) -> list[Drawn | None]:
    metric = snapshots.metric(session)
    return [Drawn(shape) for shape in buffer_circles(stations.lon[chosen], stations.lat[chosen], reach_m, metric)]


def _walked(
    session: Session,
    snapshots: Snapshots,
    stations: StationSet,
    chosen: np.ndarray,
    profile: str,
    reach_m: float,
) -> list[Drawn | None]:
    """Return walking circles, None where a station stands at no street; drawn once for a place, a distance and a state of the streets."""
    net, metric = network(session, snapshots, profile), snapshots.metric(session)
    joined = snapped_stations(session, snapshots, net, stations).take(chosen)

    def draw(missing: list[int]) -> list[Drawn | None]:
        margin_m = snapshots.policy.circle_margin_m
        shapes = walk_circles(net.graph, joined.take(np.array(missing)), [reach_m], metric, margin_m)[:, 0]
        return [None if shape is None else Drawn(shape) for shape in shapes]

    keys = [(net.profile, reach_m, x_m, y_m) for x_m, y_m in zip(joined.x_m, joined.y_m, strict=True)]
    return _KEPT.setdefault(snapshots, Derived(_MOST_KEPT)).many(keys, (net.graph, metric), draw)
