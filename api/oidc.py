"""Sign-in through an OpenID Connect provider: authorization code with PKCE, state and nonce, and an ID token that is checked to the last claim.

OpenID Connect Core 1.0, section 3.1; PKCE: RFC 7636; ``iss`` in the answer: RFC 9207. Only the issuer's own host is ever asked, whatever its
description says, so that signing in cannot take a request out of the user's network.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import structlog
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.settings import OidcSettings
from gis.errors import Unauthenticated, Unavailable
from gis.secrecy.cipher import FieldCipher, MissingKey, Tampered

log = structlog.get_logger("linli.oidc")
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"]
"""Signatures by the provider's private key alone: never ``none``, never one by a secret that we share."""
COOKIE = "linli_oidc"
BEGUN_LASTS_S = 10 * 60
"""For how long a sign-in that was begun may be ended."""
LEEWAY_S = 60
_TIMEOUT_S = 10.0
_DESCRIPTION_LASTS_S = 3600.0
_KEYS_AGAIN_S = 30.0
"""How often, at most, keys are fetched for a signature of a key that is not known: providers change theirs."""
_ABOUT = b"oidc\x1fbegun"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_STRONG = frozenset({"mfa", "otp", "hwk", "swk", "sc", "fpt", "face", "iris"})
"""Values of ``amr`` (RFC 8176) by which a provider says that it saw more than a password."""


@dataclass(frozen=True)
class Begun:
    """A sign-in on its way: sealed into a cookie of the browser that has begun it, so that no other can end it."""

    state: str
    nonce: str
    verifier: str
    wanted: str
    """Where to go afterwards."""
    redirect_uri: str
    at: float


@dataclass(frozen=True)
class Subject:
    """Who the provider says it is."""

    issuer: str
    subject: str
    claimed: str | None
    """The account's name by the claim that the settings trust."""
    strong: bool
    """Whether the provider has seen several factors."""


class Provider:
    """The provider of the settings; used by many threads."""

    def __init__(
        self,
        settings: OidcSettings,
        cipher: Callable[[], FieldCipher],
        *,
        clock: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare; nothing is asked of the provider before somebody signs in.

        Args:
            settings: with an issuer.
            cipher: gives what seals the cookie.
            clock: the present moment, s since 1970.
            transport: for tests of what the network does.
        """
        self._settings = settings
        self._cipher = cipher
        self._clock = clock
        self._lock = threading.Lock()
        self._described: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._http = httpx.Client(trust_env=False, follow_redirects=False, timeout=_TIMEOUT_S, transport=transport)

    def begin(self, wanted: str, redirect_uri: str) -> tuple[str, str]:
        """Return the provider's address to go to, and the cookie's value.

        Args:
            wanted: where to go after signing in.
            redirect_uri: our own address to which the provider answers.

        Raises:
            Unavailable: the provider does not answer, or not as it should.
        """
        description = self._describe()
        begun = Begun(
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(48),
            wanted[:2000],
            redirect_uri,
            self._clock(),
        )
        query = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.oidc_scope,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": create_s256_code_challenge(begun.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = description["authorization_endpoint"]
        sealed = self._cipher().seal(json.dumps(asdict(begun)).encode(), _ABOUT)
        joint = "&" if urlsplit(endpoint).query else "?"
        return f"{endpoint}{joint}{urlencode(query)}", base64.urlsafe_b64encode(sealed).decode()

    def finish(self, query: Mapping[str, str], cookie: str | None) -> tuple[Subject, str]:
        """Return who the provider says it is, and where that person wanted to go.

        Args:
            query: of the answer: ``code`` and ``state``, or ``error``.
            cookie: as :meth:`begin` gave it.

        Raises:
            Unauthenticated: the answer does not belong to this browser, or proves nothing.
            Unavailable: the provider does not answer.
        """
        begun = self._opened(cookie)
        if not hmac.compare_digest(query.get("state", "").encode(), begun.state.encode()):
            raise _refused("state")
        if query.get("iss", self._settings.oidc_issuer) != self._settings.oidc_issuer:
            raise _refused("iss of the answer")
        if "error" in query or not query.get("code"):
            raise _refused("answer without a code")
        tokens = self._exchange(query["code"], begun)
        return self._subject(tokens, begun), begun.wanted

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _opened(self, cookie: str | None) -> Begun:
        try:
            sealed = base64.b64decode((cookie or "").encode(), altchars=b"-_", validate=True)
            begun = Begun(**json.loads(self._cipher().open(sealed, _ABOUT)))
        except (binascii.Error, ValueError, TypeError, Tampered, MissingKey):
            raise _refused("cookie") from None
        if not 0 <= self._clock() - begun.at <= BEGUN_LASTS_S:
            raise _refused("too late")
        return begun

    def _describe(self) -> dict[str, Any]:
        """Return the provider's description of itself (OpenID Connect Discovery 1.0), kept for an hour."""
        with self._lock:
            if self._described is not None and self._described[0] > self._clock():
                return self._described[1]
        issuer = self._settings.oidc_issuer
        found = self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise _unavailable("它自称的 issuer 与设置不同 / it calls itself by another issuer than LINLI_OIDC_ISSUER")
        for name in _ENDPOINTS:
            self._check_host(name, found.get(name))
        with self._lock:
            self._described = (self._clock() + _DESCRIPTION_LASTS_S, found)
        return found

    def _check_host(self, name: str, address: Any) -> None:
        here, there = urlsplit(self._settings.oidc_issuer), urlsplit(str(address))
        if (there.scheme, there.hostname, there.port) != (here.scheme, here.hostname, here.port):
            raise _unavailable(f"{name} 不在 issuer 的主机上 / its {name} is not on the issuer's host")

    def _exchange(self, code: str, begun: Begun) -> dict[str, Any]:
        """Return the tokens for a code."""
        description = self._describe()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect_uri,
            "code_verifier": begun.verifier,
        }
        client, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret
        auth = None
        methods = description.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if secret is None:
            form["client_id"] = client
        elif "client_secret_basic" in methods:
            auth = httpx.BasicAuth(urlencode({"": client})[1:], urlencode({"": secret.get_secret_value()})[1:])
        else:
            form |= {"client_id": client, "client_secret": secret.get_secret_value()}
        return self._ask("POST", description["token_endpoint"], form, auth)

    def _subject(self, tokens: dict[str, Any], begun: Begun) -> Subject:
        settings = self._settings
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise _refused("no ID token")
        try:
            found = self._decoded(token)
            claims = CodeIDToken(
                found.claims,
                found.header,
                options={
                    "iss": {"essential": True, "value": settings.oidc_issuer},
                    "aud": {"essential": True, "value": settings.oidc_client_id},
                    "sub": {"essential": True},
                    "exp": {"essential": True},
                    "iat": {"essential": True},
                    "nonce": {"essential": True, "value": begun.nonce},
                },
                params={"client_id": settings.oidc_client_id, "nonce": begun.nonce},
            )
            claims.validate(now=int(self._clock()), leeway=LEEWAY_S)
        except (JoseError, ValueError) as error:
            raise _refused(f"ID token: {type(error).__name__}") from None
        if not isinstance(claims["sub"], str) or not 1 <= len(claims["sub"]) <= 255:
            raise _refused("ID token: sub")
        amr = claims.get("amr") or []
        return Subject(settings.oidc_issuer, claims["sub"], self._claimed(claims), bool(_STRONG & {*amr}))

    def _decoded(self, token: str) -> jwt.Token:
        """Return a token whose signature is the provider's; a key that is not known yet is fetched once."""
        try:
            return jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            with self._lock:
                fresh = self._keys is not None and self._keys[0] > self._clock() - _KEYS_AGAIN_S
            if fresh:
                raise
            return jwt.decode(token, self._key_set(again=True), algorithms=ALGORITHMS)

    def _key_set(self, *, again: bool = False) -> KeySet:
        with self._lock:
            if self._keys is not None and not again:
                return self._keys[1]
        found = self._ask("GET", self._describe()["jwks_uri"])
        try:
            keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError):
            raise _unavailable("它的公钥无法读取 / its keys cannot be read") from None
        with self._lock:
            self._keys = (self._clock(), keys)
        return keys

    def _claimed(self, claims: Mapping[str, Any]) -> str | None:
        """Return the account's name by the trusted claim; an address of mail only where the provider has verified it."""
        name = self._settings.oidc_claim
        if name is None or (name == "email" and claims.get("email_verified") is not True):
            return None
        value = claims.get(name)
        return value if isinstance(value, str) and value else None

    def _ask(
        self, method: str, address: str, form: dict[str, str] | None = None, auth: httpx.Auth | None = None
    ) -> dict[str, Any]:
        """Return the JSON object that the provider answers; a code that it refuses proves nothing."""
        try:
            answer = self._http.request(method, address, data=form, auth=auth, headers={"Accept": "application/json"})
        except httpx.HTTPError as error:
            log.warning("provider", error=type(error).__name__)
            raise _unavailable("没有回答 / it does not answer") from None
        if form is not None and 400 <= answer.status_code < 500:
            raise _refused(f"code refused with {answer.status_code}")
        try:
            found = answer.json() if answer.status_code == 200 else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise _unavailable(f"回答有误（{answer.status_code}） / it answers wrongly ({answer.status_code})")
        return found


class NotProven(Unauthenticated):
    """A sign-in elsewhere proves nothing here; ``why`` is for the audit log, not for whoever tries."""

    def __init__(self, why: str) -> None:
        super().__init__("统一身份认证未通过，请重新登录 / signing in elsewhere did not succeed: please try again")
        self.why = why


def _refused(why: str) -> NotProven:
    return NotProven(why)


def _unavailable(what: str) -> Unavailable:
    zh, _, en = what.partition(" / ")
    return Unavailable(f"统一身份认证服务不可用：{zh} / the sign-in service is not available: {en}")
