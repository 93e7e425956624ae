"""The street network of the place and who joins it where: made once for each state of the data, shared by all requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accessibility.graph import StreetGraph, build_graph
from gis.accessibility.snapping import Snapped, snap
from gis.accessibility.ways import Ways
from gis.services.derived import derived
from gis.services.snapshots import DWELLING_TOPICS, Snapshots, StationSet

_STREETS = """
SELECT ST_AsBinary(geometry), kind, foot, bridge, tunnel, layer FROM streets ORDER BY code
"""


@dataclass(frozen=True)
class Network:
    """The streets that one kind of walker can use."""

    profile: str
    """``all``, or ``wheelchair``: without steps."""
    graph: StreetGraph


def has_streets(session: Session, snapshots: Snapshots) -> bool:
    """Tell whether any street is known, so that walking can be asked for."""
    return bool(
        snapshots.remember(
            session,
            ("has streets",),
            ("streets",),
            lambda loading: loading.scalar(text("SELECT EXISTS (SELECT 1 FROM streets)")),
        )
    )


def street_ways(session: Session, snapshots: Snapshots) -> Ways:
    """Return the streets as drawn, in metres."""
    rows = session.execute(text(_STREETS)).all()
    lines = np.empty(len(rows), dtype=object)
    lines[:] = [shapely.from_wkb(bytes(row[0])) for row in rows]
    if len(rows):
        lines = snapshots.metric(session).geometry_to_m(lines)
    kinds, feet, bridges, tunnels, layers = ([row[i] for row in rows] for i in range(1, 6))
    return Ways.from_lines(lines, kinds, feet, bridges, tunnels, layers)


def network(session: Session, snapshots: Snapshots, profile: str) -> Network:
    """Return the network that a profile walks on, built once for each state of the streets."""
    walker = "wheelchair" if profile == "wheelchair" else "all"
    topics = ("streets", "place")

    def whole(loading: Session) -> StreetGraph:
        return build_graph(street_ways(loading, snapshots))

    graph: StreetGraph = snapshots.remember(session, ("graph",), topics, whole)
    if walker == "wheelchair":
        graph = snapshots.remember(
            session, ("graph", walker), topics, lambda loading: _whole_graph(loading, snapshots).for_profile(walker)
        )
    return Network(walker, graph)


def snapped_homes(session: Session, snapshots: Snapshots, net: Network, as_of: date) -> Snapped:
    """Return where every site of that date joins the network, in the order of the sites."""

    def join(loading: Session) -> Snapped:
        demand = snapshots.dwellings(loading).demand
        return snap(net.graph, demand.x_m, demand.y_m, snapshots.policy)

    return snapshots.remember(session, ("homes", net.profile), (*DWELLING_TOPICS, "streets"), join)


def snapped_stations(session: Session, snapshots: Snapshots, net: Network, stations: StationSet) -> Snapped:
    """Return where stations join the network; those of the store are joined once, and of a scenario only those that stand elsewhere."""
    stored = snapshots.stations(session)
    metric = snapshots.metric(session)

    def join(lon: np.ndarray, lat: np.ndarray) -> Snapped:
        return snap(net.graph, *metric.to_m(lon, lat), snapshots.policy)

    joined = derived(snapshots).of(
        ("stations joined", net.profile), (stored, net.graph, metric), lambda: join(stored.lon, stored.lat)
    )
    if stations is stored:
        return joined
    count = len(stored.lon)
    # Edits keep the stored stations in their places and add new ones behind.
    moved = np.flatnonzero((stations.lon[:count] != stored.lon) | (stations.lat[:count] != stored.lat))
    moved = np.append(moved, np.arange(count, len(stations.lon)))
    if not len(moved):
        return joined
    place = np.arange(len(stations.lon))
    place[moved] = count + np.arange(len(moved))
    return joined.followed_by(join(stations.lon[moved], stations.lat[moved])).take(place)


def _whole_graph(session: Session, snapshots: Snapshots) -> StreetGraph:
    return network(session, snapshots, "adult").graph
