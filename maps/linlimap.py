"""folium's map, made fit for our pages: no foreign file, no random id, no inline style, a nonce on every script.

The only place that knows what folium writes and where its files come from. Everything that a folium element or plugin wants to load passes
:func:`_local`, which gives our own copy or refuses; so no page can reach for another host.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import folium
from branca.element import CssLink, Element, Figure, JavascriptLink
from folium.template import Template
from markupsafe import Markup, escape

from maps.assets import Asset, own, vendor
from maps.assets.bundles import bundle
from maps.language import CHINESE, script

_VENDOR = {"leaflet.js": "leaflet/leaflet.js", "leaflet.css": "leaflet/leaflet.css"}
"""File name at the end of an address that folium would load → our copy."""
_OWN_STYLES = ("linli.css",)
_SHARED_SCRIPTS = ("language.js", "words.js", "linli.js", "keys.js", "share.js", "sheet.js", "base.js")
_FOREIGN = re.compile(r"(?:\bhttps?:|[\"'`(=])//[^\s\"'`)<]{1,100}", re.IGNORECASE)
_NONCE = re.compile(r"[A-Za-z0-9+/_=-]{16,}")


class ForeignAsset(ValueError):
    """A folium element wants to load a file of which we have no copy."""


@dataclass(frozen=True)
class Pieces:
    """A map as three pieces of a page, safe to be written into it as they are."""

    head_html: Markup
    body_html: Markup
    script_html: Markup


class LinliMap(folium.Map):
    """A map whose page is a pure function of its arguments.

    ``panel`` is the HTML beside the map, ``language`` that of its words, ``kind`` names the page for style sheets.
    """

    default_js = [("leaflet", "leaflet.js")]  # noqa: RUF012  folium's own class attributes; never changed
    default_css = [("leaflet_css", "leaflet.css")]  # noqa: RUF012

    _template = Template(
        """
        {% macro html(this, kwargs) %}{{ this.body() }}{% endmacro %}
        {% macro script(this, kwargs) %}
var {{ this.get_name() }} = linli.map({{ this.element_id | tojson }}, {{ this.settings() }});
        {% endmacro %}
        """
    )

    def __init__(
        self,
        kind: str,
        label: str,
        *,
        bounds: tuple[float, float, float, float] | None,
        panel: Markup,
        language: str = CHINESE,
        **settings: Any,
    ) -> None:
        super().__init__(location=[0.0, 0.0], tiles=None)
        self.kind = kind
        self.label = label
        self.panel = panel
        self.language = language
        self.element_id = f"{kind}-map"
        self._settings = {"bounds": bounds, **settings}

    def settings(self) -> Markup:
        """Return the map's settings as a JavaScript literal."""
        return script_value(self._settings)

    def body(self) -> Markup:
        """Return the panel and the element that the map fills."""
        parts = Markup(
            '<div class="linli-view linli-{kind}">{panel}<div class="linli-map" id="{id}" role="region" aria-label="{label}"></div></div>'
        )
        return parts.format(kind=self.kind, panel=self.panel, id=self.element_id, label=self.label)


def render(drawn: LinliMap, nonce: str) -> Pieces:
    """Return a map as pieces of a page; the same map and nonce give the same bytes.

    Args:
        drawn: a map of :mod:`maps.pages`, or any :class:`LinliMap` with folium layers on it.
        nonce: of this answer's Content-Security-Policy, at least 16 characters of base64.

    Raises:
        ForeignAsset: some element of the map would load a file of which we have no copy.
        ValueError: the nonce is none.
        maps.assets.AssetsMissing: the npm files have not been fetched.
    """
    if not _NONCE.fullmatch(nonce):
        raise ValueError(f"nonce 无效 / not a nonce: {nonce!r}")
    figure = drawn.get_root()
    assert isinstance(figure, Figure)
    figure.header, figure.html, figure.script = (_part_of(figure) for _ in range(3))
    children = [(element, element._children.copy()) for element in _walk(drawn)]
    for number, (element, _) in enumerate(children):
        element._id = str(number)
    for child in list(figure._children.values()):
        child.render()
    for element, kept in children:
        element._children = kept  # folium's layers add to themselves while they are rendered
    scripts, styles = _links(figure.header)
    styles += [own(name) for name in _OWN_STYLES]
    texts = script(drawn.language)
    scripts += [
        *([texts] if texts is not None else []),
        vendor("protomaps-leaflet/protomaps-leaflet.js"),
        bundle(_SHARED_SCRIPTS),
        *([bundle(names)] if (names := _own_scripts(drawn)) else []),
    ]
    head = Markup("\n").join(
        Markup('<link rel="stylesheet" href="{}" integrity="{}">').format(a.url, a.integrity) for a in styles
    )
    loads = Markup("\n").join(
        Markup('<script src="{}" integrity="{}" nonce="{}"></script>').format(a.url, a.integrity, nonce)
        for a in scripts
    )
    inline = "".join(child.render() for child in figure.script._children.values())
    code = "\n".join(line.strip() for line in inline.splitlines() if line.strip())
    _refuse_foreign(code)
    for name, child in figure.html._children.items():
        if name != drawn.get_name():
            _refuse_foreign(child.render())
    started = Markup('{}\n<script nonce="{}">\n{}\n</script>').format(loads, nonce, Markup(code))
    return Pieces(head, Markup("".join(child.render().strip() for child in figure.html._children.values())), started)


def page(pieces: Pieces, title: str, language: str = CHINESE) -> str:
    """Return a whole HTML page with nothing but a map: for tests, and for maps looked at by themselves."""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n{pieces.head_html}\n</head>\n<body class="linli-alone">\n{pieces.body_html}\n{pieces.script_html}\n</body>\n</html>\n'
    )


def script_value(value: Any) -> Markup:
    """Return a value as a JavaScript literal that may stand inside a script element: no text can end the element or the string.

    Everything from data or configuration that gets into a script passes here.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).replace(
        "//", r"\/\/"
    )
    for character in "<>&'\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def layer_label(name: str) -> str:
    """Return a layer's name for Leaflet's control, which takes HTML: escaped."""
    return html.escape(name)


def _refuse_foreign(written: str) -> None:
    """Refuse what folium's elements have written if it names another host; texts of our own values cannot (:func:`script_value`)."""
    found = _FOREIGN.search(written)
    if found:
        raise ForeignAsset(f"地图元素引用了外部地址 {found[0]} / an element of the map names another host: {found[0]}")


def _own_scripts(drawn: LinliMap) -> list[str]:
    """Return our scripts that the map's elements ask for beyond those that every map has, each once."""
    names: list[str] = []
    for element in _walk(drawn):
        names += [name for name in getattr(element, "own_scripts", ()) if name not in names]
    return names


def _walk(element: Element) -> Iterator[Element]:
    yield element
    for child in element._children.values():
        yield from _walk(child)


def _part_of(figure: Figure) -> Element:
    part = Element()
    part._parent = figure
    return part


def _links(header: Element) -> tuple[list[Asset], list[Asset]]:
    """Return our copies of the scripts and styles that the elements have asked for, each once, in their order."""
    scripts: list[Asset] = []
    styles: list[Asset] = []
    for child in header._children.values():
        if not isinstance(child, JavascriptLink | CssLink):
            raise ForeignAsset(
                f"页面头部含有未经许可的内容 / an element writes into the page's head: {child.render()[:200]!r}"
            )
        asset = _local(child.url)
        wanted = scripts if isinstance(child, JavascriptLink) else styles
        if asset not in wanted:
            wanted.append(asset)
    return scripts, styles


def _local(url: str) -> Asset:
    """Return our copy of a file that folium would load from elsewhere."""
    name = url.rsplit("/", 1)[-1].split("?")[0]
    if name in _VENDOR:
        return vendor(_VENDOR[name])
    raise ForeignAsset(f"没有 {url} 的本地副本 / there is no copy of our own of {url}")
