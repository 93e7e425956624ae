"""Answers: JSON by orjson, GeoJSON, and the links and tags that go with them."""

from __future__ import annotations

import gzip
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from gis.services.features import Drawn
from gis.services.rows import Rows

_VARY = {"Vary": "Accept-Encoding"}
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


class Json(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the content as UTF-8 JSON; NaN becomes null."""
        return orjson.dumps(content, default=_written, option=_OPTIONS)


class GeoJson(Json):
    """A GeoJSON answer, positions in EPSG:4326."""

    media_type = "application/geo+json"


def compact(content: Any, takes_gzip: bool) -> Response:
    """Return a JSON answer that is small rather than soon: what a map draws from comes compressed as well as gzip can, a fifth smaller than otherwise."""
    body = Json(content).body
    if not takes_gzip:
        return Response(body, media_type=Json.media_type, headers=_VARY)
    return Response(
        gzip.compress(body, mtime=0),
        media_type=Json.media_type,
        headers={**_VARY, "Content-Encoding": "gzip"},
    )


def _written(value: Any) -> orjson.Fragment:
    """Return what writes its own JSON."""
    if isinstance(value, Rows | Drawn):
        return orjson.Fragment(value.json())
    raise TypeError(f"no JSON for {type(value).__name__}")


def page(request: Request, found: dict[str, Any]) -> GeoJson:
    """Return a page of features whose ``next`` cursor has become the link of the following page."""
    linked, headers = _linked(request, found)
    return GeoJson(linked, headers=headers)


def page_of_items(request: Request, found: dict[str, Any]) -> Json:
    """Return a page of items that are no features, in the same way."""
    linked, headers = _linked(request, found)
    return Json(linked, headers=headers)


def tagged(feature: dict[str, Any], status: int = 200) -> GeoJson:
    """Return one feature with its version as ETag."""
    return GeoJson(feature, status, headers={"ETag": etag(feature["properties"]["version"])})


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def _linked(request: Request, found: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    cursor = found.get("next")
    if cursor is None:
        return {**found, "next": None}, {}
    query = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
    link = f"{request.url.path}?{urlencode([*query, ('cursor', cursor)])}"
    return {**found, "next": link}, {"Link": f'<{link}>; rel="next"'}
