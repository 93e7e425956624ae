"""The signs that turn direction are those of the Unicode database."""

from __future__ import annotations

import sys
import unicodedata

from gis.direction import one_line, unmarked

SIGNS = [chr(code) for code in range(sys.maxunicode + 1)]
EMBEDDING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
IMPLICIT = ("ARABIC LETTER MARK", "LEFT-TO-RIGHT MARK", "RIGHT-TO-LEFT MARK")


def test_every_sign_that_turns_direction_is_left_out_and_no_other() -> None:
    turning = {sign for sign in SIGNS if unicodedata.bidirectional(sign) in EMBEDDING}
    turning |= {unicodedata.lookup(name) for name in IMPLICIT}
    assert {sign for sign in SIGNS if unmarked(f"北{sign}海") != f"北{sign}海"} == turning


def test_one_line_has_no_line_ends_and_no_blanks_at_its_ends() -> None:
    assert one_line(" \u202e北\n\t\x00海\x7f \u2069 ") == "北海"
    assert one_line("北 海") == "北 海"
