"""The street graph: junctions and the edges between them, in compact arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from gis.accessibility.topology import Chains, Segments, chain_segments, node_of_vertices, segments_of
from gis.accessibility.ways import Ways


@dataclass(frozen=True)
class BuildNotes:
    """What was found and put right while the graph was built.

    Attributes:
        ways: how many were given; ``left_out`` of them nobody may walk on, ``degenerate`` have fewer than two different vertices.
        zero_length: pairs of equal consecutive vertices, drawn as one.
        duplicates: stretches between the same two vertices drawn more than once, kept once.
    """

    ways: int = 0
    left_out: int = 0
    degenerate: int = 0
    zero_length: int = 0
    duplicates: int = 0


@dataclass(frozen=True)
class StreetGraph:
    """n nodes and e undirected edges with s shape vertices; all lengths in metres of the place's zone.

    A node is a junction, a dead end, an end of a flight of steps, or one vertex of a closed way that meets nothing. An edge is a
    polyline between two nodes (possibly the same one); its shape includes both.

    Attributes:
        node_x_m, node_y_m: float64 (n,).
        edge_u, edge_v: int32 (e,), the nodes where the shape begins and ends.
        edge_length_m: float64 (e,).
        edge_steps: bool (e,), flights of steps.
        edge_way: int32 (e,), a way that the edge is a part of.
        shape_start: int64 (e + 1,), edge i has the vertices ``shape_start[i]:shape_start[i + 1]``.
        shape_x_m, shape_y_m, shape_at_m: float64 (s,), vertices and how far along the edge they lie.
        notes: what was put right.
    """

    node_x_m: np.ndarray
    node_y_m: np.ndarray
    edge_u: np.ndarray
    edge_v: np.ndarray
    edge_length_m: np.ndarray
    edge_steps: np.ndarray
    edge_way: np.ndarray
    shape_start: np.ndarray
    shape_x_m: np.ndarray
    shape_y_m: np.ndarray
    shape_at_m: np.ndarray
    notes: BuildNotes

    @property
    def n_nodes(self) -> int:
        """How many nodes there are."""
        return len(self.node_x_m)

    @property
    def n_edges(self) -> int:
        """How many edges there are."""
        return len(self.edge_u)

    @cached_property
    def matrix(self) -> csr_array:
        """Metres between neighbouring nodes, symmetric (n, n); of parallel edges the shortest, loops left out."""
        ends_differ = self.edge_u != self.edge_v
        low = np.minimum(self.edge_u, self.edge_v)[ends_differ]
        high = np.maximum(self.edge_u, self.edge_v)[ends_differ]
        length_m = self.edge_length_m[ends_differ]
        order = np.lexsort((length_m, high, low))
        low, high, length_m = low[order], high[order], length_m[order]
        first = np.ones(len(low), dtype=bool)
        first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
        low, high, length_m = low[first], high[first], length_m[first]
        rows, columns = np.concatenate([low, high]), np.concatenate([high, low])
        return csr_array((np.concatenate([length_m, length_m]), (rows, columns)), shape=(self.n_nodes, self.n_nodes))

    @cached_property
    def component(self) -> np.ndarray:
        """The connected part that each node belongs to, int32 (n,)."""
        return connected_components(self.matrix, directed=False)[1]

    @property
    def edge_component(self) -> np.ndarray:
        """The connected part that each edge belongs to, int32 (e,)."""
        return self.component[self.edge_u]

    @cached_property
    def segment_edge(self) -> np.ndarray:
        """The edge of each straight segment, int32 (t,), segments in the order of the shapes."""
        return np.repeat(np.arange(self.n_edges, dtype=np.int32), np.diff(self.shape_start) - 1)

    @cached_property
    def segment_first(self) -> np.ndarray:
        """The shape vertex where each straight segment begins, int64 (t,)."""
        last = np.zeros(len(self.shape_x_m), dtype=bool)
        last[self.shape_start[1:] - 1] = True
        return np.flatnonzero(~last)

    @cached_property
    def segment_tree(self) -> shapely.STRtree:
        """A tree over the straight segments."""
        xy = np.column_stack([self.shape_x_m, self.shape_y_m])
        return shapely.STRtree(
            shapely.linestrings(np.stack([xy[self.segment_first], xy[self.segment_first + 1]], axis=1))
        )

    @cached_property
    def without_steps(self) -> StreetGraph:
        """The same graph for those who cannot use steps; built once."""
        if not self.edge_steps.any():
            return self
        kept = ~self.edge_steps
        counts = np.diff(self.shape_start)
        vertices = np.repeat(kept, counts)
        return replace(
            self,
            edge_u=self.edge_u[kept],
            edge_v=self.edge_v[kept],
            edge_length_m=self.edge_length_m[kept],
            edge_steps=self.edge_steps[kept],
            edge_way=self.edge_way[kept],
            shape_start=np.concatenate([[0], np.cumsum(counts[kept])]),
            shape_x_m=self.shape_x_m[vertices],
            shape_y_m=self.shape_y_m[vertices],
            shape_at_m=self.shape_at_m[vertices],
        )

    def for_profile(self, profile: str) -> StreetGraph:
        """Return what a profile can walk on: everything, or everything but steps for a wheelchair."""
        return self.without_steps if profile == "wheelchair" else self


def build_graph(ways: Ways) -> StreetGraph:
    """Build the graph of the ways that people walk on.

    Ways meet where they share a vertex exactly, on one level (see `topology.node_of_vertices`); a crossing without a shared vertex is no
    junction. Direction (``oneway``) means nothing on foot. Equal consecutive vertices are drawn as one; a stretch drawn twice counts once,
    as level ground if one of the two is no flight of steps. Ways that lie upon each other without sharing vertices stay apart; `check`
    reports them.

    Args:
        ways: as drawn, in metres.

    Returns:
        The graph; empty when nobody can walk anywhere.
    """
    chosen = ways.walkable()
    nodes, notes = node_of_vertices(ways, chosen)
    segments, duplicates = segments_of(ways, nodes)
    chains = chain_segments(segments)
    return _assemble(
        segments,
        chains,
        BuildNotes(
            ways=len(ways),
            left_out=int((~chosen).sum()),
            degenerate=notes.degenerate,
            zero_length=notes.zero_length,
            duplicates=duplicates,
        ),
    )


def _assemble(segments: Segments, chains: Chains, notes: BuildNotes) -> StreetGraph:
    """Lay the chains out as edges; only nodes at their ends stay nodes."""
    vertices, start = chains.vertices, chains.start
    x_m, y_m = segments.x_m[vertices], segments.y_m[vertices]
    step_m = np.zeros(len(vertices))
    step_m[1:] = np.hypot(np.diff(x_m), np.diff(y_m))
    firsts, lasts = start[:-1], start[1:] - 1
    step_m[firsts] = 0.0
    at_m = np.cumsum(step_m)
    at_m -= np.repeat(at_m[firsts], np.diff(start))
    ends = np.concatenate([vertices[firsts], vertices[lasts]])
    kept, renumbered = np.unique(ends, return_inverse=True)
    width = len(firsts)
    return StreetGraph(
        node_x_m=segments.x_m[kept],
        node_y_m=segments.y_m[kept],
        edge_u=renumbered[:width].astype(np.int32),
        edge_v=renumbered[width:].astype(np.int32),
        edge_length_m=at_m[lasts],
        edge_steps=segments.steps[chains.segment],
        edge_way=segments.way[chains.segment].astype(np.int32),
        shape_start=start,
        shape_x_m=x_m,
        shape_y_m=y_m,
        shape_at_m=at_m,
        notes=notes,
    )
