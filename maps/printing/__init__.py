"""Maps on paper: A3 across, as PDF in vectors and as PNG of the same sheet, drawn by the server from the figures that the screen shows.

``themes`` says how the features look and what the legend tells; ``sheet`` puts map, legend, scale bar, north arrow and facts on the page; ``ground``
draws what lies under; ``pen`` is all that knows the PDF library.
"""

from maps.printing.sheet import Frame, draw, picture
from maps.printing.themes import NEED_MODES, SHARE_GROUPS, Theme, coverage_theme, grid_theme, needs_theme

__all__ = ["NEED_MODES", "SHARE_GROUPS", "Frame", "Theme", "coverage_theme", "draw", "grid_theme", "needs_theme", "picture"]
