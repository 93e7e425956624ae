"""Codes that come twice, against a plain dictionary."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.intake.duplicates import FirstRows, Occurrences, digest_codes
from gis.intake.formats.source import Batch
from gis.intake.headings import Layout
from gis.intake.sheet import Sheet

batches = st.lists(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=12), max_size=8)


@given(batches)
def test_the_first_good_row_of_a_code_is_named(files: list[list[tuple[str, bool]]]) -> None:
    first, known, row = FirstRows(), {}, 0
    for records in files:
        rows = np.arange(row + 1, row + 1 + len(records))
        row += len(records)
        codes = pa.array([code for code, _ in records], pa.string())
        sheet = Sheet(Batch(rows, [codes]), Layout(["code"], {"code": 0}))
        sheet.reject(np.array([not good for _, good in records], dtype=bool), "code", "x / x")
        before = sheet.reasons.copy()
        first.reject_repeats(sheet, "code", codes)
        for i, (code, good) in enumerate(records):
            if not good:
                assert sheet.reasons[i] == before[i]
            elif code in known:
                assert sheet.reasons[i] == f"与第 {known[code]} 行重复 / the same as in row {known[code]}"
            else:
                known[code] = rows[i]
                assert sheet.ok[i]


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=12), max_size=8))
def test_occurrences_are_counted_over_batches(files: list[list[str]]) -> None:
    occurrences, seen = Occurrences(), {}
    for codes in files:
        expected = []
        for code in codes:
            expected.append(seen.get(code, 0))
            seen[code] = seen.get(code, 0) + 1
        assert occurrences.number(digest_codes(pa.array(codes, pa.string()))).tolist() == expected


def test_many_batches_keep_few_runs() -> None:
    first = FirstRows()
    for start in range(0, 4096, 16):
        first.add(np.arange(start, start + 16, dtype=np.uint64), np.arange(start, start + 16))
    assert len(first._runs) <= 33
    assert first.find(np.array([0, 4095, 4096], dtype=np.uint64)).tolist() == [0, 4095, -1]


@given(st.lists(st.lists(st.integers(0, 60), max_size=30), max_size=12))
def test_what_went_to_disk_is_found_again(batches: list[list[int]]) -> None:
    first, known = FirstRows(), {}
    row = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gis.intake.duplicates.LONGEST_RUN", 8)
        patch.setattr("gis.intake.runs._PAGE", 3)
        patch.setattr("gis.intake.runs._MOST_BITS", 1 << 6)
        for batch in batches:
            digests = np.array(sorted({n * 2**57 + n for n in batch}), dtype=np.uint64)
            assert first.find(digests).tolist() == [known.get(int(each), -1) for each in digests]
            new = np.array([each for each in digests if int(each) not in known], dtype=np.uint64)
            rows = np.arange(row, row + len(new))
            first.add(new, rows)
            known.update(zip(map(int, new), rows.tolist(), strict=True))
            row += len(new)
