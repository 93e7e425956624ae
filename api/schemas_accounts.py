"""The shapes of requests and answers about signing in and accounts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api.schemas import Strict

Role = Literal["admin", "planner", "worker", "screen", "auditor"]
Needs = Literal["code", "password", "second_factor"]


class Credentials(Strict):
    """Name and password, and a code where the account has a second factor."""

    username: str = Field(min_length=1, max_length=64, examples=["admin"])
    password: str = Field(min_length=1, max_length=200, examples=["correct-horse-battery"])
    code: str | None = Field(default=None, max_length=100, examples=["123456"])


class KeyIn(Strict):
    """A screen key."""

    key: str = Field(min_length=1, max_length=200)


class CodeIn(Strict):
    """A code of the generator, or a recovery code."""

    code: str = Field(min_length=1, max_length=100, examples=["123456"])


class SessionOut(BaseModel):
    """A new session; ``needs`` is there when something must be done before anything else works."""

    access_token: str
    expires_at: datetime
    role: str
    needs: Needs | None = None


class WhoAmI(BaseModel):
    """Who is signed in, and the grids a worker looks after."""

    username: str
    role: str
    expires_at: datetime
    grids: list[str]


class OwnAccount(BaseModel):
    """The caller's own account."""

    name: str
    role: Role
    method: Literal["password", "oidc", "key"]
    needs: Needs | None
    has_password: bool
    second_factor_at: datetime | None
    second_factor_required: bool
    recovery_codes_left: int


class OwnPassword(Strict):
    """A new password for oneself."""

    current: str = Field(default="", max_length=200)
    new: str = Field(min_length=1, max_length=400)


class Proof(Strict):
    """The password once more; left empty by an account that has none."""

    password: str = Field(default="", max_length=200)


class FullProof(Proof):
    """The password once more, and a code."""

    code: str = Field(min_length=1, max_length=100)


class EnrolmentOut(BaseModel):
    """What a generator needs, shown once."""

    secret: str
    uri: str
    qr_svg: str


class RecoveryCodes(BaseModel):
    """Codes on paper, shown once; each counts once."""

    recovery_codes: list[str]


class SessionListed(BaseModel):
    """A session in force; ``last_seen`` is a moment for oneself and a day for others."""

    id: UUID
    began_at: datetime
    expires_at: datetime
    last_seen: str
    address: str | None
    method: Literal["password", "oidc", "key"]
    second_factor: Literal["code", "recovery", "provider"] | None
    own: bool


class SessionsListed(BaseModel):
    """The sessions of an account."""

    items: list[SessionListed]


class Ended(BaseModel):
    """How many sessions have been ended."""

    ended: int


class ChargeIn(Strict):
    """A worker looks after a grid; both days are included."""

    grid: str = Field(min_length=1, max_length=100)
    since: date | None = None
    until: date | None = None


class Charges(Strict):
    """All the grids of a worker."""

    grids: list[ChargeIn] = Field(max_length=2000)


class ChargeListed(BaseModel):
    """A grid of a worker; ``today`` tells whether the days hold."""

    grid: str
    name: str
    since: date
    until: date | None
    today: bool


class AccountListed(BaseModel):
    """An account as admins see it."""

    name: str
    role: Role
    disabled: bool
    locked_until: datetime | None
    has_password: bool
    must_change_password: bool
    second_factor_at: datetime | None
    subject: str | None
    version: int
    grids: list[str]
    charges: list[ChargeListed]


class AccountsListed(BaseModel):
    """All accounts."""

    items: list[AccountListed]


class NewAccount(Strict):
    """A new account; without a password one is made up, a screen's left out."""

    name: str = Field(min_length=1, max_length=200, examples=["张伟"])
    role: str = Field(max_length=40, examples=["worker"])
    password: str | None = Field(default=None, max_length=400)
    grids: list[ChargeIn] = Field(default=[], max_length=2000)


class AccountMade(AccountListed):
    """The new account; a password that was made up is shown this once."""

    password: str | None


class AccountPatch(Strict):
    """What admins may change of an account; what is left out stays."""

    role: str | None = Field(default=None, max_length=40)
    disabled: bool | None = None


class NewPassword(Strict):
    """A password from the admin; without one it is made up."""

    password: str | None = Field(default=None, max_length=400)


class PasswordMade(BaseModel):
    """A password that was made up, shown this once; null where it was given."""

    password: str | None


class Link(Strict):
    """The account's subject at the OpenID Connect provider; null takes the link away."""

    subject: str | None = Field(max_length=255)


class Policy(Strict):
    """The roles whose accounts must have a second factor."""

    second_factor_required: list[str] = Field(max_length=10)


class PolicyOut(BaseModel):
    """The same, as it stands."""

    second_factor_required: list[Role]
    version: int


class NewKey(Strict):
    """A key for a screen; its account is made where there is none."""

    account: str = Field(min_length=1, max_length=64, examples=["大厅"])
    label: str = Field(default="", max_length=200, examples=["一楼大厅"])


class KeyMade(BaseModel):
    """A screen's key, shown this once."""

    key: str


class KeyListed(BaseModel):
    """A screen key; the key itself is kept nowhere."""

    id: UUID
    account: str
    label: str
    created_at: datetime
    last_used_on: date | None
    revoked_at: datetime | None


class KeysListed(BaseModel):
    """All screen keys."""

    items: list[KeyListed]
