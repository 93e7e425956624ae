"""What a map may be told."""

from __future__ import annotations

import pytest

from maps.config import Choice, MapConfig, Urls, labels


def test_months_run_from_the_first_to_the_last() -> None:
    assert MapConfig(months=("2025-11", "2026-02")).month_list() == [
        "2025-11",
        "2025-12",
        "2026-01",
        "2026-02",
    ]
    assert MapConfig(months=("2026-05", "2026-05")).month_list() == ["2026-05"]
    assert MapConfig().month_list() == []


@pytest.mark.parametrize("months", [("2026-13", "2026-14"), ("2026-02", "2026-01"), ("26-1", "26-2")])
def test_months_out_of_order_are_refused(months: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="months"):
        MapConfig(months=months)


@pytest.mark.parametrize("bounds", [(103.0, 25.0, 102.0, 26.0), (102.0, 26.0, 103.0, 25.0), (25.0, 102.0, 26.0, 103.0)])
def test_bounds_in_the_wrong_order_are_refused(bounds: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="west, south, east, north"):
        MapConfig(bounds=bounds)


@pytest.mark.parametrize("url", ["https://elsewhere.example/x", "//elsewhere.example/x", "api/grids"])
def test_data_comes_from_our_own_server_only(url: str) -> None:
    with pytest.raises(ValueError, match="our own server"):
        Urls(grids=url)


def test_labels_are_by_value() -> None:
    assert labels((Choice("meal", "助餐"), Choice("rest", "歇脚"))) == {"meal": "助餐", "rest": "歇脚"}
