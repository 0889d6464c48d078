"""Settings as they may be shown: where each comes from, and nothing that opens anything."""

import os
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from narad.cli.columns import Shown
from narad.settings import Settings, variable

_HIDDEN = "********"


def shown_settings(settings: Settings, environment: Mapping[str, str] = os.environ) -> list[Shown]:
    """One item for each setting."""
    return [
        {
            "variable": variable(field),
            "value": _text(getattr(settings, field)),
            "from": _origin(settings, field, environment),
        }
        for field in Settings.model_fields
    ]


def redacted(address: str) -> str:
    """An address without the password in it; what is no address is all secret."""
    if not address:
        return ""
    parts = urlsplit(address)
    if not parts.scheme:
        return _HIDDEN
    if parts.password is not None:
        user, _, host = parts.netloc.rpartition("@")
        parts = parts._replace(netloc=f"{user.partition(':')[0]}:{_HIDDEN}@{host}")
    if "password" in parts.query:
        parts = parts._replace(query=_HIDDEN)
    # Put together by hand where there is no host: `urlunsplit` would drop slashes of sqlite:///file.
    return urlunsplit(parts) if parts.netloc else address


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return ",".join(redacted(one.strip()) for one in value.get_secret_value().split(",")) if value else ""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(map(str, value))
    return str(value)


def _origin(settings: Settings, field: str, environment: Mapping[str, str]) -> str:
    names = {name.upper() for name in environment}
    if variable(field) + "_FILE" in names:
        return "file"
    if variable(field) in names:
        return "environment"
    return ".env" if field in settings.model_fields_set else "default"
