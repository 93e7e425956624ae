"""Points read from the bytes are those that JSON's parser finds, to the last bit; whatever is out of the ordinary is left to it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.points import MOST_POINTS, _read_any, _read_plain, read_points
from gis.errors import Invalid

number = st.builds(
    lambda whole, decimals: f"{whole}.{decimals}",
    st.one_of(st.integers(0, 999).map(str), st.from_regex(r"[0-9]{1,4}", fullmatch=True)),
    st.from_regex(r"[0-9]{1,14}", fullmatch=True),
)
odd = st.sampled_from(
    [
        "1",
        "-1.5",
        "1e2",
        "1.5E1",
        "null",
        '"1.5"',
        "true",
        ".5",
        "5.",
        "",
        "[1.5]",
        "NaN",
        "1..5",
        "+1.5",
        "1_0.5",
    ]
)
point = st.lists(number, min_size=2, max_size=2)
near_point = st.lists(st.one_of(number, number, odd), min_size=1, max_size=3)
space = st.sampled_from(["", "", " ", "\n", "  "])
crs = st.sampled_from([None, None, "EPSG:4326", "GCJ-02", "a]]", "\\u0031", "é", 'x","points":[[1.5,1.5]],"y":"'])


@st.composite
def bodies(draw: Any, points: Any) -> bytes:
    comma = "," + draw(space)
    array = "[" + comma.join("[" + comma.join(each) + "]" for each in points) + "]"
    members = [f'"points"{draw(space)}:{draw(space)}{array}']
    system = draw(crs)
    if system is not None:
        members.insert(draw(st.integers(0, 1)), f'"crs": "{system}"')
    if draw(st.integers(0, 9)) == 0:
        members.append(
            draw(st.sampled_from(['"points":[]', '"crs":"GCJ-02"', '"more":[[1.5,2.5]]', '"points":[[1.5,2.5]]']))
        )
    return (draw(space) + "{" + comma.join(members) + "}" + draw(space)).encode()


def agree(body: bytes) -> bool:
    """Make sure that what is read from the bytes is what JSON's parser gives; tell whether it was read from the bytes."""
    plain = _read_plain(body)
    if plain is None:
        return False
    array, system = _read_any(body)
    assert plain[0].dtype == array.dtype
    assert plain[0].tobytes() == array.tobytes()
    assert plain[1] == system
    return True


@settings(max_examples=300, deadline=None)
@given(st.lists(point, min_size=1, max_size=8).flatmap(bodies))
@example(b'{"points":[[999.000000000001,0.1],[100.999999999999,89.123456789012]]}')
@example(b'{"points":[[0.0,0.0]]}')
@example(b'{"points":[[00.5,1.5]]}')
@example(b'{"points":[[102.71234567890123,25.04]]}')
@example(b'{"points":[[957.4268899610175,0.5]]}')  # 16 digits: the whole number is no double, and divided it is another
def test_ordinary_bodies(body: bytes) -> None:
    agree(body)


@settings(max_examples=300, deadline=None)
@given(st.lists(near_point, min_size=1, max_size=4).flatmap(bodies))
def test_bodies_with_odd_numbers(body: bytes) -> None:
    agree(body)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(point, min_size=1, max_size=3).flatmap(bodies),
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from(list(b'[]{}:,."-+ e0159\\cx\x00\xff')), st.booleans()),
        max_size=2,
    ),
)
@example(b'{"points":[[1.5,2.5],[3.5,4.5]]}', [(20, ord(","), False)])
def test_damaged_bodies(body: bytes, damage: list[tuple[int, int, bool]]) -> None:
    spoilt = bytearray(body)
    for at, letter, instead in damage:
        at %= len(spoilt)
        spoilt[at : at + instead] = bytes([letter])
    agree(bytes(spoilt))


def test_the_everyday_body_is_read_from_its_bytes() -> None:
    points = np.random.default_rng(1).uniform([73, 3], [135, 53], (5000, 2)).round(7).tolist()
    for body in (
        orjson.dumps({"points": points}),
        json.dumps({"points": points}).encode(),
        orjson.dumps({"points": points, "crs": "EPSG:4490"}),
        orjson.dumps({"crs": "EPSG:4490", "points": points}),
    ):
        assert agree(body)
    assert np.array_equal(read_points(body), np.array(points))


@pytest.mark.parametrize("points", [[[102.5, 25.5], [25.5, 102.5]], [[181.5, 1.5]]])
def test_places_out_of_range_are_named_likewise(points: list[list[float]]) -> None:
    told = []
    for body in (orjson.dumps({"points": points}), orjson.dumps({"points": points, "more": 1})):
        with pytest.raises(Invalid) as caught:
            read_points(body)
        told.append(caught.value.faults)
    assert told[0] == told[1]


def test_too_many_are_refused_whatever_their_form() -> None:
    with pytest.raises(Invalid, match=str(MOST_POINTS)):
        read_points(orjson.dumps({"points": [[102.5, 25.5]] * (MOST_POINTS + 1)}))
