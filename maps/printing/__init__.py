"""Maps on paper: A3 across, as PDF in vectors and as PNG of the same sheet, drawn by the server from the figures that the screen shows.

``themes``, ``needs`` and ``coverage`` say how the features look and what the legend tells; ``sheet`` puts one map or two on the page, in a ``frame`` each,
and ``furniture`` legend, scale bar, north arrow and facts; ``ground`` draws what lies under; ``pen`` is all that knows the PDF library.
All of a sheet is in the language of its table.
"""

from maps.printing.coverage import coverage_sheet
from maps.printing.needs import needs_sheet
from maps.printing.sheet import draw, frame_of, picture
from maps.printing.themes import Sheet, comparison_sheet, grid_sheet

__all__ = [
    "Sheet",
    "comparison_sheet",
    "coverage_sheet",
    "draw",
    "frame_of",
    "grid_sheet",
    "needs_sheet",
    "picture",
]
