"""What a page tells a map: plain values, no session, no settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from maps.language import CHINESE, N_

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Choice:
    """Something a user may choose: the value sent to the API, its name in 中文 (or of data); of a measure its unit and group, and whether it is of months."""

    value: str
    label: str
    unit: str = ""
    group: str = ""
    monthly: bool = False


@dataclass(frozen=True)
class Urls:
    """Where a map finds its data; all on our own server. ``{code}``, ``{z}``, ``{x}``, ``{y}`` are filled in by the browser."""

    base_tiles: str = "/tiles/base/{z}/{x}/{y}"
    grid_tiles: str = "/tiles/grids/{z}/{x}/{y}"
    outside_tiles: str = "/tiles/outside/{layer}/{z}/{x}/{y}"
    grids: str = "/api/grids"
    grid: str = "/api/grids/{code}"
    grid_summary: str = "/api/grids/{code}/summary"
    measures: str = "/api/grids/measures"
    comparison: str = "/api/comparison"
    stations: str = "/api/stations"
    layer: str = "/api/layers/{layer}"
    circles: str = "/api/circles"
    coverage: str = "/api/coverage"
    coverage_buildings: str = "/api/coverage/buildings"
    coverage_week: str = "/api/coverage/week"
    coverage_capacity: str = "/api/coverage/capacity"
    scenario: str = "/api/coverage/scenario"
    siting: str = "/api/siting"
    need_cells: str = "/api/needs/cells"
    need_grids: str = "/api/needs/grids"
    need_hotspots: str = "/api/needs/hotspots"
    exported: str = "/api/export/{map}.{form}"
    print: str = "/api/print/{map}.{form}"
    login: str = "/login"

    def __post_init__(self) -> None:
        for name, url in asdict(self).items():
            if not url.startswith("/") or url.startswith("//"):
                raise ValueError(f"{name}: 只能是本站路径 / must be a path on our own server: {url!r}")


PROFILES = (
    Choice("own", N_("按各自步速")),
    Choice("adult", N_("成人")),
    Choice("elder", N_("老人")),
    Choice("wheelchair", N_("轮椅")),
)
SCHEMES = (
    Choice("quantiles", N_("分位数")),
    Choice("natural", N_("自然间断")),
    Choice("equal", N_("等间距")),
)
PALETTES = (
    Choice("teal", N_("青蓝")),
    Choice("ember", N_("赤褐")),
    Choice("dusk", N_("黄蓝")),
)
"""The ramps of :data:`maps.palettes.CHOICES`; every one can be read with any common kind of colour vision."""
COLOURS = (
    Choice("red", N_("红色户")),
    Choice("yellow", N_("黄色户")),
    Choice("green", N_("绿色户")),
)
AGES = (
    Choice("0-12", N_("0–12岁")),
    Choice("13-59", N_("13–59岁")),
    Choice("60-79", N_("60–79岁")),
    Choice("80+", N_("80岁及以上")),
)
"""Of which households needs may be looked at alone: by colour, and by who lives there."""
BUFFER = Choice("buffer", N_("直线距离"))
WALK = Choice("walk", N_("步行路网"))
METHODS = (BUFFER,)
WALKING_METHODS = (WALK, BUFFER)
"""Where streets are known: walking first, the straight line beside it, and so their difference."""
GROUPS = (
    Choice("households", N_("户数")),
    Choice("elders_60", N_("老人")),
    Choice("children_12", N_("儿童")),
    Choice("residents", N_("居民")),
)
"""Whom a new station may be sited for."""


@dataclass(frozen=True)
class Outside:
    """A base map from outside, as the server passes it on: its name, how many layers, ``wgs84`` or ``gcj02``, whose it is, and its deepest zoom."""

    name: str
    layers: int
    crs: str
    attribution: str
    max_zoom: int


@dataclass(frozen=True)
class MapConfig:
    """What a map shows.

    Args:
        place: name of the place, shown with the source of the base map.
        bounds: west, south, east, north in degrees (EPSG:4326) to open on; None: the map asks the API for the grids' extent.
        services: what needs and coverage may be filtered by.
        station_kinds: names of the stations' kinds; a kind that is not here is shown as it is.
        measures: what a choropleth of grids may show, the first one at the start.
        months: first and last month of needs, ``YYYY-MM``; None: no month slider.
        methods: how circles may be computed; the first one at the start. With ``walk`` among several, their difference too.
        utc_offset: of the place's time zone, such as ``+08:00``, for moments chosen on the page.
        language: of the page, one of :data:`maps.language.LANGUAGES`.
        attribution: where the base map's data comes from (and its 审图号 where it has one).
        grid: code of a grid to outline at the start.
        outside: a base map from outside, above our own; None: none.
        building_kinds: kinds of buildings among which new stations may be sited.
        urls: where the data is.
    """

    place: str = ""
    bounds: tuple[float, float, float, float] | None = None
    services: tuple[Choice, ...] = ()
    station_kinds: tuple[Choice, ...] = ()
    measures: tuple[Choice, ...] = ()
    months: tuple[str, str] | None = None
    methods: tuple[Choice, ...] = METHODS
    utc_offset: str = "+08:00"
    language: str = CHINESE
    attribution: str = N_("底图：本地导入数据")
    grid: str | None = None
    outside: Outside | None = None
    building_kinds: tuple[str, ...] = ()
    urls: Urls = field(default_factory=Urls)

    def __post_init__(self) -> None:
        if self.bounds is not None:
            west, south, east, north = self.bounds
            if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
                raise ValueError(
                    f"范围应为 西，南，东，北 / bounds must be west, south, east, north in degrees: {self.bounds}"
                )
        if self.months is not None and not (
            all(map(_MONTH.fullmatch, self.months)) and self.months[0] <= self.months[1]
        ):
            raise ValueError(f"月份应为 YYYY-MM，先后有序 / months must be YYYY-MM in order: {self.months}")

    def month_list(self) -> list[str]:
        """Return every month from the first to the last, ``YYYY-MM``."""
        if self.months is None:
            return []
        first, last = (int(m[:4]) * 12 + int(m[5:]) - 1 for m in self.months)
        return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(first, last + 1)]


def labels(choices: tuple[Choice, ...], t: Callable[[str], str] = N_) -> dict[str, str]:
    """Return value → name, each passed through ``t``."""
    return {choice.value: t(choice.label) for choice in choices}


def grouped(choices: tuple[Choice, ...]) -> list[tuple[str, list[Choice]]]:
    """Return choices by their group, groups and choices in the order in which they come."""
    groups: dict[str, list[Choice]] = {}
    for choice in choices:
        groups.setdefault(choice.group, []).append(choice)
    return list(groups.items())


def options(choices: tuple[Choice, ...]) -> list[dict[str, Any]]:
    """Return choices as the browser gets them."""
    return [asdict(choice) for choice in choices]
