"""Tags are kinds; names are not."""

from __future__ import annotations

import pytest

from gis.accessibility.offers import parse_offers
from gis.intake.formats import osm_tags
from gis.models.vocabulary import BACKDROP_KINDS, SERVICES


def test_a_cafe_with_a_fine_name_is_a_cafe() -> None:
    assert osm_tags.station({"amenity": "cafe", "name": "学院路社会服务中心"}) is None


@pytest.mark.parametrize(
    ("tags", "kind", "services"),
    [
        ({"amenity": "clinic", "name": "x"}, "卫生服务站", "health"),
        ({"healthcare": "doctor"}, "卫生服务站", "health"),
        ({"amenity": "social_facility", "social_facility": "day_care"}, "养老服务站", "day_care"),
        ({"amenity": "social_facility", "social_facility": "soup_kitchen"}, "幸福食堂", "meal"),
        ({"amenity": "kindergarten"}, "托育机构", "child_care"),
        ({"amenity": "community_centre"}, "社区文化中心", "culture"),
        ({"amenity": "library"}, "图书馆", "culture;rest"),
        ({"amenity": "townhall"}, "政务服务点", "errand"),
    ],
)
def test_stations(tags: dict[str, str], kind: str, services: str) -> None:
    found = osm_tags.station(tags)
    assert found is not None
    assert (found["kind"], found["services"]) == (kind, services)
    assert found["name"] == tags.get("name", kind)


def test_what_is_not_in_the_table_is_no_station() -> None:
    for tags in (
        {"amenity": "social_facility"},
        {"office": "government"},
        {"shop": "supermarket"},
        {"amenity": "restaurant"},
        {},
    ):
        assert osm_tags.station(tags) is None


def test_every_rule_offers_known_services_and_is_reached_by_its_key() -> None:
    for rule in osm_tags.STATIONS:
        assert set(rule.services) <= set(SERVICES)
        assert parse_offers(";".join(rule.services), SERVICES)[1] == []
        assert rule.tags[0][0] in osm_tags.KEYS["stations"]


@pytest.mark.parametrize("value", sorted(osm_tags.NOT_YET_OR_NO_MORE))
def test_what_is_not_there_is_left_out(value: str) -> None:
    assert osm_tags.street({"highway": value}) is None
    assert osm_tags.building({"building": value}) is None


@pytest.mark.parametrize(
    ("tags", "foot"),
    [
        ({}, None),
        ({"foot": "designated", "access": "private"}, "designated"),
        ({"access": "private"}, "private"),
        ({"access": "permissive"}, None),
        ({"sidewalk": "both"}, "yes"),
        ({"sidewalk": "separate"}, None),
        ({"sidewalk": "no"}, None),
        ({"sidewalk": "left", "foot": "no"}, "no"),
    ],
)
def test_who_may_walk(tags: dict[str, str], foot: str | None) -> None:
    found = osm_tags.street({"highway": "primary", **tags})
    assert found is not None
    assert found["foot"] == foot


def test_bridges_tunnels_and_layers() -> None:
    found = osm_tags.street({"highway": "footway", "bridge": "viaduct", "tunnel": "no", "layer": "-1"})
    assert found == {
        "name": None,
        "kind": "footway",
        "foot": None,
        "bridge": "true",
        "tunnel": "false",
        "layer": "-1",
    }
    assert osm_tags.street({"highway": "path", "layer": "0;1"})["layer"] is None  # type: ignore[index]


def test_buildings_and_their_levels() -> None:
    assert osm_tags.building({"building": "yes", "building:levels": "6", "name": " 楼 "}) == {
        "name": "楼",
        "kind": None,
        "floors": "6",
    }
    assert osm_tags.building({"building": "apartments", "building:levels": "3-5"}) == {
        "name": None,
        "kind": "apartments",
        "floors": None,
    }
    assert osm_tags.building({"amenity": "clinic"}) is None


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"natural": "water"}, "water"),
        ({"waterway": "river"}, "water"),
        ({"leisure": "park"}, "green"),
        ({"landuse": "forest"}, "green"),
        ({"landuse": "basin"}, "water"),
    ],
)
def test_backdrop(tags: dict[str, str], kind: str) -> None:
    assert osm_tags.backdrop(tags) == {"name": None, "kind": kind}
    assert kind in BACKDROP_KINDS
    assert next(iter(tags)) in osm_tags.KEYS["backdrop"]
    assert osm_tags.backdrop({"landuse": "residential", "leisure": "pitch"}) is None
