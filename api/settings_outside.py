"""Settings of what linli speaks to beside its database: a provider of sign-ins, a base map. Nothing without being told to."""

from __future__ import annotations

import re
from typing import Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "LINLI_"
CONFIG = SettingsConfigDict(
    env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
)


class OidcSettings(BaseSettings):
    """Sign-in through an OpenID Connect provider in the user's network; off without an issuer."""

    model_config = CONFIG

    oidc_issuer: str = ""
    """The provider, as it calls itself; its address without ``/.well-known/…``."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    """Without one linli is a public client, which PKCE protects."""
    oidc_scope: str = "openid profile"
    oidc_claim: str | None = None
    """The claim that names the account, e.g. ``preferred_username``; without one only subjects that an admin has linked come in.
    Name only a claim that people cannot change themselves."""
    oidc_label: str = Field(default="统一身份认证", max_length=40)
    """What the button on the login page says."""
    oidc_redirect_uri: str | None = None
    """Our address ``…/login/oidc/callback`` as browsers see it; without it as the request came."""

    @property
    def configured(self) -> bool:
        """Tell whether there is a provider."""
        return bool(self.oidc_issuer)

    @field_validator("oidc_issuer", "oidc_redirect_uri")
    @classmethod
    def _safe(cls, value: str | None) -> str | None:
        if value:
            parts = urlsplit(value)
            local = parts.hostname in ("localhost", "127.0.0.1", "::1")
            if not parts.hostname or parts.query or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
                raise ValueError("应为 https 地址 / expected an https address (http for this machine only)")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.oidc_issuer) != bool(self.oidc_client_id):
            raise ValueError(
                "LINLI_OIDC_ISSUER 与 LINLI_OIDC_CLIENT_ID 须同时设置 / set LINLI_OIDC_ISSUER and LINLI_OIDC_CLIENT_ID together"
            )
        if "openid" not in self.oidc_scope.split():
            raise ValueError("LINLI_OIDC_SCOPE 须含 openid / LINLI_OIDC_SCOPE must hold openid")
        return self


class BasemapSettings(BaseSettings):
    """A base map from outside, of tiles in Web Mercator (XYZ, WMTS); off without an address. The server fetches it, browsers never do."""

    model_config = CONFIG

    basemap_url: str = ""
    """Where its tiles are, with ``{z}``, ``{x}``, ``{y}`` (``{-y}`` where rows are counted from the south) and ``{key}``; several layers, one above the
    other, with blanks between."""
    basemap_key: SecretStr | None = None
    """What stands for ``{key}``; it is seen by the base map's server only."""
    basemap_crs: Literal["wgs84", "gcj02"] = "wgs84"
    """What its tiles are drawn in: ``wgs84`` (天地图: CGCS2000) or ``gcj02`` (高德, 腾讯), which is put back by up to some hundred metres."""
    basemap_name: str = Field(default="外部底图", max_length=40)
    basemap_attribution: str = Field(default="", max_length=200)
    """Whose it is; must be said."""
    basemap_approval: str = Field(default="", max_length=80)
    """审图号, where it has one."""
    basemap_max_zoom: int = Field(default=18, ge=1, le=22)
    """The deepest zoom that it has; beyond it tiles are enlarged."""

    @property
    def templates(self) -> list[str]:
        """Return the address of each layer."""
        return self.basemap_url.split()

    @property
    def source(self) -> str:
        """Return what the map says of it."""
        approval = f"审图号：{self.basemap_approval}" if self.basemap_approval else ""
        return " · ".join(filter(None, (self.basemap_attribution, approval)))

    def address(self, layer: int, z: int, x: int, y: int) -> str:
        """Return the address of a tile."""
        key = quote(self.basemap_key.get_secret_value(), safe="") if self.basemap_key else ""
        values = {"z": str(z), "x": str(x), "y": str(y), "-y": str(2**z - 1 - y), "key": key}
        return re.sub(r"\{(-?\w+)\}", lambda found: values[found[1]], self.templates[layer])

    @field_validator("basemap_url")
    @classmethod
    def _tiles(cls, value: str) -> str:
        for template in value.split():
            parts = urlsplit(template)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or "{" in parts.netloc:
                raise ValueError("应为 https://主机/… / expected https://host/…")
            names = re.findall(r"\{(.*?)\}", template)
            if (
                not {"z", "x"} <= set(names)
                or not {"y", "-y"} & set(names)
                or set(names) - {"z", "x", "y", "-y", "key"}
            ):
                raise ValueError(
                    "地址须含 {z}、{x}、{y}，可含 {key} / the address needs {z}, {x}, {y}, and may have {key}"
                )
        if len(value.split()) > 9:
            raise ValueError("最多九层 / nine layers at most")
        return value

    @field_validator("basemap_crs", mode="before")
    @classmethod
    def _not_baidu(cls, value: object) -> object:
        if str(value).lower() in ("bd09", "bd-09"):
            raise ValueError(
                "百度瓦片不是 XYZ 分块，不支持 / Baidu's tiles are not cut as XYZ: not supported; wgs84 or gcj02"
            )
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.basemap_url and not self.basemap_attribution:
            raise ValueError(
                "使用外部底图须设置 LINLI_BASEMAP_ATTRIBUTION / an outside base map needs LINLI_BASEMAP_ATTRIBUTION: say whose it is"
            )
        if "{key}" in self.basemap_url and self.basemap_key is None:
            raise ValueError("地址中有 {key}，须设置 LINLI_BASEMAP_KEY / the address has {key}: set LINLI_BASEMAP_KEY")
        return self
