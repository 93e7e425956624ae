"""Bytes as PostgreSQL reads them in text: two digits each, for whole columns at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

_DIGITS = np.frombuffer(bytes(range(256)).hex().encode(), np.uint16)
"""The two digits of each byte."""


def hexadecimal(values: pa.Array) -> pa.Array:
    """Return bytes (n,) as hexadecimal text (n,), null where null."""
    values = values.cast(pa.large_binary())
    validity, offsets, content = values.buffers()
    first, last = values.offset, values.offset + len(values)
    ends = np.frombuffer(offsets, np.int64)[first : last + 1] if offsets else np.zeros(1, np.int64)
    raw = np.frombuffer(content, np.uint8)[ends[0] : ends[-1]] if content else np.empty(0, np.uint8)
    if validity is not None and first:
        validity = pa.py_buffer(np.packbits(values.is_valid().to_numpy(zero_copy_only=False), bitorder="little"))
    digits, starts = _DIGITS[raw], 2 * (ends - ends[0])
    buffers = [validity, pa.py_buffer(starts), pa.py_buffer(digits)]
    return pa.Array.from_buffers(pa.large_string(), len(values), buffers)
