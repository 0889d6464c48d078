"""What the documents must say of the settings, made from the settings themselves."""

from pydantic import SecretStr

from narad.settings import Settings, variable

ENV_EXAMPLE_INTRODUCTION = """\
# Every setting of Narad with its default. Copy this file to .env and uncomment what shall differ.
# A variable of the environment wins over .env. A secret can be kept in a file instead: the variable with _FILE at its
# end, in the environment, names the file, such as NARAD_DATABASE_URL_FILE=/run/secrets/database_url.
"""


def default_of(field: str) -> str:
    """The default of a setting, as its variable would be written."""
    default = Settings.model_fields[field].default
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, tuple):
        return ",".join(default)
    return str(default)


def description_of(field: str) -> str:
    """What a setting means."""
    return Settings.model_fields[field].description or ""


def env_example() -> str:
    """The text of `.env.example`."""
    blocks = [
        f"# {description_of(field)}\n# {variable(field)}={default_of(field)}\n" for field in Settings.model_fields
    ]
    return "\n".join([ENV_EXAMPLE_INTRODUCTION, *blocks])


def settings_table() -> str:
    """The table of `docs/configuration.md`."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for field in Settings.model_fields:
        default = f"`{default_of(field)}`" if default_of(field) else "empty"
        rows.append(f"| `{variable(field)}` | {default} | {_cell(field)} |")
    return "\n".join(rows) + "\n"


def _cell(field: str) -> str:
    return description_of(field).replace("|", "\\|")
