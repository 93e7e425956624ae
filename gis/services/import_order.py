"""Which imports may run side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from gis.intake.uses import USES, Use


class Waiting(Protocol):
    """An import that has not ended, as the queue sees it."""

    @property
    def kind(self) -> str:
        """What the file holds."""

    @property
    def state(self) -> str:
        """``queued`` or ``running``."""


Each = TypeVar("Each", bound=Waiting)


def ready(unended: Iterable[Each]) -> list[Each]:
    """Return those that may begin: queued, and crossing none that runs or came before.

    Args:
        unended: all imports that have not ended, in the order they came.
    """
    in_order = list(unended)
    running = [USES[each.kind] for each in in_order if each.state == "running"]
    before: list[Use] = []
    found = []
    for each in in_order:
        use = USES[each.kind]
        if each.state == "queued" and not any(use.crosses(other) for other in (*running, *before)):
            found.append(each)
        before.append(use)
    return found
