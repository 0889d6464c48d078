"""Errors of the client as failures of a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from narad.cli.exits import ExitCode, of_answer
from narad.cli.failure import Failure
from narad.client.errors import ApiError, ConfigurationError, ConnectionFailed, NaradError

_HINTS = {
    401: " Set NARAD_API_KEY, or use a profile with a key.",
    403: " narad keys show ID tells what a key may do.",
}


@contextmanager
def as_failures() -> Iterator[None]:
    """Give each error the exit code of its kind, and say what to do."""
    try:
        yield
    except ApiError as error:
        raise Failure(f"{error}{_HINTS.get(error.status, '')}", of_answer(error.status)) from error
    except ConnectionFailed as error:
        hint = "NARAD_URL, --url or a profile says where the service is."
        raise Failure(f"{error}. {hint}", ExitCode.UNAVAILABLE) from error
    except ConfigurationError as error:
        raise Failure(str(error), ExitCode.USAGE) from error
    except NaradError as error:
        raise Failure(str(error)) from error
