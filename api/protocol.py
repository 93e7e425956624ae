"""The protocol of one connection: uvicorn's own, but what the express way answers at once is sent at once.

No task is made of such a request, and head and body go out in one piece. All else, and whatever waits behind an answer that is still being made,
goes uvicorn's way.
"""

from __future__ import annotations

from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.express import Answer, Application

_BODILESS = (204, 304)
_CLOSE = (b"connection", b"close")


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 for an application with an express way; for any other it is uvicorn's."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        # Behind a proxy the application is wrapped: who calls is known only further in. With a queue behind it, or a caller who does not
        # read, an answer waits its turn, or one answer would call for the next ever deeper.
        express = app.express if isinstance(app, Application) else None
        waits = self.pipeline or self.flow.write_paused or cycle.waiting_for_100_continue
        ready = None if express is None or waits else express.answer(cycle.scope)  # type: ignore[arg-type]
        if ready is None:
            super()._start_asgi_task(cycle, app)
            return
        try:
            self._send_whole(cycle, ready)
        finally:
            ready.tell()

    def _send_whole(self, cycle: RequestResponseCycle, ready: Answer) -> None:
        """Send an answer in one piece and end the exchange."""
        headers = [*cycle.default_headers, *ready.headers]
        if _CLOSE in ready.headers:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            headers.append(_CLOSE)
        if ready.status not in _BODILESS and not any(name == b"content-length" for name, _ in headers):
            headers.append((b"content-length", b"%d" % len(ready.body)))
        parts: list[Any] = [STATUS_LINE[ready.status]]
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n", ready.body)
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"".join(parts))
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
