"""What each kind of import holds: its columns, the checks of its rows, and how they are written."""

from importlib import import_module

from gis.intake.kinds.base import Job, Kind

_CLASSES = {
    "areas": "Areas",
    "grids": "Grids",
    "compounds": "Compounds",
    "buildings": "Buildings",
    "households": "Households",
    "residents": "Residents",
    "stations": "Stations",
    "streets": "Streets",
    "needs": "Needs",
    "backdrop": "BackdropParts",
    "renovation": "Renovation",
    "street_units": "StreetUnits",
    "merchants": "Merchants",
    "things": "Things",
    "chiefs": "Chiefs",
    "contacts": "Contacts",
}
KIND_NAMES = tuple(_CLASSES)
"""Every kind of import."""


def kind_named(name: str) -> type[Kind]:
    """Return a kind of import by its name; the others, and the libraries they need, are not loaded."""
    kind: type[Kind] = getattr(import_module(f"gis.intake.kinds.{name}"), _CLASSES[name])
    return kind


__all__ = ["KIND_NAMES", "Job", "Kind", "kind_named"]
