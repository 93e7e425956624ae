"""What a planner's map costs on the wire: everything, from the page to the last tile, with nothing in the browser's cache."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import Visitor

BUDGET_BYTES = 300_000
"""What each of the demonstration's maps may weigh; `python -m benchmarks maps` holds places with 4,000 grids and 1,000,000 households to it."""


@pytest.mark.parametrize("path", ["/", "/maps/needs", "/maps/coverage", "/maps/compare"])
def test_a_map_with_its_data_is_within_its_budget(visit: Visitor, path: str) -> None:
    window = visit("planner")
    sizes: Counter[str] = Counter()
    addresses: dict[str, str] = {}

    def sent(event: dict[str, Any]) -> None:
        addresses[event["requestId"]] = urlsplit(event["request"]["url"]).path

    def ended(event: dict[str, Any]) -> None:
        sizes[addresses[event["requestId"]]] += int(event["encodedDataLength"])

    wire = window.page.context.new_cdp_session(window.page)
    wire.on("Network.requestWillBeSent", sent)
    wire.on("Network.loadingFinished", ended)
    wire.send("Network.enable")
    window.open(path)
    window.page.wait_for_load_state("networkidle")
    kinds = Counter({kind: sum(size for each, size in sizes.items() if each.startswith(kind)) for kind in ("/tiles", "/api", "/assets", "/static")})  # fmt: skip
    assert kinds["/tiles"] > 2_000 and kinds["/api"] > 1_000, "the map is drawn, from the data"
    assert kinds["/assets"] > 50_000, "the cache was empty"
    assert sizes.total() <= BUDGET_BYTES, (kinds, sizes.most_common(8))
    assert not any("echarts" in each for each in sizes), "charts are the wall's"
