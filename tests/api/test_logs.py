from __future__ import annotations

import io
import json
import logging
import logging.config
import warnings

import pytest
import structlog
import uvicorn.config

from api import logs


def test_one_line_of_json_an_event_wherever_standard_error_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure()
    try:
        log = structlog.get_logger("test")
        for _ in range(2):
            pipe = io.StringIO()
            monkeypatch.setattr("sys.stderr", pipe)
            log.info("happened", 户=3)
            log.debug("nobody wants to know")
            [line] = pipe.getvalue().splitlines()
            found = json.loads(line)
            assert (found["event"], found["level"], found["户"]) == ("happened", "info", 3)
            pipe.close()
    finally:
        structlog.reset_defaults()


SECRET = "某某某-19900001234"


def test_what_libraries_log_holds_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)  # as uvicorn does where nobody stops it
    logs.configure("json")
    try:
        pipe = io.StringIO()
        monkeypatch.setattr("sys.stderr", pipe)
        try:
            raise ValueError(SECRET)
        except ValueError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
            logging.getLogger("asyncio").error(
                "Task exception was never retrieved\nfuture: <%s>", SECRET, exc_info=True
            )
        warnings.warn("once", stacklevel=1)
        lines = [json.loads(line) for line in pipe.getvalue().splitlines()]
        assert [line["event"] for line in lines[:2]] == [
            "Exception in ASGI application",
            "Task exception was never retrieved",
        ]
        assert lines[0]["error"] == "ValueError"
        assert lines[0]["logger"] == "uvicorn.error"
        assert lines[0]["frames"]
        assert SECRET not in pipe.getvalue()
    finally:
        logging.captureWarnings(False)
        root.handlers[:], root.level = before
        structlog.reset_defaults()


def test_for_people_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure("console")
    try:
        pipe = io.StringIO()
        monkeypatch.setattr("sys.stderr", pipe)
        structlog.get_logger("test").info("happened")
        assert "happened" in pipe.getvalue()
        with pytest.raises(json.JSONDecodeError):
            json.loads(pipe.getvalue())
    finally:
        logging.captureWarnings(False)
        root.handlers[:], root.level = before
        structlog.reset_defaults()


def test_what_readers_of_files_say_quotes_no_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL, openpyxl and pandas warn of a cell by its content, and some libraries make their text before they hand it over."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure("json")
    try:
        pipe = io.StringIO()
        monkeypatch.setattr("sys.stderr", pipe)
        warnings.simplefilter("always")
        warnings.warn(f"Value '{SECRET}' of field phone parsed incompletely\nto integer", RuntimeWarning, stacklevel=1)
        logging.getLogger("pyogrio._io").warning("Skipping field %s: %s", "phone", SECRET)
        logging.getLogger("fiona").warning(f"made beforehand: {SECRET}")
        logging.getLogger("psycopg.pool").warning("error connecting in %r: %s", "pool-1", SECRET)
        lines = [json.loads(line) for line in pipe.getvalue().splitlines()]
        assert SECRET not in pipe.getvalue() and "1990000" not in pipe.getvalue()
        said = [line["event"] for line in lines]
        assert said[0].startswith("RuntimeWarning (test_logs.py:")
        assert said[1] == "Skipping field %s: %s"
        assert said[2].startswith("warning (test_logs:")
        assert [line["logger"] for line in lines] == ["py.warnings", "pyogrio._io", "fiona", "psycopg.pool"]
    finally:
        logging.captureWarnings(False)
        root.handlers[:], root.level = before
        structlog.reset_defaults()
