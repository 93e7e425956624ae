"""Figures for Prometheus: how the service does, never who does what. Labels are route templates, states and topics, and nothing that a caller writes.

Where several processes serve (api/supervisor.py), each keeps its figures in files of a common folder, and whichever is asked answers for all.
"""

from __future__ import annotations

import hmac
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from gis.services.operations import jobs_by_state
from gis.services.sign_ins import Identity

PATH = "/metrics"
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
REFRESH_S = 5.0
READER = Identity(account_id=0, name="metrics", role="auditor", expires_at=datetime.max.replace(tzinfo=UTC))
"""Who calls with ``LINLI_METRICS_TOKEN``: nobody's account, let in at :data:`PATH` alone."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, float("inf"))


@contextmanager
def collecting() -> Iterator[Callable[[int], None]]:
    """Let the processes started within gather their figures in one place; gives what to call when one of them has ended."""
    folder = tempfile.mkdtemp(prefix="linli-metrics-")
    os.environ[FOLDER] = folder
    try:
        yield lambda pid: mark_process_dead(pid, folder)
    finally:
        del os.environ[FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def is_reader(token: str | None, secret: str | None) -> bool:
    """Tell whether a token is the one that the settings name."""
    return bool(token) and bool(secret) and hmac.compare_digest(str(token).encode(), str(secret).encode())


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def gauge(name: str, says: str, labels: tuple[str, ...] = (), together: Any = "livesum") -> Gauge:
            return Gauge(name, says, labels, registry=self.registry, multiprocess_mode=together)

        self._latency = Histogram(
            "linli_request_seconds", "Time until an answer begins", ("method", "route", "status"),
            buckets=_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        self._notices = Counter("linli_notices", "Notices of changes received", ("topic",), registry=self.registry)
        self._pool = gauge("linli_pool_connections", "Connections to the database", ("pool", "state"))
        self._streams = gauge("linli_live_streams", "Open streams of live changes")
        self._cache = gauge("linli_cache_age_seconds", "Since the newest value kept was loaded", ("cache",), "livemax")
        self._lag = gauge("linli_notice_lag_seconds", "Since the journal of changes was last read", (), "livemax")
        self._ready = gauge("linli_ready", "Whether every process is ready to answer", (), "livemin")
        self._known: dict[tuple[str, str, int], Any] = {}

    def answered(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count an answer."""
        key = (method, route, status)
        child = self._known.get(key)
        if child is None:
            named = method if method in _METHODS else "other"
            child = self._known[key] = self._latency.labels(named, route, str(status))
            if named == "other":  # a caller may write what it likes there: nothing is kept of it
                del self._known[key]
        child.observe(took_s)

    def noticed(self, topic: str) -> None:
        """Count a notice."""
        self._notices.labels(topic).inc()

    def refresh(self, office: Any) -> None:
        """Take down how this process stands.

        Args:
            office: api.desk.Office.
        """
        for name, engine in (("service", office.store.service_engine), ("owner", office.store.owner_engine)):
            self._refresh_pool(name, engine)
        self._streams.set(office.feed.streams)
        for cache, age_s in office.snapshots.ages_s(office.store.journal.clock()).items():
            self._cache.labels(cache).set(age_s)
        self._lag.set(office.feed.lag_s())
        self._ready.set(office.warm.is_set() and office.feed.follows and not office.feed.ending)

    def _refresh_pool(self, name: str, engine: Engine) -> None:
        pool = engine.pool
        if isinstance(pool, QueuePool):
            in_use = pool.checkedout()
            self._pool.labels(name, "in_use").set(in_use)
            self._pool.labels(name, "idle").set(pool.checkedin())
            self._pool.labels(name, "most").set(2 * pool.size())  # as many again when it is busy: gis/store/session.py

    def scrape(self, office: Any) -> bytes:
        """Return all figures as Prometheus reads them: of all processes, and of the database as it stands."""
        self.refresh(office)
        registry = self.registry
        if FOLDER in os.environ:
            registry = CollectorRegistry(support_collectors_without_names=True)
            MultiProcessCollector(registry)
        asked = CollectorRegistry(support_collectors_without_names=True)
        asked.register(_Asked(office))
        return generate_latest(registry) + generate_latest(asked)


class _Asked:
    """What is asked for anew each time."""

    def __init__(self, office: Any) -> None:
        self._office = office

    def collect(self) -> Iterator[GaugeMetricFamily]:
        built = GaugeMetricFamily("linli_build_info", "What runs", labels=("version", "python"))
        built.add_metric((version("linli"), platform.python_version()), 1)
        yield built
        up = GaugeMetricFamily("linli_database_up", "Whether the database answers")
        try:
            jobs = jobs_by_state(self._office.store)
        except SQLAlchemyError:
            up.add_metric((), 0)
        else:
            up.add_metric((), 1)
            states = GaugeMetricFamily("linli_jobs", "Imports by state", labels=("state",))
            for state, count in jobs.items():
                states.add_metric((state,), count)
            yield states
        yield up
