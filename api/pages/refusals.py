"""What a person sees instead of a page: friendly words and a way on, with the status the interface would give."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import errors
from api.pages.directory import ACCOUNT, home_of
from api.pages.rendering import show
from gis.errors import Denied, Unfinished
from gis.models.vocabulary import ROLES


class PageRoute(APIRoute):
    """A route whose errors are pages too: whoever opens it is a person with a browser."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with its errors shown as pages."""
        handle = super().get_route_handler()

        async def handle_or_tell(request: Request) -> Response:
            try:
                return await handle(request)
            except Unfinished:
                return RedirectResponse(ACCOUNT.path, status_code=303)
            except Denied:
                return not_yours(request)
            except Exception as error:
                return told(request, error)

        return handle_or_tell


def not_yours(request: Request) -> Response:
    """Return the page for somebody whose role has no business here, with the way to their own page."""
    account = request.state.account
    role = ROLES[account.role]
    home = home_of(account.role)
    if home is None:
        zh, en = (
            f"{role}账号通过接口工作，没有网页。",
            f"The role {account.role} works through the interface and has no page.",
        )
    else:
        zh, en = (
            f"您以{role}身份登录。这一页是给别的岗位用的。",
            f"You are signed in as {account.role}; this page is for another role.",
        )
    return show(
        "notice.html",
        403,
        title="这一页不归您用",
        title_en="Not your page",
        text=zh,
        text_en=en,
        home=home,
        again=None,
    )


def told(request: Request, error: Exception) -> Response:
    """Return an error in the words and with the status of the interface."""
    answer = errors.answer(error, request.state.request_id)
    problem = orjson.loads(bytes(answer.body))
    title, title_en = _two(problem["title"])
    text, text_en = _two(problem["detail"])
    wait = answer.headers.get("Retry-After")
    return show(
        "notice.html",
        answer.status_code,
        {"Retry-After": wait} if wait else None,
        title=title,
        title_en=title_en,
        text=text,
        text_en=text_en,
        home=None,
        again=request.url.path,
    )


def _two(text: str) -> tuple[str, str]:
    """Return the 中文 and the English of a text such as ``未找到 / not found``."""
    zh, _, en = text.partition(" / ")
    return zh, en
