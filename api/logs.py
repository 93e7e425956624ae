"""Logs: one line an event, on standard error; no query strings, no bodies, no names, no values of rows.

What other libraries log goes the same way: the first line of what they say, and of an error its kind and where it came from, never its text, which
could quote a row.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal, TextIO, cast

import orjson
import structlog

Format = Literal["auto", "json", "console"]
_QUIET = ("uvicorn.access", "sse_starlette")
_THROUGH_US = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")
"""Loggers that others may have given handlers of their own, which would write values."""


class _Stderr:
    """Standard error as it is at the moment of writing: a program may put another in its place."""

    def write(self, line: str) -> int:
        return sys.stderr.write(line)

    def flush(self) -> None:
        """Python writes standard error line by line already."""


def _json(event: object, **options: Any) -> str:
    return orjson.dumps(event, default=options.get("default")).decode()


def configure(how: Format = "auto") -> None:
    """Write logs for people (``console``; ``auto``: on a terminal), or as one JSON object a line."""
    renderer: structlog.typing.Processor
    if how == "console" or (how == "auto" and sys.stderr.isatty()):
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer(serializer=_json)
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(cast(TextIO, _Stderr()))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[_without_values, structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _THROUGH_US:
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = [], True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.captureWarnings(True)


def frames(error: BaseException, most: int = 12) -> list[str]:
    """Return where an error came from, the innermost last; its text could hold a value of a personal column and is left out."""
    found = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return found[-most:]


def _without_values(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Shorten what a library says to what cannot hold anybody's data."""
    event["event"] = str(event.get("event", "")).split("\n", 1)[0]
    told = event.pop("exc_info", None)
    event.pop("exception", None)
    event.pop("stack_info", None)
    error = told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event["error"], event["frames"] = type(error).__name__, frames(error)
    return event
