"""What each OpenStreetMap tag means to linli: the one mapping table. Only tags count; a name says nothing about a kind.

A place called 学院路社会服务中心 that is tagged ``amenity=cafe`` is a café. Tags that are not in these tables are not imported.
Meanings: https://wiki.openstreetmap.org/wiki/Map_features.
"""

from __future__ import annotations

from dataclasses import dataclass

NOT_YET_OR_NO_MORE = frozenset(
    {
        "construction",
        "proposed",
        "planned",
        "abandoned",
        "disused",
        "razed",
        "dismantled",
        "demolished",
        "removed",
        "no",
    }
)
"""``highway`` and ``building`` values of what cannot be walked on or lived in."""

WALKED_BESIDE = frozenset({"both", "left", "right", "yes"})
"""``sidewalk`` values that let people walk along a road; ``separate`` means that the footway is drawn by itself."""

CLOSED = frozenset({"no", "private"})
"""``access`` values that keep people out where ``foot`` says nothing else."""

NO = frozenset({"no", "false", "0"})


@dataclass(frozen=True)
class StationTags:
    """Objects with all these tags are stations of this kind, offering these services."""

    tags: tuple[tuple[str, frozenset[str]], ...]
    kind: str
    services: tuple[str, ...]


def _when(kind: str, services: str, **tags: str) -> StationTags:
    pairs = tuple((key.replace("__", ":"), frozenset(values.split("|"))) for key, values in tags.items())
    return StationTags(pairs, kind, tuple(services.split()))


STATIONS: tuple[StationTags, ...] = (
    _when("养老服务站", "day_care", amenity="social_facility", social_facility="day_care"),
    _when("养老服务站", "home_help", amenity="social_facility", social_facility="ambulatory_care"),
    _when("幸福食堂", "meal", amenity="social_facility", social_facility="soup_kitchen"),
    _when("幸福食堂", "meal", amenity="canteen"),
    _when("社会服务站", "errand", amenity="social_facility", social_facility="outreach"),
    _when("卫生服务站", "health", amenity="hospital|clinic|doctors"),
    _when("卫生服务站", "health", healthcare="hospital|clinic|doctor|centre"),
    _when("托育机构", "child_care", amenity="kindergarten|childcare"),
    _when("课后托管", "after_school", amenity="prep_school", prep_school="after_school"),
    _when("社区文化中心", "culture", amenity="community_centre|social_centre|arts_centre"),
    _when("图书馆", "culture rest", amenity="library"),
    _when("心理疏导室", "counselling", healthcare="counselling|psychotherapist"),
    _when("政务服务点", "errand", amenity="townhall"),
    _when(
        "政务服务点",
        "errand",
        office="government",
        government="public_service|social_services|social_welfare",
    ),
)
"""In order: the first that fits counts."""

WATER: dict[str, frozenset[str]] = {
    "natural": frozenset({"water"}),
    "waterway": frozenset({"river", "canal", "stream", "riverbank"}),
    "landuse": frozenset({"reservoir", "basin"}),
}
GREEN: dict[str, frozenset[str]] = {
    "leisure": frozenset({"park", "garden"}),
    "landuse": frozenset({"grass", "forest", "meadow", "village_green", "recreation_ground"}),
    "natural": frozenset({"wood", "scrub", "grassland"}),
}

KEYS: dict[str, tuple[str, ...]] = {
    "streets": ("highway",),
    "buildings": ("building",),
    "stations": tuple(sorted({key for rule in STATIONS for key, _ in rule.tags[:1]})),
    "backdrop": tuple(sorted({*WATER, *GREEN})),
}
"""The kinds of import that OSM files serve, and the keys of which one must be there."""


def street(tags: dict[str, str]) -> dict[str, str | None] | None:
    """Return the columns of a street, None where the way is none (yet, or no more)."""
    kind = tags.get("highway")
    if kind is None or kind in NOT_YET_OR_NO_MORE:
        return None
    foot = tags.get("foot")
    if foot is None and tags.get("sidewalk", tags.get("sidewalk:both")) in WALKED_BESIDE:
        foot = "yes"
    if foot is None and tags.get("access") in CLOSED:
        foot = tags["access"]
    return {
        "name": _name(tags),
        "kind": kind,
        "foot": foot,
        "bridge": _flag(tags.get("bridge")),
        "tunnel": _flag(tags.get("tunnel")),
        "layer": _whole(tags.get("layer")),
    }


def building(tags: dict[str, str]) -> dict[str, str | None] | None:
    """Return the columns of a building, None where the object is none."""
    if tags.get("building", "no") in NOT_YET_OR_NO_MORE:
        return None
    kind = tags.get("building")
    return {
        "name": _name(tags),
        "kind": None if kind == "yes" else kind,
        "floors": _whole(tags.get("building:levels")),
    }


def station(tags: dict[str, str]) -> dict[str, str | None] | None:
    """Return the columns of a station, None where no rule fits; without a name it is called by its kind."""
    for rule in STATIONS:
        if all(tags.get(key) in values for key, values in rule.tags):
            hours = tags.get("opening_hours", "")
            return {
                "name": _name(tags) or rule.kind,
                "kind": rule.kind,
                "services": ";".join(rule.services),
                "opening_hours": hours.strip() or None,
                "capacity": _whole(tags.get("capacity")),
            }
    return None


def backdrop(tags: dict[str, str]) -> dict[str, str | None] | None:
    """Return the columns of a part of the base map, None where the object is neither water nor green."""
    for kind, table in (("water", WATER), ("green", GREEN)):
        if any(tags.get(key) in values for key, values in table.items()):
            return {"name": _name(tags), "kind": kind}
    return None


def _name(tags: dict[str, str]) -> str | None:
    return (tags.get("name") or tags.get("name:zh") or "").strip() or None


def _flag(value: str | None) -> str:
    return "false" if value is None or value in NO else "true"


def _whole(value: str | None) -> str | None:
    """Return a whole number, None for what mappers also write there (``3-5``, ``-1;0``): it is not worth losing the object for."""
    text = (value or "").strip()
    return text if text.lstrip("-").isdigit() else None
