"""Sessions as the service sees them: tokens remembered for a moment, and sign-ins slowed down when they fail."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.oidc import Subject
from gis.errors import Unauthenticated
from gis.services.passwords import nobodys_hash
from gis.services.sign_ins import Identity, SignedIn, account_of, digest, sign_out
from gis.services.signing_in import (
    Lasting,
    Refused,
    lock_seconds,
    locked,
    sign_in,
    sign_in_as_subject,
    sign_in_with_key,
)
from gis.store.auditing import note
from gis.store.session import Origin, Store

log = structlog.get_logger("linli.sessions")
REMEMBERED_S = 2.0
"""How long a token is believed without asking again; a notice ends that at once (see api/feed.py)."""
_RENEWED_BEFORE_S = 0.5
_MOST_REMEMBERED = 10_000
ADDRESS_FAILURES = 30
"""Failed sign-ins of one address within the window before it must wait, whatever the names."""
_WINDOW_S = 15 * 60
_PARALLEL_SIGN_INS = 4
"""Argon2 takes 64 MB and a processor each."""


class Sessions:
    """Looks up, opens and ends sessions."""

    def __init__(
        self,
        store: Store,
        *,
        hours: float,
        screen_hours: float,
        idle_minutes: float = 60,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        nobodys_hash()
        self._store = store
        self._lasting = Lasting(hours, screen_hours)
        self._idle = timedelta(minutes=idle_minutes)
        self._clock = clock
        self._now = now
        self._kept: dict[bytes, tuple[float, Identity]] = {}
        self._renewing: set[bytes] = set()
        self._renewer = ThreadPoolExecutor(1, thread_name_prefix="linli-sessions")
        self._generation = 0
        self.gate = Gate(clock)
        self.limiter = anyio.CapacityLimiter(_PARALLEL_SIGN_INS)

    def remembered(self, token: str) -> Identity | None:
        """Return who holds the token if that was asked a moment ago."""
        key, now = digest(token), self._clock()
        kept = self._kept.get(key)
        if kept is None or kept[0] < now or kept[1].expires_at <= self._now():
            return None
        if kept[0] - now < _RENEWED_BEFORE_S and key not in self._renewing:
            self._renewing.add(key)
            self._renewer.submit(self._renew, token, key)
        return kept[1]

    def _renew(self, token: str, key: bytes) -> None:
        """Ask again before the answer is too old: once, where else all requests under way would."""
        try:
            self.look_up(token)
        except SQLAlchemyError as error:  # the next request asks for itself, and tells
            log.warning("not renewed", error=type(error).__name__)
        finally:
            self._renewing.discard(key)

    def look_up(self, token: str) -> Identity | None:
        """Ask the store who holds the token."""
        generation = self._generation
        with self._store.session(None) as session:
            found = account_of(session, token, self._now(), idle=self._idle)
        if found is None:
            self._kept.pop(digest(token), None)
        elif generation == self._generation:
            if len(self._kept) >= _MOST_REMEMBERED:
                self._kept.clear()
            self._kept[digest(token)] = (self._clock() + REMEMBERED_S, found)
        return found

    def forget(self) -> None:
        """Believe no token without asking again: some session has ended, here or in another process."""
        self._generation += 1
        self._kept.clear()

    def open(self, name: str, password: str, address: str, request_id: str = "", code: str | None = None) -> SignedIn:
        """Sign in with a password, and a code where the account has a second factor.

        Raises:
            Unauthenticated, TooMany: wrong, or a code is missing; or tried too often for this name or from this address.
        """

        def attempt(session: Session) -> SignedIn | Refused:
            locked_s = self.gate.name_locked_s(name)
            return sign_in(
                session, name, password, self._now(), code=code, lasting=self._lasting, unknown_locked_s=locked_s
            )

        return self._attempt(attempt, name, Origin(address, request_id))

    def open_with_key(self, key: str, origin: Origin) -> SignedIn:
        """Exchange a screen key for a session.

        Raises:
            Unauthenticated, TooMany: wrong or revoked; tried too often from this address.
        """
        return self._attempt(lambda s: sign_in_with_key(s, key, self._now(), self._lasting), "", origin)

    def open_as(self, subject: Subject, origin: Origin) -> SignedIn:
        """Open a session for whom the provider has proven.

        Raises:
            Unauthenticated, TooMany: no account is linked; tried too often from this address.
        """

        def attempt(session: Session) -> SignedIn | Refused:
            return sign_in_as_subject(
                session,
                subject.issuer,
                subject.subject,
                subject.claimed,
                self._now(),
                strong=subject.strong,
                lasting=self._lasting,
            )

        return self._attempt(attempt, "", origin)

    def refuse(self, why: str, origin: Origin) -> None:
        """Note and count a sign-in that failed before an account was known."""
        with self._store.session(None, origin) as session:
            note(session, "session.refuse", detail={"why": why})
        self.gate.failed("", origin.address, Refused(Unauthenticated(why), known=True))

    def close(self, token: str, origin: Origin | None = None) -> None:
        """Sign out."""
        with self._store.session(None, origin) as session:
            sign_out(session, token, self._now())
        self.forget()

    def now(self) -> datetime:
        """Return the present moment, with zone."""
        return self._now()

    def _attempt(self, attempt: Callable[[Session], SignedIn | Refused], name: str, origin: Origin) -> SignedIn:
        """Try to sign in; what fails is committed, counted and raised."""
        self.gate.check_address(origin.address)
        with self._store.session(None, origin) as session:
            outcome = attempt(session)
        if isinstance(outcome, Refused):
            self.gate.failed(name, origin.address, outcome)
            raise outcome.error
        return outcome


class Gate:
    """Counts failed sign-ins that no account can count: of names that do not exist, and by address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, most: int = 20_000) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._names: OrderedDict[bytes, tuple[int, float]] = OrderedDict()
        self._addresses: OrderedDict[str, tuple[list[float], int, float]] = OrderedDict()

    def name_locked_s(self, name: str) -> float:
        """Return for how long a name that is nobody's is still locked, s."""
        with self._lock:
            _, until = self._names.get(_name_key(name), (0, 0.0))
        return max(0.0, until - self._clock())

    def check_address(self, address: str) -> None:
        """Refuse an address that has failed too often of late.

        Raises:
            TooMany: with the seconds to wait.
        """
        with self._lock:
            _, _, until = self._addresses.get(address, ([], 0, 0.0))
        if until > self._clock():
            raise locked(until - self._clock())

    def failed(self, name: str, address: str, outcome: Refused) -> None:
        """Count a failed sign-in; an attempt at a locked name was refused unheard and counts no further."""
        if not outcome.counted:
            return
        now = self._clock()
        with self._lock:
            if not outcome.known:
                failures = self._names.pop(_name_key(name), (0, 0.0))[0] + 1
                self._names[_name_key(name)] = (failures, now + lock_seconds(failures))
                if len(self._names) > self._most:
                    self._names.popitem(last=False)
            recent, locks, until = self._addresses.pop(address, ([], 0, 0.0))
            recent = [moment for moment in recent if moment > now - _WINDOW_S] + [now]
            if len(recent) >= ADDRESS_FAILURES:
                locks += 1
                recent, until = [], now + lock_seconds(locks + 4)
            self._addresses[address] = (recent, locks, until)
            if len(self._addresses) > self._most:
                self._addresses.popitem(last=False)


def _name_key(name: str) -> bytes:
    """Return what is kept of an unknown name: people type their password into the wrong field."""
    return hashlib.sha256(name.encode()).digest()
