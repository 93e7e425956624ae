from __future__ import annotations

import numpy as np
import orjson
from starlette.requests import Request

from api.answers import GeoJson, Json, page, page_of_items, tagged


def request(query: str) -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": "/api/grids", "query_string": query.encode(), "headers": []}
    )


def test_numbers_of_numpy_and_nan() -> None:
    assert orjson.loads(Json({"a": np.int64(3), "b": float("nan"), "c": np.array([1.5])}).body) == {
        "a": 3,
        "b": None,
        "c": [1.5],
    }


def test_the_next_page_keeps_the_question() -> None:
    answer = page(request("area=5301&bbox=1,2,3,4&cursor=old"), {"features": [], "next": "a b&c"})
    link = "/api/grids?area=5301&bbox=1%2C2%2C3%2C4&cursor=a+b%26c"
    assert orjson.loads(answer.body)["next"] == link
    assert answer.headers["link"] == f'<{link}>; rel="next"'
    assert isinstance(answer, GeoJson)


def test_the_last_page_has_no_next() -> None:
    answer = page_of_items(request(""), {"items": [1], "next": None})
    assert orjson.loads(answer.body) == {"items": [1], "next": None}
    assert "link" not in answer.headers


def test_a_version_becomes_the_tag() -> None:
    assert tagged({"properties": {"version": 7}}).headers["etag"] == '"7"'
