"""What each kind of import touches: which may run side by side, and whom one keeps away while it writes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Use:
    """What an import writes as a whole, and what must stay as it is meanwhile."""

    writes: frozenset[str]
    reads: frozenset[str] = frozenset()

    def crosses(self, other: Use) -> bool:
        """Tell whether two imports must not run at the same time."""
        return bool(self.writes & (other.writes | other.reads) or other.writes & self.reads)


def _use(writes: str, reads: str = "") -> Use:
    return Use(frozenset(writes.split()), frozenset(reads.split()))


USES = {
    "areas": _use("areas"),
    "grids": _use("areas grids buildings households"),  # makes communities, assigns everything again
    "compounds": _use("compounds"),
    "buildings": _use("buildings households", "grids compounds"),  # households move with their building
    "households": _use("households", "grids buildings"),
    "residents": _use("residents", "households"),
    "needs": _use("needs", "households"),
    "stations": _use("stations"),
    "streets": _use("streets"),
    "backdrop": _use("backdrop"),
    "renovation": _use("renovations", "compounds"),
    "street_units": _use("street_units"),
    "merchants": _use("merchants"),
    "things": _use("things"),
    "chiefs": _use("building_chiefs", "buildings"),
    "contacts": _use("contacts", "households"),
}
"""What each kind of import touches."""
