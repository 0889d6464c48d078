"""The settings as a page may show them."""

from pydantic import SecretStr

from narad.dashboard.desk import ShownSetting
from narad.settings import Settings, variable

_SET = "••••••"


def shown_settings(settings: Settings) -> tuple[ShownSetting, ...]:
    """Every setting by the name of its variable; of a secret only whether it is set."""
    return tuple(
        ShownSetting(
            variable=variable(name),
            value=_shown(getattr(settings, name)),
            description=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    )


def _shown(value: object) -> str:
    match value:
        case SecretStr():
            return _SET if value.get_secret_value() else ""
        case tuple():
            return ", ".join(str(one) for one in value)
        case _:
            return str(value)
