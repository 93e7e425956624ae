from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gis.secrecy.masks import mask, mask_id_number, mask_name, mask_phone


def test_masks() -> None:
    assert mask_phone("13812341234") == "138****1234"
    assert mask_phone("12345") == "*****"
    assert mask_phone("87123456") == "********"
    assert mask_phone(None) is None
    assert mask_id_number("539901195001011234") == "539*************34"
    assert [mask_name(each) for each in ("张三", "欧阳小明", "张", "", None)] == ["张*", "欧***", "张*", "*", None]


@given(st.text(max_size=40), st.integers(0, 10), st.integers(0, 10))
def test_at_least_a_third_is_hidden(value: str, head: int, tail: int) -> None:
    masked = mask(value, head, tail)
    assert masked is not None and len(masked) == len(value)
    shown = sum(a == b and b != "*" for a, b in zip(value, masked, strict=True))
    assert shown * 3 <= len(value) * 2
