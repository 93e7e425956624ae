from __future__ import annotations

import io
import json

import pytest
import structlog

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
