"""What every command does first: read the settings; and how it says no."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from narad.settings import Settings

EXIT_ERROR = 1


def read_settings(**given: str | int | None) -> "Settings":
    """The settings of the environment, those given on the command line put over them; logging is set up after them."""
    from narad.logging import configure_logging  # noqa: PLC0415 - loaded when needed
    from narad.settings import load_settings  # noqa: PLC0415 - loaded when needed

    # Modules with handlers are looked for where the command is run, as `python -m` would.
    sys.path.insert(0, "")
    settings = load_settings(overrides={name: value for name, value in given.items() if value is not None})
    configure_logging(settings.log_level, settings.log_format)
    return settings


@contextmanager
def one_line() -> Iterator[None]:
    """Turn what we raise on purpose into one line on standard error and exit code 1."""
    from narad.errors import NaradError, StoreUnavailableError  # noqa: PLC0415 - loaded when needed

    try:
        yield
    except StoreUnavailableError as error:
        typer.echo(f"narad: The database cannot be used: {error}. Check NARAD_DATABASE_URL.", err=True)
        raise typer.Exit(EXIT_ERROR) from error
    except NaradError as error:
        typer.echo(f"narad: {error}", err=True)
        raise typer.Exit(EXIT_ERROR) from error
