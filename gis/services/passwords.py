"""Passwords: what makes a good one, how it is kept (argon2), and making one up."""

from __future__ import annotations

import secrets
from functools import cache

from pwdlib import PasswordHash

from gis.errors import Fault, Invalid

MIN_LENGTH = 8
"""The least that NIST SP 800-63B (2020, section 5.1.1.2) asks of a password that a person chooses."""
MAX_LENGTH = 200
"""Argon2 takes any length; a bound keeps a sign-in cheap."""
_LEAST_GUESSES = 10**6
"""What can be guessed in fewer attempts is common: ``zxcvbn`` holds the password against lists of leaked passwords, names, words, dates and
keyboard runs (Wheeler, USENIX Security 2016), as NIST SP 800-63B, section 5.1.1.2, asks; nothing is asked of its letters beyond that."""
_LOOKED_AT = 72
"""Characters of a password that are estimated: what is longer is no longer guessed."""
_COMMON_HERE = frozenset(
    {
        "woaini1314",
        "woaini520",
        "woaini5201314",
        "5201314520",
        "1314520520",
        "qq123456789",
        "wo123456",
        "zhang123456",
        "kunming123",
        "yunnan123",
        "beijing123",
        "shanghai123",
        "zhongguo123",
        "postgres12",
        "mima123456",
        "guanliyuan",
        "wangge123",
        "shequ123456",
    }
)
"""What people choose in China and the lists of ``zxcvbn`` do not know."""
_WORDS_HERE = ("linli", "lin li", "wangge", "shequ", "wanggeyuan", "admin", "mima")
"""Words that anybody would try on this service first."""
_SYLLABLES = tuple(c + v for c in "bcdfghjkmnpqrstvwxz" for v in "aeiou")
_HASHER = PasswordHash.recommended()


def check_password(name: str, password: str) -> None:
    """Refuse a password that is easy to guess.

    Args:
        name: the account's name.
        password: what the person has chosen.

    Raises:
        Invalid: with one fault for each rule that is broken; the password itself is never repeated.
    """
    broken = []
    if len(password) < MIN_LENGTH:
        broken.append(f"至少 {MIN_LENGTH} 个字符 / at least {MIN_LENGTH} characters")
    if len(password) > MAX_LENGTH:
        broken.append(f"至多 {MAX_LENGTH} 个字符 / at most {MAX_LENGTH} characters")
    folded = password.casefold()
    if folded.strip() in {name.casefold(), name.casefold()[::-1]} or folded.startswith(name.casefold() * 2):
        broken.append("不能与账号名相同 / not the account's name")
    if not broken and (folded in _COMMON_HERE or len(set(folded)) < 4 or _easily_guessed(name, password)):
        broken.append("过于常见 / too common")
    if broken:
        message = "密码不符合要求 / the password breaks a rule: " + "；".join(broken)
        raise Invalid(message, [Fault("password", rule) for rule in broken])


def _easily_guessed(name: str, password: str) -> bool:
    from zxcvbn import zxcvbn  # here, for its lists take a while to load and only a new password needs them

    estimate = zxcvbn(password[:_LOOKED_AT], user_inputs=[name, *_WORDS_HERE])
    return bool(estimate["guesses"] < _LEAST_GUESSES)


def hash_password(password: str) -> str:
    """Return the argon2 hash to store."""
    return _HASHER.hash(password)


@cache
def nobodys_hash() -> str:
    """Return what a password of an unknown name is compared with, so that both answers take the same time.

    Called once when a service starts, so that not even the first such answer is slower.
    """
    return _HASHER.hash(secrets.token_urlsafe(16))


def verify_password(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Compare a password with a stored hash, or in the same time with nobody's when ``stored`` is None.

    Returns:
        Whether it is right; and a new hash to store when the stored one was made with older parameters.
    """
    right, newer = _HASHER.verify_and_update(password[: MAX_LENGTH + 1], stored or nobodys_hash())
    return right and stored is not None, newer if stored is not None else None


def make_password() -> str:
    """Return a made-up password that can be read out and typed: three words of three syllables and four digits, about 70 bits."""
    words = ["".join(secrets.choice(_SYLLABLES) for _ in range(3)) for _ in range(3)]
    return "-".join(words) + f"-{secrets.randbelow(9000) + 1000}"
