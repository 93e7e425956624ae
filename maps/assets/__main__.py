"""``python -m maps.assets``: fetch what the maps load in a browser."""

from __future__ import annotations

import sys

from gis.errors import Unavailable
from maps.assets import DIST, build


def main() -> int:
    """Build the assets; 0 when they are there, 1 when they cannot be had."""
    try:
        fetched = build()
    except Unavailable as error:
        sys.stderr.write(f"{error.title}: {error.detail}\n")
        return 1
    what = "已取得地图资源 / fetched the maps' assets" if fetched else "地图资源已就绪 / the maps' assets are in place"
    sys.stdout.write(f"{what}: {DIST}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
