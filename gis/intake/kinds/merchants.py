"""Merchants: shops and businesses; no person is named."""

from __future__ import annotations

from types import MappingProxyType

from gis.intake.kinds.spots import Spots
from gis.models import Merchant


class Merchants(Spots):
    """商户."""

    name = "merchants"
    required = ("code", "name", "kind")
    model = Merchant
    longest = MappingProxyType({"name": 200, "kind": 60, "street": 200, "state": 60})
