"""What follows from snapshots alone, kept beside them: no database is asked, so it is worth keeping even what takes a millisecond.

A value is used again only for the very same snapshot objects; these are never changed once made, so it cannot be out of date.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from operator import is_
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

Value = TypeVar("Value")
_MOST = 64


class Derived:
    """Values by key, each with the objects that it was made from; the longest unused goes first."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[tuple[object, ...], Any]] = OrderedDict()

    def of(self, key: Hashable, made_from: tuple[object, ...], make: Callable[[], Value]) -> Value:
        """Return ``make()``, or what it gave before.

        Args:
            key: names the value; all parameters of ``make`` that are no snapshots.
            made_from: the snapshots that ``make`` looks at, compared by identity.
            make: pure.
        """
        return self.many([key], made_from, lambda _: [make()])[0]

    def many(
        self,
        keys: Sequence[Hashable],
        made_from: tuple[object, ...],
        make: Callable[[list[int]], Sequence[Value]],
    ) -> list[Value]:
        """Return a value for each key; ``make`` is given the positions of those that are missing."""
        found: dict[int, Value] = {}
        with self._lock:
            for i, key in enumerate(keys):
                kept = self._kept.get(key)
                if kept is not None and all(map(is_, kept[0], made_from)):
                    self._kept.move_to_end(key)
                    found[i] = kept[1]
        missing = [i for i in range(len(keys)) if i not in found]
        if missing:
            found.update(zip(missing, make(missing), strict=True))
            with self._lock:
                for i in missing:
                    self._kept[keys[i]] = (made_from, found[i])
                    self._kept.move_to_end(keys[i])
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return [found[i] for i in range(len(keys))]


_OF: WeakKeyDictionary[object, Derived] = WeakKeyDictionary()


def derived(snapshots: object) -> Derived:
    """Return what has been derived from these snapshots."""
    found = _OF.get(snapshots)
    return found if found is not None else _OF.setdefault(snapshots, Derived())
