"""Settings: environment variables with the prefix ``LINLI_``, one small class for each concern, checked before anything starts."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from api.settings_outside import CONFIG, PREFIX, BasemapSettings, OidcSettings
from api.wording import wording
from gis.accessibility.policy import WalkPolicy
from gis.casework.worktime import read_calendar
from gis.crs import MetricCRS
from gis.errors import Fault, Invalid
from gis.secrecy.keys import BadKey, Keyring
from gis.services.audit import KEPT_DAYS
from gis.services.passwords import check_password
from gis.services.rights import RetentionPolicy
from gis.store.vault import GivenKeys, KeyFile

KEY_FILE = "field.key"


class DatabaseSettings(BaseSettings):
    """Where the data is: an outside server, or the embedded one in a folder."""

    model_config = CONFIG

    database_url: str | None = None
    """The owner's address of an outside PostGIS; without it linli runs its own."""
    service_database_url: str | None = None
    """The same database seen as ``linli_service``; without it the owner's connections take on that role."""
    data_dir: Path = Path(".linli")
    """Folder of the embedded server."""

    @field_validator("database_url", "service_database_url")
    @classmethod
    def _postgres(cls, value: str | None) -> str | None:
        """Return the address with the driver that linli uses; ``postgres://`` is what many hosts hand out."""
        if value is None:
            return None
        try:
            url = make_url(value)
        except ArgumentError:
            raise ValueError("不是数据库地址 / not a database URL: postgresql://user:password@host:5432/name") from None
        if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
            raise ValueError("只支持 PostgreSQL / only PostgreSQL is supported: postgresql://…")
        if not url.database:
            raise ValueError("地址中缺少数据库名 / the address names no database: postgresql://…/linli")
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)

    @model_validator(mode="after")
    def _one_database(self) -> Self:
        if self.service_database_url is None:
            return self
        if self.database_url is None:
            raise ValueError(
                "设置了 LINLI_SERVICE_DATABASE_URL 就必须设置 LINLI_DATABASE_URL / "
                "LINLI_SERVICE_DATABASE_URL needs LINLI_DATABASE_URL beside it"
            )
        owner, service = make_url(self.database_url), make_url(self.service_database_url)
        if owner.database != service.database:
            raise ValueError("两个数据库地址指向不同的数据库 / the two database URLs name different databases")
        if owner.username == service.username:
            raise ValueError(
                "服务不得以属主身份连接 / the service must not sign in as the owner: "
                "LINLI_SERVICE_DATABASE_URL needs the user linli_service"
            )
        return self


class ServerSettings(BaseSettings):
    """How the service is reached."""

    model_config = CONFIG

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    cookie_secure: Literal["auto", "always", "never"] = "auto"
    """Whether the session cookie is for https only; ``auto``: as the request came."""
    workers: int = Field(default=1, ge=1, le=8)
    """How many processes serve behind the one address; two or more can be replaced without losing a request."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """``auto``: for people on a terminal, JSON elsewhere."""
    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    """With ``Authorization: Bearer`` and this, Prometheus may read ``/metrics``, and nothing else."""
    trusted_proxies: str = ""
    """Addresses (comma between, CIDR allowed) whose ``X-Forwarded-*`` headers are believed."""
    public_url: str | None = None
    """The address at which people reach the service, for the codes on doors; without it the one that the request came to."""
    max_upload_mb: int = Field(default=1024, ge=1, le=1_000_000)
    """The largest file that is taken; it waits in the database, so this much room is needed there."""
    import_workers: int = Field(default=2, ge=0, le=4)
    """How many imports run at once within ``linli serve``; 0 where ``linli worker`` runs them."""

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for part in filter(None, (part.strip() for part in value.split(","))):
            try:
                ip_network(part, strict=False)
            except ValueError:
                raise ValueError(
                    "应为 IP 地址或网段，逗号分隔 / expected IP addresses or networks, comma between"
                ) from None
        return value

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("应为 https://主机[:端口] / expected https://host[:port], without a path")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError("应为 https://主机[:端口] / expected https://host[:port] and nothing else")
        return f"{parts.scheme}://{parts.netloc}"

    @model_validator(mode="after")
    def _cookies_over_the_network(self) -> Self:
        if self.cookie_secure == "never" and self.trusted_proxies:
            raise ValueError(
                "LINLI_COOKIE_SECURE=never 与 LINLI_TRUSTED_PROXIES 矛盾：经代理访问应使用 https / "
                "LINLI_COOKIE_SECURE=never contradicts LINLI_TRUSTED_PROXIES: behind a proxy use https, and auto or always"
            )
        return self


class AccountSettings(BaseSettings):
    """How accounts sign in."""

    model_config = CONFIG

    admin_password: SecretStr | None = None
    """Of account ``admin`` at first start; without it one is made up and printed once."""
    session_hours: float = Field(default=12, gt=0, le=24 * 31)
    screen_session_hours: float = Field(default=24 * 30, gt=0, le=24 * 366)
    """A wall screen has nobody to sign in again."""
    session_idle_minutes: float = Field(default=60, ge=1, le=60 * 24 * 31)
    """After so long without a request a session ends, a screen's does not (NIST SP 800-63B-4, section 2.2.3: an hour)."""

    @field_validator("admin_password")
    @classmethod
    def _strong(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                check_password("admin", value.get_secret_value())
            except Invalid as error:
                raise ValueError(error.detail) from None
        return value


class PlaceSettings(BaseSettings):
    """What holds for the place."""

    model_config = CONFIG

    metric_crs: str | None = None
    """EPSG code or WKT of a local metric system; without it the Gauss–Krüger zone of the first import."""
    calendar: Path | None = None
    """Days off and make-up workdays, a CSV file of the form of gis/casework/calendar.csv; without it that file."""

    @field_validator("metric_crs")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        return None if value is None else MetricCRS.from_text(value).text

    @field_validator("calendar")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                read_calendar(value)
            except Invalid as error:
                raise ValueError(error.detail) from None
        return value


class WalkSettings(BaseSettings):
    """How people of the place walk; the figures' sources are told in gis/accessibility/policy.py."""

    model_config = CONFIG

    walk_adult_mps: float = Field(default=1.2, gt=0, le=3)
    walk_elder_mps: float = Field(default=0.8, gt=0, le=3)
    walk_wheelchair_mps: float = Field(default=0.67, gt=0, le=3)
    walk_snap_cap_m: float = Field(default=150, gt=0, le=2000)
    """Who lives further than this from every street is not joined to it."""
    walk_circle_margin_m: float = Field(default=25, gt=0, le=200)
    """How far a walking circle is widened to each side of the streets that are reached."""

    def policy(self) -> WalkPolicy:
        """Return the figures as computations take them."""
        speeds = {"adult": self.walk_adult_mps, "elder": self.walk_elder_mps, "wheelchair": self.walk_wheelchair_mps}
        return WalkPolicy(speeds_mps=speeds, snap_cap_m=self.walk_snap_cap_m, circle_margin_m=self.walk_circle_margin_m)


class SecrecySettings(BaseSettings):
    """Which keys seal personal fields, and how long personal data is kept."""

    model_config = CONFIG

    field_key: SecretStr | None = None
    """32 random bytes in base64 (``linli keys new``); after a change the new key, a comma, the old one. Without it a key file is used."""
    field_key_file: Path | None = None
    """The key file; without it ``field.key`` in the data folder."""
    keep_moved_out_days: int = Field(default=365, ge=0, le=36_500)
    keep_closed_need_notes_days: int = Field(default=3 * 365, ge=0, le=36_500)
    keep_visit_notes_days: int = Field(default=3 * 365, ge=0, le=36_500)
    keep_file_history_days: int = Field(default=3 * 365, ge=0, le=36_500)
    keep_rejected_rows_days: int = Field(default=30, ge=0, le=36_500)
    keep_ended_sessions_days: int = Field(default=184, ge=0, le=36_500)
    keep_audit_days: int = Field(default=365, ge=KEPT_DAYS, le=36_500)
    files_per_hour: int = Field(default=2000, ge=0)
    """How many different household and resident files one account may open within an hour; 0: any number."""
    reveals_per_hour: int = Field(default=120, ge=0)
    """How many protected fields one account may be shown in clear within an hour; 0: any number."""

    @field_validator("field_key")
    @classmethod
    def _keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                Keyring.parse(value.get_secret_value())
            except BadKey as error:
                raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.field_key is not None and self.field_key_file is not None:
            raise ValueError(
                "LINLI_FIELD_KEY 与 LINLI_FIELD_KEY_FILE 只能设置一个 / set LINLI_FIELD_KEY or LINLI_FIELD_KEY_FILE, not both"
            )
        return self

    def keys(self, data_dir: Path) -> GivenKeys | KeyFile:
        """Return where the field keys come from.

        Args:
            data_dir: the folder in which this program keeps what belongs to it.
        """
        if self.field_key is not None:
            return GivenKeys(Keyring.parse(self.field_key.get_secret_value()))
        return KeyFile(self.field_key_file or data_dir / KEY_FILE)

    @property
    def retention(self) -> RetentionPolicy:
        """Return for how long what is kept."""
        return RetentionPolicy(
            moved_out_days=self.keep_moved_out_days,
            closed_need_notes_days=self.keep_closed_need_notes_days,
            visit_notes_days=self.keep_visit_notes_days,
            file_history_days=self.keep_file_history_days,
            rejected_rows_days=self.keep_rejected_rows_days,
            ended_sessions_days=self.keep_ended_sessions_days,
        )


_PARTS = (
    DatabaseSettings,
    ServerSettings,
    AccountSettings,
    PlaceSettings,
    SecrecySettings,
    OidcSettings,
    WalkSettings,
    BasemapSettings,
)


class Settings:
    """All settings together."""

    def __init__(
        self,
        database: DatabaseSettings,
        server: ServerSettings,
        accounts: AccountSettings,
        place: PlaceSettings,
        secrecy: SecrecySettings,
        oidc: OidcSettings,
        walk: WalkSettings,
        basemap: BasemapSettings,
    ) -> None:
        self.database = database
        self.server = server
        self.accounts = accounts
        self.place = place
        self.secrecy = secrecy
        self.oidc = oidc
        self.walk = walk
        self.basemap = basemap

    @classmethod
    def load(cls, **given: Any) -> Settings:
        """Read and check the environment.

        Args:
            given: settings by name that go before the environment's; None is as good as absent.

        Raises:
            Invalid: one fault for each wrong or contradictory setting, named by its variable, never with its value.
        """
        faults: list[Fault] = []
        parts = []
        for part in _PARTS:
            try:
                parts.append(part(**{k: v for k, v in given.items() if k in part.model_fields and v is not None}))
            except ValidationError as error:
                faults.extend(_faults(error))
        if faults:
            lines = "\n".join(f"{fault.where}: {fault.message}" for fault in faults)
            raise Invalid(f"设置有误 / settings are wrong\n{lines}", faults)
        return cls(*parts)  # type: ignore[arg-type]


def _faults(error: ValidationError) -> list[Fault]:
    return [
        Fault(
            PREFIX + "_".join(str(part) for part in item["loc"]).upper() if item["loc"] else PREFIX + "*",
            wording(item),
        )
        for item in error.errors(include_url=False, include_input=False)
    ]
