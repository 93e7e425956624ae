"""What a person sees instead of a page: friendly words and a way on, with the status the interface would give."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import cookies, errors
from api.language import half, reading, t
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

        async def handle_in_their_language(request: Request) -> Response:
            with reading(request) as chosen:
                answer = await handle_or_tell(request)
            if chosen is not None:
                cookies.keep_language(request, answer, chosen)
            return answer

        return handle_in_their_language


def not_yours(request: Request) -> Response:
    """Return the page for somebody whose role has no business here, with the way to their own page."""
    account = request.state.account
    role = t(ROLES[account.role])
    home = home_of(account.role)
    if home is None:
        text = t("{role}账号通过接口工作，没有网页。", role=role)
    else:
        text = t("您以{role}身份登录。这一页是给别的岗位用的。", role=role)
    return show("notice.html", 403, title=t("这一页不归您用"), text=text, home=home, again=None)


def told(request: Request, error: Exception) -> Response:
    """Return an error in the words and with the status of the interface."""
    answer = errors.answer(error, request.state.request_id)
    problem = orjson.loads(bytes(answer.body))
    wait = answer.headers.get("Retry-After")
    return show(
        "notice.html",
        answer.status_code,
        {"Retry-After": wait} if wait else None,
        title=half(problem["title"]),
        text=half(problem["detail"]),
        home=None,
        again=request.url.path,
    )
