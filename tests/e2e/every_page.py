"""Every page there is, with somebody who may open it and the window it is made for."""

from __future__ import annotations

from dataclasses import dataclass

from api.pages.directory import ACCOUNT, COMPARE, FILE_PATH, PAGES
from tests.e2e.conftest import Program, Visit, Visitor

_WHO = {"/worker": "worker", "/events": "worker", "/screen": "screen", "/account": "planner"}
_WINDOW = {"/worker": (390, 844), "/screen": (1920, 1080), FILE_PATH: (390, 844)}


@dataclass(frozen=True)
class Place:
    """A page: its path (of a file: what a household's code goes behind) and who opens it; None for nobody."""

    path: str
    account: str | None

    def __str__(self) -> str:
        return self.path

    def visit(self, visit: Visitor, language: str = "zh-CN") -> Visit:
        """Return a window of the right size for a reader of a language."""
        window = visit(self.account, *_WINDOW.get(self.path, (1280, 800)))
        cookie = {"name": "linli_lang", "value": language, "url": window.program.base}
        window.page.context.add_cookies([cookie])  # type: ignore[list-item]
        return window

    def address(self, program: Program) -> str:
        """Return where the page is."""
        if self.path != FILE_PATH:
            return self.path
        with program.client("worker") as client:
            return FILE_PATH + client.get("/api/households", params={"limit": 1}).json()["items"][0]["code"]


EVERY_PAGE = [
    Place("/login", None),
    *(Place(page.path, _WHO.get(page.path, page.roles[-1])) for page in (*PAGES, COMPARE, ACCOUNT)),
    Place(FILE_PATH, "worker"),
]
