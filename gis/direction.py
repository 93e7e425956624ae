"""Signs that are not seen but turn the direction of what stands beside them (Unicode UAX #9, sections 2.1 to 2.6), and texts without them.

``maps/static/language.js`` has the same rule for the browser, which lets closed isolates stand; ``tests/maps/test_direction.py`` compares them.
"""

from __future__ import annotations

import re

_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROLS = re.compile("[\x00-\x1f\x7f]")


def unmarked(text: str) -> str:
    """Return a text without signs that turn the direction of what stands beside it."""
    return _MARKS.sub("", text)


def one_line(text: str) -> str:
    """Return a text without those signs, without control signs (line ends are among them), and without blanks at its ends."""
    return _CONTROLS.sub("", unmarked(text)).strip()
