"""The street network of the place and who joins it where: made once for each state of the data, shared by all requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accessibility.graph import StreetGraph, build_graph
from gis.accessibility.policy import WalkPolicy
from gis.accessibility.snapping import Snapped, snap
from gis.accessibility.ways import Ways
from gis.services.snapshots import SITE_TOPICS, Snapshots, StationSet

POLICY = WalkPolicy()
_STREETS = """
SELECT ST_AsBinary(geometry), kind, foot, bridge, tunnel, layer FROM streets ORDER BY code COLLATE "C"
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
        demand = snapshots.sites(loading, as_of).demand
        return snap(net.graph, demand.x_m, demand.y_m, POLICY)

    return snapshots.remember(session, ("homes", net.profile, as_of), (*SITE_TOPICS, "streets"), join)


def snapped_stations(session: Session, snapshots: Snapshots, net: Network, stations: StationSet) -> Snapped:
    """Return where stations join the network; those of the store are joined once, a scenario's own each time."""

    def join(loading: Session) -> Snapped:
        x_m, y_m = snapshots.metric(loading).to_m(stations.lon, stations.lat)
        return snap(net.graph, x_m, y_m, POLICY)

    if stations is not snapshots.stations(session):
        return join(session)
    return snapshots.remember(
        session, ("stations joined", net.profile), ("stations", "streets", "place"), join
    )


def _whole_graph(session: Session, snapshots: Snapshots) -> StreetGraph:
    return network(session, snapshots, "adult").graph
