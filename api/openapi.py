"""The description of the interface: roles of every route, problem answers, how to sign in."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.security import COOKIE, is_public, roles_of
from gis.models.vocabulary import ROLES

_PROBLEM = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "needs": {
            "type": "string",
            "enum": ["code", "password", "second_factor"],
            "description": "登录还需要什么 / what the sign-in still needs",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "message"],
                "properties": {"where": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "example": {
        "type": "about:blank",
        "title": "输入有误 / invalid input",
        "status": 422,
        "detail": "请求内容有误 / the request has faults",
        "errors": [{"where": "query.limit", "message": "应不小于 1 / must be at least 1"}],
    },
}
_GEOJSON = ("/Feature", "/FeatureCollection")
_ANSWERS = {
    "401": "未登录 / not signed in",
    "403": "角色无权 / not for this role",
    "404": "未找到 / not found",
    "409": "冲突 / conflict",
    "412": "已被他人修改 / changed since it was read",
    "413": "过大 / too large",
    "422": "输入有误 / invalid input",
    "428": "缺少 If-Match / If-Match is missing",
    "429": "过于频繁 / tried too often",
    "503": "暂不可用 / unavailable; see Retry-After",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problem answers a route gives beside those that all give (401, 403, 422, 429, 503), and 404 of an unknown ``area``."""
    return {status: _problem_answer(str(status)) for status in statuses}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _complete(app)
    return app.openapi_schema


def _complete(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "POST /api/session → access_token"},
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "网页登录所用 / set by POST /api/session",
        },
    }
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                _describe(operation, route, public=is_public(method, route.path))
    return document


def _describe(operation: dict[str, Any], route: APIRoute, *, public: bool) -> None:
    answers = operation["responses"]
    common = ["422", "503"]
    if public:
        line = "无需登录 / no session needed"
        operation["security"] = []
    else:
        roles = sorted(roles_of(route) or ())
        line = f"角色 / roles: {', '.join(f'{role} {ROLES[role]}' for role in roles)}"
        operation["x-roles"] = roles
        operation["security"] = [{"bearer": []}, {"cookie": []}]
        common += ["401", "403", "429"]
    if any(each["name"] == "area" for each in operation.get("parameters", ())):
        common.append("404")
    operation["description"] = "\n\n".join(part for part in (operation.get("description"), line) if part)
    for status in common:
        answers[status] = _problem_answer(status)
    for status, each in answers.items():
        schema = each.get("content", {}).get("application/json", {}).get("schema", {})
        if status.startswith("2") and schema.get("$ref", "").endswith(_GEOJSON):
            each["content"] = {"application/geo+json": {"schema": schema}}
    operation["responses"] = dict(sorted(answers.items()))


def _problem_answer(status: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": _ANSWERS[status], "content": {"application/problem+json": {"schema": schema}}}
