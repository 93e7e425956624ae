"""An OpenID Connect provider over HTTP that can be told to lie: each lie is one that a real attacker would try."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "linli", "a:secret/with?signs"


@dataclass
class Liar:
    """The provider's state; unless told otherwise it is honest and conformant."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    published: list[RSAKey] | None = None
    """The keys that it publishes; None for its own."""
    subject: str = "s-1"
    more: dict[str, Any] = field(default_factory=dict)
    """Further claims."""
    bend_claims: Callable[[dict[str, Any]], None] = lambda claims: None
    bend_token: Callable[[str], str] = lambda token: token
    bend_description: Callable[[dict[str, Any]], None] = lambda found: None
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def authorize(self, address: str) -> str:
        """Do what a person's browser does there: agree, and return the address to go back to."""
        query = dict(parse_qsl(urlsplit(address).query))
        code = base64.urlsafe_b64encode(hashlib.sha256(query["state"].encode()).digest()).decode()
        self.codes[code] = query
        back = urlencode({"code": code, "state": query["state"], "iss": self.issuer})
        return f"{query['redirect_uri']}?{back}"

    def describe(self) -> dict[str, Any]:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        self.bend_description(found)
        return found

    def keys(self) -> dict[str, Any]:
        return KeySet(self.published or [self.key]).as_dict(private=False)

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Exchange a code, once, for whoever knows the client's secret and the verifier (RFC 7636, section 4.6)."""
        asked = self.codes.pop(form.get("code", ""), None)
        given = base64.b64encode(b"linli:a%3Asecret%2Fwith%3Fsigns").decode()
        if authorization != f"Basic {given}":
            return 401, {"error": "invalid_client"}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or asked["code_challenge_method"] != "S256"
            or asked["code_challenge"] != challenge.rstrip(b"=").decode()
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.more,
        }
        self.bend_claims(claims)
        signed = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self.bend_token(signed)}


def unsigned(token: str) -> str:
    """Return the token with ``alg: none`` and no signature."""
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def signed_with_the_public_key(liar: Liar) -> Callable[[str], str]:
    """Return what signs a token by HMAC with the public key as the secret: the confusion of algorithms."""

    def bend(token: str) -> str:
        header = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": liar.key.kid}).encode())
        signed = f"{header.rstrip(b'=').decode()}.{token.split('.')[1]}"
        mac = hmac.digest(liar.key.as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    return bend


@contextmanager
def serving(liar: Liar) -> Iterator[str]:
    """Serve the provider on a port of its own; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            liar.asked.append(path)
            if path == "/.well-known/openid-configuration":
                self._answer(200, liar.describe())
            elif path == "/keys":
                self._answer(200, liar.keys())
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            liar.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*liar.token(form, self.headers.get("Authorization", "")))

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    liar.issuer = f"http://127.0.0.1:{server.server_port}"
    try:
        yield liar.issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
