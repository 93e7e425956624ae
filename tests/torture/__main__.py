"""``python -m tests.torture [--kills N] [--seed N]``: the long campaign; ends with exit code 1 if anything was lost."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tests.torture.campaign import run


def main() -> int:
    """Run a campaign and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--log", type=Path, help="where to keep what the programs wrote")
    given = parser.parse_args()
    sys.stdout.write(f"seed {given.seed}\n")

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    outcome = run(given.kills, given.seed, say, given.log)
    say(outcome.report())
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
