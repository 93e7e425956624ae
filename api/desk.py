"""What a route works with: the store on behalf of the signed-in account, the caches, the settings and the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from api.basemap import Basemap
from api.errors import is_only_try
from api.feed import Feed
from api.metrics import Metrics
from api.oidc import Provider
from api.pace import Pace, Seldom
from api.sessions import Sessions
from api.settings import Settings
from api.worker import ImportWorker
from gis import clock
from gis.errors import NotFound, TooMany, Unauthenticated
from gis.services.memory import Overtaken, steady
from gis.services.sign_ins import Identity
from gis.services.snapshots import Snapshots
from gis.services.tile_cache import TileCache
from gis.store.auditing import note
from gis.store.session import Origin, Store

Value = TypeVar("Value")


@dataclass(frozen=True)
class Office:
    """What the whole process shares."""

    store: Store
    settings: Settings
    snapshots: Snapshots
    sessions: Sessions
    feed: Feed
    worker: ImportWorker
    files: Pace
    """How many personal files an account may open."""
    reveals: Pace
    """How many protected fields an account may be shown."""
    seldom: Seldom
    metrics: Metrics
    tiles: TileCache
    basemap: Basemap
    """From outside, where one is configured."""
    provider: Provider | None = None
    """Of OpenID Connect, where one is configured."""
    warm: threading.Event = field(default_factory=threading.Event)
    """Set once what the first requests need has been loaded (api/warming.py)."""


@dataclass(frozen=True)
class Desk:
    """One request's place in the office."""

    office: Office
    account: Identity
    token: str
    origin: Origin
    """Where the request comes from, for the audit log."""

    @property
    def snapshots(self) -> Snapshots:
        """Return the process's caches."""
        return self.office.snapshots

    def session(self) -> AbstractContextManager[Session]:
        """Open a transaction under the row security of the account; it is committed before the answer is sent."""
        return self.office.store.session(self.account.account_id, self.origin)

    @contextmanager
    def file(self, subject: str) -> Iterator[Session]:
        """Open the same for a personal file; an attempt at one that the account may not see is noted too.

        Args:
            subject: what is opened, as the audit log names it.

        Raises:
            TooMany: the account has opened too many within the hour.
        """
        self._keep_pace(self.office.files, "files", subject)
        try:
            with self.session() as session:
                yield session
        except NotFound:
            with self.session() as session:
                note(session, "household.refuse", subject)
            raise

    def reveal(self, *subjects: str) -> None:
        """Count that protected fields are shown in clear, each named as the audit log does.

        Raises:
            TooMany: the account was shown too many within the hour.
        """
        for subject in subjects:
            self._keep_pace(self.office.reveals, "reveals", subject)

    def _keep_pace(self, pace: Pace, what: str, subject: str) -> None:
        try:
            pace.check(self.account.account_id, subject)
        except TooMany:
            if self.office.seldom.due((self.account.account_id, what)):
                with self.session() as session:
                    note(session, "access.pause", detail={"what": what})
            raise

    def compute(self, work: Callable[[Session], Value]) -> Value:
        """Return ``work(session)`` for work that only reads, whatever the request's method.

        It is done from memory where that is current, and once more on one moment of the database if the data changed meanwhile.
        """
        for stand_still in (False, True):
            steady.set(stand_still)
            try:
                with self.session() as session:
                    return work(session)
            except Overtaken:
                if stand_still:
                    raise
        raise AssertionError("unreachable")

    def now(self) -> datetime:
        """Return the present moment on the place's clock."""
        return clock.now()

    def today(self) -> date:
        """Return the place's date."""
        return self.now().date()


def office_of(request: Request) -> Office:
    """Return what the process shares, for routes that nobody needs to sign in for."""
    office: Office = request.app.state.office
    return office


def origin_of(request: Request) -> Origin:
    """Return where a request comes from."""
    return Origin(request.client.host if request.client else "", getattr(request.state, "request_id", ""))


async def desk_of(request: Request) -> Desk:
    """Return the desk of the signed-in account."""
    account: Identity | None = getattr(request.state, "account", None)
    if account is None:
        raise Unauthenticated("需要登录 / sign in first")
    steady.set(is_only_try(request))
    return Desk(office_of(request), account, request.state.token, origin_of(request))


AtDesk = Annotated[Desk, Depends(desk_of)]
