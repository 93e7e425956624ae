"""What a rendered map may contain: our own files only, the same bytes each time, a nonce on every script, text as text."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import urlsplit

import folium
import pytest
from branca.element import MacroElement
from folium.plugins import HeatMap, MarkerCluster
from folium.template import Template

import maps
from gis.direction import unmarked
from maps.assets import MOUNTS, bundles
from maps.config import Choice
from maps.linlimap import LinliMap, layer_label, script_value
from tests.maps.conftest import NONCE
from tests.maps.place import CONFIG, HOSTILE

MAPS = (
    maps.planner_map,
    maps.needs_map,
    maps.coverage_map,
    maps.worker_map,
    maps.events_map,
    maps.screen_map,
)


class Outline(HTMLParser):
    """Elements with their attributes, the content of scripts, and all other text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        else:
            self.text += data


def rendered(make: object, config: maps.MapConfig = CONFIG) -> str:
    return maps.page(maps.render(make(config), NONCE), "题 <b>")  # type: ignore[operator]


@pytest.mark.parametrize("make", MAPS)
def test_a_page_names_no_other_host(make: object) -> None:
    html = rendered(make)
    written = re.sub(r'integrity="[^"]*"', "", html)  # base64 may hold //a
    assert not re.search(r"https?:|//[a-z]|\bws:", written)
    loaded_from = tuple(f"{prefix}/" for prefix in (*MOUNTS, bundles.PREFIX))
    for element, attributes in Outline(html).elements:
        for name in ("src", "href", "action"):
            if name in attributes:
                assert (attributes[name] or "").startswith("/" if element == "a" else loaded_from)


@pytest.mark.parametrize("make", MAPS)
def test_the_same_map_gives_the_same_bytes(make: object) -> None:
    again = make(CONFIG)  # type: ignore[operator]
    first = maps.render(again, NONCE)
    assert first == maps.render(again, NONCE) == maps.render(make(CONFIG), NONCE)  # type: ignore[operator]


@pytest.mark.parametrize("make", MAPS)
def test_only_scripts_with_the_nonce_and_no_inline_style(make: object) -> None:
    outline = Outline(rendered(make))
    scripts = [attributes for tag, attributes in outline.elements if tag == "script"]
    assert len(scripts) > 4 and all(attributes["nonce"] == NONCE for attributes in scripts)
    assert sum("src" not in attributes for attributes in scripts) == 1
    assert not [tag for tag, _ in outline.elements if tag in ("style", "base", "iframe", "object")]
    assert not [
        name for _, attributes in outline.elements for name in attributes if name == "style" or name.startswith("on")
    ]


@pytest.mark.parametrize("make", MAPS)
def test_every_file_is_there_and_whole(make: object) -> None:
    checked = 0
    for element, attributes in Outline(rendered(make)).elements:
        address = attributes.get("src") or attributes.get("href")
        if address is None or element == "a":
            continue
        path = urlsplit(address).path
        content = content_of(path)
        assert attributes["integrity"] == "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
        checked += 1
    assert checked > 5


def content_of(path: str) -> bytes:
    """Return what is served at an address."""
    if path.startswith(bundles.PREFIX):
        content = bundles.body_of(path.rsplit("/", 1)[-1].removesuffix(".js"))
        assert content is not None
        return content
    folder = next(folder for prefix, folder in MOUNTS.items() if path.startswith(prefix + "/"))
    return (folder / path.split("/", 3)[3]).read_bytes()


@pytest.mark.parametrize("make", MAPS)
def test_hostile_configuration_stays_text(make: object) -> None:
    bad = (Choice(HOSTILE, HOSTILE, HOSTILE),)
    config = replace(
        CONFIG,
        place=HOSTILE,
        services=bad,
        station_kinds=bad,
        measures=bad,
        methods=bad,
        attribution="© https://a.example </script>" + HOSTILE,
        grid=HOSTILE,
    )
    calm, hostile = Outline(rendered(make)), Outline(rendered(make, config))
    allowed = {tag for tag, _ in calm.elements}
    assert {tag for tag, _ in hostile.elements} == allowed and "img" not in allowed
    assert len(hostile.scripts) == len(calm.scripts)
    assert "<" not in "".join(hostile.scripts) and "\u2028" not in "".join(hostile.scripts)
    assert not [name for _, attributes in hostile.elements for name in attributes if name.startswith("on")]
    if "planner" in str(make):
        assert unmarked(HOSTILE) in hostile.text  # what turns the direction of what stands beside it is left out


def test_a_page_does_not_grow_with_what_it_shows() -> None:
    assert max(len(rendered(make)) for make in MAPS) < 20_000


@pytest.mark.parametrize("element", [HeatMap([[25.0, 102.7]]), MarkerCluster(), folium.TileLayer("OpenStreetMap")])
def test_what_folium_would_load_from_elsewhere_is_refused(element: folium.map.Layer) -> None:
    drawn = maps.worker_map(CONFIG)
    element.add_to(drawn)
    with pytest.raises(maps.ForeignAsset, match=r"https://"):
        maps.render(drawn, NONCE)


class Writer(MacroElement):
    """An element that writes into the page's head or body."""

    def __init__(self, part: str, html: str) -> None:
        super().__init__()
        self._template = Template("{% macro " + part + "(this, kwargs) %}" + html + "{% endmacro %}")


@pytest.mark.parametrize(
    ("part", "html"),
    [
        ("header", "<style>p {color: red}</style>"),
        ("html", "<img src='//elsewhere.example/x.png'>"),
        ("script", "fetch(`//elsewhere.example`)"),
    ],
)
def test_an_element_may_not_write_into_the_head_nor_name_another_host(part: str, html: str) -> None:
    drawn = maps.worker_map(CONFIG)
    Writer(part, html).add_to(drawn)
    with pytest.raises(maps.ForeignAsset):
        maps.render(drawn, NONCE)


def test_foliums_own_layers_work_without_foreign_files() -> None:
    drawn = maps.worker_map(CONFIG)
    folium.GeoJson({"type": "FeatureCollection", "features": []}, name="x").add_to(drawn)
    folium.CircleMarker([25.0, 102.7]).add_to(drawn)
    code = str(maps.render(drawn, NONCE).script_html)
    assert "L.geoJson" in code and "L.circleMarker" in code


def test_rendering_leaves_foliums_classes_alone() -> None:
    before = (list(folium.Map.default_js), list(folium.Map.default_css))
    maps.render(maps.planner_map(CONFIG), NONCE)
    assert (folium.Map.default_js, folium.Map.default_css) == before
    assert all("http" not in url for _, url in LinliMap.default_js + LinliMap.default_css)


@pytest.mark.parametrize("nonce", ["", "short", "a" * 20 + '"', "a b c d e f g h i j k l"])
def test_what_is_no_nonce_is_refused(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        maps.render(maps.worker_map(CONFIG), nonce)


def test_a_script_value_cannot_end_its_script() -> None:
    value = script_value({"a": "</script><!-- \u2028 & 'x'", "b": [None, 1.5]})
    assert value == '{"a":"\\u003c/script\\u003e\\u003c!-- \\u2028 \\u0026 \\u0027x\\u0027","b":[null,1.5]}'
    assert script_value("https://a.example") == r'"https:\/\/a.example"'
    with pytest.raises(ValueError):
        script_value(float("nan"))


def test_a_layers_name_is_escaped_for_leaflets_control() -> None:
    assert layer_label("<b>网格&") == "&lt;b&gt;网格&amp;"
