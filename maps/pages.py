"""The seven maps: the planner's, needs, coverage, two side by side, the worker's, events, the screen's. Each is a pure function of its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from folium import LayerControl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gis.accessibility.coverage import REASON_NAMES
from maps.classify import MAX_CLASSES
from maps.config import AGES, COLOURS, GROUPS, PALETTES, PROFILES, SCHEMES, MapConfig, grouped, labels
from maps.language import LANGUAGES, catalogue, written
from maps.layers import (
    Boundaries,
    Choropleth,
    Circles,
    Compare,
    Coverage,
    Events,
    Findings,
    Ground,
    Houses,
    Labels,
    Needs,
    OutsideTiles,
    OwnLayer,
    Places,
    Stations,
    TakeAway,
    Uncovered,
    Worker,
)
from maps.linlimap import LinliMap
from maps.palettes import SPOTS, ramp, smooth

_SHARED = ("planner", "needs", "coverage", "compare")
"""Kinds of maps whose view stands in the page's address."""
_BESIDE_PANEL = (314, 12)
"""Pixels from the left and the top that a popup keeps clear of the floating panel."""


@lru_cache(maxsize=len(LANGUAGES))
def _templates(language: str) -> Environment:
    """Return the panels' templates with the texts of a language."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=written,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = catalogue(language)
    made.globals.update(t=texts.t, tn=texts.tn)
    return made


def planner_map(config: MapConfig) -> LinliMap:
    """Return the planner's map: grids by a chosen measure, buildings, stations, circles, all switchable."""
    t = catalogue(config.language).t
    drawn = _map("planner", t("网格地图"), config, "planner.html", **_choices(config))
    _put(
        drawn,
        *_ground(config),
        Houses(t("楼栋"), show=False),
        Choropleth(
            t("网格"),
            theme="light",
            palette="teal",
            measure=_first_measure(config),
            grid=config.grid,
        ),
        Circles(t("服务圈"), show=False),
        Places(t("小区改造"), show=False, layer="renovation", least=12),
        Places(t("街区"), show=False, layer="street_units", least=12),
        Places(t("商户"), show=False, layer="merchants", least=15),
        Places(t("事物设施"), show=False, layer="things", least=15),
        Stations(t("服务站点"), clear=_BESIDE_PANEL, **_names(config)),
        Labels(theme="light", grids=True),
        Findings(),
    )
    LayerControl(position="topright", collapsed=False).add_to(drawn)
    TakeAway(map="grids").add_to(drawn)
    return drawn


def needs_map(config: MapConfig) -> LinliMap:
    """Return the map of needs: heat, counts, rates and hot spots of cells and grids, by service, kind of household and months."""
    t = catalogue(config.language).t
    drawn = _map(
        "needs",
        t("需求地图"),
        config,
        "needs.html",
        **{**_choices(config), "months": config.month_list()},
        colours=COLOURS,
        ages=AGES,
    )
    _put(
        drawn,
        *_ground(config),
        Needs(months=config.month_list(), ramp=smooth("ember"), classes=_classes("ember"), spots=SPOTS),
        Boundaries(t("网格边界")),
        Stations(t("服务站点"), show=False, **_names(config)),
        Labels(theme="light", grids=False),
    )
    LayerControl(position="topright", collapsed=False).add_to(drawn)
    TakeAway(map="needs").add_to(drawn)
    return drawn


def coverage_map(config: MapConfig) -> LinliMap:
    """Return the map of coverage: circles on foot and by air, totals, grids, buildings left out, what-if and siting."""
    t = catalogue(config.language).t
    drawn = _map(
        "coverage",
        t("服务覆盖地图"),
        config,
        "coverage.html",
        profiles=PROFILES,
        methods=config.methods,
        groups=GROUPS,
        building_kinds=config.building_kinds,
    )
    _put(
        drawn,
        *_ground(config),
        Coverage(
            t("网格覆盖率与服务圈"),
            colours=_shades(),
            reasons={reason: t(name) for reason, name in REASON_NAMES.items()},
            utc_offset=config.utc_offset,
            **_names(config),
        ),
        Uncovered(t("未覆盖楼栋"), show=False),
        Stations(t("服务站点"), **_names(config)),
        Labels(theme="light", grids=True),
    )
    LayerControl(position="topright", collapsed=False).add_to(drawn)
    TakeAway(map="coverage").add_to(drawn)
    return drawn


def compare_map(config: MapConfig) -> LinliMap:
    """Return two maps of grids that move together, each with a measure, or a time, of its own."""
    t = catalogue(config.language).t
    drawn = _map("compare", t("左图"), config, "compare.html", **_choices(config))
    source = _source(config)
    _put(
        drawn,
        Ground(theme="light", attribution=source),
        Compare(ground={"theme": "light", "attribution": source}, labels={"theme": "light", "grids": True}),
        Labels(theme="light", grids=True),
    )
    TakeAway(map="comparison").add_to(drawn)
    return drawn


def worker_map(config: MapConfig) -> LinliMap:
    """Return the worker's small map: a tap tells the page a position."""
    t = catalogue(config.language).t
    drawn = _map("worker", t("点选位置"), config, None)
    _put(
        drawn,
        *_ground(config),
        Boundaries(),
        Labels(theme="light", grids=True),
        Worker(**_names(config)),
    )
    return drawn


def events_map(config: MapConfig) -> LinliMap:
    """Return the map of events: a tap tells the page a position, or which event was tapped."""
    t = catalogue(config.language).t
    drawn = _map("events", t("事件地图"), config, None)
    _put(
        drawn,
        *_ground(config),
        Boundaries(),
        Labels(theme="light", grids=True),
        Worker(**_names(config)),
        Events(),
    )
    return drawn


def screen_map(config: MapConfig) -> LinliMap:
    """Return the wall's dark map: grids by open needs; nothing to operate."""
    t = catalogue(config.language).t
    drawn = _map("screen", t("全域网格图"), config, "screen.html", controls=False)
    _put(
        drawn,
        Ground(theme="dark", attribution=_source(config)),
        Choropleth(
            theme="dark",
            palette="night-ember",
            measure=_wall_measure(config),
            grid=config.grid,
            quiet=True,
        ),
        Labels(theme="dark", grids=True),
    )
    return drawn


def _map(
    kind: str, label: str, config: MapConfig, template: str | None, *, controls: bool = True, **more: Any
) -> LinliMap:
    panel = _panel(template, config, more) if template else Markup()
    return LinliMap(
        kind,
        label,
        bounds=config.bounds,
        panel=panel,
        language=config.language,
        urls=asdict(config.urls),
        controls=controls,
        share=kind in _SHARED,
    )


def _choices(config: MapConfig) -> dict[str, Any]:
    """Return what the panels of measures offer: schemes, ramps, numbers of classes, months with the newest first."""
    return {
        "schemes": SCHEMES,
        "palettes": PALETTES,
        "most": MAX_CLASSES,
        "groups": grouped(config.measures),
        "months": config.month_list()[::-1],
    }


def _panel(template: str, config: MapConfig, more: Mapping[str, Any]) -> Markup:
    return Markup(_templates(config.language).get_template(template).render(config=config, **more))


def _put(drawn: LinliMap, *layers: OwnLayer) -> None:
    for layer in layers:
        layer.add_to(drawn)


def _ground(config: MapConfig) -> list[OwnLayer]:
    """Return our own base map, and above it the one from outside where there is one."""
    own: list[OwnLayer] = [Ground(theme="light", attribution=_source(config))]
    if config.outside is not None:
        own.append(OutsideTiles(**asdict(config.outside)))
    return own


def _names(config: MapConfig) -> dict[str, Any]:
    return {
        "kinds": labels(config.station_kinds),
        "services": labels(config.services, catalogue(config.language).t),
    }


def _source(config: MapConfig) -> str:
    source = catalogue(config.language).t(config.attribution)
    return f"{config.place} · {source}" if config.place else source


def _first_measure(config: MapConfig) -> str | None:
    return config.measures[0].value if config.measures else None


def _wall_measure(config: MapConfig) -> str | None:
    """Return what a wall shows: open needs where they are known, otherwise the first measure."""
    return "needs_open" if any(m.value == "needs_open" for m in config.measures) else _first_measure(config)


def _classes(name: str) -> dict[str, list[str]]:
    """Return the ramp's colours for each number of classes that there may be."""
    return {str(k): ramp(name, k) for k in range(1, MAX_CLASSES + 1)}


def _shades() -> dict[str, list[str]]:
    """Return the colours of what the coverage map's grids may be shaded by; shares run from few to all, the others from none."""
    return {
        "share": ramp("share", 5),
        "difference": ramp("ember", 5),
        "week": ramp("teal", 6),
        "capacity": ramp("teal", 6),
    }
