from __future__ import annotations

import pytest

from api.settings import Settings
from gis.errors import Invalid


def faults(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, str]:
    for name, value in environment.items():
        monkeypatch.setenv(f"LINLI_{name}", value)
    with pytest.raises(Invalid) as caught:
        Settings.load()
    return {fault.where: fault.message for fault in caught.value.faults}


def test_defaults_serve_this_machine_only() -> None:
    settings = Settings.load()
    assert settings.server.host == "127.0.0.1"
    assert settings.server.port == 8000
    assert settings.database.database_url is None
    assert str(settings.database.data_dir) == ".linli"
    assert settings.accounts.admin_password is None


def test_environment_is_read_and_empty_means_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_PORT", "9001")
    monkeypatch.setenv("LINLI_DATABASE_URL", "")
    monkeypatch.setenv("LINLI_ADMIN_PASSWORD", "quite-a-good-one")
    settings = Settings.load()
    assert settings.server.port == 9001
    assert settings.database.database_url is None
    assert settings.accounts.admin_password is not None
    assert "quite-a-good-one" not in repr(settings.accounts)


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_PORT", "9001")
    assert Settings.load(port=9002, host=None).server.port == 9002
    assert Settings.load(port=None).server.port == 9001


@pytest.mark.parametrize(
    "given",
    ["postgres://u:p@h:5432/linli", "postgresql://u:p@h:5432/linli", "postgresql+psycopg://u:p@h:5432/linli"],
)
def test_every_spelling_of_postgres_gets_our_driver(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("LINLI_DATABASE_URL", given)
    assert Settings.load().database.database_url == "postgresql+psycopg://u:p@h:5432/linli"


def test_each_wrong_setting_is_named_and_its_value_kept_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults(
        monkeypatch,
        PORT="70000",
        DATABASE_URL="mysql://u:hush@h/linli",
        ADMIN_PASSWORD="hush",
        METRIC_CRS="EPSG:4326",
    )
    assert set(found) == {"LINLI_PORT", "LINLI_DATABASE_URL", "LINLI_ADMIN_PASSWORD", "LINLI_METRIC_CRS"}
    assert "hush" not in str(found)


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"SERVICE_DATABASE_URL": "postgresql://linli_service@h/linli"}, "LINLI_DATABASE_URL"),
        (
            {
                "DATABASE_URL": "postgresql://owner@h/linli",
                "SERVICE_DATABASE_URL": "postgresql://owner@h/linli",
            },
            "linli_service",
        ),
        (
            {
                "DATABASE_URL": "postgresql://owner@h/linli",
                "SERVICE_DATABASE_URL": "postgresql://linli_service@h/other",
            },
            "different databases",
        ),
        ({"COOKIE_SECURE": "never", "TRUSTED_PROXIES": "10.0.0.1"}, "contradicts"),
        ({"TRUSTED_PROXIES": "everyone"}, "IP"),
    ],
)
def test_contradictions_are_refused(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], word: str) -> None:
    assert word in str(faults(monkeypatch, **environment))


def test_a_metric_system_of_the_place_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_METRIC_CRS", "EPSG:4543")
    assert Settings.load().place.metric_crs == "EPSG:4543"
