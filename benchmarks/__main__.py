"""``make bench``: run the benchmarks (``python -m benchmarks NAME …`` for some of them) and print ratios."""

from __future__ import annotations

import importlib
import platform
import sys
from datetime import UTC, datetime

import psutil

from benchmarks.measure import RUNS, console

BENCHMARKS = ("assigning", "importing", "locating", "maps", "screen", "tiles", "walking")


QUICK_FORMS = ("importing", "maps", "screen")
"""Those that have a quick form: ``--quick``."""


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, all without names; return the exit code."""
    quick, names = "--quick" in arguments, [name for name in arguments if name != "--quick"]
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        console.print(f"没有这些基准：{', '.join(sorted(unknown))}；可用：{', '.join(BENCHMARKS)} / no such benchmark")
        return 2
    memory_gib = psutil.virtual_memory().total / 2**30
    now = datetime.now(UTC).date()
    console.print(
        f"{now} · {platform.machine()} · {psutil.cpu_count()} cores · {memory_gib:.0f} GiB · Python {platform.python_version()} · medians of {RUNS}"
    )
    for name in names or BENCHMARKS:
        options = {"quick": True} if quick and name in QUICK_FORMS else {}
        importlib.import_module(f"benchmarks.{name}").main(**options)
    return 0


sys.exit(main(sys.argv[1:]))
