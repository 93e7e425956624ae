"""Logs: one line an event, on standard error; no query strings, no bodies, no names, no values of rows.

What other libraries log goes the same way: what they say before they fill in values, and of an error or a warning its kind and where it came from, never
its text, which could quote a row.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import Any, Literal, TextIO, cast

import orjson
import structlog

Format = Literal["auto", "json", "console"]
_QUIET = ("uvicorn.access", "sse_starlette")
_THROUGH_US = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")
"""Loggers that others may have given handlers of their own, which would write values."""


_SEE_NO_ROW = ("uvicorn", "asyncio")
_WARNING = re.compile(r"^(.*?:\d+): (\w+): ")


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
    handler.addFilter(_keep_template)
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


def _keep_template(record: logging.LogRecord) -> bool:
    """Keep what a library says as it was before values were filled in; where it had filled them in itself, nothing of it."""
    record.template = str(record.msg) if record.args else ""
    return True


def _said(event: structlog.typing.EventDict) -> str:
    """Return what a library says: of those that see no row the first line; of others what they have written beforehand, without what they fill in.

    Of a warning that is its kind and where it was given: readers of files quote the cell that they stumble over.
    """
    record = event.get("_record")
    name, said = str(event.get("logger", "")), str(event.get("event", "")).split("\n", 1)[0]
    if record is None or name.split(".", 1)[0] in _SEE_NO_ROW:
        return said
    if name == "py.warnings":
        given = _WARNING.search(said)
        return f"{given[2]} ({Path(given[1]).name})" if given else "warning"
    template = str(getattr(record, "template", "")).split("\n", 1)[0]
    return template or f"{record.levelname.lower()} ({record.module}:{record.lineno})"


def _without_values(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Shorten what a library says to what cannot hold anybody's data."""
    event["event"] = _said(event)
    told = event.pop("exc_info", None)
    event.pop("exception", None)
    event.pop("stack_info", None)
    error = told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event["error"], event["frames"] = type(error).__name__, frames(error)
    return event
