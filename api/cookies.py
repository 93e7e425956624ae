"""Our cookies: of a session, of a sign-in elsewhere that is on its way, and of the language chosen; never readable by scripts."""

from __future__ import annotations

from fastapi import Request, Response

from api import oidc
from api.desk import office_of
from api.security import COOKIE
from gis.services.sign_ins import SignedIn

OIDC_PATH = "/login/oidc"
LANGUAGE = "linli_lang"


def keep_session(request: Request, answer: Response, signed_in: SignedIn) -> None:
    """Have the browser keep a session's token for as long as it lasts."""
    answer.set_cookie(
        COOKIE,
        signed_in.token,
        expires=signed_in.identity.expires_at,
        httponly=True,
        samesite="lax",
        secure=_secure(request),
        path="/",
    )


def drop_session(request: Request, answer: Response) -> None:
    """Have the browser forget its session."""
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=_secure(request), path="/")


def keep_begun(request: Request, answer: Response, value: str) -> None:
    """Have the browser keep what ends the sign-in that it has begun; lax, for the provider's answer comes from another site."""
    answer.set_cookie(
        oidc.COOKIE,
        value,
        max_age=oidc.BEGUN_LASTS_S,
        httponly=True,
        samesite="lax",
        secure=_secure(request),
        path=OIDC_PATH,
    )


def drop_begun(request: Request, answer: Response) -> None:
    """Have the browser forget it: it ends one sign-in only."""
    answer.delete_cookie(oidc.COOKIE, httponly=True, samesite="lax", secure=_secure(request), path=OIDC_PATH)


def keep_language(request: Request, answer: Response, language: str) -> None:
    """Have the browser keep the language that was chosen in it: a preference of the device, nothing about a person."""
    answer.set_cookie(
        LANGUAGE,
        language,
        max_age=365 * 24 * 3600,
        httponly=True,
        samesite="lax",
        secure=_secure(request),
        path="/",
    )


def _secure(request: Request) -> bool:
    setting = office_of(request).settings.server.cookie_secure
    return setting == "always" or (setting == "auto" and request.url.scheme == "https")
