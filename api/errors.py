"""Errors as RFC 9457 problem details: one table from what went wrong to the status of the answer."""

from __future__ import annotations

import errno
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.answers import Json
from api.logs import frames
from api.wording import wording
from gis.errors import (
    CodeNeeded,
    Conflict,
    Denied,
    Fault,
    Invalid,
    LinliError,
    NotFound,
    Stale,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unfinished,
)
from gis.services.memory import Overtaken

log = structlog.get_logger("linli")
_BEGUN_AGAIN = "begun_again"
"""In a request's state: it is made for the second time."""
RETRY_S = 2
"""After how many seconds to try again when the database does not answer."""

_NO_PRIVILEGE = "42501"
_LIMITS = "54"
"""Class of SQLSTATE: a value is too large for an index or a row."""
_BROKEN = "XX"
"""Class of SQLSTATE: the database could not read or write its own files."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_AWAY = "数据库暂不可用，请稍后再试 / the database does not answer; try again shortly"
_BUSY = "所涉数据正被另一操作（例如导入）占用，请稍后再试 / something else (an import perhaps) is working on this; try again shortly"
_NO_ROOM = (
    "磁盘已满，未写入任何内容；请清理磁盘后再试 / the disk is full and nothing was written; make room and try again"
)
_GONE = (
    OperationalError,
    InterfaceError,
    PoolTimeout,
    PendingRollbackError,  # it went in a statement whose error somebody has caught
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
_SAID = {"55P03": _BUSY, "40P01": _BUSY, "40001": _BUSY, "53100": _NO_ROOM}


class PreconditionRequired(LinliError):
    """A write without If-Match: it could overwrite what the caller has not seen."""

    title = "缺少 If-Match / If-Match is missing"


class TooLarge(LinliError):
    """The request's content is larger than allowed."""

    title = "内容过大 / too large"


STATUS: dict[type[LinliError], int] = {
    Invalid: 422,
    CodeNeeded: 401,
    Unauthenticated: 401,
    Unfinished: 403,
    Denied: 403,
    NotFound: 404,
    Conflict: 409,
    Stale: 412,
    TooLarge: 413,
    PreconditionRequired: 428,
    TooMany: 429,
    Unavailable: 503,
}
_HTTP_TITLES = {
    404: ("未找到 / not found", "没有这个地址 / there is nothing at this address"),
    405: ("方法不允许 / method not allowed", "该地址不支持此方法 / this address does not support the method"),
}


def problem(
    status: int,
    title: str,
    detail: str,
    faults: list[Fault] | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Json:
    """Return an ``application/problem+json`` answer."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    if faults:
        body["errors"] = [{"where": fault.where, "message": fault.message} for fault in faults]
    return Json(body, status, headers=headers, media_type="application/problem+json")


def answer(error: Exception, request_id: str) -> Json:
    """Return the answer to any error; what the caller did not cause stays opaque and is logged without values."""
    if isinstance(error, LinliError):
        return _linli(error)
    if isinstance(error, RequestValidationError):
        return _validation(error)
    if _is_full(error) or _is_full(error.__cause__):
        log.error("disk full", request_id=request_id)
        return _try_again(_NO_ROOM)
    if isinstance(error, HTTPException) and error.status_code == 400:  # the body could not even be decoded
        detail = "请求内容无法读取，应为 UTF-8 的 JSON / the body cannot be read: expected JSON in UTF-8"
        return problem(422, Invalid.title, detail, [Fault("body", detail)])
    if isinstance(error, HTTPException):
        title, detail = _HTTP_TITLES.get(error.status_code, (str(error.detail), str(error.detail)))
        return problem(error.status_code, title, detail, headers=dict(error.headers or {}))
    if isinstance(error, SQLAlchemyError | psycopg.Error):
        found = _database(error)
        if found is not None:
            log.warning("database", error=type(error).__name__, state=_state(error), request_id=request_id)
            return found
    log.error(
        "failed",
        error=type(error).__name__,
        state=_state(error),
        frames=frames(error),
        request_id=request_id,
    )
    detail = f"服务器内部错误，编号 {request_id} / internal error, reference {request_id}"
    return problem(500, "内部错误 / internal error", detail, request_id=request_id)


def install(app: FastAPI) -> None:
    """Have the app answer its errors as problem details."""

    async def handle(request: Request, error: Exception) -> Json:
        return answer(error, request.state.request_id)

    app.add_exception_handler(Overtaken, _begin_again)
    for kind in (LinliError, RequestValidationError, HTTPException, SQLAlchemyError, psycopg.Error):
        app.add_exception_handler(kind, handle)


def is_only_try(request: Request) -> bool:
    """Tell whether a request cannot be made again if the data changes while it is answered: its body is read, or it has been."""
    return request.method not in ("GET", "HEAD") or _BEGUN_AGAIN in request.scope["state"]


class _Again:
    """An answer that makes the request once more from the start; nothing of it has been sent, and a GET has no body to miss."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].router(scope, receive, send)


async def _begin_again(request: Request, error: Exception) -> Any:
    """Make a reading request once more if the data changed while it was being answered; this time it stands still from the start."""
    if not is_only_try(request):
        request.scope["state"][_BEGUN_AGAIN] = True
        return _Again()
    return answer(error, request.state.request_id)


def _linli(error: LinliError) -> Json:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 422)
    headers = {}
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after_s)
    elif status == 503:
        headers["Retry-After"] = str(RETRY_S)
    elif status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    more = {"needs": error.needs} if error.needs is not None else {}
    return problem(status, error.title, error.detail, error.faults, headers, **more)


def _validation(error: RequestValidationError) -> Json:
    faults = [Fault(_where(item["loc"]), wording(item)) for item in error.errors()]
    return problem(422, Invalid.title, "请求内容有误 / the request has faults", faults)


def _where(location: tuple[Any, ...]) -> str:
    """Return ``query.limit`` or ``body.points[3]`` for pydantic's location."""
    where = ""
    for part in location:
        if isinstance(part, str) and "[" in part:  # which of several shapes was tried is nothing that the caller wrote
            continue
        where += f"[{part}]" if isinstance(part, int) else f".{part}" if where else str(part)
    return where


def _database(error: SQLAlchemyError | psycopg.Error) -> Json | None:
    state = _state(error) or ""
    if isinstance(error, DataError) or state.startswith(_LIMITS):
        detail = "内容无法保存：含有不允许的字符或超出范围的值 / cannot be stored: a character or value out of range"
        return problem(422, Invalid.title, detail, [Fault("request", detail)])
    if isinstance(error, _GONE) or getattr(error, "connection_invalidated", False) or state.startswith(_BROKEN):
        return _try_again(_SAID.get(state, _AWAY))
    if state == _NO_PRIVILEGE:
        return problem(403, Denied.title, "当前账号无权执行此操作 / this account may not do that")
    if isinstance(error, IntegrityError):
        return problem(409, Conflict.title, "与已有数据冲突 / it contradicts what is stored")
    return None


def _try_again(detail: str) -> Json:
    return problem(503, Unavailable.title, detail, headers={"Retry-After": str(RETRY_S)})


def _is_full(error: BaseException | None) -> bool:
    """Tell whether there was no room for a file: an upload is received into one."""
    return isinstance(error, OSError) and error.errno in _FULL


def _state(error: BaseException) -> str | None:
    """Return the SQLSTATE of a database error, which may have come past SQLAlchemy (rows go by COPY)."""
    fault = error.orig if isinstance(error, DBAPIError) else error
    return fault.sqlstate if isinstance(fault, psycopg.Error) else None
