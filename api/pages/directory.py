"""Which pages there are and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from maps.language import N_


@dataclass(frozen=True)
class Page:
    """A page: its address, its name, and the roles it is for."""

    path: str
    name: str
    roles: tuple[str, ...]


PLANNER = Page("/", N_("网格"), ("planner", "admin"))
NEEDS = Page("/maps/needs", N_("需求"), ("planner", "admin"))
COVERAGE = Page("/maps/coverage", N_("覆盖"), ("planner", "admin"))
COMPARE = Page("/maps/compare", N_("对比"), ("planner", "admin"))
"""Led to from the planner's map."""
WORKER = Page("/worker", N_("网格员"), ("worker", "admin"))
EVENTS = Page("/events", N_("事件"), ("worker", "planner", "admin"))
LISTS = Page("/lists", N_("清单"), ("worker", "planner", "admin"))
DESKS = Page("/events/desks", N_("单位"), ("admin",))
SCREEN = Page("/screen", N_("大屏"), ("screen", "planner", "admin"))
AUDIT = Page("/audit", N_("审计"), ("auditor",))
ACCOUNTS = Page("/accounts", N_("账号"), ("admin",))
PAGES = (PLANNER, NEEDS, COVERAGE, WORKER, EVENTS, LISTS, SCREEN, AUDIT, ACCOUNTS, DESKS)
"""Each role's own page comes first of those that it may open."""
ACCOUNT = Page("/account", N_("我的账号"), ("admin", "planner", "worker", "screen", "auditor"))
"""Everybody's: led to from the name in the frame."""

DOOR_PATH = "/d/"
"""What a code on a door leads to."""
FILE_PATH = "/files/"
"""What an entry of the worker's list leads to."""
FILE_READERS = ("worker", "admin")


def pages_of(role: str) -> list[Page]:
    """Return the pages that a role may open, its own first."""
    return [page for page in PAGES if role in page.roles]


def home_of(role: str) -> Page | None:
    """Return the page on which a role lands after signing in; None for a role without a page."""
    return next(iter(pages_of(role)), None)


def after_sign_in(role: str, wanted: str) -> str:
    """Return the address to go to after signing in: ``wanted`` where it is one of the role's own pages, otherwise its home.

    Who has scanned a code on a door, or was at work on a file, goes on to it.

    Only a path of ours is followed, so that a link to the login page cannot lead to another site.
    """
    home = home_of(role)
    if wanted.startswith("/") and not wanted.startswith("//") and wanted.isprintable() and "\\" not in wanted:
        path = urlsplit(wanted).path
        if any(page.path == path and role in page.roles for page in (*PAGES, COMPARE, ACCOUNT)):
            return wanted
        if path.startswith((DOOR_PATH, FILE_PATH)) and role in FILE_READERS:
            return wanted
    return home.path if home else "/"
