"""Rows of counts: read as dictionaries and written as JSON they say the same."""

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from gis.services.rows import Heads, Rows, measure_in_columns

NAMES = st.lists(st.text(max_size=8), min_size=1, max_size=4, unique=True)


@given(st.data())
def test_written_and_read_alike(data: st.DataObject) -> None:
    heads = data.draw(
        st.lists(st.builds(lambda c, n: {"code": c, "name": n}, st.text(max_size=9), st.text()), max_size=5)
    )
    names = [f"count {name}" for name in data.draw(NAMES)]
    count = data.draw(
        st.sampled_from([st.integers(-999, 9_999), st.integers(-1_001, 10_001), st.integers(-(2**53), 2**53)])
    )
    columns = {
        name: np.array(data.draw(st.lists(count, min_size=len(heads), max_size=len(heads))), dtype=np.int64)
        for name in names
    }
    rows = Rows(Heads(heads), columns)
    assert orjson.loads(rows.json()) == list(rows) == rows
    assert len(rows) == len(heads)
    assert all(list(row) == ["code", "name", *names] for row in rows)


def test_a_percent_sign_and_quotes_are_text() -> None:
    rows = Rows(Heads([{"code": '%d"', "name": "50%"}]), {"n": np.array([3])})
    assert rows.json().replace(b" ", b"") == b'[{"code":"%d\\"","name":"50%","n":3}]'
    assert rows[-1:] == [{"code": '%d"', "name": "50%", "n": 3}]


def test_a_measure_in_columns_names_what_is_hidden_by_position() -> None:
    values = {"530102001001001": None, "530102001001002": 7, "530102001002001": None, "530102001002003": 0}
    found = measure_in_columns({"key": "k", "values": values, "suppressed": ["530102001001001", "530102001002001"]})
    assert found == {
        "key": "k", "code": {"first": "530102001001001", "steps": [1, 999, 2]}, "value": [None, 7, None, 0], "suppressed": [0, 2],
    }  # fmt: skip
    assert measure_in_columns({"values": {}, "suppressed": []}) == {
        "code": {"first": "", "steps": []},
        "value": [],
        "suppressed": [],
    }
