from __future__ import annotations

import asyncio
from typing import Any

import pytest

from api.proxies import behind_proxies


def seen(trusted: str, peer: tuple[str, int] | None, given: str) -> str | None:
    """Return the request's id as the app sees it."""
    found: dict[str, Any] = {}

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.update(scope.get("state", {}))

    headers = [(b"x-request-id", given.encode("latin-1")), (b"x-forwarded-for", b"203.0.113.9")]
    scope = {"type": "http", "client": peer, "headers": headers, "scheme": "http"}
    asyncio.run(behind_proxies(app, trusted)(scope, None, None))  # type: ignore[arg-type]
    return found.get("request_id")


@pytest.mark.parametrize(
    ("trusted", "peer", "given", "expected"),
    [
        ("10.0.0.0/8, ::1", ("10.1.2.3", 1), "abc-12345", "abc-12345"),
        ("10.0.0.0/8, ::1", ("::1", 1), "abc-12345", "abc-12345"),
        ("10.0.0.0/8", ("192.0.2.1", 1), "abc-12345", None),
        ("10.0.0.0/8", None, "abc-12345", None),
        ("10.0.0.0/8", ("unknown", 1), "abc-12345", None),
        ("", ("10.1.2.3", 1), "abc-12345", None),
        ("10.0.0.0/8", ("10.1.2.3", 1), "line\nbreak-123", None),
        ("10.0.0.0/8", ("10.1.2.3", 1), "x" * 65, None),
        ("10.0.0.0/8", ("10.1.2.3", 1), "", None),
    ],
)
def test_an_id_is_believed_from_a_proxy_alone(trusted: str, peer: Any, given: str, expected: str | None) -> None:
    assert seen(trusted, peer, given) == expected
