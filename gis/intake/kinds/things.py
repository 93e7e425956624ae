"""Things: cameras, hydrants and whatever else the place keeps an eye on."""

from __future__ import annotations

from types import MappingProxyType

from gis.intake.kinds.spots import Spots
from gis.models import Thing


class Things(Spots):
    """物: kinds are the place's own words."""

    name = "things"
    required = ("code", "kind")
    model = Thing
    longest = MappingProxyType({"name": 200, "kind": 60, "state": 60})
