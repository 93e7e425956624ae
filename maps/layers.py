"""What lies on our maps: folium layers that hold settings only; data is fetched by the browser, so a page's size does not follow it."""

from __future__ import annotations

from typing import Any

from folium.map import Layer
from folium.template import Template
from markupsafe import Markup

from maps.linlimap import layer_label, script_value


class OwnLayer(Layer):
    """A layer made by one of our own scripts: ``linli.<factory>(map, settings)`` in the browser."""

    factory = ""
    own_scripts: tuple[str, ...] = ()
    _template = Template(
        """
        {% macro script(this, kwargs) %}
var {{ this.get_name() }} = linli.named({{ this._parent.get_name() }}, {{ this.key() }}, linli.{{ this.factory }}({{ this._parent.get_name() }}, {{ this.settings() }}));
        {% endmacro %}
        """
    )

    def __init__(self, name: str = "", *, show: bool = True, **settings: Any) -> None:
        """Make the layer; with a name it is listed in the control of layers, without one it is always there."""
        super().__init__(name=layer_label(name), overlay=True, control=bool(name), show=show)
        self._name = type(self).__name__
        self._settings = settings

    def key(self) -> Markup:
        """Return by what the layer is known in a page's address, as a JavaScript literal; null where it cannot be switched."""
        return script_value(str(self._settings.get("layer") or self.factory) if self.control else None)

    def settings(self) -> Markup:
        """Return the settings as a JavaScript literal."""
        return script_value(self._settings)


class Ground(OwnLayer):
    """Land, water, green and streets from our vector tiles. Settings: theme, attribution."""

    factory = "ground"


class Houses(OwnLayer):
    """Buildings, drawn stronger than on the ground."""

    factory = "houses"


class Boundaries(OwnLayer):
    """The grids' boundaries as thin lines."""

    factory = "boundaries"


class Labels(OwnLayer):
    """Names of streets, water, buildings and, with ``grids=True``, of grids. Settings: theme, grids."""

    factory = "labels"
    own_scripts = ("placing.js", "names.js")


class Choropleth(OwnLayer):
    """Grids shaded by a measure that the panel chooses. Settings: theme, palette, measure, months, grid, quiet."""

    factory = "choropleth"
    own_scripts = ("classes.js", "choropleth.js")


class Findings(OwnLayer):
    """Whatever the page round the map asks to be shown (``linli:show``)."""

    factory = "findings"
    own_scripts = ("classes.js", "choropleth.js")


class Stations(OwnLayer):
    """Stations in view. Settings: kinds and services (code → 中文)."""

    factory = "stations"
    own_scripts = ("icons.js", "stations.js")


class Places(OwnLayer):
    """Facts about places in view. Settings: layer (renovation, street_units, merchants, things), least (zoom from which it is drawn)."""

    factory = "places"
    own_scripts = ("places.js",)


class Circles(OwnLayer):
    """Service circles that the planner's panel chooses."""

    factory = "circles"
    own_scripts = ("circles.js",)


class Compare(OwnLayer):
    """A second map beside the first, and both shaded by what the panel chooses. Settings: ground and labels of the second map."""

    factory = "compare"
    own_scripts = ("classes.js", "choropleth.js", "placing.js", "names.js", "compare.js")


class Needs(OwnLayer):
    """Needs by cell or grid. Settings: months, ramp (64 colours), classes (number of classes → colours), spots (colours of hot and cold spots)."""

    factory = "needs"
    own_scripts = ("classes.js", "choropleth.js", "heat.js", "months.js", "needcells.js", "needs.js")


class Coverage(OwnLayer):
    """Coverage by grid with its circles, the what-if and the siting.

    Settings: colours (shading → ramp), reasons (reason → 中文), utc_offset, kinds and services (code → 中文).
    """

    factory = "coverage"
    own_scripts = (
        "classes.js",
        "choropleth.js",
        "circles.js",
        "icons.js",
        "stations.js",
        "shades.js",
        "figures.js",
        "nested.js",
        "uncovered.js",
        "edits.js",
        "hours.js",
        "whatif.js",
        "siting.js",
        "coverage.js",
    )


class Uncovered(OwnLayer):
    """Buildings that the coverage of the same map leaves out; stands after :class:`Coverage`."""

    factory = "uncovered"
    own_scripts = ("classes.js", "uncovered.js")


class Worker(OwnLayer):
    """The worker's position, grid and stations. Settings: kinds and services (code → 中文)."""

    factory = "worker"
    own_scripts = ("icons.js", "stations.js", "worker.js")


class Events(OwnLayer):
    """Events as dots by how late they are, as the page round the map gives them. No settings."""

    factory = "events"
    own_scripts = ("events.js",)


class TakeAway(OwnLayer):
    """The control that prints the map and exports its figures. Settings: map (grids, needs, coverage, comparison)."""

    factory = "takeAway"
    own_scripts = ("takeaway.js",)


class OutsideTiles(OwnLayer):
    """A base map from outside, passed on by our own server. Settings: layers, crs, attribution, max_zoom."""

    factory = "outside"
    own_scripts = ("outside.js",)
