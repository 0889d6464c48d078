"""Waiting for a server on what it answers, never on time alone, and failing with what it said."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.leash import Leash

_PAUSE_SECONDS = 0.05


class ServerError(RuntimeError):
    """A server did not do what it was asked; the message ends with the tail of its log."""

    def __init__(self, message: str, log: Path) -> None:
        super().__init__(f"{message}\n--- end of its log ---\n{log_tail(log)}")


def log_tail(log: Path, lines: int = 30) -> str:
    """The last lines of a log, or a word on why there are none."""
    try:
        text = log.read_text(errors="replace")
    except OSError as error:
        return f"(no log: {error})"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def wait_until_ready(
    name: str,
    leash: Leash,
    log: Path,
    answers: Callable[[], object],
    *,
    not_yet: tuple[type[Exception], ...],
    seconds: float,
) -> None:
    """Ask until `answers` returns; the exceptions in `not_yet` mean: ask again."""
    deadline = time.monotonic() + seconds
    while True:
        if not leash.alive:
            message = f"{name} ended with exit code {leash.wait(1)} while starting"
            raise ServerError(message, log)
        try:
            answers()
        except not_yet as error:
            if time.monotonic() > deadline:
                message = f"{name} did not answer within {seconds:g} s; last: {error!r}"
                raise ServerError(message, log) from error
        else:
            return
        time.sleep(_PAUSE_SECONDS)


def wait_until_ended(name: str, leash: Leash, log: Path, *, seconds: float) -> None:
    """Wait for the end of a server that was told to stop."""
    try:
        leash.wait(seconds)
    except subprocess.TimeoutExpired as error:
        message = f"{name} did not stop within {seconds:g} s"
        raise ServerError(message, log) from error
