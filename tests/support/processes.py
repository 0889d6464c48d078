"""`python -m narad …` as its users start it: a process with settings of its own, on a leash."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.support.leash import Leash
from tests.support.readiness import ServerError, log_tail, wait_until_ready

REPOSITORY = Path(__file__).parents[2]

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
_GREETING = re.compile(r"^Narad listens on (?P<url>http://\S+)$", re.MULTILINE)

# The leash keeps both outputs in one log and starts in `/`; each step replaces the one before, so that signals arrive
# and the process keeps its id, which what it starts can then tell.
_ENTER = 'cd "$1" && shift && export TESTS_PID=$$ && exec "$@" >stdout 2>stderr'


class NaradProcess:
    """One process of Narad. What it says is in the files `stdout` and `stderr` of its directory."""

    def __init__(self, *arguments: str, settings: Mapping[str, str], directory: Path) -> None:
        """Start it.

        Args:
            arguments: The command line after `narad`.
            settings: The whole of its `NARAD_…` environment, and other variables that its handlers need.
            directory: Its working directory, made here; no other process may use it.
        """
        self.arguments = arguments
        self.directory = directory
        directory.mkdir(parents=True)
        environment = [f"{name}={value}" for name, value in _environment(settings).items()]
        enter = ["sh", "-c", _ENTER, "sh", str(directory)]
        command = ["env", "-i", *environment, *enter, sys.executable, "-m", "narad", *arguments]
        self._leash = Leash(command, log=directory / "leash")
        self._code: int | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._leash.alive

    @property
    def stdout(self) -> str:
        """What it wrote to standard output so far."""
        return _read(self.directory / "stdout")

    @property
    def stderr(self) -> str:
        """What it wrote to standard error so far: its log."""
        return _read(self.directory / "stderr")

    @property
    def url(self) -> str:
        """Where its HTTP server listens, as its greeting says."""
        greeting = _GREETING.search(self.stdout)
        if greeting is None:
            raise LookupError(f"{self} has not greeted")
        return greeting["url"]

    @property
    def worker_id(self) -> str:
        """The id under which it runs tasks."""
        started = self.events("worker.started")
        if not started:
            raise LookupError(f"{self} runs no worker")
        return str(started[0]["worker_id"])

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What it logged so far, all of it or the events of one name; lines that are not JSON are left out."""
        found = [_event(line) for line in self.stderr.splitlines(keepends=True)]
        return [event for event in found if event is not None and name in {None, event.get("event")}]

    def complaints(self) -> list[str]:
        """Lines of its log that should not be there: errors, tracebacks, warnings of Python itself.

        The AMQP library is not heard: it calls a broker that is away an error each time it tries again.
        """
        return [line for line in self.stderr.splitlines() if _is_complaint(_event(line))]

    def wait_until_ready(self, seconds: float = _START_SECONDS) -> None:
        """Wait until it greets, or, without an HTTP server, until its worker has started."""
        wait_until_ready(
            str(self), self._leash, self.directory / "stderr", self._answers, not_yet=(LookupError,), seconds=seconds
        )

    def terminate(self) -> None:
        """SIGTERM: it drains."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, and wait until nothing of it is left."""
        self._signal(signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = _STOP_SECONDS) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        if self._code is None:
            try:
                self._code = self._leash.wait(seconds)
            except subprocess.TimeoutExpired as error:
                message = f"{self} did not end within {seconds:g} s"
                raise ServerError(message, self.directory / "stderr") from error
        return self._code

    def stop(self) -> int:
        """Drain it, and return its exit code."""
        self.terminate()
        return self.wait()

    def close(self) -> None:
        """End it at once if it still runs."""
        if self._code is None:
            self._leash.close()

    def tail(self) -> str:
        """The end of its log, for messages."""
        return f"--- {self} ---\n{log_tail(self.directory / 'stderr')}"

    @override
    def __str__(self) -> str:
        return f"narad {' '.join(self.arguments)} in {self.directory.name}"

    def _signal(self, number: signal.Signals) -> None:
        if self._code is None:
            self._leash.signal(number)

    def _answers(self) -> str:
        return self.worker_id if self.arguments[0] == "worker" else self.url


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours without any setting of Narad, and with byte code kept: a process then starts three times as fast."""
    dropped = ("NARAD_", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return ours | {"PYTHONPATH": str(REPOSITORY)} | dict(settings)


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _is_complaint(event: dict[str, Any] | None) -> bool:
    if event is None:
        return True
    return event.get("level") in {"error", "critical"} and not str(event.get("logger")).startswith("aiormq")
