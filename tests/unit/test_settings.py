"""Where settings come from, what they default to, and how a wrong one is told."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from narad.errors import ConfigurationError
from narad.settings import Settings, load_settings, variable

OF_THE_DESIGN = {
    "database_url": "sqlite:///.narad/narad.db",
    "broker_url": "",
    "host": "127.0.0.1",
    "port": 8000,
    "handlers": (),
    "default_handler": "demo.simulate",
    "concurrency": 10,
    "queues": ("default",),
    "lease_seconds": 30,
    "heartbeat_seconds": 5,
    "cancel_grace_seconds": 10,
    "drain_seconds": 30,
}
"""Names and defaults that other people script against: section 8 of the design."""

OTHER_VALUES = {
    "root_path": "/narad",
    "database_url": "postgresql://u:p@db/narad",
    "broker_url": "amqp://u:p@broker/",
    "host": "0.0.0.0",  # noqa: S104 - a value, nothing is bound
    "auth": "none",
    "metrics_access": "key",
    "metrics_port": "9100",
    "allowed_hosts": "tasks.example",
    "trusted_proxies": "10.0.0.0/8",
    "rate_limit": "600/minute",
    "secret_key": "a secret of at least 32 characters",
    "handlers": "my.tasks",
    "default_handler": "my.handler",
    "queues": "images",
    "worker_name": "worker-0",
    "http_allowed_networks": "10.1.0.0/16",
    "http_allowed_hosts": "orders.internal",
    "http_ports": "8080,8443",
    "http_proxy": "http://u:p@proxy:3128",
    "http_ca_file": "/etc/ssl/own.pem",
    "http_signing_key": "a signing key of at least 32 characters",
    "max_waiting": "1000000",
    "list_timeout_seconds": "1",
    "log_level": "DEBUG",
    "log_format": "json",
}
"""Another value for each setting that is not a number that may be doubled."""

BAD_VALUES = [
    ("port", "x"),
    ("port", "-1"),
    ("port", "65536"),
    ("port", ""),
    ("auth", "password"),
    ("metrics_access", "none"),
    ("metrics_port", "65536"),
    ("secret_key", "too short"),
    ("allowed_hosts", "http://tasks.example"),
    ("allowed_hosts", "tasks.example:8000"),
    ("trusted_proxies", "proxy"),
    ("rate_limit", "often"),
    ("http_allowed_networks", "orders.internal"),
    ("http_allowed_hosts", "*"),
    ("http_allowed_hosts", "https://orders.internal"),
    ("http_ports", ""),
    ("http_ports", "0"),
    ("http_ports", "80,65536"),
    ("http_ports", "http"),
    ("http_timeout_seconds", "3601"),
    ("http_max_bytes", "0"),
    ("http_proxy", "proxy:3128"),
    ("http_proxy", "socks5://proxy:1080"),
    ("http_signing_key", "too short"),
    ("concurrency", "0"),
    ("queues", ""),
    ("queues", " , "),
    ("queues", "default,Images"),
    ("default_handler", "a b"),
    ("default_handler", ""),
    ("list_timeout_seconds", "1.8"),
    ("lease_seconds", "0"),
    ("lease_seconds", "-5"),
    ("lease_seconds", "nan"),
    ("lease_seconds", "inf"),
    ("lease_seconds", "30s"),
    ("max_attempts", "0"),
    ("max_losses", "-1"),
    ("ageing_every", "1"),
    ("log_level", "debug"),
    ("log_format", "xml"),
]


def shown(value: Any) -> Any:  # noqa: ANN401 - the value of any setting
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@pytest.mark.parametrize("field", OF_THE_DESIGN)
def test_defaults_are_those_of_the_design(field: str) -> None:
    assert shown(getattr(load_settings(), field)) == OF_THE_DESIGN[field]


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_read_from_its_variable(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    default = shown(getattr(load_settings(), field))
    other = OTHER_VALUES.get(field) or ("True" if default is False else f"{default * 2}")
    monkeypatch.setenv("NARAD_LEASE_SECONDS", "60")

    monkeypatch.setenv(variable(field), other)

    value = shown(getattr(load_settings(), field))
    assert value != default
    assert value == (tuple(other.split(",")) if isinstance(default, tuple) else type(default)(other))


@pytest.mark.parametrize(("field", "value"), BAD_VALUES)
def test_a_bad_value_is_refused_naming_its_variable(field: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable(field), value)

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    assert str(caught.value).startswith(f"{variable(field)}: ")


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARAD_PORT", "x")
    monkeypatch.setenv("NARAD_CONCURRENCY", "many")

    with pytest.raises(ConfigurationError, match=r"NARAD_PORT: .*; NARAD_CONCURRENCY: "):
        load_settings()


@pytest.mark.parametrize(
    ("text", "names"), [("", ()), ("a.b", ("a.b",)), ("a.b, c ,,d,", ("a.b", "c", "d")), (" ", ())]
)
def test_lists_are_separated_by_commas(text: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARAD_HANDLERS", text)

    assert load_settings().handlers == names


@pytest.mark.parametrize(
    ("url", "brokers"), [("", ()), ("amqp://a", ("amqp://a",)), ("amqp://a, amqp://b", ("amqp://a", "amqp://b"))]
)
def test_several_brokers_are_separated_by_commas_and_none_means_direct(
    url: str, brokers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NARAD_BROKER_URL", url)

    assert load_settings().brokers == brokers


@pytest.mark.parametrize(
    ("lease", "heartbeat", "possible"), [(10, 5, True), (10, 5.1, False), (1, 0.5, True), (5, 5, False)]
)
def test_a_lease_outlasts_at_least_one_missed_heartbeat(
    lease: float,
    heartbeat: float,
    possible: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NARAD_LEASE_SECONDS", str(lease))
    monkeypatch.setenv("NARAD_HEARTBEAT_SECONDS", str(heartbeat))

    if possible:
        assert load_settings().lease_seconds == lease
    else:
        with pytest.raises(ConfigurationError, match=r"^NARAD_LEASE_SECONDS: must be at least twice NARAD_HEARTBEAT_"):
            load_settings()


def test_a_variable_wins_over_the_env_file_and_an_option_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("NARAD_HOST=file\nNARAD_PORT=1\nNARAD_CONCURRENCY=1\nOTHER=2\n")
    monkeypatch.setenv("NARAD_PORT", "2")
    monkeypatch.setenv("NARAD_CONCURRENCY", "2")

    settings = load_settings(overrides={"concurrency": 3})

    assert (settings.host, settings.port, settings.concurrency) == ("file", 2, 3)


def test_a_secret_is_read_from_the_file_that_its_variable_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("postgresql://u:hidden@db/narad\n")

    monkeypatch.setenv("NARAD_DATABASE_URL_FILE", str(secret))

    assert load_settings().database_url.get_secret_value() == "postgresql://u:hidden@db/narad"


@pytest.mark.parametrize("path", ["missing", ".", "", "a\x00b"])
def test_a_secret_file_that_cannot_be_read_is_refused_naming_its_variable(
    path: str,
) -> None:
    with pytest.raises(ConfigurationError, match=r"^NARAD_BROKER_URL_FILE: cannot read") as caught:
        load_settings({"NARAD_BROKER_URL_FILE": path})

    assert "\n" not in str(caught.value)


def test_a_secret_file_that_is_not_text_is_refused_naming_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("NARAD_BROKER_URL_FILE", str(tmp_path / "secret"))

    with pytest.raises(ConfigurationError, match=r"^NARAD_BROKER_URL_FILE: cannot read"):
        load_settings()


def test_passwords_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARAD_DATABASE_URL", "postgresql://u:hidden@db/narad")
    monkeypatch.setenv("NARAD_BROKER_URL", "amqp://u:hidden@broker/")

    settings = load_settings()

    assert "hidden" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_an_error_never_shows_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARAD_DATABASE_URL", "postgresql://u:hidden@db/narad")
    monkeypatch.setenv("NARAD_PORT", "x")

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    assert "hidden" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_settings_do_not_change_once_they_are_read() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # what must not work


def test_a_given_environment_is_the_one_that_is_read() -> None:
    assert "NARAD_PORT" not in os.environ

    assert load_settings({"NARAD_PORT": "9"}).port == 9
    assert load_settings({"narad_port": "9"}).port == 9


def test_nothing_else_is_read_where_an_environment_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARAD_PORT", "9")

    assert load_settings({}).port == OF_THE_DESIGN["port"]


def test_an_env_file_that_is_not_text_is_refused_in_one_line() -> None:
    Path(".env").write_bytes(b"NARAD_HOST=\xff\n")

    with pytest.raises(ConfigurationError, match=r"^\.env: cannot read it: it is not text in UTF-8\.$"):
        load_settings()
