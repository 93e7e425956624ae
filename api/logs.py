"""Logs: one line an event, on standard error; no query strings, no names, no values of rows."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO, cast

import orjson
import structlog


class _Stderr:
    """Standard error as it is at the moment of writing: a program may put another in its place."""

    def write(self, line: str) -> int:
        return sys.stderr.write(line)

    def flush(self) -> None:
        """Python writes standard error line by line already."""


def _json(event: object, **options: Any) -> str:
    return orjson.dumps(event, default=options.get("default")).decode()


def configure() -> None:
    """Write logs for people on a terminal, and as JSON otherwise."""
    renderer: structlog.typing.Processor
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer(serializer=_json)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )
