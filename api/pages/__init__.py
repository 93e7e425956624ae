"""The three users' pages: the planner's desk, the grid worker's phone and the wall, and the way in.

Every page is plain HTML with our own style sheets and scripts: no inline script but the maps' own (under the answer's nonce), nothing from
another host, and no text of data that is not escaped.
"""

from api.pages import accounts, doors
from api.pages.views import router

router.routes.extend((*doors.router.routes, *accounts.router.routes))

__all__ = ["router"]
