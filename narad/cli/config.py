"""`narad config`: the settings of this place, and whether the service could start with them."""

from narad.cli.columns import Column
from narad.cli.command import command, group
from narad.cli.session import Session
from narad.cli.starting import read_settings

COLUMNS = (Column("variable", "variable"), Column("value", "value"), Column("from", "from"))

app = group()


@command(app, "narad config show", "narad config show -o json", "narad config show -o csv > settings.csv", remote=False)
def show(session: Session) -> None:
    """Show every setting, its value and where that comes from. Secrets are not shown."""
    from narad.cli.settings_shown import shown_settings  # noqa: PLC0415 - loaded when needed

    session.out.rows(shown_settings(read_settings()), COLUMNS, key="variable")


@command(app, "narad config check", "NARAD_PORT=80 narad config check -q && echo good", remote=False)
def check(session: Session) -> None:
    """Check the settings without connecting to anything; the first that is wrong ends it with exit code 1."""
    from narad.runtime import check_settings  # noqa: PLC0415 - loaded when needed

    settings = read_settings()
    check_settings(settings)
    session.out.say("The settings are valid. narad doctor looks at what they name.")
