"""Tiles that have been made, kept in memory per process, and never out of date: each with the versions of what it shows (gis/store/journal.py).

A tile is used only while the journal says that nothing it shows has changed since; a process that has not heard for half a second asks. Tiles are
made by the block, one at a time: whoever wants another one of it meanwhile waits for it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Any

from sqlalchemy.orm import Session

from gis.services import tiles
from gis.services.snapshots import Snapshots
from gis.store.journal import Journal

MOST_BYTES = 96 * 2**20
_OVERHEAD_BYTES = 500
_PATIENCE_S = 30.0
Pack = Callable[[bytes], bytes | None]


class KeptTile:
    """A tile, the tag of its content, and its content compressed (None where that is not worth it)."""

    __slots__ = ("asked", "content", "packed", "seen", "tag", "topics", "versions")

    def __init__(
        self, content: bytes, packed: bytes | None, topics: tuple[str, ...], versions: tuple[Any, ...]
    ) -> None:
        self.content, self.packed = content, packed
        self.tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
        self.topics, self.versions = topics, versions
        self.seen: Mapping[str, Any] | None = None
        """The journal's versions with which it was last found current: while they are the same object, nothing has changed."""
        self.asked = False
        """Whether somebody has asked for it since it was made, or was last spared."""

    @property
    def size(self) -> int:
        """Return how many bytes it takes, about."""
        return len(self.content) + len(self.packed or b"") + _OVERHEAD_BYTES


class TileCache:
    """The tiles of one process. The oldest go first, but one that was asked for is spared once (second chance): to note that takes no lock."""

    def __init__(self, snapshots: Snapshots, pack: Pack, most_bytes: int = MOST_BYTES) -> None:
        """Keep nothing yet; ``pack`` compresses a tile."""
        self._snapshots, self._pack, self._most_bytes = snapshots, pack, most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, KeptTile] = OrderedDict()
        self._bytes = 0
        self._flights: dict[tuple[str, int, int, int], threading.Event] = {}

    def at_hand(self, journal: Journal, address: str) -> KeptTile | None:
        """Return the tile of an address ``layer/z/x/y`` if it is here and known to be current, asking nobody; else None."""
        kept = self._kept.get(address)
        reading = None if kept is None else journal.latest()
        if kept is None or reading is None:
            return None
        if kept.seen is not reading.versions:
            if reading.of(kept.topics) != kept.versions:
                return None
            kept.seen = reading.versions
        kept.asked = True
        return kept

    def tile(
        self,
        journal: Journal,
        session: Callable[[], AbstractContextManager[Session]],
        layer: str,
        z: int,
        x: int,
        y: int,
    ) -> KeptTile:
        """Return a tile, kept or made with its block.

        Args:
            journal: what the process knows of changes.
            session: opens a transaction.
            layer, z, x, y: as of :func:`gis.services.tiles.tile`.

        Raises:
            NotFound: no such layer or no such tile.
        """
        address = f"{layer}/{z}/{x}/{y}"
        flight_key = (layer, z, x // tiles.BLOCK_SIDE, y // tiles.BLOCK_SIDE)
        while True:
            with self._lock:
                kept = self.at_hand(journal, address)
                landed = self._flights.get(flight_key)
                if kept is not None:
                    return kept
                if landed is None:
                    landed = self._flights[flight_key] = threading.Event()
                    break
            landed.wait(_PATIENCE_S)
        try:
            return self._make(session, layer, z, x, y)[address]
        finally:
            with self._lock:
                del self._flights[flight_key]
            landed.set()

    def _make(
        self, session: Callable[[], AbstractContextManager[Session]], layer: str, z: int, x: int, y: int
    ) -> dict[str, KeptTile]:
        topics = tiles.topics_of(layer)
        with session() as opened:
            # The versions first: should something change in between, the tile is newer than it says, and made again.
            versions = self._snapshots.versions(opened, topics)
            found = tiles.block(opened, layer, z, x, y)
        made = {
            f"{layer}/{z}/{column}/{row}": KeptTile(content, self._pack(content), topics, versions)
            for (column, row), content in found.items()
        }
        with self._lock:
            for address, tile in made.items():
                before = self._kept.pop(address, None)
                self._kept[address] = tile
                self._bytes += tile.size - (before.size if before else 0)
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                address, oldest = self._kept.popitem(last=False)
                if oldest.asked:
                    oldest.asked = False
                    self._kept[address] = oldest
                else:
                    self._bytes -= oldest.size
        return made
