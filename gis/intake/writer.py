"""Writing behind the reader's back: one thread hands rows to the database while the next batch is read and checked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

Given = ParamSpec("Given")
Got = TypeVar("Got")
_WAITING = 1
"""So many pieces of work wait at most, so that a slow database holds the reader up and memory stays flat."""


class Writer:
    """Does pieces of work on one connection, one after the other in their order.

    Nothing else may use the connection between :meth:`do` and :meth:`settle`. After one has failed the others fail of the same: the database would
    answer them that the transaction is broken, and not of what.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="linli-import")
        self._pending: deque[Future[None]] = deque()
        self._failure: Exception | None = None

    def do(self, work: Callable[Given, None], *given: Given.args, **named: Given.kwargs) -> None:
        """Have a piece of work done soon; raise what an earlier one has failed of."""
        self._wait(_WAITING)
        self._pending.append(self._thread.submit(self._unless_failed, partial(work, *given, **named)))

    def ask(self, question: Callable[Given, Got], *given: Given.args, **named: Given.kwargs) -> Future[Got]:
        """Have a question answered in its turn."""
        return self._thread.submit(self._unless_failed, partial(question, *given, **named))

    def settle(self) -> None:
        """Wait until all is done; raise what has failed."""
        self._wait(0)

    def __enter__(self) -> Self:
        """Use the writer as a context."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is being done, so that the connection is free; what waits is not begun."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _unless_failed(self, work: Callable[[], Got]) -> Got:
        if self._failure is not None:
            raise self._failure
        try:
            return work()
        except Exception as error:
            self._failure = error
            raise

    def _wait(self, left: int) -> None:
        while len(self._pending) > left:
            self._pending.popleft().result()
