"""Which pages there are and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Page:
    """A page: its address, its names, and the roles it is for."""

    path: str
    zh: str
    en: str
    roles: tuple[str, ...]


PLANNER = Page("/", "网格", "Grids", ("planner", "admin"))
NEEDS = Page("/maps/needs", "需求", "Needs", ("planner", "admin"))
COVERAGE = Page("/maps/coverage", "覆盖", "Coverage", ("planner", "admin"))
WORKER = Page("/worker", "网格员", "Worker", ("worker", "admin"))
EVENTS = Page("/events", "事件", "Events", ("worker", "planner", "admin"))
DESKS = Page("/events/desks", "单位", "Desks", ("admin",))
SCREEN = Page("/screen", "大屏", "Screen", ("screen", "planner", "admin"))
AUDIT = Page("/audit", "审计", "Audit", ("auditor",))
ACCOUNTS = Page("/accounts", "账号", "Accounts", ("admin",))
PAGES = (PLANNER, NEEDS, COVERAGE, WORKER, EVENTS, SCREEN, AUDIT, ACCOUNTS, DESKS)
"""Each role's own page comes first of those that it may open."""
ACCOUNT = Page("/account", "我的账号", "My account", ("admin", "planner", "worker", "screen", "auditor"))
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
        if any(page.path == path for page in (*pages_of(role), ACCOUNT)):
            return wanted
        if path.startswith((DOOR_PATH, FILE_PATH)) and role in FILE_READERS:
            return wanted
    return home.path if home else "/"
