"""Who can offer what is asked for: places left and open before near."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MOST = 10
"""So many are suggested."""


@dataclass(frozen=True)
class Candidate:
    """A station or a resource that offers the kind of service asked for."""

    source: str
    """``station`` or ``resource``."""
    key: str
    """A station's code, a resource's id."""
    name: str
    hours: str
    open: bool
    walk_m: int | None
    """On foot; None where one of the two places is not known."""
    capacity: int | None
    """None: without limit."""
    taken: int = 0
    """Places that projects which are planned or run have taken."""

    @property
    def left(self) -> int | None:
        """Return the places left; None: without limit."""
        return None if self.capacity is None else max(0, self.capacity - self.taken)


def ranked(candidates: Iterable[Candidate], places: int = 1, most: int = MOST) -> list[Candidate]:
    """Return candidates, the best first: with places enough, open now, nearest on foot (those without a place last).

    Args:
        candidates: in any order.
        places: how many places are needed.
        most: how many to return.
    """

    def rank(one: Candidate) -> tuple[bool, bool, bool, int, str, str]:
        full = one.left is not None and one.left < places
        return full, not one.open, one.walk_m is None, one.walk_m or 0, one.source, one.key

    return sorted(candidates, key=rank)[:most]
