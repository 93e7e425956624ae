"""Codes: levels, ancestors and what an area covers, by hand; and the same under any profile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.grids.codes import LEVELS, BadCode, CodeProfile

PROFILE = CodeProfile()


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("530100000000", "city"),
        ("530102000000", "county"),
        ("530102001000", "township"),
        ("530102001001", "community"),
        ("441900003000", "township"),  # 东莞: a city without counties
        ("530102100010", "community"),
    ],
)
def test_the_level_of_an_area(code: str, level: str) -> None:
    assert PROFILE.check_area(code) == level


@pytest.mark.parametrize(
    "code",
    [
        "",
        "53",
        "530102001",
        "5301020010011",
        "53010200100a",
        "５３０１０２００１００１",
        "530000000000",
        "000000000000",
        "000000000001",
        "-30102001001",
        "53010200100 ",
    ],
)
def test_what_is_no_areas_code(code: str) -> None:
    with pytest.raises(BadCode, match=" / "):
        PROFILE.check_area(code)


def test_a_grids_code_is_its_communitys_and_three_digits() -> None:
    PROFILE.check_grid("530102001001007")
    assert PROFILE.community_of("530102001001007") == "530102001001"
    for code in ("530102001001", "53010200100100", "530102001001abc", "5301020010010011"):
        with pytest.raises(BadCode, match="15"):
            PROFILE.check_grid(code)


def test_a_grid_in_a_township_or_county_is_refused_by_name() -> None:
    with pytest.raises(BadCode, match=r"街道.*township, not a community"):
        PROFILE.check_grid("530102001000007")
    with pytest.raises(BadCode, match=r"区县.*county, not a community"):
        PROFILE.check_grid("530102000000001")


def test_ancestors_from_the_city_down() -> None:
    assert PROFILE.ancestors("530102001001") == [
        ("city", "530100000000"),
        ("county", "530102000000"),
        ("township", "530102001000"),
        ("community", "530102001001"),
    ]
    assert PROFILE.ancestors("530102000000") == [("city", "530100000000"), ("county", "530102000000")]


def test_a_city_without_counties_is_not_its_own_county() -> None:
    assert PROFILE.ancestors("441900003001") == [
        ("city", "441900000000"),
        ("township", "441900003000"),
        ("community", "441900003001"),
    ]


def test_what_an_area_covers() -> None:
    assert PROFILE.covers("530102000000", "530102001001007")
    assert PROFILE.covers("530102001001", "530102001001")
    assert not PROFILE.covers("530102000000", "530103001001007")
    assert not PROFILE.covers("530102001001", "530102001000")
    # 530110…: the zero belongs to the county's own number.
    assert PROFILE.prefix("530110000000") == "530110"
    assert not PROFILE.covers("530110000000", "530111001001")


def test_another_place_may_number_otherwise() -> None:
    profile = CodeProfile(parts=(2, 2, 2, 3, 3), grid_digits=5)
    profile.check_grid("53010200100100012")
    with pytest.raises(BadCode, match="17"):
        profile.check_grid("530102001001001")
    with pytest.raises(ValueError, match=" / "):
        CodeProfile(parts=(6, 3, 3))
    with pytest.raises(ValueError, match=" / "):
        CodeProfile(grid_digits=0)


@given(
    st.lists(st.integers(1, 4), min_size=5, max_size=5),
    st.integers(1, 4),
    st.lists(st.integers(1, 9), min_size=5, max_size=5),
    st.integers(0, 3),
)
def test_every_ancestor_covers_its_descendants(
    parts: list[int], grid_digits: int, numbers: list[int], depth: int
) -> None:
    profile = CodeProfile(tuple(parts), grid_digits)
    pieces = [str(number).rjust(digits, "0") for number, digits in zip(numbers, parts, strict=True)]
    code = "".join(pieces[: depth + 2]).ljust(profile.area_digits, "0")
    assert profile.check_area(code) == LEVELS[depth]
    chain = profile.ancestors(code)
    assert [level for level, _ in chain] == list(LEVELS[: depth + 1])
    assert chain[-1][1] == code
    for level, above in chain:
        assert profile.check_area(above) == level
        assert profile.covers(above, code)
        assert profile.covers(above, code + "1" * grid_digits)
        assert profile.covers(code, above) == (above == code)
