"""Pages for eyes: folium maps, their layers, palettes and the offline assets they need.

How a page shows a map (``api/pages`` need know no more than this)::

    config = MapConfig(
        place="示范街道",
        bounds=(102.70, 25.02, 102.74, 25.06),                   # west, south, east, north in degrees; None: the map asks /api/grids
        services=(Choice("meal", "助餐", "meals"), …),           # what needs and coverage can be filtered by
        station_kinds=(Choice("meal_hall", "幸福食堂", "meal hall"), …),
        measures=(Choice("households", "户数", "households"), …),  # what the planner's choropleth can show
        months=("2025-11", "2026-10"),                          # first and last month of needs
        methods=WALKING_METHODS,                                # only where streets are known
    )
    pieces = render(planner_map(config), nonce)                  # or needs_map, coverage_map, compare_map, worker_map, screen_map

``pieces.head_html`` (style sheets) goes into ``<head>``, ``pieces.body_html`` where the map and its panel belong (it fills its parent, which
must have a height), ``pieces.script_html`` last in ``<body>``. All three are :class:`markupsafe.Markup`, so Jinja writes them as they are.
Every ``<script>`` carries the nonce and there is no inline style: the page's policy needs no more than
``script-src 'self' 'nonce-…'; style-src 'self'; img-src 'self' data:; connect-src 'self'``.

Every file a page loads lies under :data:`maps.assets.MOUNTS` (``/assets/vendor`` from npm, ``/assets/own`` ours) or :data:`maps.assets.bundles.PREFIX` (our
scripts, several in one), to be served without a session; their addresses carry a content hash, so they may be cached for ever. ``python -m maps.assets`` fetches the npm ones.

Data comes from the API with the session cookie: ``/tiles/{base,grids}/{z}/{x}/{y}``, ``/api/grids``, ``/api/grids/measures``,
``/api/comparison``, ``/api/grids/{code}``, ``/api/grids/{code}/summary``, ``/api/stations``, ``/api/circles``, ``/api/coverage`` and what lies under it, ``/api/siting``,
``/api/needs/cells`` (see :class:`maps.config.Urls`). A 401 leads to ``/login?next=…``.

Events on ``document`` between a map and the page round it:

* from the planner's and the coverage map: ``linli:grid`` with ``detail = {code}`` when a grid is clicked; to them: ``linli:show-grid`` ``{code}``
  (outline a grid and go there; null: no outline), ``linli:show`` ``{feature}`` (outline any GeoJSON feature and go there),
  ``linli:imported`` (data has changed: ask for it again);
* from the worker's map: ``linli:tap`` with ``detail = {lon, lat}``; to it: ``linli:position`` ``{lon, lat, accuracy_m?}``,
  ``linli:grid`` (a Feature or null), ``linli:stations`` (a FeatureCollection or null), ``linli:mine`` (a FeatureCollection of own grids: outline
  them and go there), ``linli:show`` ``{feature}`` (outline it and go there);
* from the map of events: ``linli:tap`` as above, ``linli:event`` ``{id}`` when one is tapped; to it: ``linli:events`` (a FeatureCollection of points
  with ``id``, ``name`` and ``look``: late, soon, calm, done), ``linli:show-event`` ``{lon, lat}`` (ring it and go there; null: no ring),
  ``linli:reporting`` true or false (a tap on a point is a ``linli:tap`` too);
* to the screen's map and any other: ``linli:refresh`` ``{topic?}`` (ask for the data again, and for the tiles where the topic, such as ``grids``, is
  drawn in them; without a topic for the tiles at most every ten seconds).
"""

from maps.config import METHODS, WALKING_METHODS, Choice, MapConfig, Outside, Urls
from maps.linlimap import ForeignAsset, LinliMap, Pieces, page, render
from maps.pages import compare_map, coverage_map, events_map, needs_map, planner_map, screen_map, worker_map

__all__ = [
    "METHODS",
    "WALKING_METHODS",
    "Choice",
    "ForeignAsset",
    "LinliMap",
    "MapConfig",
    "Outside",
    "Pieces",
    "Urls",
    "compare_map",
    "coverage_map",
    "events_map",
    "needs_map",
    "page",
    "planner_map",
    "render",
    "screen_map",
    "worker_map",
]
