"""What one takes away of a map, a file or a sheet of paper: a route for each map, and the name of what it sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response

from api.openapi import problems
from api.security import allow
from api.shown import SHOWN
from gis.services.exporting.model import MapTable


def serve_each_map(
    router: APIRouter,
    verb: str,
    media: Mapping[str, str],
    described: str,
    endpoint_of: Callable[[Any], Callable[..., Response]],
) -> None:
    """Add a route for each map, ``/NAME.{form}``, for planners.

    Args:
        router: to which they are added.
        verb: what is done to the map, ``导出 / export``.
        media: the forms that there are, each with its media type.
        described: what is sent.
        endpoint_of: returns the endpoint of a map, given the dependency that reads its query as :class:`api.shown.Shown`.
    """
    chinese, english = verb.split(" / ")
    content = {
        kind.split(";")[0]: {"schema": {"type": "object"} if "json" in kind else {"type": "string", "format": "binary"}}
        for kind in media.values()
    }
    for name, (map_of, words) in SHOWN.items():
        map_chinese, map_english = words.split(" / ")
        router.add_api_route(
            f"/{name}.{{form}}",
            endpoint_of(map_of),
            name=f"{english}_{name}",
            summary=f"{chinese}{map_chinese} / {english} {map_english}",
            response_class=Response,
            responses={200: {"description": described, "content": content}, **problems(404)},
            dependencies=[allow("planner")],
        )


def attachment(table: MapTable, form: str) -> dict[str, str]:
    """Return the header that names the file that is made of a table: in the reader's language, and in ASCII for programs that know no other."""
    day = table.as_of.isoformat()
    name = quote(f"{table.title}_{day}.{form}")
    return {"Content-Disposition": f"attachment; filename=\"{table.name}-{day}.{form}\"; filename*=UTF-8''{name}"}
