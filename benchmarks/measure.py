"""Timing and telling: medians of several runs, taken in turn so that a machine that drifts drifts for both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.table import Table

RUNS = 5

console = Console(width=130)


@dataclass(frozen=True)
class Line:
    """One comparison: seconds of ours and of theirs, and what the ratio theirs ÷ ours should be at least (None: told only)."""

    what: str
    against: str
    ours_s: float
    theirs_s: float
    goal: float | None = None

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.theirs_s / self.ours_s


def in_turn(*tasks: Callable[[], object], runs: int = RUNS) -> list[float]:
    """Run the tasks in turn, ``runs`` times each after one that does not count, and return each one's median seconds."""

    def timed(task: Callable[[], object]) -> float:
        start = time.perf_counter()
        task()
        return time.perf_counter() - start

    return paired(*(partial(timed, task) for task in tasks), runs=runs)


def paired(*tasks: Callable[[], float], runs: int = RUNS) -> list[float]:
    """Run tasks that time themselves in the same way; return each one's median seconds."""
    taken: list[list[float]] = [[] for _ in tasks]
    for turn in range(runs + 1):
        for task, times in zip(tasks, taken, strict=True):
            seconds = task()
            if turn:
                times.append(seconds)
    return [statistics.median(times) for times in taken]


def show(title: str, lines: list[Line]) -> None:
    """Print a table of comparisons."""
    table = Table(title=title, title_justify="left")
    for heading in ("what", "against", "ours s", "theirs s", "times faster", "goal"):
        table.add_column(heading, justify="left" if heading in {"what", "against"} else "right")
    for line in lines:
        goal = "" if line.goal is None else f"≥ {line.goal:g} {'✓' if line.ratio >= line.goal else '✗'}"
        table.add_row(line.what, line.against, f"{line.ours_s:.3f}", f"{line.theirs_s:.3f}", f"{line.ratio:.2f}", goal)
    console.print(table)
