from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from api.errors import PreconditionRequired
from api.parameters import check_period, check_services, filter_of, moment_of, position_of, version_of
from gis.errors import Invalid, Stale
from gis.shifts import wgs84_to_gcj02

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def test_moments() -> None:
    expected = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    for given in (
        "2026-11-20T10:00:00+08:00",
        "2026-11-20T10:00:00 08:00",
        "2026-11-20T10:00+0800",
        "2026-11-20T02:00:00Z",
    ):
        assert moment_of(given, NOW - timedelta(days=9)) == expected
    assert moment_of(None, NOW) == NOW
    assert moment_of("any", NOW) is None
    for wrong in ("2026-11-20T10:00:00", "2026-11-20", "now", "10:00"):
        with pytest.raises(Invalid) as caught:
            moment_of(wrong, NOW)
        assert caught.value.faults[0].where == "query.at"


@pytest.mark.parametrize(("given", "version"), [('"3"', 3), ("3", 3), ('W/"12"', 12), (' "3" ', 3)])
def test_versions(given: str, version: int) -> None:
    assert version_of(given) == version


def test_a_write_without_a_version_is_refused() -> None:
    for given in (None, "*"):
        with pytest.raises(PreconditionRequired):
            version_of(given)
    for given in ('"abc"', '"1", "2"', "-1", '""'):
        with pytest.raises(Stale):
            version_of(given)


def test_boxes() -> None:
    assert filter_of(bbox="102.5, 25,103,26").bbox == (102.5, 25.0, 103.0, 26.0)
    for wrong in ("1,2,3", "a,b,c,d", "103,25,102,26", "0,0,0,91", "nan,0,1,1", "1,2,3,4,5", ""):
        with pytest.raises(Invalid):
            filter_of(bbox=wrong)


def test_positions_in_any_system() -> None:
    lon, lat = wgs84_to_gcj02([102.71], [25.04])
    assert position_of(float(lon[0]), float(lat[0]), "gcj02") == pytest.approx((102.71, 25.04), abs=1e-8)
    assert position_of(102.71, 25.04, None) == (102.71, 25.04)
    assert position_of(500_000, 2_770_000, "EPSG:4543") == pytest.approx((102.0, 25.03), abs=0.02)
    with pytest.raises(Invalid) as caught:
        position_of(25.04, 102.71, None)
    assert [fault.where for fault in caught.value.faults] == ["query.lat"]
    with pytest.raises(Invalid, match="GCJ-02"):
        position_of(1, 1, "mars")


def test_services_and_periods() -> None:
    check_services(["meal", "health"])
    with pytest.raises(Invalid) as caught:
        check_services(["meal", "meals", "x"])
    assert len(caught.value.faults) == 2
    check_period(None, date(2026, 1, 1))
    check_period(date(2026, 1, 1), date(2026, 1, 1))
    with pytest.raises(Invalid):
        check_period(date(2026, 1, 2), date(2026, 1, 1))
